//! Market rows: every instrument that the batch has to value, opened from one markets root.

use super::accounts::Entries;
use super::{capacity, BatchInput, Guard};
use crate::leaf::{Kind, MarketLeaf, Status, SCENARIOS};
use crate::markets::Markets;
use crate::math::MAX_MARK_AGE;
use crate::reject::{Lane, Rejection};
use crate::size::Size;
use crate::trace::RowTrace;
use crate::units::{Charge, Fee, InstrumentId, Lots, PerLot, Strike, TickValue, Ticks, Time};
use std::collections::{BTreeMap, BTreeSet};

/// The rows, by id.
pub(super) struct Table {
    rows: Vec<RowTrace>,
    places: BTreeMap<InstrumentId, usize>,
}

/// What a row without a leaf is worth: nothing. Reached only past a recorded rejection.
static UNLISTED: MarketLeaf = MarketLeaf {
    kind: Kind::Future,
    underlying: 0,
    tick_value: TickValue::ZERO,
    expiry: Time::ZERO,
    strike: Strike::ZERO,
    status: Status::Open,
    mark_time: Time::ZERO,
    mark: Ticks::ZERO,
    daily_mark: Ticks::ZERO,
    settlement: PerLot::ZERO,
    index: PerLot::ZERO,
    risk: [PerLot::ZERO; SCENARIOS],
    charge_long: Charge::ZERO,
    charge_short: Charge::ZERO,
    free: Lots::ZERO,
    excess_charge: Charge::ZERO,
    limit: Lots::ZERO,
    fee: Fee::ZERO,
    band_low: Ticks::ZERO,
    band_high: Ticks::ZERO,
};

impl Table {
    /// Loads what fills trade, what touched accounts hold and what the input asks for, and pads with ids never listed.
    pub fn load(
        size: &Size,
        markets: &Markets,
        entries: &Entries,
        input: &BatchInput,
        guard: &mut Guard,
    ) -> Result<Table, Rejection> {
        let mut ids: BTreeSet<InstrumentId> = input.extra_rows.iter().copied().collect();
        ids.extend(input.fills.iter().map(|fill| fill.order.instrument));
        ids.extend(entries.values().filter(|entry| entry.touch).flat_map(|entry| entry.held()));
        capacity(Lane::Rows, ids.len(), size.rows)?;
        let known = |leaf: &MarketLeaf| usize::from(leaf.underlying) < size.underlyings;
        for (id, leaf) in ids.iter().filter_map(|id| markets.get(*id).map(|leaf| (*id, leaf))) {
            guard.require(known(leaf), || Rejection::Underlying {
                instrument: id,
                underlying: leaf.underlying,
                known: size.underlyings,
            })?;
        }
        // Ids above the last listed one first; were those ever used up, whatever else this size can load.
        let id = |i: i64| InstrumentId::new(i).expect("below 2^20");
        let next = markets.next_id();
        let unlisted = (next..=InstrumentId::MAX.get()).map(id);
        let listed = (1..next).rev().map(id).filter(|i| markets.get(*i).is_some_and(known));
        let missing = size.rows - ids.len();
        let padding: Vec<InstrumentId> = unlisted.chain(listed).filter(|i| !ids.contains(i)).take(missing).collect();
        ids.extend(padding);

        let row = |id: &InstrumentId| RowTrace { id: *id, leaf: markets.get(*id).cloned(), path: markets.path(*id) };
        let rows = ids.iter().map(row).collect();
        let places = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        Ok(Table { rows, places })
    }

    /// An instrument's place among the rows.
    pub fn place(&self, id: InstrumentId) -> usize {
        self.places[&id]
    }

    /// A loaded instrument's leaf.
    pub fn leaf(&self, id: InstrumentId) -> &MarketLeaf {
        self.rows[self.place(id)].leaf.as_ref().unwrap_or(&UNLISTED)
    }

    /// Whether an instrument may trade now.
    pub fn fillable(&self, instrument: InstrumentId, time: Time) -> Result<(), Rejection> {
        let Some(leaf) = &self.rows[self.place(instrument)].leaf else {
            return Err(Rejection::NotListed { instrument });
        };
        if !matches!(leaf.status, Status::Open | Status::ReduceOnly) {
            return Err(Rejection::NotTrading { instrument, status: leaf.status });
        }
        if time >= leaf.expiry {
            return Err(Rejection::InstrumentExpired { instrument, expiry: leaf.expiry, time });
        }
        let age = time.get() - leaf.mark_time.get();
        if age < 0 {
            return Err(Rejection::MarkAhead { instrument, mark_time: leaf.mark_time, time });
        }
        if age > MAX_MARK_AGE {
            return Err(Rejection::MarkStale { instrument, mark_time: leaf.mark_time, time });
        }
        Ok(())
    }

    /// The rows for the trace.
    pub fn into_rows(self) -> Vec<RowTrace> {
        self.rows
    }
}
