//! Where batches are on their way: for the read model, for Prometheus, for the log.

use super::{time, Now};
use crate::rest::{Books, Metrics, Stage};
use novation_state::units::Time;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use std::sync::Arc;

/// Tells everybody who has to know.
#[derive(Clone)]
pub struct Stages {
    books: Books,
    now: Now,
    proven: Gauge,
    accepted: Gauge,
    finalized: Gauge,
    gas: Counter,
    waits: Counter,
}

impl Stages {
    /// Tells `books`, and `metrics`.
    pub fn new(books: Books, metrics: &Arc<Metrics>, now: Now) -> Stages {
        let stages = Stages {
            books,
            now,
            proven: Gauge::default(),
            accepted: Gauge::default(),
            finalized: Gauge::default(),
            gas: Counter::default(),
            waits: Counter::default(),
        };
        metrics.register(|registry| {
            registry.register("batch_proven", "The last batch with a proof", stages.proven.clone());
            registry.register("batch_accepted", "The last batch that L1 accepted", stages.accepted.clone());
            registry.register("batch_final", "The last batch that is final on L1", stages.finalized.clone());
            registry.register("l1_gas", "Gas of submitted batches", stages.gas.clone());
            registry.register("l1_waits", "Times that submission to L1 had to wait", stages.waits.clone());
        });
        stages
    }

    /// A batch has reached a stage: now, or when the queue of proving jobs says, in milliseconds since 1970.
    pub fn tell(&self, batch: u64, stage: Stage, at: Option<u64>) {
        let number = i64::try_from(batch).unwrap_or(i64::MAX);
        match &stage {
            Stage::Proven { .. } => drop(self.proven.set(number)),
            Stage::Submitted { .. } => {}
            Stage::Accepted { .. } => drop(self.accepted.set(number)),
            Stage::Final { .. } => drop(self.finalized.set(number)),
        }
        let now = time(&self.now);
        // The queue has a clock of its own: the machine's, also in a demo.
        let at = at.and_then(|at| Time::new(i64::try_from(at / 1_000).ok()?).ok());
        self.books.stage(batch, stage, at.map_or(now, |at| at.min(now)));
    }

    /// What a submission cost.
    pub fn cost(&self, gas: u64) {
        self.gas.inc_by(gas);
    }

    /// Submission waits.
    pub fn wait(&self) {
        self.waits.inc();
    }
}
