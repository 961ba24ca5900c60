//! The log in SQLite or PostgreSQL.

use super::row::Row;
use super::store::{Base, Store, StoreError};
use crate::database::{lock, on, Database};
use sqlx::{Connection, QueryBuilder};
use std::time::Duration;

/// Rows in a statement: 7 values each, below SQLite's 32,766 and PostgreSQL's 65,535.
const ROWS: usize = 1_000;

/// The log in a database. Nobody else has one of it while this lives.
pub struct SqlStore {
    database: Database,
}

/// Position, time, kind, body, root, seal, submission.
type Columns = (i64, i64, i16, Vec<u8>, Vec<u8>, Vec<u8>, Option<Vec<u8>>);
/// Deployment, position, root, ledger, markets.
type BaseColumns = (Vec<u8>, i64, Vec<u8>, Vec<u8>, Vec<u8>);

impl SqlStore {
    /// Opens `sqlite:FILE`, made if it does not exist, or `postgres://USER@HOST/DATABASE`, takes the log's lock and brings
    /// the layout up to date. Waits up to 20 seconds for another session to let go of the lock: one that was killed is gone
    /// in a moment, one whose machine was lost in fifteen seconds.
    ///
    /// SQLite runs with a write-ahead log that is synced at every commit; PostgreSQL with `synchronous_commit` on.
    ///
    /// # Errors
    /// [`StoreError`]. A database that would lose commits with the power is refused.
    pub async fn open(url: &str) -> Result<SqlStore, StoreError> {
        SqlStore::open_within(url, lock::PATIENCE).await
    }

    /// As [`SqlStore::open`], with another patience.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_within(url: &str, patience: Duration) -> Result<SqlStore, StoreError> {
        let mut database = Database::connect(url, "novation sequencer").await?;
        lock::take(&mut database, patience).await?;
        database.migrate().await?;
        Ok(SqlStore { database })
    }

    /// Closes the connection; without it the database finds out by itself.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn close(self) -> Result<(), StoreError> {
        self.database.close().await
    }
}

impl Store for SqlStore {
    async fn base(&mut self, fresh: &Base) -> Result<Base, StoreError> {
        let write = "INSERT INTO log_base (one, deployment, position, root, ledger, markets)
                     VALUES (1, $1, $2, $3, $4, $5) ON CONFLICT (one) DO NOTHING";
        let read = "SELECT deployment, position, root, ledger, markets FROM log_base WHERE one = 1";
        let columns: BaseColumns = on!(self.database, connection: DB => {
            sqlx::query(write)
                .bind(&fresh.deployment[..])
                .bind(stored(fresh.position))
                .bind(&fresh.root[..])
                .bind(&fresh.ledger[..])
                .bind(&fresh.markets[..])
                .execute(&mut *connection)
                .await?;
            sqlx::query_as(read).fetch_one(&mut *connection).await?
        });
        let (deployment, position, root, ledger, markets) = columns;
        let hash = |column, bytes: Vec<u8>| word(position, column, bytes);
        Ok(Base {
            deployment: hash("deployment", deployment)?,
            position: natural(position, "position")?,
            root: hash("root", root)?,
            ledger: hash("ledger", ledger)?,
            markets: hash("markets", markets)?,
        })
    }

    async fn append(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        let Some(first) = rows.first().map(|row| row.position) else { return Ok(()) };
        let written: Result<(), sqlx::Error> = on!(self.database, connection: DB => async {
            let mut transaction = connection.begin().await?;
            for rows in rows.chunks(ROWS) {
                let mut insert =
                    QueryBuilder::<DB>::new("INSERT INTO log (position, time, kind, body, root, seal, submission) ");
                insert.push_values(rows, |mut values, row| {
                    values.push_bind(stored(row.position));
                    values.push_bind(row.time);
                    values.push_bind(i16::from(row.kind));
                    values.push_bind(&row.body[..]);
                    values.push_bind(&row.root[..]);
                    values.push_bind(&row.seal[..]);
                    values.push_bind(row.submission.as_ref().map(|key| &key[..]));
                });
                // Not kept prepared: there are as many such statements as there are sizes of a group.
                insert.build().persistent(false).execute(&mut *transaction).await?;
            }
            transaction.commit().await
        }.await);
        written.map_err(|error| match error {
            sqlx::Error::Database(ref reason) if reason.is_unique_violation() => StoreError::Taken { first },
            other => StoreError::Database(other),
        })
    }

    async fn read(&mut self, after: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        let read = "SELECT position, time, kind, body, root, seal, submission FROM log
                    WHERE position > $1 ORDER BY position LIMIT $2";
        let rows: Vec<Columns> = on!(self.database, connection: DB => {
            sqlx::query_as(read).bind(stored(after)).bind(i64::from(limit)).fetch_all(connection).await?
        });
        rows.into_iter().map(row).collect()
    }

    async fn find(&mut self, submissions: &[[u8; 32]]) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        for some in submissions.chunks(ROWS) {
            let rows: Vec<Columns> = on!(self.database, connection: DB => {
                let mut query = QueryBuilder::<DB>::new(
                    "SELECT position, time, kind, body, root, seal, submission FROM log WHERE submission IN (",
                );
                let mut list = query.separated(", ");
                for submission in some {
                    list.push_bind(&submission[..]);
                }
                query.push(")");
                query.build_query_as().persistent(false).fetch_all(connection).await?
            });
            found.extend(rows.into_iter().map(row).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(found)
    }
}

fn row((position, time, kind, body, root, seal, submission): Columns) -> Result<Row, StoreError> {
    Ok(Row {
        position: natural(position, "position")?,
        time,
        kind: u8::try_from(kind).map_err(|_| StoreError::Column { position, column: "kind" })?,
        body,
        root: word(position, "root", root)?,
        seal: word(position, "seal", seal)?,
        submission: submission.map(|key| word(position, "submission", key)).transpose()?,
    })
}

/// Positions as the databases have them. One entry a nanosecond reaches 2^63 after 292 years.
fn stored(position: u64) -> i64 {
    i64::try_from(position).expect("positions stay below 2^63")
}

fn natural(position: i64, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(position).map_err(|_| StoreError::Column { position, column })
}

fn word(position: i64, column: &'static str, bytes: Vec<u8>) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Column { position, column })
}
