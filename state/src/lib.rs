//! Ledger rules, exact and in integers: units, hashing, trees, margin, transition, public data.
//!
//! Pure and deterministic: no I/O, no clock, no async, no floating point. Every rule is defined here once; `novation-circuits`
//! proves the same rule.

pub mod account;
pub mod crypto;
pub mod leaf;
pub mod ledger;
pub mod markets;
pub mod math;
pub mod message;
pub mod public_data;
pub mod reject;
pub mod seal;
pub mod size;
pub mod tags;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
pub mod trace;
pub mod transition;
pub mod tree;
pub mod units;
