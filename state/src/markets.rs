//! The markets: every instrument ever listed, under one root.
//!
//! An update is whole or not at all. Until the market proof is built an oracle role decides what an update says; which updates
//! are possible is decided here.

use crate::leaf::{MarketLeaf, Status};
use crate::math::margin::UNDERLYINGS;
use crate::reject::Rejection;
use crate::trace::{Path, MARKETS_DEPTH};
use crate::tree::MarketsTree;
use crate::units::{InstrumentId, PerLot, Time};
use ark_bn254::Fr;
use std::collections::BTreeMap;

/// The instruments, and the tree of their leaves. Cheap enough to clone, where an older root has to stay usable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markets {
    leaves: BTreeMap<InstrumentId, MarketLeaf>,
    tree: MarketsTree,
    number: u32,
    time: Time,
}

/// An accepted update: what the contract is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketsUpdate {
    /// Serial number, from 1.
    pub number: u32,
    /// Time, not decreasing.
    pub time: Time,
    /// The new root.
    pub root: Fr,
    /// The changed leaves, by id.
    pub changed: Vec<(InstrumentId, MarketLeaf)>,
}

impl Markets {
    /// No instruments, number 0.
    pub fn new() -> Markets {
        Markets::default()
    }

    /// An instrument's leaf, `None` if it was never listed.
    pub fn get(&self, id: InstrumentId) -> Option<&MarketLeaf> {
        self.leaves.get(&id)
    }

    /// Every instrument ever listed, by id.
    pub fn iter(&self) -> impl Iterator<Item = (InstrumentId, &MarketLeaf)> {
        self.leaves.iter().map(|(id, leaf)| (*id, leaf))
    }

    /// Serial number of the last update, 0 before the first.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Time of the last update.
    pub fn time(&self) -> Time {
        self.time
    }

    /// The root.
    pub fn root(&self) -> Fr {
        self.tree.root()
    }

    /// Siblings of an instrument's leaf.
    pub fn path(&self, id: InstrumentId) -> Path<MARKETS_DEPTH> {
        self.tree.path(id.get() as u64)
    }

    /// The next id to list; 2^20 when all are used.
    pub fn next_id(&self) -> i64 {
        self.leaves.last_key_value().map_or(1, |(id, _)| id.get() + 1)
    }

    /// Replaces and lists leaves. On a rejection nothing changes.
    ///
    /// # Errors
    /// The rules of markets in [`Rejection`]: serial ids, fixed terms, terminal settlement, sane times and bands.
    pub fn update(
        &mut self,
        changes: impl IntoIterator<Item = (InstrumentId, MarketLeaf)>,
        time: Time,
    ) -> Result<MarketsUpdate, Rejection> {
        let least = self.time.max(Time::new(1).expect("in range"));
        if time < least {
            return Err(Rejection::MarketsTime { time, last: least });
        }
        let mut changed = BTreeMap::new();
        for (id, leaf) in changes {
            if changed.insert(id, leaf).is_some() {
                return Err(Rejection::ChangedTwice { instrument: id });
            }
        }
        let mut next = self.next_id();
        for (id, leaf) in &changed {
            match self.leaves.get(id) {
                Some(old) => check_change(*id, old, leaf)?,
                None if id.get() == next => next += 1,
                None => return Err(Rejection::IdNotSerial { instrument: *id, next }),
            }
            check_leaf(*id, leaf, time)?;
        }
        let updates: Vec<(u64, Fr)> = changed.iter().map(|(id, leaf)| (id.get() as u64, leaf.hash())).collect();
        self.tree.set_batch(&updates);
        self.leaves.extend(changed.iter().map(|(id, leaf)| (*id, leaf.clone())));
        self.number += 1;
        self.time = time;
        Ok(MarketsUpdate { number: self.number, time, root: self.root(), changed: changed.into_iter().collect() })
    }
}

#[cfg(any(test, feature = "testkit"))]
impl Markets {
    /// Writes a leaf past every rule, as an oracle role could.
    pub(crate) fn force(&mut self, id: InstrumentId, leaf: MarketLeaf) {
        self.tree.set(id.get() as u64, leaf.hash());
        self.leaves.insert(id, leaf);
    }
}

fn check_change(instrument: InstrumentId, old: &MarketLeaf, new: &MarketLeaf) -> Result<(), Rejection> {
    let terms = |leaf: &MarketLeaf| (leaf.kind, leaf.underlying, leaf.tick_value, leaf.expiry, leaf.strike);
    if terms(old) != terms(new) {
        return Err(Rejection::TermsChanged { instrument });
    }
    // The whole leaf is frozen, the funding index too: holders who roll late get what those got who rolled early.
    if old.status == Status::Settled && old != new {
        return Err(Rejection::SettledChanged { instrument });
    }
    Ok(())
}

fn check_leaf(instrument: InstrumentId, leaf: &MarketLeaf, time: Time) -> Result<(), Rejection> {
    if leaf.status != Status::Settled && leaf.settlement != PerLot::ZERO {
        return Err(Rejection::SettlementEarly { instrument });
    }
    if usize::from(leaf.underlying) >= UNDERLYINGS {
        return Err(Rejection::UnderlyingRange { instrument, underlying: leaf.underlying });
    }
    if leaf.mark_time > time {
        return Err(Rejection::MarkAfterUpdate { instrument, mark_time: leaf.mark_time, time });
    }
    if leaf.band_low > leaf.band_high {
        return Err(Rejection::BandReversed { instrument, low: leaf.band_low, high: leaf.band_high });
    }
    Ok(())
}
