//! Locks on files that end when their owner says so.

use std::fs::{File, TryLockError};

/// An advisory lock (`flock`) on a file, from [`FileLock::take`] until it is dropped.
///
/// Closing the file would not do: a child process that another thread is starting has a copy of every descriptor until it
/// executes its program, and the kernel keeps the lock until the last copy is closed. Who opened the file again in that
/// millisecond was told that it is in use. Unlocking takes the lock from all copies at once.
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Locks the file, whose owner goes on using it.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] if it is locked already, in this process or another; else what the system says.
    pub fn take(file: &File) -> Result<Self, TryLockError> {
        // Copied first: a lock taken and not returned would last as long as the caller's file.
        let copy = file.try_clone().map_err(TryLockError::Error)?;
        copy.try_lock()?;
        Ok(Self(copy))
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // If this fails, closing the file still ends the lock.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As with a child process that is being started: a copy of the descriptor outlives the lock's owner.
    #[test]
    fn lock_ends_with_its_owner_although_copies_of_the_file_live() {
        let path = std::env::temp_dir().join(format!("novation-lock-{}", std::process::id()));
        let open = || File::options().create(true).truncate(false).write(true).open(&path).expect("a temporary file");
        let file = open();
        let lock = FileLock::take(&file).expect("nobody else's");
        let child = file.try_clone().expect("copied");
        assert!(matches!(FileLock::take(&open()), Err(TryLockError::WouldBlock)));
        drop((lock, file));
        FileLock::take(&open()).expect("free again");
        drop(child);
        std::fs::remove_file(&path).expect("removed");
    }
}
