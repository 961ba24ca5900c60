//! Provers on other machines: what the node deals out to them over HTTP, and the other end.
//!
//! ```text
//!  node                                                          GPU box
//!  jobs, witnesses ── Desk ─┬─ routes ◄── HTTP, token ──► Remote ── Worker ── proves
//!   statement, key ─────────┘
//!                           └─ Local ── Worker, in the node's process
//! ```
//!
//! - [`Desk`]: everything that is checked, once for both ways. A proof is verified against the node's own statement of the batch before it counts.
//! - [`router`]: `/worker/v1/..`, for whoever shows the token.
//! - [`Remote`], [`Local`]: where a [`Worker`](novation_prover::worker::Worker) gets its jobs.
//!
//! | route | what |
//! |---|---|
//! | `GET /worker/v1/circuit` | circuit and verifying key that proofs are wanted for |
//! | `GET /worker/v1/key` | the proving key's file |
//! | `POST /worker/v1/claim` | `{worker}`: a job, or 204 |
//! | `GET /worker/v1/jobs/{batch}/{attempt}/witness` | the witness, to who holds the job |
//! | `POST /worker/v1/jobs/{batch}/{attempt}/heartbeat` | extends the lease |
//! | `POST /worker/v1/jobs/{batch}/{attempt}/proof` | `{worker, proof}`: delivers |
//! | `POST /worker/v1/jobs/{batch}/{attempt}/give_up` | `{reason}`: the job failed |
//! | `POST /worker/v1/jobs/{batch}/{attempt}/hand_back` | the worker stops, nothing is wrong with the job |
//!
//! PRIVACY: whoever has the token reads the accounts of every batch that it proves (protocol section 1). It can delay batches by
//! claiming jobs, and it can prove nothing that is not so.

mod desk;
mod local;
mod remote;
mod routes;
mod setup;
mod stream;
mod token;
mod wire;

pub use desk::{witness_name, Desk, DeskError, Setting};
pub use local::{Local, Logged, Progress};
pub use remote::{Remote, RemoteError};
pub use routes::router;
pub use setup::{prepare, PrepareError};
pub use token::{Token, TokenError, MIN_TOKEN};
pub use wire::{CircuitView, JobView, WORKER_NAME_RULE};
