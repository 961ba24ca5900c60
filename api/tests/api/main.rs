//! One program for all tests of this crate: each one of its own would link and compile the same code again.

mod bench;
mod client;
mod command_line;
mod common;
mod converters;
mod demo_tiny;
mod oracle_vectors;
mod privacy;
mod rest;
mod restart;
mod signing_vectors;
mod watch;
mod worker;
