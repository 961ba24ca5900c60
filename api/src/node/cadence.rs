//! When windows end and batches are made: windows on a fixed grid, batches when one is full or its time has come.

use super::settings::Cadence;
use super::{Failure, Now};
use crate::rest::Metrics;
use novation_sequencer::durable::{Handle, SubmitError};
use novation_sequencer::reason::Refused;
use novation_sequencer::Event;
use std::sync::Arc;
use std::time::Duration;

/// What keeps windows or batches from being, as the log line says it once.
#[derive(Default)]
struct Said(Option<String>);

impl Said {
    fn say(&mut self, what: &str, reason: &Refused) {
        let text = reason.to_string();
        if self.0.as_ref() != Some(&text) {
            match reason {
                Refused::Unsatisfied(_) | Refused::BatchRefused(_) => tracing::error!(reason = text, "{what} waits"),
                _ => tracing::info!(reason = text, "{what} waits"),
            }
            self.0 = Some(text);
        }
    }
}

/// Ends windows and makes batches for ever.
///
/// # Errors
/// [`Failure::Fatal`] when the writer has ended.
pub async fn run(handle: Handle, cadence: Cadence, metrics: Arc<Metrics>, now: Now) -> Result<(), Failure> {
    let seconds = |n: u64| i64::try_from(n).expect("checked with the settings");
    let (window, batch) = (seconds(cadence.window_seconds), seconds(cadence.batch_seconds));
    let (mut windows, mut batches) = (Said::default(), Said::default());
    let mut last_batch = now();
    loop {
        // A grid of wall-clock time: a window lasts as long after a restart as before, and nobody shifts it by waiting.
        let wait = window - now().rem_euclid(window);
        tokio::time::sleep(Duration::from_secs(wait as u64)).await;
        match handle.event(Event::Window).await {
            Ok(_) => windows = Said::default(),
            Err(SubmitError::Refused(reason)) => windows.say("the window", &reason),
            Err(error) => return Err(error.into()),
        }
        let (backlog, full) = handle.inspect(|engine| (engine.backlog(), engine.batch_is_full())).await?;
        let due = now() >= last_batch + batch;
        metrics.set_backlog(backlog);
        let waiting = backlog.windows + backlog.deposits + backlog.commands;
        if waiting == 0 || !(full || due) {
            continue;
        }
        match handle.event(Event::Batch).await {
            Ok(_) => {
                batches = Said::default();
                last_batch = now();
            }
            Err(SubmitError::Refused(reason)) => {
                batches.say("the batch", &reason);
                // One that was refused for what is in it would be refused again: not with every window.
                if !matches!(reason, Refused::Unproven { .. }) {
                    last_batch = now();
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}
