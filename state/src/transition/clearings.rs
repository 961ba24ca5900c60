//! Clearings: one price an instrument and window, and as many lots bought as sold.

use super::markets::Table;
use super::{capacity, BatchInput, Fill, Guard};
use crate::message::Side;
use crate::reject::{Lane, Rejection};
use crate::size::Size;
use crate::trace::Clearing;
use crate::units::{Ticks, Window};
use std::collections::BTreeMap;

/// Row, window, price. That a row and window have one price is a rule of its own, so that a trace that breaks it can be built.
type Key = (usize, Window, Ticks);

fn key(table: &Table, fill: &Fill) -> Key {
    (table.place(fill.order.instrument), fill.window, fill.price)
}

/// The clearing that a fill belongs to.
pub(super) fn place(table: &Table, clearings: &[Clearing], fill: &Fill) -> usize {
    let key = key(table, fill);
    clearings.binary_search_by_key(&key, |c| (c.row, c.window, c.price)).expect("every fill has its clearing")
}

/// The clearings of the fills, in order of row and window.
pub(super) fn collect(
    size: &Size,
    table: &Table,
    input: &BatchInput,
    guard: &mut Guard,
) -> Result<Vec<Clearing>, Rejection> {
    let mut lots: BTreeMap<Key, (&Fill, i128, i128)> = BTreeMap::new();
    for fill in &input.fills {
        let (_, bought, sold) = lots.entry(key(table, fill)).or_insert((fill, 0, 0));
        match fill.order.side {
            Side::Buy => *bought += fill.fill.wide(),
            Side::Sell => *sold += fill.fill.wide(),
        }
    }
    capacity(Lane::Clearings, lots.len(), size.clearings)?;
    let mut clearings: Vec<Clearing> = Vec::with_capacity(lots.len());
    for ((row, window, price), (fill, bought, sold)) in lots {
        let instrument = fill.order.instrument;
        guard.take(table.fillable(instrument, input.time))?;
        let inside = input.window_first <= window && window <= input.window_last;
        guard.require(inside, || Rejection::WindowOutside { instrument, window })?;
        if let Some(other) = clearings.last().filter(|c| (c.row, c.window) == (row, window)) {
            let (first, second) = (other.price, price);
            guard.require(false, || Rejection::TwoPrices { instrument, window, first, second })?;
        }
        let leaf = table.leaf(instrument);
        let (low, high) = (leaf.band_low, leaf.band_high);
        guard.require(low <= price && price <= high, || Rejection::Band { instrument, price, low, high })?;
        guard.require(bought == sold, || Rejection::Unbalanced { instrument, window, bought, sold })?;
        clearings.push(Clearing { row, window, price });
    }
    Ok(clearings)
}
