//! Which accounts a batch rewrites for show.
//!
//! PRIVACY: everybody sees which account slots a batch rewrote. Who acts has mostly acted lately; decoys drawn evenly from all
//! accounts would stand out against them, so decoys are drawn from the recent entries themselves: an account is as likely a decoy as it
//! was active. The draw follows from a secret seed. Whoever knew the seed could tell the decoys.

use novation_state::units::AccountSlot;
use sha3::{Digest, Keccak256};
use std::collections::{BTreeSet, VecDeque};

/// Entries remembered: some hundred batches of the demo size, sixteen of the large one.
const REMEMBERED: usize = 1_024;
/// Draws for one decoy before any account will do: beyond it nearly all recent accounts are in the batch already.
const DRAWS: usize = 64;

/// The accounts that had a reason to be in recent batches, decoys left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Activity {
    recent: VecDeque<AccountSlot>,
}

impl Activity {
    /// Remembers the accounts of a batch.
    pub fn record(&mut self, accounts: impl IntoIterator<Item = AccountSlot>) {
        self.recent.extend(accounts);
        let excess = self.recent.len().saturating_sub(REMEMBERED);
        self.recent.drain(..excess);
    }

    /// Draws up to `count` decoys among the opened accounts that are not `taken`, in order of slots.
    pub fn draw(
        &self,
        seed: [u8; 32],
        count: usize,
        taken: &BTreeSet<AccountSlot>,
        opened: impl Iterator<Item = AccountSlot>,
    ) -> Vec<AccountSlot> {
        let mut stream = Stream { seed, counter: 0 };
        let mut decoys = BTreeSet::new();
        'decoys: while decoys.len() < count {
            for _ in 0..if self.recent.is_empty() { 0 } else { DRAWS } {
                let slot = self.recent[stream.below(self.recent.len())];
                if !taken.contains(&slot) && decoys.insert(slot) {
                    continue 'decoys;
                }
            }
            break;
        }
        if decoys.len() < count {
            let mut rest: Vec<AccountSlot> =
                opened.filter(|slot| !taken.contains(slot) && !decoys.contains(slot)).collect();
            while decoys.len() < count && !rest.is_empty() {
                decoys.insert(rest.swap_remove(stream.below(rest.len())));
            }
        }
        decoys.into_iter().collect()
    }
}

/// Numbers from a seed: Keccak-256 in counter mode.
struct Stream {
    seed: [u8; 32],
    counter: u64,
}

impl Stream {
    fn next(&mut self) -> u64 {
        let digest = Keccak256::new().chain_update(self.seed).chain_update(self.counter.to_be_bytes()).finalize();
        self.counter += 1;
        u64::from_be_bytes(digest[..8].try_into().expect("eight bytes"))
    }

    /// Evenly in 0..n: numbers of the last, incomplete round of n are drawn again.
    fn below(&mut self, n: usize) -> usize {
        let n = n as u64;
        let rounds = u64::MAX - u64::MAX % n;
        loop {
            let number = self.next();
            if number < rounds {
                return (number % n) as usize;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(n: i64) -> AccountSlot {
        AccountSlot::new(n).unwrap()
    }

    fn seed(n: u64) -> [u8; 32] {
        let mut seed = [0x5e; 32];
        seed[..8].copy_from_slice(&n.to_le_bytes());
        seed
    }

    #[test]
    fn decoys_are_distinct_free_and_follow_from_the_seed() {
        let mut activity = Activity::default();
        activity.record((1..40).map(slot));
        let taken = BTreeSet::from([slot(3), slot(4)]);
        let draw = |n| activity.draw(seed(n), 10, &taken, (1..100).map(slot));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        for n in 0..50 {
            let decoys = draw(n);
            assert_eq!(decoys.len(), 10);
            assert!(decoys.is_sorted_by(|a, b| a < b));
            assert!(decoys.iter().all(|d| !taken.contains(d) && d.get() < 40), "{decoys:?}");
        }
    }

    #[test]
    fn decoys_are_drawn_as_often_as_accounts_were_active() {
        let mut activity = Activity::default();
        for n in 0..REMEMBERED as i64 {
            activity.record([slot(if n % 4 == 0 { 2 } else { 1 })]);
        }
        let drawn = |n| activity.draw(seed(n), 1, &BTreeSet::new(), (1..10).map(slot))[0] == slot(1);
        let often = (0..2_000).filter(|n| drawn(*n)).count();
        // Three quarters of 2,000 is 1,500 with a standard deviation of 19.
        assert!((1_400..1_600).contains(&often), "{often}");
    }

    #[test]
    fn accounts_without_a_past_fill_up_what_recent_ones_cannot() {
        let mut activity = Activity::default();
        activity.record([slot(1), slot(2)]);
        let taken = BTreeSet::from([slot(1)]);
        let decoys = activity.draw(seed(0), 3, &taken, (1..=9).map(slot));
        assert_eq!(decoys.len(), 3);
        assert!(decoys.contains(&slot(2)));
        assert_eq!(activity.draw(seed(0), 30, &taken, (1..=9).map(slot)), (2..=9).map(slot).collect::<Vec<_>>());
        assert_eq!(Activity::default().draw(seed(0), 3, &taken, std::iter::empty()), []);
    }

    #[test]
    fn old_activity_is_forgotten() {
        let mut activity = Activity::default();
        activity.record(std::iter::repeat_n(slot(1), 10));
        activity.record(std::iter::repeat_n(slot(2), REMEMBERED));
        assert_eq!(activity.recent.len(), REMEMBERED);
        assert!(activity.recent.iter().all(|s| *s == slot(2)));
    }
}
