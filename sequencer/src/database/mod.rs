//! SQLite or PostgreSQL: one connection, one set of migrations, one text of every statement.
//!
//! Two parts of the program work on one database, each over a connection of its own: the log's writer, which holds the
//! log's [lock](lock) for life, and the queue of proving jobs, which needs none.

use crate::durable::store::StoreError;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, PgConnection, SqlSafeStr, SqliteConnection};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

pub(crate) mod lock;

/// How long SQLite waits for another connection that holds the file, a backup for example.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection.
pub(crate) enum Database {
    /// SQLite, and the file.
    Sqlite(SqliteConnection, PathBuf),
    /// PostgreSQL.
    Postgres(PgConnection),
}

/// The same work on either connection: two types, one text.
macro_rules! on {
    ($database:expr, $connection:ident: $DB:ident => $work:expr) => {
        match &mut $database {
            $crate::database::Database::Sqlite($connection, _) => {
                #[allow(dead_code, reason = "not every statement names its database")]
                type $DB = sqlx::Sqlite;
                $work
            }
            $crate::database::Database::Postgres($connection) => {
                #[allow(dead_code, reason = "not every statement names its database")]
                type $DB = sqlx::Postgres;
                $work
            }
        }
    };
}
pub(crate) use on;

impl Database {
    /// Connects to `sqlite:FILE`, made if it does not exist, or `postgres://USER@HOST/DATABASE`. Nothing is written yet.
    ///
    /// SQLite runs with a write-ahead log that is synced at every commit; PostgreSQL with `synchronous_commit` on.
    ///
    /// # Errors
    /// [`StoreError`]. A database that would lose commits with the power is refused.
    pub async fn connect(url: &str, name: &str) -> Result<Database, StoreError> {
        let scheme = url.split(':').next().unwrap_or_default();
        let mut database = match scheme {
            "sqlite" => {
                let options = SqliteConnectOptions::from_str(url)?
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .busy_timeout(PATIENCE);
                let file = options.get_filename().to_owned();
                Database::Sqlite(options.connect().await?, file)
            }
            "postgres" | "postgresql" => {
                // Who vanishes without a word, with its machine or its network, is found out by the server within some
                // fifteen seconds instead of hours: its locks are wanted. On a socket of the same machine the kernel
                // tells, and these mean nothing.
                let options = PgConnectOptions::from_str(url)?.application_name(name).options([
                    ("synchronous_commit", "on"),
                    ("tcp_keepalives_idle", "5"),
                    ("tcp_keepalives_interval", "3"),
                    ("tcp_keepalives_count", "3"),
                    ("tcp_user_timeout", "14000"),
                ]);
                Database::Postgres(options.connect().await?)
            }
            other => return Err(StoreError::Scheme { scheme: other.to_owned() }),
        };
        database.check_durability().await?;
        Ok(database)
    }

    /// Asks the database instead of trusting the options: a file in memory has no write-ahead log, a server may run
    /// without syncing.
    async fn check_durability(&mut self) -> Result<(), StoreError> {
        let (setting, wanted, found) = match self {
            Database::Sqlite(connection, _) => {
                let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await?;
                ("journal_mode", "wal", mode)
            }
            Database::Postgres(connection) => {
                let sync: String = sqlx::query_scalar("SHOW fsync").fetch_one(&mut *connection).await?;
                ("fsync", "on", sync)
            }
        };
        if found == wanted {
            Ok(())
        } else {
            Err(StoreError::NotDurable { setting, found, wanted })
        }
    }

    /// Brings the layout up to date.
    ///
    /// # Errors
    /// [`StoreError::Migrate`].
    pub async fn migrate(&mut self) -> Result<(), StoreError> {
        let migration = |version, name: &'static str, text: &'static str| {
            Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
        };
        let log = migration(1, "log", include_str!("../../migrations/0001_log.sql"));
        let proving = migration(2, "proving", include_str!("../../migrations/0002_proving.sql"));
        let finished = migration(3, "finished", include_str!("../../migrations/0003_finished.sql"));
        let migrator = Migrator::with_migrations(vec![log, proving, finished]);
        // `run_direct` and not `run`, whose bounds make futures that cannot be spawned.
        match self {
            Database::Sqlite(connection, _) => {
                // The migrator keeps others out on PostgreSQL and leaves it to us on SQLite.
                let mut alone = connection.begin_with("BEGIN IMMEDIATE").await?;
                migrator.run_direct(None, &mut *alone, false).await?;
                alone.commit().await?;
            }
            Database::Postgres(connection) => migrator.run_direct(None, connection, false).await?,
        }
        Ok(())
    }

    /// Closes the connection.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn close(self) -> Result<(), StoreError> {
        match self {
            Database::Sqlite(connection, _) => connection.close().await?,
            Database::Postgres(connection) => connection.close().await?,
        }
        Ok(())
    }
}
