//! What somebody sees who trusts nobody: the chain's calldata and events, the verifying key, and the viewing keys he was given.
//!
//! Nothing here asks the operator. Market leaves come from the oracle role's calldata and must have the root that the contract
//! accepted; batches come from calldata and are verified again; the accounts tree is built from the leaf hashes that batches
//! published and must have each batch's root; an account is read with its viewing key, and what was decrypted must hash to
//! the leaf that the proof is about.
//!
//! | file | what |
//! |---|---|
//! | [`watcher`] | follows L1 across reorgs |
//! | [`picture`] | what is known: final, accepted, reports, alarms; what is kept in memory |
//! | [`books`] | the state after a prefix of the chain, and every check of what comes next |
//! | [`distrust`] | why the contract is no longer believed |
//! | [`rules`], [`alarm`] | what is judged by time and money; alarms that stand and are over |
//! | [`view`], [`http`], [`metrics`] | JSON, routes, Prometheus |
//! | [`service`] | runs it: once, or until stopped |
//! | [`chain`] | batches and markets of a chain without reorgs, all of them kept, for demos and audits |
//! | [`unpack`] | words back into market leaves, balances and positions |
//! | [`open`] | an account's leaf, opened with its viewing key |
//! | [`audit`] | the audit line: money adds up, lots net to zero |
//! | [`recompute`] | the auditor: every account again from signed requests and L1 alone |

pub mod alarm;
pub mod audit;
pub mod books;
pub mod chain;
pub mod distrust;
pub mod http;
pub mod metrics;
pub mod open;
pub mod picture;
mod read;
pub mod recompute;
pub mod rules;
pub mod service;
pub mod unpack;
pub mod view;
pub mod watcher;

pub use alarm::{Alarm, Severity};
pub use distrust::Distrust;
pub use picture::Picture;
pub use rules::Limits;
pub use watcher::{Polled, Shared, WatchConfig, Watcher};
