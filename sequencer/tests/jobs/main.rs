//! The queue of proving jobs from outside, on every database: one holder a job, one outcome a job, nothing left behind.

mod crowd;
#[path = "../durable/places.rs"]
#[allow(dead_code, reason = "the tests of the log use the rest")]
mod places;
mod queue;

use novation_sequencer::jobs::{Clock, SqlJobs};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// A clock that stands still until it is told.
#[derive(Clone)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn new() -> Hand {
        Hand(Arc::new(AtomicU64::new(1_000_000)))
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn forward(&self, milliseconds: u64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let hand = self.clone();
        Box::new(move || hand.now())
    }

    async fn open(&self, url: &str) -> SqlJobs {
        SqlJobs::open(url, self.clock()).await.unwrap()
    }
}
