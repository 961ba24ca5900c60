//! The market leaf: everything an instrument is and is worth, in seven packed words.

use crate::crypto::poseidon;
use crate::tags::Tag;
use crate::units::{
    field, pow2, Charge, Fee, Lots, PerLot, Strike, TickValue, Ticks, Time, FEE_BITS, LOTS_BITS, PER_LOT_BITS,
    PRICE_BITS, TICK_VALUE_BITS, TIME_BITS,
};
use ark_bn254::Fr;
use ark_ff::Zero;
use serde::{Deserialize, Serialize};

/// Scenarios of the risk array.
pub const SCENARIOS: usize = 16;
/// Expiry of what never expires.
pub const NEVER: Time = Time::MAX;
/// Spacing of signed 57-bit fields in a packed word: the next field starts above the sign.
pub const SIGNED_SPACING: usize = PER_LOT_BITS + 2;

/// What kind of contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Kind {
    /// A dated future.
    Future = 0,
    /// A perpetual: funding, no expiry.
    Perpetual = 1,
    /// A European call.
    Call = 2,
    /// A European put.
    Put = 3,
}

/// What may happen in an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Status {
    /// Positions may grow and shrink.
    Open = 0,
    /// Positions may only shrink.
    ReduceOnly = 1,
    /// No fills.
    Halted = 2,
    /// Terminal: worth its settlement value.
    Settled = 3,
}

/// One instrument. Terms never change; `Settled` is terminal; the settlement value is written once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketLeaf {
    /// Contract kind.
    pub kind: Kind,
    /// Underlying, < 8.
    pub underlying: u8,
    /// Micro-units per tick per lot.
    pub tick_value: TickValue,
    /// When it expires.
    pub expiry: Time,
    /// Strike, 0 for futures and perpetuals.
    pub strike: Strike,
    /// Status.
    pub status: Status,
    /// When the marks were taken.
    pub mark_time: Time,
    /// Mark price.
    pub mark: Ticks,
    /// Mark at the last daily settlement.
    pub daily_mark: Ticks,
    /// Value of a lot at settlement, in micro-units; 0 until settled.
    pub settlement: PerLot,
    /// Cumulative funding paid by a long lot, in micro-units; zero where there is none.
    pub index: PerLot,
    /// Value change of a long lot in each scenario.
    pub risk: [PerLot; SCENARIOS],
    /// Gross charge per long lot.
    pub charge_long: Charge,
    /// Gross charge per short lot.
    pub charge_short: Charge,
    /// Lots free of the excess charge.
    pub free: Lots,
    /// Charge per lot beyond `free` (concentration).
    pub excess_charge: Charge,
    /// Position limit in lots.
    pub limit: Lots,
    /// Fee per lot, both sides.
    pub fee: Fee,
    /// Lowest price of a fill.
    pub band_low: Ticks,
    /// Highest price of a fill.
    pub band_high: Ticks,
}

/// Packs nonnegative fields of the given widths, least significant first. The widths add up to at most 253, so this is
/// injective on fields within their widths.
pub fn pack_fields(fields: &[(Fr, usize)]) -> Fr {
    let (mut out, mut shift) = (Fr::zero(), 0);
    for (value, bits) in fields {
        out += *value * pow2(shift);
        shift += bits;
    }
    assert!(shift <= 253, "packed word of {shift} bits would wrap");
    out
}

impl MarketLeaf {
    /// Value of a lot at the mark: `mark * tick_value - index`, below 2^57 in magnitude.
    pub fn value(&self) -> i128 {
        self.mark.wide() * self.tick_value.wide() - self.index.wide()
    }

    /// Value of a lot at the last daily settlement mark.
    pub fn daily_value(&self) -> i128 {
        self.daily_mark.wide() * self.tick_value.wide() - self.index.wide()
    }

    /// What a settled lot turns into: `settlement - index`.
    pub fn settled_value(&self) -> i128 {
        self.settlement.wide() - self.index.wide()
    }

    /// The seven words that are hashed and published.
    ///
    /// 0: kind 2, underlying 3, tick value 24, expiry 40, strike 40, status 2, mark time 40, mark 32, daily mark 32 bits.
    /// 1: settlement, index (signed, spacing 58), charge long 56, charge short 56.
    /// 2: free 40, limit 40, fee 32, band low 32, band high 32, excess charge 56.
    /// 3..7: sixteen risk entries, signed, four to a word at spacing 58.
    pub fn words(&self) -> [Fr; 7] {
        let u = |x: u64| Fr::from(x);
        let terms = pack_fields(&[
            (u(self.kind as u64), 2),
            (u(self.underlying as u64), 3),
            (self.tick_value.into(), TICK_VALUE_BITS),
            (self.expiry.into(), TIME_BITS),
            (self.strike.into(), 40),
            (u(self.status as u64), 2),
            (self.mark_time.into(), TIME_BITS),
            (self.mark.into(), PRICE_BITS),
            (self.daily_mark.into(), PRICE_BITS),
        ]);
        let values = pack_fields(&[
            (self.settlement.into(), SIGNED_SPACING),
            (self.index.into(), SIGNED_SPACING),
            (self.charge_long.into(), PER_LOT_BITS),
            (self.charge_short.into(), PER_LOT_BITS),
        ]);
        let limits = pack_fields(&[
            (self.free.into(), LOTS_BITS),
            (self.limit.into(), LOTS_BITS),
            (self.fee.into(), FEE_BITS),
            (self.band_low.into(), PRICE_BITS),
            (self.band_high.into(), PRICE_BITS),
            (self.excess_charge.into(), PER_LOT_BITS),
        ]);
        let risk = |i: usize| {
            pack_fields(&std::array::from_fn::<_, 4, _>(|j| (field(self.risk[4 * i + j].wide()), SIGNED_SPACING)))
        };
        [terms, values, limits, risk(0), risk(1), risk(2), risk(3)]
    }

    /// The leaf hash.
    pub fn hash(&self) -> Fr {
        poseidon::hash(Tag::Market.fr(), &self.words())
    }
}
