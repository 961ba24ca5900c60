//! Instruments, marks and auctions.

use super::Micro;
use crate::instrument::{Asset, Terms};
use novation_state::leaf::{Kind, MarketLeaf, Status, NEVER};
use novation_state::units::InstrumentId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KindName {
    /// A dated future.
    Future,
    /// A perpetual: funding, no expiry.
    Perpetual,
    /// A European call.
    Call,
    /// A European put.
    Put,
}

/// What may happen in an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatusName {
    /// Positions may grow and shrink.
    Open,
    /// Positions may only shrink.
    ReduceOnly,
    /// No fills.
    Halted,
    /// Terminal: worth its settlement value.
    Settled,
}

impl From<Kind> for KindName {
    fn from(kind: Kind) -> KindName {
        match kind {
            Kind::Future => KindName::Future,
            Kind::Perpetual => KindName::Perpetual,
            Kind::Call => KindName::Call,
            Kind::Put => KindName::Put,
        }
    }
}

impl From<Status> for StatusName {
    fn from(status: Status) -> StatusName {
        match status {
            Status::Open => StatusName::Open,
            Status::ReduceOnly => StatusName::ReduceOnly,
            Status::Halted => StatusName::Halted,
            Status::Settled => StatusName::Settled,
        }
    }
}

/// The ticker of an underlying, `None` for one that no asset has.
pub fn asset(underlying: u8) -> Option<Asset> {
    Asset::ALL.into_iter().find(|asset| asset.underlying() == underlying)
}

/// The name that traders know: `BTC-27MAR26-100000-C`. An instrument whose terms have no such name is called by its number: `#7`.
pub fn name(id: InstrumentId, leaf: &MarketLeaf) -> String {
    Terms::of(leaf).map_or_else(|| format!("#{id}"), |terms| terms.to_string())
}

/// An instrument: terms, which never change, and what the last markets round says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstrumentView {
    /// Id.
    #[schema(example = 1)]
    pub id: i64,
    /// Name as traders know it.
    #[schema(example = "BTC-PERP")]
    pub name: String,
    /// Kind.
    pub kind: KindName,
    /// Number of the underlying.
    pub underlying: u8,
    /// Its ticker.
    #[schema(example = "BTC")]
    pub asset: Option<String>,
    /// Micro-units per tick per lot.
    pub tick_value: Micro,
    /// When it expires, Unix seconds; `null` for what never does.
    pub expiry: Option<i64>,
    /// Strike in ticks of the underlying; `null` where there is none.
    pub strike: Option<i64>,
    /// Status.
    pub status: StatusName,
    /// When the mark was taken, Unix seconds.
    pub mark_time: i64,
    /// Mark, in ticks.
    pub mark: i64,
    /// Mark at the last daily settlement, in ticks.
    pub daily_mark: i64,
    /// Value of a lot at settlement, micro-units; `null` until settled.
    pub settlement: Option<Micro>,
    /// Cumulative funding paid by a long lot, micro-units.
    pub index: Micro,
    /// Value change of a long lot in each of the 16 scenarios, micro-units.
    pub risk: Vec<Micro>,
    /// Gross margin charge per long lot, micro-units.
    pub charge_long: Micro,
    /// Gross margin charge per short lot, micro-units.
    pub charge_short: Micro,
    /// Lots of a position that are free of the excess charge.
    pub free: i64,
    /// Margin charge per lot beyond the free ones, micro-units.
    pub excess_charge: Micro,
    /// Position limit in lots.
    pub limit: i64,
    /// Fee per lot, both sides, micro-units.
    pub fee: Micro,
    /// Lowest price of a fill, in ticks.
    pub band_low: i64,
    /// Highest price of a fill, in ticks.
    pub band_high: i64,
}

impl InstrumentView {
    /// Of a leaf.
    pub fn of(id: InstrumentId, leaf: &MarketLeaf) -> InstrumentView {
        let dated = |time: novation_state::units::Time| (time != NEVER).then(|| time.get());
        InstrumentView {
            id: id.get(),
            name: name(id, leaf),
            kind: leaf.kind.into(),
            underlying: leaf.underlying,
            asset: asset(leaf.underlying).map(|asset| asset.ticker().to_owned()),
            tick_value: Micro(leaf.tick_value.wide()),
            expiry: dated(leaf.expiry),
            strike: matches!(leaf.kind, Kind::Call | Kind::Put).then(|| leaf.strike.get()),
            status: leaf.status.into(),
            mark_time: leaf.mark_time.get(),
            mark: leaf.mark.get(),
            daily_mark: leaf.daily_mark.get(),
            settlement: (leaf.status == Status::Settled).then(|| Micro(leaf.settlement.wide())),
            index: Micro(leaf.index.wide()),
            risk: leaf.risk.iter().map(|risk| Micro(risk.wide())).collect(),
            charge_long: Micro(leaf.charge_long.wide()),
            charge_short: Micro(leaf.charge_short.wide()),
            free: leaf.free.get(),
            excess_charge: Micro(leaf.excess_charge.wide()),
            limit: leaf.limit.get(),
            fee: Micro(leaf.fee.wide()),
            band_low: leaf.band_low.get(),
            band_high: leaf.band_high.get(),
        }
    }
}

/// A mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MarkView {
    /// Instrument id.
    pub instrument: i64,
    /// Mark, in ticks.
    pub mark: i64,
    /// When it was taken, Unix seconds.
    pub mark_time: i64,
    /// Status.
    pub status: StatusName,
}

impl MarkView {
    /// Of a leaf.
    pub fn of(id: InstrumentId, leaf: &MarketLeaf) -> MarkView {
        let (mark, mark_time) = (leaf.mark.get(), leaf.mark_time.get());
        MarkView { instrument: id.get(), mark, mark_time, status: leaf.status.into() }
    }
}

/// The marks of a markets round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MarksView {
    /// Number of the markets root, 0 before the first.
    pub number: u32,
    /// Time of the round, Unix seconds.
    pub time: i64,
    /// Marks by instrument.
    pub marks: Vec<MarkView>,
}

/// An auction that traded, published with its batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuctionView {
    /// Counts published auctions, from 1: the cursor of `after`.
    pub id: u64,
    /// Window.
    pub window: i64,
    /// Instrument id.
    pub instrument: i64,
    /// The one price, in ticks.
    pub price: i64,
    /// Lots bought, and as many sold; `null` at a venue that publishes prices only.
    pub lots: Option<i64>,
    /// The batch that holds it.
    pub batch: u64,
}
