//! The engine from outside: inputs in, effects out, and an auditor that believes nothing it is told.

mod harness;
mod random;
