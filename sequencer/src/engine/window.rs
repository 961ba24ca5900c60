//! The end of a window.

use super::Engine;
use crate::admission::Setting;
use crate::io::{Effect, FillReport, Input};
use crate::log::Outcome;
use crate::queues::{Cleared, QueuedFill, QueuedWindow};
use crate::reason::{Lapsed, Refused};
use crate::window::{hold, Decision};
use novation_state::leaf::Status;
use novation_state::units::{Lots, Time, Window};
use std::collections::BTreeMap;

impl Engine {
    /// Ends the open window: orders whose time is over lapse, the others are auctioned, and those for one window lapse.
    pub(super) fn end_window(&mut self, input: Input) -> Result<Vec<Effect>, Refused> {
        self.within_bounds()?;
        self.room_for_a_window()?;
        self.window = Window::new(self.window.get() + 1).expect("at a window a second, 2^40 windows are 34,000 years");
        let window = self.window;
        let mut effects = vec![self.enter(input, Outcome::Window(window))];
        self.lapse_overdue(self.time, &mut effects);

        let Decision { outcomes, deferred } = {
            let commanding = self.queues.commanding();
            let setting = Setting {
                size: self.config.size,
                time: self.time,
                markets: &self.markets,
                ledger: &self.ledger,
                changes: &self.queues.changes,
                commanding: &commanding,
            };
            hold(setting, self.book.candidates())
        };
        let for_this_window: Vec<u64> =
            self.book.iter().filter(|(_, resting)| resting.this_window).map(|(position, _)| position).collect();
        self.note_deferred(&deferred, &mut effects);

        let mut clearings = Vec::with_capacity(outcomes.len());
        for (instrument, outcome) in outcomes {
            let fills = outcome.shares.iter().map(|share| self.fill(share.position, share.lots)).collect();
            clearings.push(Cleared { instrument, price: outcome.price, lots: outcome.lots, fills });
        }
        for position in for_this_window {
            // One that was filled whole is gone, and its fill is announced with its batch. Here it is said of all of them
            // alike that they are over, so that nobody learns a fill from what is not said.
            self.book.remove(position);
            effects.push(Effect::Lapsed { position, reason: Lapsed::WindowOver });
        }
        if !clearings.is_empty() {
            let (position, time, markets) = (self.log.position, self.time, self.markets.clone());
            self.queues.push(QueuedWindow { window, position, time, markets, clearings });
        }
        effects.push(Effect::WindowClosed { window });
        Ok(effects)
    }

    fn fill(&mut self, position: u64, lots: Lots) -> QueuedFill {
        let resting = self.book.get(position).expect("auctions fill resting orders");
        let (order, hash, signature) = (resting.order, resting.hash, resting.signature);
        let left = Lots::new(resting.left.get() - lots.get()).expect("an auction fills at most what is left");
        self.book.fill(position, lots);
        let report = FillReport { position, account: order.binding.account, side: order.side, lots, left };
        QueuedFill { report, order, hash, signature }
    }

    fn lapse_overdue(&mut self, time: Time, effects: &mut Vec<Effect>) {
        let over = |order: &novation_state::message::Order| {
            let (instrument, valid_until) = (order.instrument, order.valid_until);
            let market = self.markets.get(instrument).expect("orders name listed instruments");
            if market.status == Status::Settled || market.expiry <= time {
                Some(Lapsed::InstrumentOver { instrument })
            } else {
                (valid_until < time).then_some(Lapsed::Expired { valid_until })
            }
        };
        let lapsed: Vec<(u64, Lapsed)> =
            self.book.iter().filter_map(|(position, resting)| Some((position, over(&resting.order)?))).collect();
        for (position, reason) in lapsed {
            self.book.remove(position);
            effects.push(Effect::Lapsed { position, reason });
        }
    }

    /// Says of every order that stays out why, unless it stayed out of the last window for the same reason.
    fn note_deferred(&mut self, deferred: &BTreeMap<u64, crate::reason::Deferred>, effects: &mut Vec<Effect>) {
        let resting: Vec<u64> = self.book.iter().map(|(position, _)| position).collect();
        for position in resting {
            let reason = deferred.get(&position);
            if self.book.note(position, reason) {
                effects.extend(reason.cloned().map(|reason| Effect::Deferred { position, reason }));
            }
        }
    }
}
