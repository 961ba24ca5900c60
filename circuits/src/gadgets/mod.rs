//! Gadgets: statements that know no ledger.

pub mod babyjub;
pub mod bits;
pub mod eddsa;
pub mod merkle;
pub mod poseidon;
