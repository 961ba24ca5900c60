//! The library half of the `novation` binary: the oracle role, tables, converters and the demo.

pub mod calendar;
pub mod convert;
pub mod instrument;
pub mod oracle;
pub mod tables;
