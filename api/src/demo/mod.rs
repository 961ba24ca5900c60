//! The demo: the main job from end to end, in one process.
//!
//! An L1 with the contracts, traders who deposit there, signed orders, batch auctions, proofs that the contract verifies, funding,
//! settlement, a withdrawal that is claimed on L1, and an account opened with its viewing key. **The clock is simulated**: blocks, windows
//! and marks carry times that the script sets, so that hours of funding and an expiry fit into minutes.
//!
//! | file | what |
//! |---|---|
//! | [`world`] | L1, sequencer, oracle role, prover and traders, wired together |
//! | [`trader`] | keys, nonces, signatures |
//! | [`script`] | the built-in story |
//! | [`replay`] | orders and quotes from tables |
//! | [`view`] | what the public sees of an account, and what its viewing key opens |
//! | [`report`] | the table and the JSON at the end |
//! | [`screen`] | progress |

pub mod replay;
pub mod report;
pub mod screen;
pub mod script;
pub mod trader;
pub mod view;
pub mod world;

use crate::instrument::Terms;
use crate::oracle::OracleError;
use novation_prover::batch::OpenError;
use novation_prover::container::FileError;
use novation_prover::ProveError;
use novation_sequencer::reason::Refused;
use novation_state::size::Size;
use novation_state::units::OutOfRange;
use novation_verifier::batch::BatchError;
use novation_verifier::devnet::{HttpError, RpcError};
use novation_verifier::l1::L1Error;
use novation_verifier::watch::chain::ChainError;
use report::Report;
use screen::Screen;
use std::path::PathBuf;
use world::World;

/// What a run is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Circuit size.
    pub size: Size,
    /// Replays a run: keys of traders, sizes of orders.
    pub seed: u64,
    /// Folder of the proving keys.
    pub keys: PathBuf,
    /// Where witnesses, proofs and public data of every batch go, if they are wanted.
    pub dump: Option<PathBuf>,
    /// Port of the L1 on loopback; 0 for any free one.
    pub port: u16,
    /// What is played.
    pub play: Play,
}

impl Options {
    /// When the demo's clock starts, in Unix seconds.
    pub fn start(&self) -> i64 {
        match &self.play {
            Play::Script => script::START,
            Play::Tables(tables) => tables.start(),
        }
    }
}

/// What is played.
#[derive(Clone, Debug)]
pub enum Play {
    /// The built-in story of the size.
    Script,
    /// Orders from tables.
    Tables(replay::Tables),
}

/// Why a run ended early. Everything here is a fault of the set-up, of the input, or a bug; a wrong audit line is one too.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The async runtime or a folder.
    #[error("{what}: {reason}")]
    Io {
        /// What was done.
        what: String,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The L1 in this process.
    #[error("L1: {0}")]
    Rpc(#[from] RpcError),
    /// The server on loopback.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The contract.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The proving key.
    #[error(transparent)]
    Key(#[from] OpenError),
    /// The backend.
    #[error(transparent)]
    Backend(#[from] novation_gpu::Error),
    /// A proof.
    #[error("batch {batch}: {reason}")]
    Prove {
        /// The batch.
        batch: u64,
        /// Why there is none.
        reason: ProveError,
    },
    /// Public data that no contract takes.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// A file that was to be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The oracle role.
    #[error("oracle: {0}")]
    Oracle(#[from] OracleError),
    /// The sequencer refuses something that the demo relies on.
    #[error("the sequencer refuses {what}: {reason}")]
    Refused {
        /// What.
        what: String,
        /// Why.
        reason: Refused,
    },
    /// What a stranger reads from the chain is not what it should be.
    #[error("what the public sees is wrong: {0}")]
    Chain(#[from] ChainError),
    /// The contract's root is not the ledger's.
    #[error("after batch {batch} the contract's root is not the ledger's")]
    Root {
        /// The batch.
        batch: u64,
    },
    /// A number has no representation.
    #[error(transparent)]
    Range(#[from] OutOfRange),
    /// An order for what is not listed.
    #[error("line {line}: {terms} has no quote in the markets table, so it is not listed")]
    NotListed {
        /// Line of the orders table.
        line: u64,
        /// The instrument.
        terms: Terms,
    },
    /// More traders than accounts.
    #[error("{found} traders, the demo opens accounts for at most {most}")]
    TooManyTraders {
        /// In the table.
        found: usize,
        /// The bound.
        most: usize,
    },
    /// Something that has to happen in the story did not.
    #[error("the story went wrong: {0}")]
    Story(String),
    /// Nobody traded.
    #[error("no two orders met: nothing to prove ({0})")]
    NothingTraded(String),
}

/// Runs the demo and returns its report. The audit line has been checked when this returns.
///
/// # Errors
/// [`DemoError`].
pub fn run(options: &Options, screen: &Screen) -> Result<Report, DemoError> {
    let mut world = World::open(options, screen)?;
    let shown = match &options.play {
        Play::Script => script::play(&mut world)?,
        Play::Tables(tables) => replay::play(&mut world, tables)?,
    };
    report::finish(world, &shown)
}
