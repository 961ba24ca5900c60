//! Shared by the integration tests of this crate.
#![allow(dead_code)] // each test binary uses its own part

pub mod trapdoor;
