//! The read model: what the service shows, built from the effects of the log alone.
//!
//! [`Books`] hears, as the writer's observer, everything that is in the log, in its order; so it is the same after any number of
//! crashes. Only the stages of a batch beyond the log (proven, submitted, final) come from the node, by [`Books::stage`].
//!
//! PRIVACY: nothing is shown before its batch. Three things follow.
//!
//! - An order's lots are what announced fills left of them.
//! - That an order is over follows from what its owner knows (time, own messages, the instrument), not from
//!   [`Effect::Lapsed`](novation_sequencer::Effect::Lapsed): the engine says nothing of an order that was filled whole, and that silence
//!   would tell.
//! - Why an order stayed out of a window is held back until that window's batch: the reason can count fills of
//!   earlier windows, and that there is a reason says that the order was not filled.
//!
//! Memory: batches, auctions and what is over of an account are kept up to the bounds below; open orders are bounded by the engine,
//! accounts and deposits by what opening one costs on L1.

mod account;
mod batches;
mod deposits;
mod ledger;

pub use account::{AccountBook, CommandRecord, OrderRecord, Over};
pub use batches::{BatchRecord, Stage};
pub use ledger::{Published, State};

use crate::wire::Event;
use novation_sequencer::durable::Observer;
use novation_sequencer::Effect;
use novation_state::ledger::Ledger;
use novation_state::markets::Markets;
use novation_state::units::{AccountSlot, Time};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::broadcast;

/// Batches kept with their public data, which takes 25 kB at the large size: 100 MB.
pub const KEPT_BATCHES: usize = 4_096;
/// Published auctions kept.
pub const KEPT_AUCTIONS: usize = 65_536;
/// Orders of an account kept after they are over.
pub const KEPT_ORDERS: usize = 1_024;
/// Fills of an account kept.
pub const KEPT_FILLS: usize = 4_096;
/// Commands of an account kept after they are over.
pub const KEPT_COMMANDS: usize = 256;
/// Events that a slow reader may lag behind.
pub const EVENTS: usize = 4_096;

/// What the venue publishes of its auctions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publication {
    /// Prices and lots.
    PricesAndLots,
    /// Prices.
    Prices,
    /// Nothing: everybody reads the own fills.
    Nothing,
}

/// An event on its way to the readers.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The only account whose owner may hear it; everybody if `None`.
    pub account: Option<AccountSlot>,
    /// The event.
    pub event: Event,
}

/// The read model, shared. Cheap to clone.
#[derive(Clone)]
pub struct Books {
    state: Arc<RwLock<State>>,
    events: broadcast::Sender<Arc<Notice>>,
}

impl Books {
    /// Before the first entry of a log that goes on from this ledger and these markets.
    pub fn new(ledger: &Ledger, markets: &Markets, publication: Publication) -> Books {
        let (events, _) = broadcast::channel(EVENTS);
        Books { state: Arc::new(RwLock::new(State::new(ledger, markets, publication))), events }
    }

    /// What the writer and the recovery tell of.
    pub fn observer(&self) -> Observer {
        let books = self.clone();
        Box::new(move |effects| books.hear(effects))
    }

    /// Takes in the effects of one log entry.
    pub fn hear(&self, effects: &[Effect]) {
        // Outside the lock: encrypting the leaves of a batch is by far the most work.
        let published = effects.iter().find_map(|effect| match effect {
            Effect::BatchReady(trace) => Some(Published::of(trace)),
            _ => None,
        });
        let notices = self.write().apply(effects, published);
        self.send(notices);
    }

    /// A batch reached a stage: as the node learns it, in any order. Later stages are taken back, as a reorganisation of L1
    /// does. A batch that is not kept is passed over.
    pub fn stage(&self, batch: u64, stage: Stage, time: Time) {
        let notice = self.write().batches.stage(batch, stage, time);
        self.send(notice.into_iter().collect());
    }

    /// What can be read. Hold it briefly: the writer waits.
    pub fn read(&self) -> RwLockReadGuard<'_, State> {
        // A panic while writing is a fault of ours; what was read before stays readable.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Notice>> {
        self.events.subscribe()
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, notices: Vec<Notice>) {
        for notice in notices {
            // Nobody listening is no error.
            drop(self.events.send(Arc::new(notice)));
        }
    }
}
