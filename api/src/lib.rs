//! The library half of the `novation` binary: it composes the other crates and has no rules of its own.
//!
//! | module | what |
//! |---|---|
//! | [`oracle`] | the oracle role's model; the only floating point of the workspace |
//! | [`tables`], [`convert`] | orders and quotes as CSV; real chains and order flow as such tables |
//! | [`demo`] | the main job from end to end |
//! | [`rest`], [`wire`] | the service over HTTP, and its JSON |
//! | [`worker`] | provers on other machines |
//! | [`node`] | the rollup as a service |
//! | [`client`] | the trader's side: wallet, signed messages over REST, checks of what comes back |
//! | [`cli`], [`commands`] | the command line |

pub mod calendar;
pub mod cli;
pub mod client;
pub mod commands;
pub mod convert;
pub mod demo;
pub mod instrument;
pub mod node;
pub mod oracle;
pub mod rest;
pub mod tables;
pub mod wire;
pub mod worker;
