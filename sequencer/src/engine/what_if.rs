//! What some orders would do, before they are signed.
//!
//! PRIVACY: fills leave with their batch and not before, also to their owner: a batch that could not be proven must not have been
//! seen. So the question is answered from the ledger alone, and the caller says which orders are open as far as announced.

use super::Engine;
use crate::admission::{Admission, Candidate, Setting};
use crate::reason::{Deferred, Refused};
use crate::view::{Change, View};
use novation_state::math::margin::Statement;
use novation_state::math::value::Holding;
use novation_state::message::Order;
use novation_state::reject::Rejection;
use novation_state::units::{AccountSlot, Lots, Ticks, Time};
use std::collections::BTreeMap;

/// Log positions from here on stand for the orders that are asked about, in their order; no log gets there.
pub const HYPOTHETICAL: u64 = 1 << 63;

/// What orders would do to an account, as its last batch left it, at the newest markets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIf {
    /// As the account stands.
    pub before: Statement,
    /// With the admitted orders filled whole at their worst prices inside the band, fees included.
    pub after: Statement,
    /// For each order the lots with which it takes part, or why it does not.
    pub orders: Vec<Result<Lots, NotAdmitted>>,
}

/// Why an order would not take part in a window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// It would not be taken in.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It would be taken in, and wait.
    #[error(transparent)]
    Deferred(#[from] Deferred),
}

impl Engine {
    /// Judges orders of an account as a window that ended at `time` would, behind the account's `open` orders: log position,
    /// order, lots not filled. Signatures and nonces are not looked at.
    ///
    /// # Errors
    /// [`Rejection::Unopened`].
    pub fn what_if(
        &self,
        account: AccountSlot,
        time: Time,
        open: &[(u64, Order, Lots)],
        asked: &[Order],
    ) -> Result<WhatIf, Rejection> {
        let opened = self.ledger.account(account).ok_or(Rejection::Unopened { account })?;
        let time = time.max(self.time);
        let (changes, commanding) = (BTreeMap::new(), self.queues.commanding());
        let mut admission = Admission::new(Setting {
            size: self.config.size,
            time,
            markets: &self.markets,
            ledger: &self.ledger,
            changes: &changes,
            commanding: &commanding,
        });
        let desk = self.desk(time);
        for (position, order, left) in open {
            // One that is over or has to wait takes nothing away from those behind it.
            if desk.terms(order).is_ok() {
                drop(admission.admit(&Candidate { position: *position, order, left: *left }));
            }
        }
        let mut fills = Change::default();
        let mut orders = Vec::with_capacity(asked.len());
        for (position, order) in (HYPOTHETICAL..).zip(asked) {
            let judge = |admission: &mut Admission| {
                desk.terms(order)?;
                Ok(admission.admit(&Candidate { position, order, left: order.lots })?)
            };
            orders.push(judge(&mut admission).map(|interest| {
                let market = self.markets.get(order.instrument).expect("admitted orders name listed instruments");
                let price: Ticks = interest.limit.clamp(market.band_low, market.band_high);
                fills.fill(order.instrument, order.side, interest.lots, price, market);
                interest.lots
            }));
        }
        let statement = |fills| {
            let view = View::of(opened, fills);
            let holdings: Vec<Holding> = view.holdings(&self.markets).into_iter().map(|(_, holding)| holding).collect();
            Statement::of(view.cash, &holdings)
        };
        Ok(WhatIf { before: statement(None), after: statement(Some(&fills)), orders })
    }
}
