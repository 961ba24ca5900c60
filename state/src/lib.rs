//! Ledger rules, exact and in integers: units, hashing, trees, margin, transition, public data.

pub mod crypto;
