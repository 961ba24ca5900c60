//! The durable log from outside: nothing acknowledged is ever lost, nothing unacknowledged is ever said, on every
//! database.

mod crash;
mod failures;
mod load;
mod lock;
mod places;
mod recovery;
mod stores;
mod writer;
