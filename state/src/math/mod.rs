//! The accounting rules of an account, in exact integers.
//!
//! Everything is an `i128` inside; the bound beside each product says why it cannot overflow. Lots are below 2^40, values, risk
//! entries and charges of a lot below 2^57, positions at most 64 = 2^6, cash below 2^106.

pub mod fill;
pub mod margin;
pub mod value;

/// Oldest mark, in seconds, at which an instrument may still be traded.
pub const MAX_MARK_AGE: i64 = 900;
