//! The port behind which the log is stored.

use super::row::Row;
use std::future::Future;
use std::time::Duration;

/// What a log goes on from. Written when the log is, and compared at every start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// The deployment's id.
    pub deployment: [u8; 32],
    /// Position of the last entry before this log, 0 for a new deployment.
    pub position: u64,
    /// The log's root there.
    pub root: [u8; 32],
    /// The ledger's root there.
    pub ledger: [u8; 32],
    /// The markets' root there.
    pub markets: [u8; 32],
}

/// Why the store did not do as it was told.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no database that is known here.
    #[error("a store is sqlite:FILE or postgres://HOST/DATABASE, not {scheme}:")]
    Scheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// What a commit promises would not survive a loss of power.
    #[error("{setting} is {found}, which does not keep commits through a loss of power: it must be {wanted}")]
    NotDurable {
        /// The database's setting.
        setting: &'static str,
        /// Its value.
        found: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// Another session holds the log's lock.
    #[error("another sequencer is running on this log: it has not let go of it in {} s", waited.as_secs_f64())]
    Running {
        /// How long the opening waited.
        waited: Duration,
    },
    /// Somebody else has written an entry at one of these positions: two sequencers run on one log. Nothing was
    /// written.
    #[error("the log has an entry at one of the positions from {first}: does another sequencer write to it?")]
    Taken {
        /// The first position that was to be written.
        first: u64,
    },
    /// A column holds what nobody writes there.
    #[error("column {column} of the row at position {position} holds what was never written")]
    Column {
        /// The row's position as stored.
        position: i64,
        /// The column.
        column: &'static str,
    },
    /// The database's layout could not be brought up to date.
    #[error("migrating the database: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Anything else that the database says.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}

/// Where the log lies. One owner writes: a second one is refused when it opens the log, and if it came in by another way, at its
/// first append.
pub trait Store: Send + 'static {
    /// The log's base: `fresh`, durably written, if there was none.
    fn base(&mut self, fresh: &Base) -> impl Future<Output = Result<Base, StoreError>> + Send;

    /// Appends rows, all or none. They survive a loss of power once this has returned `Ok`; after an error nobody
    /// knows whether they were written, except for [`StoreError::Taken`]: they were not.
    fn append(&mut self, rows: &[Row]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// At most `limit` rows behind a position, in order.
    fn read(&mut self, after: u64, limit: u32) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send;

    /// The rows of these submissions, as far as there are any, in any order.
    fn find(&mut self, submissions: &[[u8; 32]]) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send;
}
