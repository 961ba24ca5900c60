//! Orders into windows, windows into auctions, auctions into batches. A pure core, and a shell that makes its log durable.
//!
//! The core: no I/O, no clock, no async, no floating point: every choice follows from the log of inputs and from the state, so that whoever
//! holds the log can repeat and check each of them.
//!
//! [`Engine::step`] is the whole of it: inputs in, effects out.
//!
//! ```text
//!  order, command ─► intake ─► log ─► book ──window──► admission ─► auctions ─► queue ──batch──► planner ─► ledger ─► circuit
//!  deposit ────────────────────┘                       (margin in the            (nothing is                 (trace)   (check)
//!  markets ────────────────────┘                        worst subset)             announced)                             │
//!                                                                                     fills and batch announced ◄───────┘
//! ```
//!
//! [`durable`] and [`jobs`] are the only modules with I/O: the one stores the log before anything leaves and gets the engine back from
//! it, the other deals batches out to provers.

mod admission;
pub mod auction;
mod book;
mod database;
mod decoys;
pub mod durable;
mod engine;
mod exposure;
mod intake;
pub mod io;
pub mod jobs;
mod load;
pub mod log;
mod planner;
mod queues;
pub mod reason;
#[cfg(test)]
mod testing;
mod view;
mod window;

pub use engine::{Backlog, Circuit, Config, Engine, NotAdmitted, WhatIf, HYPOTHETICAL};
pub use intake::well_formed;
pub use io::{Effect, Event, Execution, Input, SignedOrder};
