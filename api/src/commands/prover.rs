//! `novation prover`.

use super::key_folder;
use crate::cli::Prover;
use crate::demo::screen::Screen;
use crate::worker::{prepare, PrepareError, Remote, Token};
use anyhow::Context;
use novation_gpu::choose;
use novation_prover::batch::circuit_of;
use novation_prover::progress::Observer;
use novation_prover::worker::{Delivered, Job, Listener, Note, Pace, SourceError, Stop, Worker};
use novation_prover::KeyStore;
use std::time::Duration;

/// Between two questions to a node that does not answer.
const AGAIN: Duration = Duration::from_secs(5);

/// Proves batches for a node until it is told to stop.
pub fn run(args: &Prover) -> anyhow::Result<()> {
    let screen = Screen::detect();
    let token = Token::read(&args.token_file)?;
    let name = args.name.clone().unwrap_or_else(own_name);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let node = Remote::new(&args.url, &token, &name, runtime.handle().clone())?;
    let chosen = choose(&args.backend)?;
    screen.say(format!("{name}: {}", chosen.reason));
    if node.in_the_clear() {
        screen.say("http: token and witnesses can be read on the way; on a network of others take https or a tunnel");
    }
    let stop = Stop::default();
    runtime.spawn(heed_signals(stop.clone(), screen));

    let keys = KeyStore::new(key_folder(args.keys.keys.as_ref()));
    let (circuit, prover) = loop {
        let watch = screen.watch("proving key");
        let say = |line: String| screen.say(line);
        match prepare(&node, &keys, circuit_of, chosen.backend.clone(), &say, &watch) {
            Ok(ready) => break ready,
            Err(PrepareError::Source(error @ SourceError::Unreachable(_))) => {
                screen.say(format!("no answer from the node: {error}; again in {} s", AGAIN.as_secs()));
            }
            Err(error) => return Err(error).context("this box cannot prove for that node"),
        }
        if !stop.sleep(AGAIN) {
            return Ok(());
        }
    };
    let at_a_time = match args.in_flight.get() {
        1 => String::new(),
        several => format!(", {several} at a time"),
    };
    screen.say(format!("ready for batches of circuit {circuit}, from {}{at_a_time}", args.url));
    let worker = Worker::new(node, circuit, prover, Said(screen), Pace::default());
    worker.in_flight(args.in_flight).run(&stop)?;
    screen.say("stopped");
    Ok(())
}

/// Ctrl-C lets the batches in work be finished, a second one hands them back; a service manager's SIGTERM hands them back at once, since it
/// kills what takes long.
async fn heed_signals(stop: Stop, screen: Screen) {
    let interrupts = async {
        while tokio::signal::ctrl_c().await.is_ok() {
            if stop.is_asked() {
                return;
            }
            screen.say("stopping when what is in work is proven; once more to hand it back");
            stop.finish();
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending();
    tokio::select! {
        () = interrupts => {}
        () = terminated => {}
    }
    screen.say("stopping: what is in work goes back to the node");
    stop.now();
}

/// The machine's name, as far as it can be one of a worker.
fn own_name() -> String {
    let found =
        std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::fs::read_to_string("/etc/hostname"));
    let good = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String = found.unwrap_or_default().trim().chars().filter(good).take(50).collect();
    if name.is_empty() {
        format!("prover-{}", std::process::id())
    } else {
        format!("{name}-{}", std::process::id())
    }
}

/// Says what the worker does.
struct Said(Screen);

impl Listener for Said {
    fn note(&self, note: &Note<'_>) {
        let line = match note {
            Note::Claimed(Job { batch, attempt: 1, .. }) => format!("batch {batch}: proving"),
            Note::Claimed(Job { batch, attempt, .. }) => format!("batch {batch}: proving, attempt {attempt}"),
            Note::Proven(Job { batch, .. }, proved) => {
                let seconds: f64 = proved.costs.iter().map(|cost| cost.wall.as_secs_f64()).sum();
                format!("batch {batch}: proven in {seconds:.1} s")
            }
            Note::Delivered(Job { batch, .. }, Delivered::Accepted) => {
                format!("batch {batch}: the node took the proof")
            }
            Note::Delivered(Job { batch, .. }, Delivered::Known) => {
                format!("batch {batch}: the node had a proof already")
            }
            Note::Overtaken(Job { batch, .. }) => format!("batch {batch}: given to somebody else meanwhile"),
            Note::GivenUp(Job { batch, .. }, reason) => format!("batch {batch}: gave up: {reason}"),
            Note::HandedBack(Job { batch, .. }) => format!("batch {batch}: handed back"),
            Note::Refused(Job { batch, .. }, reason) => format!("batch {batch}: the node refused the proof: {reason}"),
            Note::Trouble { doing, error, again } => {
                format!("{doing}: {error}; again in {:.0} s", again.as_secs_f64())
            }
        };
        self.0.say(line);
    }

    fn observer(&self, job: &Job) -> Box<dyn Observer + Send> {
        Box::new(self.0.watch(format!("proving batch {}", job.batch)))
    }
}
