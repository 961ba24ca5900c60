//! One sequencer a log.
//!
//! A process that was killed is not gone from its database: a server goes on with the commit that it was told, whoever told
//! it. If the next sequencer read the log before that commit, an entry would appear behind its back. So whoever opens
//! the log takes a lock that ends with the session, not with the process, and who cannot have it does not read.
//!
//! - PostgreSQL: a session's advisory lock, keyed by the schema that the log lies in. The server frees it when the session is over, which is after its
//!   last commit. It needs a session: a pooler that deals transactions out to sessions cannot stand in between.
//! - SQLite: a lock (`flock`) on a file beside the database's. Nothing in the database will do: its own exclusive mode would keep the
//!   job queue, backups and people's queries out as well; and the database's own file must not be opened by anybody but SQLite, which
//!   loses its locks when another descriptor of its process is closed. The commits happen in a thread that outlives its
//!   owner by a moment, so the lock belongs to a hook of the connection: it ends when SQLite lets go of the
//!   file, or with the process, by the kernel's hand.

use super::Database;
use crate::durable::store::StoreError;
use sqlx::SqliteConnection;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long an opening waits for a session that is dying: longer than PostgreSQL takes to find out that a client is gone.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(20);
/// First half of the advisory locks' keys; the second is the schema's object id.
const CLASS: i32 = 0x4e6f_7661;

/// Takes the log's lock for as long as the connection lasts.
///
/// # Errors
/// [`StoreError::Running`] if another session keeps it for all of `patience`.
pub(crate) async fn take(database: &mut Database, patience: Duration) -> Result<(), StoreError> {
    let start = Instant::now();
    while !attempt(database).await? {
        if start.elapsed() >= patience {
            return Err(StoreError::Running { waited: patience });
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

async fn attempt(database: &mut Database) -> Result<bool, StoreError> {
    match database {
        Database::Sqlite(connection, file) => lock_beside(connection, file).await,
        Database::Postgres(connection) => {
            // Without a schema the migrations fail a moment later, and say so.
            let text = "SELECT pg_try_advisory_lock($1, COALESCE(
                            (SELECT oid::int4 FROM pg_namespace WHERE nspname = current_schema()), 0))";
            Ok(sqlx::query_scalar(text).bind(CLASS).fetch_one(connection).await?)
        }
    }
}

async fn lock_beside(connection: &mut SqliteConnection, database: &Path) -> Result<bool, StoreError> {
    // One database has one lock, by whatever links it was named.
    let mut path = database.canonicalize().map_err(sqlx::Error::Io)?.into_os_string();
    path.push("-lock");
    // Never removed: a file that is locked while somebody makes another of its name guards nothing.
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(sqlx::Error::Io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        Err(TryLockError::Error(error)) => return Err(sqlx::Error::Io(error).into()),
    }
    connection.lock_handle().await?.set_commit_hook(move || {
        let _held = &file;
        true
    });
    Ok(true)
}
