//! The integration tests of this crate, as one program: each further one would link the EVM and the client again.

mod common;
mod devnet_chain;
mod devnet_http;
mod devnet_journal;
mod eip197;
mod groth16_files;
mod l1_contract;
mod l1_ledger;
mod l1_liar;
mod l1_reorg;
mod offline_check;
mod offline_refusals;
mod watch_alarms;
mod watch_chain;
mod watch_recompute;
