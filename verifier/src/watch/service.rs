//! Running a watcher: once, or until stopped with its routes served.

use super::alarm::{Alarm, Severity};
use super::http::{metrics_router, router};
use super::picture::Picture;
use super::watcher::{Shared, Watcher};
use axum::Router;
use std::fmt::Write as _;
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Polls without a view of the newest block before [`once`] gives up.
const MAX_FAILURES: usize = 5;

/// Why a watcher that runs once did not end well.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OnceError {
    /// L1 could not be read to its newest block.
    #[error("L1 could not be read to its newest block: {0}")]
    Unreadable(String),
    /// Alarms of severity error or worse stand.
    #[error("{} alarms stand: {}", .0.len(), .0.join(", "))]
    Alarms(Vec<String>),
}

/// Why nothing is served.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    /// The address asked for.
    pub address: SocketAddr,
    /// What the system says.
    pub source: std::io::Error,
}

/// A running server; dropping it stops listening.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(address: SocketAddr, router: Router) -> Result<Server, BindError> {
    let bind = |source| BindError { address, source };
    let listener = TcpListener::bind(address).await.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let task = tokio::spawn(axum::serve(listener, router).into_future());
    Ok(Server { address, task })
}

/// Serves the routes of [`super::http`]; port 0 takes any free one.
///
/// # Errors
/// [`BindError`].
pub async fn serve(shared: Shared, address: SocketAddr) -> Result<Server, BindError> {
    listen(address, router(shared)).await
}

/// Serves the metrics, on a port that only the operator's network reaches.
///
/// # Errors
/// [`BindError`].
pub async fn serve_metrics(shared: Shared, address: SocketAddr) -> Result<Server, BindError> {
    listen(address, metrics_router(shared)).await
}

/// Reads to the newest block and judges.
///
/// # Errors
/// [`OnceError`]; the picture is there in either case.
pub async fn once(watcher: &mut Watcher) -> Result<(), OnceError> {
    for attempt in 1.. {
        let polled = watcher.poll().await;
        let shared = watcher.shared();
        {
            let picture = shared.read();
            if polled.synced || picture.distrust().is_some() {
                return verdict(&picture);
            }
            if attempt == MAX_FAILURES {
                let alarms = picture.board().standing();
                let reason = alarms.first().map_or("the chain kept changing while it was read", |alarm| &alarm.message);
                return Err(OnceError::Unreadable(reason.to_owned()));
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    unreachable!("the attempts are bounded")
}

/// Whether an alarm stands that a script has to stop at.
///
/// # Errors
/// [`OnceError::Alarms`].
pub fn verdict(picture: &Picture) -> Result<(), OnceError> {
    let bad = |alarm: &&&Alarm| alarm.severity >= Severity::Error;
    let standing = picture.board().standing();
    let names: Vec<String> = standing.iter().filter(bad).map(|alarm| alarm.name.to_owned()).collect();
    if names.is_empty() {
        Ok(())
    } else {
        Err(OnceError::Alarms(names))
    }
}

/// Polls for ever; `say` hears of every alarm raised or cleared.
pub async fn follow(mut watcher: Watcher, every: Duration, mut say: impl FnMut(&Alarm)) {
    loop {
        let polled = watcher.poll().await;
        polled.cleared.iter().chain(&polled.raised).for_each(&mut say);
        tokio::time::sleep(every).await;
    }
}

/// A table for people.
pub fn table(picture: &Picture) -> String {
    let status = picture.status();
    let mut text = String::new();
    let mut row = |name: &str, value: String| writeln!(text, "{name:<22} {value}").expect("writing to a string");
    row("contract", status.contract);
    row("L1 block", format!("{}, final {}", status.block, status.finalized));
    let head = |head: &super::view::HeadView| format!("batch {}, root {}", head.batch, head.root);
    row("accepted", head(&status.accepted));
    row("final", head(&status.settled));
    row("markets", format!("{}, root {}", status.accepted.markets, status.accepted.markets_root));
    row("accounts", status.accepted.accounts.to_string());
    row("deposits", format!("{} consumed, {} wait", status.accepted.deposits, status.waiting_deposits));
    if let Some(money) = status.money {
        row("vault, micro-units", format!("{} held, {} inside, {} owed", money.held, money.inside, money.owed));
    }
    row("batches verified", format!("{} (proof, roots, queue, markets)", status.accepted.batch));
    row("forced requests", "none in this contract".into());
    row("believed", if status.believed { "yes".into() } else { "no".into() });
    for alarm in picture.board().standing() {
        row(&format!("{} {}", alarm.severity.name(), alarm.name), alarm.message.clone());
        row("", alarm.action.into());
    }
    text
}
