//! Shared by the integration tests of this crate.

pub mod batches;
pub mod chains;
pub mod evm;
pub mod setup;
pub mod trapdoor;
pub mod venue;
