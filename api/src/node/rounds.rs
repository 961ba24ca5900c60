//! The oracle role of a node: a round of marks at fixed distances, to the sequencer; submission takes it to L1.

use super::market;
use super::pipeline::Pipeline;
use super::{Failure, Now};
use crate::instrument::Terms;
use crate::oracle::rounds::{Oracle, Snapshot};
use novation_sequencer::durable::Handle;
use novation_sequencer::Event;
use std::time::Duration;

/// The role.
pub struct Role {
    oracle: Oracle,
    handle: Handle,
    pipeline: Pipeline,
}

impl Role {
    /// Takes up what the log has.
    pub fn new(handle: Handle, pipeline: Pipeline) -> Role {
        Role { oracle: Oracle::new(), handle, pipeline }
    }

    /// What is listed.
    pub fn oracle(&self) -> &Oracle {
        &self.oracle
    }

    /// Posts a round. On a failure nothing has changed.
    ///
    /// # Errors
    /// [`Failure::Passing`] with the reason of oracle or engine.
    pub async fn post(&mut self, snapshot: &Snapshot, new: &[Terms]) -> Result<(), Failure> {
        self.take_up()?;
        let mut next = self.oracle.clone();
        let changes = next.round(snapshot, new).map_err(|reason| Failure::Passing(reason.to_string()))?;
        self.handle.event(Event::Markets(changes)).await?;
        self.take_up()
    }

    /// What was posted is what the log says was posted, by this process or by one before.
    fn take_up(&mut self) -> Result<(), Failure> {
        let posted = self.pipeline.take_posted();
        self.oracle.restore(&posted).map_err(|reason| Failure::Fatal(reason.to_string()))
    }

    /// Posts rounds of the made-up market for ever, `seconds` apart, on a grid that restarts keep.
    ///
    /// # Errors
    /// [`Failure::Fatal`].
    pub async fn run(mut self, now: Now, seconds: u64) -> Result<(), Failure> {
        let step = i64::try_from(seconds).expect("checked with the settings");
        loop {
            self.take_up()?;
            let last = self.oracle.listed().map(|(_, _, leaf)| leaf.mark_time.get()).max();
            let due = last.map_or(0, |last| (last.div_euclid(step) + 1) * step);
            let wait = due - now();
            if wait > 0 {
                tokio::time::sleep(Duration::from_secs(wait as u64)).await;
                continue;
            }
            let time = now();
            let new = market::to_list(time, &self.oracle);
            match self.post(&market::snapshot(time, &self.oracle, &new), &new).await {
                Ok(()) if new.is_empty() => tracing::debug!("marks posted"),
                Ok(()) => tracing::info!(listed = new.len(), "marks posted, instruments listed"),
                Err(Failure::Passing(reason)) => {
                    tracing::warn!(%reason, "the round of marks is skipped");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(fatal) => return Err(fatal),
            }
        }
    }
}
