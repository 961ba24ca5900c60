//! Telling a worker to stop.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How far a stop goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Run,
    Finish,
    Now,
}

/// Tells a worker to stop. Clones tell the same worker.
#[derive(Clone, Debug)]
pub struct Stop(Arc<(Mutex<Level>, Condvar)>);

impl Default for Stop {
    fn default() -> Stop {
        Stop(Arc::new((Mutex::new(Level::Run), Condvar::new())))
    }
}

impl Stop {
    /// Lets the worker finish the jobs that it has, and take no other.
    pub fn finish(&self) {
        self.raise(Level::Finish);
    }

    /// Lets the worker hand back the jobs that it has. What it was computing may go on in its threads until it is through, for
    /// nothing: proving cannot be interrupted.
    pub fn now(&self) {
        self.raise(Level::Now);
    }

    /// Whether somebody has asked for a stop of either kind.
    pub fn is_asked(&self) -> bool {
        *self.lock() > Level::Run
    }

    /// Waits, unless somebody asks for a stop meanwhile: then false.
    pub fn sleep(&self, duration: Duration) -> bool {
        self.wait(duration, Level::Finish) == Level::Run
    }

    /// Whether the jobs in work are to be handed back.
    pub(super) fn is_now(&self) -> bool {
        *self.lock() == Level::Now
    }

    fn raise(&self, level: Level) {
        let mut now = self.lock();
        *now = level.max(*now);
        self.0 .1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Level> {
        self.0 .0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, but no longer than until a level is reached.
    pub(super) fn wait(&self, duration: Duration, until: Level) -> Level {
        let outcome = self.0 .1.wait_timeout_while(self.lock(), duration, |level| *level < until);
        *outcome.unwrap_or_else(PoisonError::into_inner).0
    }
}
