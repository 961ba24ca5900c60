//! The service over real HTTP: every route, every refusal, and what nobody may learn before its batch.

mod events;
mod harness;
mod limits;
mod messages;
mod privacy;
mod public;
mod reads;
mod restart;
mod wire;
