//! Markets lane: rows opened from the markets root.
//!
//! Statement: row r is the leaf with id r's under the markets root (or an id never listed), ids strictly increase, every
//! field is in its range. The ranges are proven here because a role, not a proof, sets the leaves.
//!
//! Derived once a row, used by every account: effective values, zero for a settled row, whose positions have rolled into
//! cash before they are used.
//!
//! Cost a row: path 3,030; leaf hash 381; ranges 1,585; the rest about 200.

use super::header::Header;
use crate::cs::{Bit, Cs, Lc};
use crate::gadgets::{bits, merkle, poseidon};
use ark_bn254::Fr;
use novation_state::leaf::{MarketLeaf, SCENARIOS, SIGNED_SPACING};
use novation_state::math::MAX_MARK_AGE;
use novation_state::size::Size;
use novation_state::tags::Tag;
use novation_state::trace::BatchTrace;
use novation_state::units::{
    field, pow2, FEE_BITS, INSTRUMENT_BITS, LOTS_BITS, PER_LOT_BITS, PRICE_BITS, TICK_VALUE_BITS, TIME_BITS,
};

/// Spacing at which two underlyings share a dot product. A scenario sum is below 2^100 (16 slots, lots below 2^40, risk below
/// 2^56), so two fit with room for signs: 2^110 * 2^101 < 2^253.
pub const PACK: usize = 110;
/// Spacing of `limit` above `free` in the gathered word.
pub const LIMIT_SHIFT: usize = 44;

/// Wires of a row.
pub struct Row {
    pub id: Lc,
    pub tick_value: Lc,
    pub index: Lc,
    pub fee: Lc,
    pub band_low: Lc,
    pub band_high: Lc,
    pub mark: Lc,
    /// Listed, open or reduce-only, not expired, mark fresh.
    pub fillable: Lc,
    /// `settled + 2 * reduce_only + 4 * expired and not settled`.
    pub flags: Lc,
    /// Value of a lot at the mark, 0 if settled.
    pub value: Lc,
    /// Value of a lot at the daily mark, 0 if settled.
    pub daily_value: Lc,
    /// Cash of a lot that rolls, 0 unless settled.
    pub roll: Lc,
    /// Scenario values, two underlyings to an entry at spacing 2^110: `risk[pack][scenario]`; 0 if settled.
    pub risk: Vec<Vec<Lc>>,
    /// Long plus short charge, 0 if settled.
    pub charge_sum: Lc,
    /// Long minus short charge, 0 if settled.
    pub charge_difference: Lc,
    /// Excess charge, 0 if settled.
    pub excess: Lc,
    /// `free + limit * 2^44`.
    pub limits: Lc,
}

fn row(cs: &mut Cs, size: &Size, header: &Header, trace: Option<&BatchTrace>, r: usize) -> Row {
    let input = trace.map(|t| &t.rows[r]);
    let leaf: Option<&MarketLeaf> = input.and_then(|i| i.leaf.as_ref());
    // A field of the leaf, 0 for a row that was never listed.
    let field_of = |f: &dyn Fn(&MarketLeaf) -> i128| leaf.map_or(Fr::from(0u64), |l| field(f(l)));

    let id_value = input.map_or(0, |i| i.id.get() as u64);
    let id_bits: Vec<Bit> = (0..INSTRUMENT_BITS).map(|i| cs.bit("market.id", || id_value >> i & 1 == 1)).collect();
    let id = bits::from_bits(&id_bits);
    let listed = cs.bit("market.listed", || leaf.is_some());

    let unsigned = |cs: &mut Cs, name, width: usize, f: &dyn Fn(&MarketLeaf) -> i128| {
        let wire = cs.alloc(name, || field_of(f));
        bits::range(cs, name, &wire, width);
        wire
    };
    let kind = unsigned(cs, "market.kind_range", 2, &|l| l.kind as i128);
    let underlying = unsigned(cs, "market.underlying_range", 3, &|l| l.underlying as i128);
    let tick_value = unsigned(cs, "market.tick_value_range", TICK_VALUE_BITS, &|l| l.tick_value.wide());
    let expiry = unsigned(cs, "market.expiry_range", TIME_BITS, &|l| l.expiry.wide());
    let strike = unsigned(cs, "market.strike_range", 40, &|l| l.strike.wide());
    let mark_time = unsigned(cs, "market.mark_time_range", TIME_BITS, &|l| l.mark_time.wide());
    let mark = unsigned(cs, "market.mark_range", PRICE_BITS, &|l| l.mark.wide());
    let daily_mark = unsigned(cs, "market.daily_mark_range", PRICE_BITS, &|l| l.daily_mark.wide());
    let charge_long = unsigned(cs, "market.charge_range", PER_LOT_BITS, &|l| l.charge_long.wide());
    let charge_short = unsigned(cs, "market.charge_range", PER_LOT_BITS, &|l| l.charge_short.wide());
    let free = unsigned(cs, "market.free_range", LOTS_BITS, &|l| l.free.wide());
    let limit = unsigned(cs, "market.limit_range", LOTS_BITS, &|l| l.limit.wide());
    let fee = unsigned(cs, "market.fee_range", FEE_BITS, &|l| l.fee.wide());
    let band_low = unsigned(cs, "market.band_range", PRICE_BITS, &|l| l.band_low.wide());
    let band_high = unsigned(cs, "market.band_range", PRICE_BITS, &|l| l.band_high.wide());
    let excess = unsigned(cs, "market.charge_range", PER_LOT_BITS, &|l| l.excess_charge.wide());
    let signed = |cs: &mut Cs, name, f: &dyn Fn(&MarketLeaf) -> i128| {
        let wire = cs.alloc(name, || field_of(f));
        bits::signed_range(cs, name, &wire, PER_LOT_BITS);
        wire
    };
    let settlement = signed(cs, "market.settlement_range", &|l| l.settlement.wide());
    let index = signed(cs, "market.index_range", &|l| l.index.wide());
    let risk: Vec<Lc> = (0..SCENARIOS).map(|s| signed(cs, "market.risk_range", &|l| l.risk[s].wide())).collect();

    let status_bits: [Bit; 2] =
        [0, 1].map(|i| cs.bit("market.status", || leaf.is_some_and(|l| l.status as u8 >> i & 1 == 1)));
    let status = bits::from_bits(&status_bits);
    let settled = cs.mul("market.settled", status_bits[0].lc(), status_bits[1].lc());
    let reduce_only = status_bits[0].lc() - &settled;

    // Packed words, as in MarketLeaf::words: widths add up to at most 232 bits, every field is ranged above.
    let pack = |fields: &[(&Lc, usize)]| {
        let (mut word, mut shift) = (Lc::zero(), 0);
        for (f, width) in fields {
            word.add_scaled(f, pow2(shift));
            shift += width;
        }
        assert!(shift <= 253);
        word.compact()
    };
    let mut words = vec![
        pack(&[
            (&kind, 2),
            (&underlying, 3),
            (&tick_value, TICK_VALUE_BITS),
            (&expiry, TIME_BITS),
            (&strike, 40),
            (&status, 2),
            (&mark_time, TIME_BITS),
            (&mark, PRICE_BITS),
            (&daily_mark, PRICE_BITS),
        ]),
        pack(&[
            (&settlement, SIGNED_SPACING),
            (&index, SIGNED_SPACING),
            (&charge_long, PER_LOT_BITS),
            (&charge_short, PER_LOT_BITS),
        ]),
        pack(&[
            (&free, LOTS_BITS),
            (&limit, LOTS_BITS),
            (&fee, FEE_BITS),
            (&band_low, PRICE_BITS),
            (&band_high, PRICE_BITS),
            (&excess, PER_LOT_BITS),
        ]),
    ];
    for quad in risk.chunks(4) {
        words.push(pack(&quad.iter().map(|x| (x, SIGNED_SPACING)).collect::<Vec<_>>()));
    }
    // A row that was never listed has no values: packing is injective, so zero words mean zero fields.
    for word in &words {
        cs.enforce("market.unlisted_is_zero", listed.not().lc(), word, &Lc::zero());
    }
    let hash = poseidon::hash(cs, "market.leaf", Tag::Market.fr(), &words);
    let leaf_wire = cs.mul("market.leaf", listed.lc(), &hash);
    let root = merkle::root(cs, "market.path", &id_bits, input.map(|i| &i.path[..]), &leaf_wire);
    cs.enforce_eq("market.root", &root, header.markets_root());

    // |mark * tick_value| < 2^56, |index| < 2^56: values below 2^57.
    let live = Lc::one() - &settled;
    let mark_value = cs.mul("market.value", &mark, &tick_value) - &index;
    let value = cs.mul("market.value", &live, &mark_value);
    let daily = cs.mul("market.daily_value", &daily_mark, &tick_value) - &index;
    let daily_value = cs.mul("market.daily_value", &live, &daily);
    let roll = cs.mul("market.roll", &settled, &(&settlement - &index));

    let expired = bits::is_nonnegative(cs, "market.expired", &(header.time() - &expiry), TIME_BITS);
    let expired_unsettled = cs.mul("market.expired", expired.lc(), &live);
    let age = header.time() - &mark_time;
    let not_future = bits::is_nonnegative(cs, "market.age", &age, TIME_BITS);
    let not_stale = bits::is_nonnegative(cs, "market.age", &(Lc::constant(MAX_MARK_AGE as u64) - &age), TIME_BITS + 1);
    let fresh = cs.mul("market.fillable", not_future.lc(), not_stale.lc());
    let tradable = cs.mul("market.fillable", listed.lc(), status_bits[1].not().lc());
    let current = cs.mul("market.fillable", &fresh, expired.not().lc());
    let fillable = cs.mul("market.fillable", &tradable, &current);

    // Which underlying, among those this size knows; a row of another cannot be loaded.
    let known: Vec<Lc> = (0..size.underlyings).map(|u| Lc::constant(u as u64)).collect();
    let which = bits::one_hot(cs, "market.underlying", &known, &underlying, &listed);
    let risk_packed = which
        .chunks(2)
        .map(|pair| {
            let mut weight = pair[0].lc().clone();
            if let Some(second) = pair.get(1) {
                weight.add_scaled(second.lc(), pow2(PACK));
            }
            let weight = cs.mul("market.risk", &weight, &live);
            risk.iter().map(|x| cs.mul("market.risk", &weight, x)).collect()
        })
        .collect();
    let charge_sum = cs.mul("market.charge", &live, &(&charge_long + &charge_short));
    let charge_difference = cs.mul("market.charge", &live, &(&charge_long - &charge_short));
    let excess = cs.mul("market.charge", &live, &excess);

    let flags = &settled + &reduce_only * Fr::from(2u64) + &expired_unsettled * Fr::from(4u64);
    Row {
        id,
        tick_value,
        index,
        fee,
        band_low,
        band_high,
        mark,
        fillable,
        flags: flags.compact(),
        value,
        daily_value,
        roll,
        risk: risk_packed,
        charge_sum,
        charge_difference,
        excess,
        limits: free + limit * pow2(LIMIT_SHIFT),
    }
}

/// All rows. `market.sorted`: ids strictly increase from 1, so no row is loaded twice and none has id 0.
pub fn rows(cs: &mut Cs, size: &Size, header: &Header, trace: Option<&BatchTrace>) -> Vec<Row> {
    let rows = cs.parallel("markets", size.rows, |cs, r| row(cs, size, header, trace, r));
    let mut previous = Lc::zero();
    for (r, row) in rows.iter().enumerate() {
        cs.scope("markets", r);
        bits::range(cs, "market.sorted", &(&row.id - &previous - Lc::one()), INSTRUMENT_BITS);
        previous = row.id.clone();
    }
    rows
}
