//! Peak memory of a stretch of work, where the system can say it.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The mark is the whole process's: whoever starts to watch would reset it for whoever watches.
static WATCHED: Mutex<()> = Mutex::new(());

/// Linux keeps the highest resident size of a process, and sets it back to the present one on request
/// (proc(5), `/proc/pid/clear_refs`, value 5).
#[derive(Debug)]
pub struct Peak(#[expect(dead_code, reason = "held, not read")] MutexGuard<'static, ()>);

impl Peak {
    /// Starts to watch; `None` where the system cannot. One stretch at a time: waits until no other thread watches.
    pub fn watch() -> Option<Peak> {
        let watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
        fs::write("/proc/self/clear_refs", "5").ok()?;
        Some(Peak(watched))
    }

    /// The highest resident size since, in bytes: everything the process held, not what the work alone took.
    pub fn bytes(self) -> Option<u64> {
        high_water_mark(&fs::read_to_string("/proc/self/status").ok()?)
    }
}

/// The line `VmHWM:  1234 kB` of a status file, in bytes.
fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_is_read_from_its_line_in_bytes() {
        let status = "Name:\tnovation\nVmPeak:\t   99 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 1000 kB\n";
        assert_eq!(high_water_mark(status), Some(1234 * 1024));
        assert_eq!(high_water_mark("VmPeak:\t 99 kB\n"), None);
        assert_eq!(high_water_mark("VmHWM:\t 99 MB\n"), None);
    }

    /// A buffer that was touched and freed again is in the mark; where the system has none, that is said.
    #[test]
    fn mark_holds_what_was_held_since_it_was_reset() {
        const BYTES: usize = 96 << 20;
        let Some(peak) = Peak::watch() else { return println!("skipped: no /proc/self/clear_refs") };
        drop(std::hint::black_box(vec![1u8; BYTES]));
        assert!(peak.bytes().is_none_or(|bytes| bytes > BYTES as u64));
    }
}
