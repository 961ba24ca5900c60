//! Clearings lane: one price per (row, window).
//!
//! Statement: the used clearings are a prefix of the table, strictly increasing in (row, window); each names a fillable row,
//! a window of the batch and a price inside the row's band. Unused clearings are all zero. That the fills of a clearing net
//! to zero is proven in the orders lane and `links`.

use super::header::Header;
use super::markets::Row;
use crate::cs::{Bit, Cs, Lc};
use crate::gadgets::bits;
use ark_bn254::Fr;
use novation_state::public_data::POSITION_BITS;
use novation_state::size::Size;
use novation_state::trace::BatchTrace;
use novation_state::units::{pow2, PRICE_BITS, TIME_BITS};

/// Wires of a clearing.
pub struct Clearing {
    /// In use.
    pub used: Bit,
    /// Instrument id, 0 if unused.
    pub id: Lc,
    pub window: Lc,
    pub price: Lc,
    pub mark: Lc,
    pub fee: Lc,
    /// Cash of a bought lot: `price * tick_value - index`, below 2^57 in magnitude.
    pub lot_cash: Lc,
    /// `row position * 2^40 + window`.
    order: Lc,
}

fn clearing(
    cs: &mut Cs,
    header: &Header,
    rows: &[Row],
    ids: &[Lc],
    used: &Bit,
    trace: Option<&BatchTrace>,
    i: usize,
) -> Clearing {
    let input = trace.and_then(|t| t.clearings.get(i).map(|c| (c, t)));
    let id = cs.alloc("clearing.id", || input.map(|(c, t)| t.rows[c.row].id.into()).unwrap_or_default());
    let window = cs.alloc("clearing.window", || input.map(|(c, _)| c.window.into()).unwrap_or_default());
    let price = cs.alloc("clearing.price", || input.map(|(c, _)| c.price.into()).unwrap_or_default());

    // SOUND: row ids are distinct (market.sorted).
    let at = bits::one_hot(cs, "clearing.row", ids, &id, used);
    let column = |cs: &mut Cs, f: &dyn Fn(&Row) -> &Lc| {
        bits::pick(cs, "clearing.pick", &at, &rows.iter().map(|r| f(r).clone()).collect::<Vec<_>>())
    };
    let tick_value = column(cs, &|r| &r.tick_value);
    let index = column(cs, &|r| &r.index);
    let fee = column(cs, &|r| &r.fee);
    let low = column(cs, &|r| &r.band_low);
    let high = column(cs, &|r| &r.band_high);
    let mark = column(cs, &|r| &r.mark);
    let fillable = column(cs, &|r| &r.fillable);

    let unused = used.not();
    cs.enforce("clearing.unused_is_zero", unused.lc(), &id, &Lc::zero());
    // Injective: window and price are ranged below.
    let rest = &window + &price * pow2(TIME_BITS);
    cs.enforce("clearing.unused_is_zero", unused.lc(), &rest, &Lc::zero());
    cs.enforce("clearing.fillable", used.lc(), &(Lc::one() - &fillable), &Lc::zero());
    bits::range(cs, "clearing.window_range", &window, TIME_BITS);
    bits::range(cs, "clearing.price_range", &price, PRICE_BITS);
    bits::range(cs, "clearing.band_low", &(&price - &low), PRICE_BITS);
    bits::range(cs, "clearing.band_high", &(&high - &price), PRICE_BITS);
    let after_first = cs.mul("clearing.window_first", used.lc(), &(&window - header.window_first()));
    bits::range(cs, "clearing.window_first", &after_first, TIME_BITS);
    let before_last = cs.mul("clearing.window_last", used.lc(), &(header.window_last() - &window));
    bits::range(cs, "clearing.window_last", &before_last, TIME_BITS);

    // price, tick_value, index are ranged: no wrap.
    let lot_cash = cs.mul("clearing.lot_cash", &price, &tick_value) - &index;
    let mut position = Lc::zero();
    for (r, e) in at.iter().enumerate() {
        position.add_scaled(e.lc(), Fr::from(r as u64));
    }
    let order = position * pow2(TIME_BITS) + &window;
    Clearing { used: used.clone(), id, window, price, mark, fee, lot_cash, order }
}

/// The table.
pub fn clearings(cs: &mut Cs, size: &Size, header: &Header, rows: &[Row], trace: Option<&BatchTrace>) -> Vec<Clearing> {
    cs.scope("clearings", 0);
    let count = cs.alloc("clearing.count", || Fr::from(trace.map_or(0, |t| t.clearings.len()) as u64));
    let used = bits::prefix(cs, "clearing.used", &count, size.clearings);
    let ids: Vec<Lc> = rows.iter().map(|r| r.id.clone()).collect();
    let table = cs.parallel("clearings", size.clearings, |cs, i| clearing(cs, header, rows, &ids, &used[i], trace, i));
    for i in 1..table.len() {
        cs.scope("clearings", i);
        // (row, window) is below 2^47.
        let step = &table[i].order - &table[i - 1].order - Lc::one();
        let step = cs.mul("clearing.sorted", table[i].used.lc(), &step);
        bits::range(cs, "clearing.sorted", &step, POSITION_BITS + TIME_BITS);
    }
    table
}
