//! The engine with a durable log: what it has answered survives the process, the machine and the power.
//!
//! ```text
//!            bounded queue          group              one transaction, synced
//!  Handle ───────────────► Writer ─────────► Engine ──────────────► Store ───► receipts, observer
//!    ▲   Busy if full                         step                    │
//!    └── signs receipts                         ▲        recover      │
//!                                               └─────────────────────┘
//! ```
//!
//! - [`codec`]: an input as versioned, canonical bytes.
//! - [`row`]: an entry as it is stored, under two chains of hashes.
//! - [`store`], [`sql`]: the port, and SQLite or PostgreSQL behind it, which one sequencer holds at a time.
//! - [`recovery`]: replay of the log into a fresh engine.
//! - [`writer`]: the one owner of the engine; nothing leaves it before the log has it.
//! - [`receipt`]: what a trader gets, signed by the operator.
//!
//! An input that is refused leaves no trace. One that was taken in and whose answer got lost is answered again when
//! it is sent again: the same order gets the same receipt, byte for byte.

pub mod codec;
pub mod receipt;
pub mod recovery;
pub mod row;
pub mod sql;
pub mod store;
pub mod writer;

pub use receipt::SignedReceipt;
pub use recovery::{recover, Observer, Recovered, RecoveryError};
pub use sql::SqlStore;
pub use store::{Store, StoreError};
pub use writer::{Clock, Ending, Handle, Limits, SubmitError, Writer};
