//! Alarms: raised once, kept while their condition lasts, then moved to a short history.

use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// Alarms that are over and still shown.
const HISTORY: usize = 256;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody should look.
    Warning,
    /// Money or liveness is in danger.
    Error,
    /// L1 contradicts itself: nothing after it is believed.
    Fatal,
}

impl Severity {
    /// As metrics and tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

/// A condition that holds now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// What kind: a fixed word, for rules of a monitoring system.
    pub name: &'static str,
    /// What it is about, where one name can be raised several times: an instrument's id; else empty.
    pub subject: String,
    /// How bad.
    pub severity: Severity,
    /// What was seen, with values and units.
    pub message: String,
    /// What to do next.
    pub action: &'static str,
    /// L1 time at which it was raised, seconds.
    pub since: u64,
    /// L1 time at which it was over, seconds.
    pub cleared: Option<u64>,
}

impl Alarm {
    /// A condition seen at L1 time `since`.
    pub fn new(name: &'static str, severity: Severity, message: String, action: &'static str, since: u64) -> Self {
        Self { name, subject: String::new(), severity, message, action, since, cleared: None }
    }

    /// The same about something.
    #[must_use]
    pub fn about(mut self, subject: impl ToString) -> Self {
        self.subject = subject.to_string();
        self
    }
}

/// Every alarm that stands, and the last that are over.
#[derive(Clone, Debug, Default)]
pub struct Board {
    standing: BTreeMap<(&'static str, String), Alarm>,
    over: VecDeque<Alarm>,
    raised: u64,
}

impl Board {
    /// Takes the conditions that hold at L1 time `now`: new ones are raised, those that still hold keep the time and the
    /// words they were raised with, the others are cleared. Returns what was raised and what was cleared.
    pub fn update(&mut self, holding: Vec<Alarm>, now: u64) -> (Vec<Alarm>, Vec<Alarm>) {
        let mut before = std::mem::take(&mut self.standing);
        let mut raised = Vec::new();
        for alarm in holding {
            let key = (alarm.name, alarm.subject.clone());
            let alarm = before.remove(&key).unwrap_or_else(|| {
                raised.push(alarm.clone());
                alarm
            });
            self.standing.insert(key, alarm);
        }
        let cleared: Vec<Alarm> = before.into_values().map(|alarm| Alarm { cleared: Some(now), ..alarm }).collect();
        self.raised += raised.len() as u64;
        self.over.extend(cleared.iter().cloned());
        let excess = self.over.len().saturating_sub(HISTORY);
        self.over.drain(..excess);
        (raised, cleared)
    }

    /// Alarms that stand, the worst first.
    pub fn standing(&self) -> Vec<&Alarm> {
        let mut alarms: Vec<&Alarm> = self.standing.values().collect();
        alarms.sort_by_key(|alarm| std::cmp::Reverse(alarm.severity));
        alarms
    }

    /// Alarms that are over, oldest first.
    pub fn over(&self) -> impl Iterator<Item = &Alarm> {
        self.over.iter()
    }

    /// The worst that stands.
    pub fn worst(&self) -> Option<Severity> {
        self.standing.values().map(|alarm| alarm.severity).max()
    }

    /// Alarms ever raised.
    pub fn raised(&self) -> u64 {
        self.raised
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(name: &'static str, severity: Severity, message: &str, now: u64) -> Alarm {
        Alarm::new(name, severity, message.into(), "look", now)
    }

    #[test]
    fn alarm_is_raised_once_and_cleared_when_over() {
        let mut board = Board::default();
        let first = alarm("slow", Severity::Warning, "5 s", 10);
        assert_eq!(board.update(vec![first.clone()], 10), (vec![first.clone()], vec![]));
        // It lasts: the same alarm, with the words of its first time.
        assert_eq!(board.update(vec![alarm("slow", Severity::Warning, "9 s", 14)], 14), (vec![], vec![]));
        assert_eq!(board.standing(), [&first]);
        let over = Alarm { cleared: Some(20), ..first.clone() };
        assert_eq!(board.update(vec![], 20), (vec![], vec![over.clone()]));
        assert_eq!((board.worst(), board.raised()), (None, 1));
        assert_eq!(board.over().collect::<Vec<_>>(), [&over]);
        // Coming back it is a new one.
        let again = alarm("slow", Severity::Warning, "6 s", 30);
        assert_eq!(board.update(vec![again.clone()], 30), (vec![again], vec![]));
    }

    #[test]
    fn subjects_are_told_apart_and_the_worst_comes_first() {
        let mut board = Board::default();
        let odd = |id: u32| alarm("odd", Severity::Warning, "moved", 1).about(id);
        let short = alarm("short", Severity::Error, "missing", 1);
        let (raised, _) = board.update(vec![odd(1), odd(2), short.clone()], 1);
        assert_eq!(raised.len(), 3);
        assert_eq!(board.standing()[0], &short);
        assert_eq!(board.worst(), Some(Severity::Error));
        let (raised, cleared) = board.update(vec![odd(2), short], 2);
        assert_eq!((raised.len(), cleared.len()), (0, 1));
        assert_eq!(cleared[0].subject, "1");
    }

    #[test]
    fn history_is_bounded() {
        let mut board = Board::default();
        for now in 0..2 * HISTORY as u64 {
            board.update(vec![alarm("a", Severity::Warning, "", now).about(now)], now);
        }
        assert_eq!(board.over().count(), HISTORY);
    }
}
