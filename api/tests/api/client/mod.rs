//! The client against a venue that says what the tests want: the truth, nothing at all, or lies.

mod account;
mod command_line;
mod events;
mod kit;
mod messages;
mod real;
