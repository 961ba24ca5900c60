//! The engine from outside: inputs in, effects out, and an auditor that believes nothing it is told.

mod auditor;
mod capacity;
mod commands;
mod durable;
mod harness;
mod orders;
mod random;
mod what_if;
