//! Stores that do what a test wants.

use novation_sequencer::durable::row::Row;
use novation_sequencer::durable::store::Base;
use novation_sequencer::durable::{Store, StoreError};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// In memory, to be looked at and tampered with.
#[derive(Clone, Default)]
pub struct Memory {
    pub base: Option<Base>,
    pub rows: Vec<Row>,
}

impl Store for Memory {
    async fn base(&mut self, fresh: &Base) -> Result<Base, StoreError> {
        Ok(*self.base.get_or_insert(*fresh))
    }

    async fn append(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        self.rows.extend_from_slice(rows);
        Ok(())
    }

    async fn read(&mut self, after: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        Ok(self.rows.iter().filter(|row| row.position > after).take(limit as usize).cloned().collect())
    }

    async fn find(&mut self, submissions: &[[u8; 32]]) -> Result<Vec<Row>, StoreError> {
        let asked = |row: &&Row| row.submission.is_some_and(|key| submissions.contains(&key));
        Ok(self.rows.iter().filter(asked).cloned().collect())
    }
}

/// When a commit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was written.
    Before,
    /// Everything was written, and nobody heard of it: the connection broke after the commit.
    After,
}

/// Fails at one append.
pub struct Failing<S> {
    pub inner: S,
    /// Appends that succeed before.
    pub left: usize,
    pub failure: Failure,
}

impl<S: Store> Store for Failing<S> {
    async fn base(&mut self, fresh: &Base) -> Result<Base, StoreError> {
        self.inner.base(fresh).await
    }

    async fn append(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        if self.left > 0 || rows.is_empty() {
            self.left -= usize::from(!rows.is_empty());
            return self.inner.append(rows).await;
        }
        if self.failure == Failure::After {
            self.inner.append(rows).await?;
        }
        Err(StoreError::Database(sqlx::Error::WorkerCrashed))
    }

    async fn read(&mut self, after: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        self.inner.read(after, limit).await
    }

    async fn find(&mut self, submissions: &[[u8; 32]]) -> Result<Vec<Row>, StoreError> {
        self.inner.find(submissions).await
    }
}

/// Every append waits for a permit, and says that it waits.
pub struct Gated<S> {
    pub inner: S,
    pub arrived: Arc<Semaphore>,
    pub permits: Arc<Semaphore>,
}

impl<S: Store> Store for Gated<S> {
    async fn base(&mut self, fresh: &Base) -> Result<Base, StoreError> {
        self.inner.base(fresh).await
    }

    async fn append(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        self.arrived.add_permits(1);
        self.permits.acquire().await.expect("never closed").forget();
        self.inner.append(rows).await
    }

    async fn read(&mut self, after: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        self.inner.read(after, limit).await
    }

    async fn find(&mut self, submissions: &[[u8; 32]]) -> Result<Vec<Row>, StoreError> {
        self.inner.find(submissions).await
    }
}
