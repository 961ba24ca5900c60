//! Gadgets: statements that know no ledger.

pub mod bits;
pub mod poseidon;
