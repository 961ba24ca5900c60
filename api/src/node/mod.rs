//! The rollup as a service: what `novation node` runs, and what the demo and the tests drive by hand.
//!
//! ```text
//!   traders ── REST, WebSocket ──► rest ──► sequencer::durable (log, engine) ──► rest::Books, pipeline
//!   L1 ── final deposits ──► deposits ──────────▲   ▲   ▲
//!   clock ── windows, batches ──► cadence ──────────┘   │        pipeline ── traces ──► proving ── jobs ──► workers
//!   quotes ── marks ──► rounds ─────────────────────────┘        pipeline ── rounds, proven batches ──► submit ──► L1
//! ```
//!
//! | file | what |
//! |---|---|
//! | [`settings`], [`secrets`] | what an operator sets and keeps |
//! | [`chain`], [`deploy`] | L1: embedded or by URL, and the contracts there |
//! | [`pipeline`] | what the log says has to reach L1 |
//! | [`submit`] | submission, with retries and reorgs |
//! | [`deposits`], [`rounds`], [`cadence`], [`proving`] | the other tasks |
//! | [`service`] | all of it as one thing |
//! | [`market`] | a made-up market |
//! | [`stages`] | where batches are on their way |
//!
//! Tasks fail in two ways. What passes (L1 or the database does not answer) is waited out and said. What a person has to look at stops the
//! whole node: a supervisor starts it again, and it goes on from its log.

pub mod cadence;
pub mod chain;
pub mod deploy;
pub mod deposits;
pub mod market;
pub mod pipeline;
pub mod proving;
pub mod rounds;
pub mod secrets;
pub mod service;
pub mod settings;
pub mod stages;
pub mod submit;

use crate::worker::{DeskError, TokenError};
use chain::Chain;
use novation_circuits::batch as circuit;
use novation_sequencer::durable::{
    recover, Ending, Handle, Limits, Observer, RecoveryError, SqlStore, StoreError, Writer,
};
use novation_sequencer::{Config, Effect, Engine};
use novation_state::ledger::{Deployment, Ledger};
use novation_state::markets::Markets;
use novation_state::public_data::PublicData;
use novation_state::trace::BatchTrace;
use novation_state::units::Time;
use novation_verifier::devnet::{HttpError, JournalError, RpcError};
use novation_verifier::l1::L1Error;
use secrets::{Secrets, SecretsError};
use settings::{Settings, SettingsError};
use std::path::PathBuf;
use std::sync::Arc;

/// The clock, in Unix seconds.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The system's clock.
pub fn wall_clock() -> Now {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    })
}

/// How a task fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Worth trying again.
    #[error("{0}")]
    Passing(String),
    /// A person has to look.
    #[error("{0}")]
    Fatal(String),
}

/// Why a node does not start, or has stopped.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Secrets.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// A file or an address.
    #[error("{what}: {reason}")]
    Io {
        /// What was done.
        what: String,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The file that says which chain the embedded one is.
    #[error("{file}: {reason}: put the right file back, or start in another data folder")]
    Kept {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// `l1.url` is no URL.
    #[error("l1.url = `{url}` is no URL like https://host:8545")]
    Url {
        /// What was set.
        url: String,
    },
    /// A role's key.
    #[error("{variable} {what}: the {role} role on L1 signs with it (32 bytes in hexadecimal)")]
    RoleKey {
        /// The role.
        role: &'static str,
        /// The environment variable.
        variable: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// The embedded chain's journal.
    #[error("the embedded L1: {0}")]
    Journal(#[from] JournalError),
    /// The embedded chain.
    #[error("the embedded L1: {0}")]
    Rpc(#[from] RpcError),
    /// Its server.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The backend.
    #[error(transparent)]
    Backend(#[from] novation_gpu::Error),
    /// The proving key.
    #[error(transparent)]
    Key(#[from] novation_prover::batch::OpenError),
    /// The token of prover workers.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The proving queue.
    #[error("the proving queue: {0}")]
    Desk(#[from] DeskError),
    /// The log's database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log.
    #[error("the log cannot be gone on with: {0}")]
    Recovery(#[from] RecoveryError),
    /// A task met something that a person has to look at.
    #[error("{task} stopped: {reason}")]
    Task {
        /// Which.
        task: &'static str,
        /// Why.
        reason: String,
    },
}

/// A log that was gone on with, and what it leaves to be done.
pub struct Core {
    /// Where to submit.
    pub handle: Handle,
    /// The writer's end.
    pub ending: Ending<SqlStore>,
    /// Entries that were replayed.
    pub entries: u64,
    /// Batches without an accepted proof, oldest first.
    pub unproven: Vec<BatchTrace>,
}

/// The ledger before the first batch of a deployment.
pub fn genesis(secrets: &Secrets, chain: &Chain) -> Ledger {
    let deployment = Deployment::new(chain.l1.chain(), chain.l1.contract().into());
    Ledger::genesis(deployment, secrets.house().public())
}

/// Opens the log, replays it into an engine and starts the writer. `hear` is told of everything in the log, from its beginning.
///
/// # Errors
/// [`NodeError`].
pub async fn open(
    settings: &Settings,
    secrets: &Secrets,
    chain: &Chain,
    now: Now,
    hear: impl FnMut(&[Effect]) + Send + 'static,
) -> Result<Core, NodeError> {
    let ledger = genesis(secrets, chain);
    let log_root = novation_sequencer::log::Head::genesis(ledger.deployment().id).root;
    let config = Config {
        size: settings.circuit()?,
        max_unproven: settings.cadence.max_unproven,
        secret: secrets.sequencer(),
        circuit: Box::new(|trace| circuit::check(trace, &PublicData::of(trace)).map_err(|e| e.to_string())),
    };
    let engine = Engine::new(config, ledger, Markets::new(), log_root);
    let mut store = SqlStore::open(&settings.database_url()).await?;
    let mut observer: Observer = Box::new(hear);
    let mut recovered = recover(&mut store, engine, chain.anchor().await?, &mut observer).await?;
    let unproven = std::mem::take(&mut recovered.unproven).into();
    let entries = recovered.entries;
    let clock = move || time(&now);
    let (handle, ending) =
        Writer::spawn(store, recovered, secrets.receipts(), Box::new(clock), observer, Limits::default());
    Ok(Core { handle, ending, entries, unproven })
}

/// The clock's time as the log has it.
pub fn time(now: &Now) -> Time {
    Time::new(now()).unwrap_or(Time::ZERO)
}
