//! Ledger rules, exact and in integers: units, hashing, trees, margin, transition, public data.
//!
//! Pure and deterministic: no I/O, no clock, no async, no floating point. Every rule is defined here once; `novation-circuits`
//! proves the same rule.

pub mod crypto;
pub mod leaf;
pub mod math;
pub mod message;
pub mod public_data;
pub mod seal;
pub mod size;
pub mod tags;
pub mod trace;
pub mod tree;
pub mod units;
