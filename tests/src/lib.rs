//! Whole-system tests: the auditor, end-to-end runs, benches.

pub mod auditor;
