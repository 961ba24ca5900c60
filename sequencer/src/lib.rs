//! Orders into windows, windows into auctions, auctions into batches. Pure core.
//!
//! No I/O, no clock, no async, no floating point: every choice follows from the log of inputs and from the state, so that whoever
//! holds the log can repeat and check each of them.

pub mod auction;
