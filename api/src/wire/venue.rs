//! The venue, and how to open an account at it.

use super::{AddressHex, BytesHex, PointJson, Word};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Lane sizes of the circuit: how much fits one batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lanes {
    /// Account entries.
    pub accounts: usize,
    /// Filled orders.
    pub orders: usize,
    /// Market rows.
    pub rows: usize,
    /// Positions an account may hold.
    pub slots: usize,
    /// Auctions that trade.
    pub clearings: usize,
    /// L1 deposits.
    pub deposits: usize,
    /// Commands.
    pub commands: usize,
    /// Underlyings.
    pub underlyings: usize,
}

/// How often things happen, in seconds, as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cadence {
    /// A window ends this often.
    pub window: u64,
    /// A batch is made at least this often.
    pub batch: u64,
    /// Marks are published this often.
    pub markets: u64,
}

/// What a client has to know of the venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VenueView {
    /// Deployment id, which every message is signed for.
    pub deployment: Word,
    /// L1 chain id.
    pub chain: u64,
    /// The contract.
    pub contract: AddressHex,
    /// The collateral token, 6 decimals.
    pub collateral: AddressHex,
    /// URL of an embedded L1, where there is one.
    pub l1_url: Option<String>,
    /// Public key that signs receipts.
    pub operator: PointJson,
    /// Name of the circuit size.
    #[schema(example = "demo")]
    pub size: String,
    /// Version of the circuit.
    pub circuit_version: u32,
    /// keccak256 of the verifying key, as the contract stores it.
    pub verifying_key: BytesHex,
    /// Lanes of the circuit.
    pub lanes: Lanes,
    /// How often things happen.
    pub cadence: Cadence,
    /// Most batches that may wait for their proofs; at the bound windows wait.
    pub max_unproven: u64,
    /// The venue's clock, Unix seconds.
    pub time: i64,
}

/// Whether the service takes orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthView {
    /// `ok`.
    #[schema(example = "ok")]
    pub status: String,
    /// The venue's clock, Unix seconds.
    pub time: i64,
    /// Number of the last batch.
    pub batch: u64,
}

/// An L1 transaction to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct L1Call {
    /// What it does.
    pub what: String,
    /// Contract to call.
    pub to: AddressHex,
    /// Calldata.
    pub data: BytesHex,
}

/// How to open an account, or to deposit into one: two transactions, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Opening {
    /// One eighth of the owner key, as the deposit carries it.
    pub owner_eighth: PointJson,
    /// One eighth of the viewing key.
    pub viewing_eighth: PointJson,
    /// `approve`, then `deposit`.
    pub calls: Vec<L1Call>,
}
