//! The `novation` command.
fn main() {}
