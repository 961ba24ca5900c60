//! Conditions that are judged by time and money: what a node does not prove, a watcher measures.

use super::alarm::{Alarm, Severity};
use super::books::Books;
use alloy::primitives::U256;
use novation_state::leaf::Status;

/// From when on something is an alarm. Seconds of L1's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A final deposit that no batch has consumed.
    pub queue_seconds: u64,
    /// No batch while a final deposit waits.
    pub batch_seconds: u64,
    /// Marks of a live instrument.
    pub mark_seconds: u64,
    /// An expired instrument without a settlement value.
    pub settlement_seconds: u64,
    /// Percent of an instrument's own scan range that its mark may move in a round.
    pub odd_percent: u32,
}

impl Default for Limits {
    fn default() -> Self {
        // Deposits count when final, which takes 13 minutes on Ethereum; the rest is what the node's cadence makes unusual.
        Self {
            queue_seconds: 3_600,
            batch_seconds: 1_800,
            mark_seconds: 900,
            settlement_seconds: 7_200,
            odd_percent: 100,
        }
    }
}

/// What the contract and its token say of themselves at the newest block read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// Micro-units of the token that the contract holds.
    pub held: U256,
    /// The contract's count of micro-units inside.
    pub inside: u128,
    /// The contract's count of micro-units owed.
    pub owed: u128,
}

/// The conditions that hold at L1 time `now`, with everything up to the height `finalized` final.
pub fn conditions(books: &Books, money: Option<&Money>, limits: &Limits, now: u64, finalized: u64) -> Vec<Alarm> {
    let mut found = Vec::new();
    queue(books, limits, now, finalized, &mut found);
    marks(books, limits, now, &mut found);
    if let Some(money) = money {
        vault(books, money, now, &mut found);
    }
    found
}

fn queue(books: &Books, limits: &Limits, now: u64, finalized: u64, found: &mut Vec<Alarm>) {
    let Some(oldest) = books.queue.front().filter(|deposit| deposit.block <= finalized) else { return };
    let waited = now.saturating_sub(oldest.time);
    if waited > limits.queue_seconds {
        let message = format!(
            "deposit {} of {} micro-units for slot {} has waited {waited} s, more than {} s; {} wait",
            oldest.index,
            oldest.amount,
            oldest.slot,
            limits.queue_seconds,
            books.queue.len()
        );
        let action = "ask the operator; this contract has no forced requests, so nobody else can consume it";
        found.push(Alarm::new("queue_stalled", Severity::Error, message, action, now));
    }
    // Before the first batch the deposit itself is what waits.
    let idle = now.saturating_sub(books.batch_time.max(oldest.time));
    if idle > limits.batch_seconds {
        let message = format!("no batch for {idle} s, more than {} s, while deposits wait", limits.batch_seconds);
        let action = "look at the operator's node and its provers";
        found.push(Alarm::new("no_batch", Severity::Warning, message, action, now));
    }
}

fn marks(books: &Books, limits: &Limits, now: u64, found: &mut Vec<Alarm>) {
    for (id, odd) in &books.odd {
        let message = format!(
            "instrument {id}: markets {} moved the mark from {} to {} ticks, {} micro-units a lot; its scan range was {}, \
             its band {} to {}",
            odd.round, odd.marks[0], odd.marks[1], odd.moved, odd.scan, odd.band[0], odd.band[1]
        );
        let action = "compare with other venues' prices; the oracle role is trusted for marks";
        found.push(Alarm::new("odd_mark", Severity::Warning, message, action, now).about(id));
    }
    let live = || books.markets.iter().filter(|(_, leaf)| leaf.status != Status::Settled);
    let age = |time: i64| now.saturating_sub(time.max(0) as u64);
    let old =
        live().filter(|(_, leaf)| leaf.expiry.get() as u64 > now && age(leaf.mark_time.get()) > limits.mark_seconds);
    let mut old: Vec<(u64, i64)> = old.map(|(id, leaf)| (age(leaf.mark_time.get()), id.get())).collect();
    old.sort_unstable();
    if let Some((seconds, id)) = old.last() {
        let message = format!(
            "marks of {} live instruments are older than {} s; the oldest, of instrument {id}, {seconds} s",
            old.len(),
            limits.mark_seconds
        );
        found.push(Alarm::new("marks_old", Severity::Warning, message, "look at the oracle", now));
    }
    for (id, leaf) in live().filter(|(_, leaf)| age(leaf.expiry.get()) > limits.settlement_seconds) {
        let message =
            format!("instrument {} expired {} s ago and has no settlement value", id.get(), age(leaf.expiry.get()));
        let action = "look at the oracle; its holders cannot withdraw";
        found.push(Alarm::new("settlement_overdue", Severity::Error, message, action, now).about(id.get()));
    }
}

fn vault(books: &Books, money: &Money, now: u64, found: &mut Vec<Alarm>) {
    let needed = U256::from(books.inside) + U256::from(books.owed) + U256::from(books.waiting());
    if money.held < needed {
        let message = format!(
            "the contract holds {} micro-units; accounts have {}, claimants {}, the queue {}",
            money.held,
            books.inside,
            books.owed,
            books.waiting()
        );
        let action = "withdraw; look at the collateral token for a fee, a freeze or a rebase";
        found.push(Alarm::new("vault_short", Severity::Error, message, action, now));
    }
    if (money.inside, money.owed) != (books.inside, books.owed) {
        let message = format!(
            "the contract counts {} micro-units inside and {} owed, its events add up to {} and {}",
            money.inside, money.owed, books.inside, books.owed
        );
        let action = "compare with another L1 node: this one may hide events";
        found.push(Alarm::new("vault_count", Severity::Error, message, action, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::books::{Change, Proofs, Waiting};
    use alloy::primitives::Address;
    use ark_bn254::Fr;

    /// Books with 70 micro-units in the queue since second 1,000, in block 5, and 30 owed.
    fn books() -> Books {
        let mut books = Books::new(Fr::from(1), Fr::from(2), 100);
        let deposit = Waiting {
            index: 0,
            slot: 1,
            depositor: Address::ZERO,
            keys: [Fr::from(0); 4],
            amount: 70,
            block: 5,
            time: 1_000,
        };
        for change in [Change::Deposit(deposit), Change::Owed(Address::ZERO, 30)] {
            books.apply(&change, Proofs::Verify).expect("in order");
        }
        books
    }

    fn names(money: Money, limits: &Limits, now: u64, finalized: u64) -> Vec<&'static str> {
        conditions(&books(), Some(&money), limits, now, finalized).iter().map(|alarm| alarm.name).collect()
    }

    #[test]
    fn vault_with_less_than_it_owes_is_short_by_a_micro_unit() {
        let limits = Limits::default();
        let money = |held: u64, inside, owed| Money { held: U256::from(held), inside, owed };
        assert_eq!(names(money(100, 0, 30), &limits, 1_001, 9), Vec::<&str>::new());
        // What anybody sends to the contract beyond that is nobody's business.
        assert_eq!(names(money(101, 0, 30), &limits, 1_001, 9), Vec::<&str>::new());
        assert_eq!(names(money(99, 0, 30), &limits, 1_001, 9), ["vault_short"]);
        assert_eq!(names(money(100, 0, 29), &limits, 1_001, 9), ["vault_count"]);
        assert_eq!(names(money(100, 1, 30), &limits, 1_001, 9), ["vault_count"]);
    }

    #[test]
    fn queue_is_judged_by_final_deposits_and_a_second_over_the_limit() {
        let limits = Limits { queue_seconds: 600, batch_seconds: 300, ..Limits::default() };
        let money = Money { held: U256::from(100), inside: 0, owed: 30 };
        assert_eq!(names(money, &limits, 1_300, 5), Vec::<&str>::new());
        assert_eq!(names(money, &limits, 1_301, 5), ["no_batch"]);
        assert_eq!(names(money, &limits, 1_600, 5), ["no_batch"]);
        assert_eq!(names(money, &limits, 1_601, 5), ["queue_stalled", "no_batch"]);
        assert_eq!(names(money, &limits, 9_999, 4), Vec::<&str>::new(), "not final yet");
    }
}
