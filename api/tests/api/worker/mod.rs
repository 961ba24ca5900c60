//! Prover workers over real HTTP on loopback, with a circuit of a few constraints: what they get, what they are refused, and what happens when
//! they die.

mod node;
mod refusals;
mod remote;
