//! The batch circuit under attack.
//!
//! * `rejections`: every rule of the ledger, broken, fails a named constraint.
//! * `named_attacks`: every attack that the design names, each with what it is stopped by.
//! * `named_words`: every public word, changed.
//! * `shared_cases`: the ledger's own cases, on both sides of every bound.

mod kit;
mod named_attacks;
mod named_words;
mod rejections;
mod shared_cases;
