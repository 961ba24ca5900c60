//! Arithmetic of the ledger rules.

/// Oldest mark, in seconds, at which an instrument may still be traded.
pub const MAX_MARK_AGE: i64 = 900;
