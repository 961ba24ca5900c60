//! What runs, how far it is, and what it cost. No terminal code: whoever listens draws.

use cpu_time::ProcessTime;
use std::fmt;
use std::time::{Duration, Instant};

/// A step of proving or of making keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Scalars to the backend.
    Load,
    /// Row products and their check.
    Rows,
    /// The quotient's transforms.
    Quotient,
    /// Sum of the A query, G1.
    SumA,
    /// Sum of the B query, G2.
    SumB,
    /// Sum of the L and H queries, G1.
    SumC,
    /// The pairing check before release.
    Check,
    /// Making a key.
    Generate,
    /// Writing a key.
    Save,
    /// Reading a key and handing it to the backend.
    Open,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Load => "load",
            Stage::Rows => "rows",
            Stage::Quotient => "quotient",
            Stage::SumA => "sum A",
            Stage::SumB => "sum B",
            Stage::SumC => "sum C",
            Stage::Check => "check",
            Stage::Generate => "generate key",
            Stage::Save => "save key",
            Stage::Open => "open key",
        })
    }
}

/// News for the observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// What runs now.
    pub stage: Stage,
    /// Work done, in estimated units; never decreases within one operation.
    pub done: u64,
    /// All the work of the operation, in the same units; 0 when no estimate exists.
    pub total: u64,
    /// Time since the operation began.
    pub elapsed: Duration,
}

/// Hears of progress. Called from the thread that works and, during long steps, from a second one: about once a second.
pub trait Observer: Sync {
    /// Something started, finished, or is still running.
    fn update(&self, update: Update);
}

/// Nobody listens.
impl Observer for () {
    fn update(&self, _: Update) {}
}

/// What a stage cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// The stage.
    pub stage: Stage,
    /// CPU time of the whole process while the stage ran: exact when nothing else runs in it, an upper bound otherwise.
    pub cpu: Duration,
    /// Wall time.
    pub wall: Duration,
}

/// Measures the stages of one operation and tells the observer.
pub(crate) struct Meter<'o> {
    observer: &'o dyn Observer,
    begin: Instant,
    done: u64,
    total: u64,
    costs: Vec<Cost>,
}

impl<'o> Meter<'o> {
    /// `total` is the sum of the weights to come, or 0.
    pub fn new(observer: &'o dyn Observer, total: u64) -> Self {
        Meter { observer, begin: Instant::now(), done: 0, total, costs: Vec::new() }
    }

    fn now(&self, stage: Stage) -> Update {
        Update { stage, done: self.done, total: self.total, elapsed: self.begin.elapsed() }
    }

    /// Runs a stage of the given weight.
    pub fn run<T>(&mut self, stage: Stage, weight: u64, work: impl FnOnce() -> T) -> T {
        let (cpu, wall) = (ProcessTime::now(), Instant::now());
        let out = with_heartbeat(self.observer, self.now(stage), work);
        self.costs.push(Cost { stage, cpu: cpu.elapsed(), wall: wall.elapsed() });
        self.done += weight;
        self.observer.update(self.now(stage));
        out
    }

    /// What the stages cost, in the order in which they ran.
    pub fn finish(self) -> Vec<Cost> {
        self.costs
    }
}

/// Tells the observer `first`, then runs `work` while a second thread repeats it every second with the time passed, so that
/// nobody takes a long step for a dead one.
fn with_heartbeat<T>(observer: &dyn Observer, first: Update, work: impl FnOnce() -> T) -> T {
    observer.update(first);
    let begin = Instant::now();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // The channel closes when the work is done or panics; only a timeout means that it still runs.
            while let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(Duration::from_secs(1)) {
                observer.update(Update { elapsed: first.elapsed + begin.elapsed(), ..first });
            }
        });
        let out = work();
        drop(stop);
        out
    })
}

/// An operation of one stage whose share done is not known: begin, heartbeat, end.
pub(crate) fn single<T>(observer: &dyn Observer, stage: Stage, work: impl FnOnce() -> T) -> T {
    Meter::new(observer, 0).run(stage, 0, work)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    struct Forward(mpsc::SyncSender<Update>);

    impl Observer for Forward {
        fn update(&self, update: Update) {
            // Nobody listens any more once the test has heard enough.
            let _ = self.0.try_send(update);
        }
    }

    /// The work ends when the heartbeat has been heard, so the test waits for it and measures no time.
    #[test]
    fn long_stage_is_heard_of_before_it_ends() {
        let (sender, receiver) = mpsc::sync_channel(16);
        let observer = Forward(sender);
        let mut meter = Meter::new(&observer, 10);
        let heard = meter.run(Stage::SumB, 7, || [receiver.recv().unwrap(), receiver.recv().unwrap()]);
        let last = receiver.recv().unwrap();
        assert_eq!(heard.map(|u| (u.stage, u.done, u.total)), [(Stage::SumB, 0, 10); 2]);
        assert!(heard[0].elapsed < heard[1].elapsed);
        assert_eq!((last.done, last.total), (7, 10));
    }
}
