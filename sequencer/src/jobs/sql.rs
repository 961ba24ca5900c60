//! The queue in SQLite or PostgreSQL, over a connection of its own: the log's is busy, and its lock is not needed here.

use super::{pause, Claim, Clock, Completed, GivenUp, Job, JobError, Jobs, Stage, Ticket};
use crate::database::{on, Database};
use crate::durable::StoreError;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

/// The queue.
pub struct SqlJobs {
    url: String,
    clock: Clock,
    /// None after an error: the next call connects again.
    database: Mutex<Option<Database>>,
}

/// Runs one statement and gives the connection back.
macro_rules! run {
    ($jobs:expr, $connection:ident => $work:expr) => {{
        let mut taken = $jobs.connection().await?;
        let done: Result<_, sqlx::Error> = on!(taken.database, $connection: _Any => $work.await);
        let done = done.map_err(StoreError::Database)?;
        taken.put_back();
        done
    }};
}

/// Batch, witness, queued, attempt, failures, opens, worker, claimed, lease, reason, proven, prover, finished.
type Columns = (
    i64,
    String,
    i64,
    i64,
    i64,
    i64,
    Option<String>,
    Option<i64>,
    i64,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<i64>,
);

impl SqlJobs {
    /// Opens the queue in the log's database (see [`SqlStore::open`](crate::durable::SqlStore::open)) and brings the
    /// layout up to date.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(url: &str, clock: Clock) -> Result<SqlJobs, StoreError> {
        let database = connect(url).await?;
        Ok(SqlJobs { url: url.to_owned(), clock, database: Mutex::new(Some(database)) })
    }

    /// Closes the connection.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn close(self) -> Result<(), StoreError> {
        match self.database.into_inner() {
            Some(database) => database.close().await,
            None => Ok(()),
        }
    }

    async fn connection(&self) -> Result<Connection<'_>, StoreError> {
        let mut slot = self.database.lock().await;
        let database = match slot.take() {
            Some(database) => database,
            None => connect(&self.url).await?,
        };
        Ok(Connection { slot, database })
    }

    async fn list_from(&self, first: u64, limit: u32) -> Result<Vec<Job>, JobError> {
        let text =
            "SELECT batch, witness, queued, attempt, failures, opens, worker, claimed, lease, reason, proven, prover, finished
                    FROM proving_jobs WHERE batch >= $1 ORDER BY batch LIMIT $2";
        // No batch lies beyond what the databases can count to.
        let first = i64::try_from(first).unwrap_or(i64::MAX);
        let rows: Vec<Columns> = run!(self, c => sqlx::query_as(text).bind(first).bind(i64::from(limit)).fetch_all(c));
        Ok(rows.into_iter().map(job).collect::<Result<_, _>>()?)
    }

    fn now(&self) -> u64 {
        (self.clock)()
    }

    /// What is wrong with a claim that a statement did not find.
    async fn missed(&self, ticket: Ticket) -> JobError {
        match self.job(ticket.batch).await {
            Ok(job) if ticket.attempt == 0 || ticket.attempt > job.attempt => JobError::NeverClaimed { ticket },
            Ok(_) => JobError::Over { ticket },
            Err(error) => error,
        }
    }
}

async fn connect(url: &str) -> Result<Database, StoreError> {
    let mut database = Database::connect(url, "novation proving jobs").await?;
    database.migrate().await?;
    Ok(database)
}

/// The connection, for one statement. It goes back where it came from only when the statement is through: after an error, or if the caller
/// goes away in the middle, nobody knows in what state it is, and the next one makes a new one.
struct Connection<'a> {
    slot: MutexGuard<'a, Option<Database>>,
    database: Database,
}

impl Connection<'_> {
    fn put_back(self) {
        let Connection { mut slot, database } = self;
        *slot = Some(database);
    }
}

impl Jobs for SqlJobs {
    async fn enqueue(&self, batch: u64, witness: &str) -> Result<(), JobError> {
        let text = "INSERT INTO proving_jobs (batch, witness, queued, attempt, failures, opens, lease)
                    VALUES ($1, $2, $3, 0, 0, 0, 0)
                    ON CONFLICT (batch) DO UPDATE SET witness = excluded.witness WHERE proving_jobs.proof IS NULL
                    RETURNING batch";
        let queued = stored(self.now());
        let _new_or_not: Option<(i64,)> =
            run!(self, c => sqlx::query_as(text).bind(stored(batch)).bind(witness).bind(queued).fetch_optional(c));
        Ok(())
    }

    async fn claim(&self, worker: &str, lease: Duration) -> Result<Option<Claim>, JobError> {
        // The conditions stand in it twice: PostgreSQL looks again at a row for which it had to wait, but not for
        // another one. Then somebody else has claimed the job that was the oldest, and the next one is looked for.
        let text = "UPDATE proving_jobs
                    SET attempt = attempt + 1, failures = failures + CASE WHEN lease > 0 THEN 1 ELSE 0 END,
                        worker = $1, claimed = $2, lease = $3
                    WHERE proof IS NULL AND opens <= $2 AND lease <= $2 AND batch =
                        (SELECT MIN(batch) FROM proving_jobs WHERE proof IS NULL AND opens <= $2 AND lease <= $2)
                    RETURNING batch, attempt, witness, failures";
        let any = "SELECT COUNT(*) FROM proving_jobs WHERE proof IS NULL AND opens <= $1 AND lease <= $1";
        loop {
            let now = self.now();
            let until = stored(now.saturating_add(milliseconds(lease)));
            let now = stored(now);
            let found: Option<(i64, i64, String, i64)> =
                run!(self, c => sqlx::query_as(text).bind(worker).bind(now).bind(until).fetch_optional(c));
            if let Some((batch, attempt, witness, failures)) = found {
                let number = |column, value| natural(batch, value, column);
                let ticket = Ticket { batch: number("batch", batch)?, attempt: number("attempt", attempt)? };
                return Ok(Some(Claim { ticket, witness, failures: number("failures", failures)? }));
            }
            let left: i64 = run!(self, c => sqlx::query_scalar(any).bind(now).fetch_one(c));
            if left == 0 {
                return Ok(None);
            }
        }
    }

    async fn extend(&self, ticket: Ticket, lease: Duration) -> Result<(), JobError> {
        let text = "UPDATE proving_jobs SET lease = $3
                    WHERE batch = $1 AND attempt = $2 AND lease > 0 AND proof IS NULL RETURNING batch";
        let until = stored(self.now().saturating_add(milliseconds(lease)));
        let (batch, attempt) = (stored(ticket.batch), stored(ticket.attempt));
        let found: Option<(i64,)> =
            run!(self, c => sqlx::query_as(text).bind(batch).bind(attempt).bind(until).fetch_optional(c));
        match found {
            Some(_) => Ok(()),
            None => Err(self.missed(ticket).await),
        }
    }

    async fn complete(&self, ticket: Ticket, worker: &str, proof: &[u8]) -> Result<Completed, JobError> {
        let text = "UPDATE proving_jobs SET proof = $3, proven = $4, prover = $5, lease = 0
                    WHERE batch = $1 AND $2 BETWEEN 1 AND attempt AND proof IS NULL RETURNING batch";
        let (batch, attempt, now) = (stored(ticket.batch), stored(ticket.attempt), stored(self.now()));
        let found: Option<(i64,)> = run!(self, c => {
            sqlx::query_as(text).bind(batch).bind(attempt).bind(proof).bind(now).bind(worker).fetch_optional(c)
        });
        if found.is_some() {
            return Ok(Completed::Stored);
        }
        match self.missed(ticket).await {
            JobError::Over { .. } => Ok(Completed::Known),
            error => Err(error),
        }
    }

    async fn give_up(&self, ticket: Ticket, reason: &str) -> Result<GivenUp, JobError> {
        let job = self.job(ticket.batch).await?;
        let failures = job.failures + 1;
        let opens = self.now().saturating_add(pause(failures));
        let text = "UPDATE proving_jobs SET failures = $3, opens = $4, reason = $5, lease = 0
                    WHERE batch = $1 AND attempt = $2 AND lease > 0 AND proof IS NULL RETURNING batch";
        let (batch, attempt) = (stored(ticket.batch), stored(ticket.attempt));
        let found: Option<(i64,)> = run!(self, c => {
            let given_up = sqlx::query_as(text).bind(batch).bind(attempt);
            // Failures change with the attempt only, so the count just read is this attempt's, or nothing is found.
            given_up.bind(stored(failures)).bind(stored(opens)).bind(reason).fetch_optional(c)
        });
        match found {
            Some(_) => Ok(GivenUp { failures, opens }),
            None => Err(self.missed(ticket).await),
        }
    }

    async fn hand_back(&self, ticket: Ticket) -> Result<(), JobError> {
        let text = "UPDATE proving_jobs SET lease = 0
                    WHERE batch = $1 AND attempt = $2 AND lease > 0 AND proof IS NULL RETURNING batch";
        let (batch, attempt) = (stored(ticket.batch), stored(ticket.attempt));
        let found: Option<(i64,)> = run!(self, c => sqlx::query_as(text).bind(batch).bind(attempt).fetch_optional(c));
        match found {
            Some(_) => Ok(()),
            None => Err(self.missed(ticket).await),
        }
    }

    async fn finish(&self, batch: u64) -> Result<u64, JobError> {
        let text = "UPDATE proving_jobs SET finished = COALESCE(finished, $2) WHERE batch = $1 RETURNING finished";
        let (key, now) = (stored(batch), stored(self.now()));
        let found: Option<(i64,)> = run!(self, c => sqlx::query_as(text).bind(key).bind(now).fetch_optional(c));
        let (finished,) = found.ok_or(JobError::Unknown { batch })?;
        Ok(natural(key, finished, "finished")?)
    }

    async fn retry(&self, batch: u64) -> Result<(), JobError> {
        let text = "UPDATE proving_jobs SET opens = 0 WHERE batch = $1 RETURNING batch";
        let found: Option<(i64,)> = run!(self, c => sqlx::query_as(text).bind(stored(batch)).fetch_optional(c));
        found.map(|_| ()).ok_or(JobError::Unknown { batch })
    }

    async fn proof(&self, batch: u64) -> Result<Option<Vec<u8>>, JobError> {
        let text = "SELECT proof FROM proving_jobs WHERE batch = $1";
        let found: Option<(Option<Vec<u8>>,)> =
            run!(self, c => sqlx::query_as(text).bind(stored(batch)).fetch_optional(c));
        found.map(|(proof,)| proof).ok_or(JobError::Unknown { batch })
    }

    async fn job(&self, batch: u64) -> Result<Job, JobError> {
        let found = self.list_from(batch, 1).await?.pop();
        found.filter(|job| job.batch == batch).ok_or(JobError::Unknown { batch })
    }

    async fn list(&self, after: u64, limit: u32) -> Result<Vec<Job>, JobError> {
        self.list_from(after.saturating_add(1), limit).await
    }
}

fn job(columns: Columns) -> Result<Job, StoreError> {
    let (batch, witness, queued, attempt, failures, opens, worker, claimed, lease, reason, proven, prover, finished) =
        columns;
    let number = |column, value| natural(batch, value, column);
    Ok(Job {
        batch: number("batch", batch)?,
        stage: match (proven, lease) {
            (Some(_), _) => Stage::Proven,
            (None, 0) => Stage::Open,
            (None, _) => Stage::Claimed,
        },
        witness,
        queued: number("queued", queued)?,
        attempt: number("attempt", attempt)?,
        failures: number("failures", failures)?,
        opens: number("opens", opens)?,
        worker,
        claimed: claimed.map(|at| number("claimed", at)).transpose()?,
        lease: Some(number("lease", lease)?).filter(|lease| *lease > 0),
        reason,
        proven: proven.map(|at| number("proven", at)).transpose()?,
        prover,
        finished: finished.map(|at| number("finished", at)).transpose()?,
    })
}

fn natural(batch: i64, value: i64, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Column { position: batch, column })
}

/// Numbers as the databases have them; times and batches stay below 2^63.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
