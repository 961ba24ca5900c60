//! The client of the L1 contracts: deploy, deposit, submit, claim, and read events across reorgs, on any alloy provider.

pub mod bindings;
mod client;
mod convert;
mod deposits;
mod error;
mod follow;
mod submission;

pub use client::{Circuit, DeployParams, DepositRequest, DEFAULT_WAIT, L1, MAX_TRANSACTION_GAS};
pub use convert::word;
pub use deposits::{DepositReader, QueuedDeposit};
pub use error::{L1Error, Revert};
pub use follow::{BlockRef, Event, Follower, Step, DEFAULT_PAGE, MAX_UNFINAL};
pub use submission::{Known, Submission, SubmissionError};

#[cfg(feature = "devnet")]
pub(crate) use client::{create, send};
