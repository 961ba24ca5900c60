//! The node as one thing: started, watched, stopped.

use super::chain::Chain;
use super::deposits::Deposits;
use super::pipeline::Pipeline;
use super::proving::{put_up, FromDesk};
use super::rounds::Role;
use super::secrets::{write_private, Secrets};
use super::settings::{L1Settings, Publish, Quotes, Settings};
use super::stages::Stages;
use super::submit::Submitter;
use super::{cadence, genesis, open, time, Failure, NodeError, Now};
use crate::demo::screen::Screen;
use crate::rest::{self, ApiState, Books, Limits, Metrics, Publication, Rate, Venue};
use crate::wire::Cadence;
use crate::worker::{self, Desk, DeskError, Local, Logged, Progress, Setting, Token};
use novation_gpu::choose;
use novation_prover::batch::BatchProver;
use novation_prover::witness_store::FileWitnesses;
use novation_prover::worker::{Pace, Stop, Worker};
use novation_prover::KeyStore;
use novation_sequencer::durable::{Ending, Handle, SqlStore};
use novation_sequencer::jobs::{system_clock, Job, JobError, Jobs, SqlJobs};
use novation_sequencer::Effect;
use novation_state::ledger::Deployment;
use novation_state::markets::Markets;
use novation_verifier::groth16::key_words;
use sha3::{Digest, Keccak256};
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How often a worker in this process asks for a job.
const IDLE: Duration = Duration::from_millis(200);

/// What the worker in this process is called.
const WORKER: &str = "node";

/// For requests under way when the node stops.
const GRACE: Duration = Duration::from_millis(300);

/// For the writer's last group.
const LAST_GROUP: Duration = Duration::from_secs(5);

/// What is no setting.
pub struct Options {
    /// Folder of the proving keys.
    pub keys: PathBuf,
    /// The clock.
    pub now: Now,
    /// Who ends windows, makes batches and mines blocks of an embedded L1.
    pub drive: Drive,
    /// Who watches the proving in this process, if anybody.
    pub progress: Option<Progress>,
}

/// Who drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drive {
    /// The clock.
    Clock,
    /// Whoever started the node: the demo, and tests that have to know what happens when.
    Hand,
}

type Outcome = (&'static str, Result<(), Failure>);

/// A running node.
pub struct Service {
    /// Where to submit.
    pub handle: Handle,
    /// L1.
    pub chain: Arc<Chain>,
    /// What has to reach L1.
    pub pipeline: Pipeline,
    /// The circuit with its key.
    pub prover: Arc<BatchProver>,
    desk: Arc<Desk<SqlJobs, FileWitnesses>>,
    tasks: JoinSet<Outcome>,
    ending: Ending<SqlStore>,
    stop: Stop,
    closing: watch::Sender<bool>,
    /// Where it is served.
    pub addresses: Addresses,
    welcome: String,
}

/// Where a node is served.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// The public port.
    pub public: SocketAddr,
    /// Prometheus.
    pub metrics: SocketAddr,
}

impl Service {
    /// Opens or makes everything in the data folder, goes on from the log, and starts the tasks.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn start(settings: &Settings, options: Options, screen: &Screen) -> Result<Service, NodeError> {
        let Options { keys, now, drive, progress } = options;
        let io = |reason| NodeError::Io { what: settings.data.display().to_string(), reason };
        std::fs::create_dir_all(&settings.data).map_err(io)?;
        let (secrets, first) = Secrets::open(&settings.data.join("operator.secret"))?;
        write_token(&settings.data.join("worker.token"), &secrets)?;
        let size = settings.circuit()?;
        let store = KeyStore::new(keys);
        let prover = {
            let backend = choose(&settings.prover.backend)?.backend;
            let watch = screen.watch(format!("{} key", size.name));
            Arc::new(BatchProver::open(size, &store, backend, &watch)?)
        };
        let key = prover.prover().verifying_key().clone();
        let chain = Chain::open(&settings.l1, &settings.data, now.clone(), size, &key, &secrets).await?;
        let chain = Arc::new(chain);
        let pipeline = Pipeline::new();
        let publication = match settings.api.publish {
            Publish::PricesAndLots => Publication::PricesAndLots,
            Publish::Prices => Publication::Prices,
            Publish::Nothing => Publication::Nothing,
        };
        let books = Books::new(&genesis(&secrets, &chain), &Markets::new(), publication);
        let hear = {
            let (pipeline, books) = (pipeline.clone(), books.clone());
            move |effects: &[Effect]| {
                books.hear(effects);
                pipeline.observe(effects);
            }
        };
        let core = open(settings, &secrets, &chain, now.clone(), hear).await?;
        pipeline.go_live();
        let jobs = SqlJobs::open(&settings.database_url(), system_clock()).await?;
        let witnesses = Arc::new(FileWitnesses::new(settings.data.join("witnesses")));
        let metrics = Arc::new(Metrics::new());
        let stages = Stages::new(books.clone(), &metrics, now.clone());
        let public = listen(settings.listen).await?;
        let private = listen(settings.metrics).await?;
        let addresses = Addresses { public: address(&public)?, metrics: address(&private)? };
        let welcome = welcome(addresses, settings, first, core.entries, &chain, &prover);

        let desk = Arc::new(Desk::new(Setting {
            jobs,
            witnesses,
            circuit: prover.circuit().clone(),
            key: key.clone(),
            key_file: store.path(prover.circuit()),
            lease: Duration::from_secs(settings.prover.lease_seconds),
            inputs: {
                let pipeline = pipeline.clone();
                Box::new(move |batch| pipeline.batch(batch).map(|made| made.public.inputs().to_vec()))
            },
            proven: {
                let pipeline = pipeline.clone();
                Box::new(move |_| pipeline.wake())
            },
        }));
        let handle = core.handle;
        let mut service = Service {
            handle: handle.clone(),
            chain: chain.clone(),
            pipeline: pipeline.clone(),
            prover: prover.clone(),
            desk: desk.clone(),
            tasks: JoinSet::new(),
            ending: core.ending,
            stop: Stop::default(),
            closing: watch::channel(false).0,
            addresses,
            welcome,
        };
        if let Some(oldest) = core.unproven.first() {
            desk.reclaim(WORKER, oldest.header.batch - 1).await?;
        }
        service.spawn("putting batches up", put_up(prover.clone(), desk.clone(), pipeline.clone(), core.unproven));
        if settings.prover.local {
            let source = Local::new(desk.clone(), runtime::Handle::current(), WORKER);
            let pace = Pace { idle: IDLE, ..Pace::default() };
            let worker = Worker::new(source, prover.circuit().clone(), prover.shared(), Logged { progress }, pace)
                .in_flight(settings.in_flight()?);
            let stop = service.stop.clone();
            let work = move || worker.run(&stop).map_err(|rejected| Failure::Fatal(rejected.to_string()));
            service.tasks.spawn_blocking(move || ("the prover", work()));
        }
        let proofs = FromDesk::new(desk.clone(), pipeline.clone(), key);
        let submitter = Submitter::new(chain.clone(), handle.clone(), pipeline.clone(), proofs, stages);
        service.spawn("submission to L1", submitter.run());
        service.spawn("deposits", Deposits::new(&chain, handle.clone(), pipeline.clone()).run());
        if settings.quotes == Quotes::Simulated {
            let role = Role::new(handle.clone(), pipeline);
            service.spawn("the oracle role", role.run(now.clone(), settings.cadence.round_seconds));
        }
        if drive == Drive::Clock {
            service.spawn(
                "windows and batches",
                cadence::run(handle.clone(), settings.cadence, metrics.clone(), now.clone()),
            );
            if chain.embedded.is_some() {
                service.spawn("the embedded L1", mine(chain.clone(), Duration::from_secs(settings.l1.block_seconds)));
            }
        }
        let venue = venue(settings, &chain, &secrets, &prover)?;
        let limits = limits(settings);
        let workers = worker::router(desk, Token::new(&secrets.worker_token())?);
        let clock = now.clone();
        let state = ApiState::new(handle, books, venue, Arc::new(move || time(&clock)), limits, metrics.clone());
        let (mut closing, mut closed) = (service.closing.subscribe(), service.closing.subscribe());
        service.spawn("the public port", async move {
            let shutdown = async move { drop(closing.wait_for(|closing| *closing).await) };
            let served = rest::serve(public, state, workers, shutdown).await;
            served.map_err(|reason| Failure::Fatal(reason.to_string()))
        });
        service.spawn("the metrics port", async move {
            let shutdown = async move { drop(closed.wait_for(|closing| *closing).await) };
            let served = axum::serve(private, metrics.router()).with_graceful_shutdown(shutdown).await;
            served.map_err(|reason| Failure::Fatal(reason.to_string()))
        });
        Ok(service)
    }

    fn spawn(&mut self, name: &'static str, work: impl Future<Output = Result<(), Failure>> + Send + 'static) {
        self.tasks.spawn(async move { (name, work.await) });
    }

    /// What an operator wants to know at the start.
    pub fn welcome(&self) -> &str {
        &self.welcome
    }

    /// The proving job of a batch; `None` until it is put up.
    ///
    /// # Errors
    /// [`NodeError::Desk`].
    pub async fn job(&self, batch: u64) -> Result<Option<Job>, NodeError> {
        match self.desk.jobs().job(batch).await {
            Ok(job) => Ok(Some(job)),
            Err(JobError::Unknown { .. }) => Ok(None),
            Err(error) => Err(DeskError::from(error).into()),
        }
    }

    /// Waits until something needs a person.
    pub async fn failed(&mut self) -> NodeError {
        tokio::select! {
            ended = self.tasks.join_next() => match ended {
                Some(Ok((task, Err(reason)))) => NodeError::Task { task, reason: reason.to_string() },
                Some(Ok((task, Ok(())))) => NodeError::Task { task, reason: "it ended".into() },
                Some(Err(panic)) => NodeError::Task { task: "a task", reason: panic.to_string() },
                None => NodeError::Task { task: "the node", reason: "nothing runs".into() },
            },
            ended = &mut self.ending => match ended {
                Ok(Err(error)) => error.into(),
                Ok(Ok(_)) => NodeError::Task { task: "the log", reason: "it ended".into() },
                Err(panic) => NodeError::Task { task: "the log", reason: panic.to_string() },
            },
        }
    }

    /// Stops in order: nothing new is taken in, what was taken in is in the log, a proof that is half made is handed back.
    pub async fn stop(self) {
        let Service { handle, mut tasks, ending, stop, closing, .. } = self;
        stop.now();
        closing.send_replace(true);
        // What is under way gets its answer.
        tokio::time::sleep(GRACE).await;
        tasks.shutdown().await;
        drop(handle);
        if ending.is_finished() {
            // The writer has failed, and whoever waited for a failure knows.
            return;
        }
        // Whoever still holds a handle keeps the writer waiting for more, which must not keep the node from stopping.
        let abort = ending.abort_handle();
        match tokio::time::timeout(LAST_GROUP, ending).await {
            // What was committed stays; an error here changes nothing.
            Ok(Ok(Ok((_, store)))) => drop(store.close().await),
            Ok(_) => {}
            Err(_) => abort.abort(),
        }
    }
}

/// Blocks of the embedded chain, one every `pause`, whether anything happens or not: that is what makes blocks final.
async fn mine(chain: Arc<Chain>, pause: Duration) -> Result<(), Failure> {
    loop {
        tokio::time::sleep(pause).await;
        if let Some(embedded) = &chain.embedded {
            embedded.mine(1).map_err(|error| Failure::Fatal(error.to_string()))?;
        }
    }
}

/// The token is derived from the operator's secret, so the file can always be made again.
fn write_token(file: &Path, secrets: &Secrets) -> Result<(), NodeError> {
    match write_private(file, &format!("{}\n", secrets.worker_token())) {
        Err(reason) if reason.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(NodeError::Io { what: file.display().to_string(), reason })
        }
        _ => Ok(()),
    }
}

async fn listen(at: SocketAddr) -> Result<TcpListener, NodeError> {
    let refused = |reason| NodeError::Io { what: format!("listening on {at}"), reason };
    TcpListener::bind(at).await.map_err(refused)
}

fn address(listener: &TcpListener) -> Result<SocketAddr, NodeError> {
    listener.local_addr().map_err(|reason| NodeError::Io { what: "the address of a port".into(), reason })
}

fn limits(settings: &Settings) -> Limits {
    let api = &settings.api;
    let rate = |per_second: u32| Rate::new(per_second, per_second.saturating_mul(2));
    Limits {
        address: rate(api.address_rate),
        account: rate(api.account_rate),
        websockets: api.websockets,
        behind_proxy: api.behind_proxy,
        ..Limits::default()
    }
}

fn venue(settings: &Settings, chain: &Chain, secrets: &Secrets, prover: &BatchProver) -> Result<Venue, NodeError> {
    let cadence = &settings.cadence;
    Ok(Venue {
        deployment: Deployment::new(chain.l1.chain(), chain.l1.contract().into()),
        contract: chain.l1.contract().into(),
        collateral: chain.l1.collateral().into(),
        l1_url: chain.url(),
        operator: secrets.receipts().public(),
        size: prover.size(),
        verifying_key: Keccak256::digest(key_words(prover.prover().verifying_key()).concat()).into(),
        cadence: Cadence {
            window: cadence.window_seconds,
            batch: cadence.batch_seconds,
            markets: cadence.round_seconds,
        },
        max_unproven: cadence.max_unproven,
    })
}

fn welcome(
    addresses: Addresses,
    settings: &Settings,
    first: bool,
    entries: u64,
    chain: &Chain,
    prover: &BatchProver,
) -> String {
    let data = settings.data.display();
    let start = if first {
        "first start: secrets and log were made. Keep the folder: without operator.secret the accounts cannot be gone on with".to_owned()
    } else {
        format!("gone on from {entries} log entries")
    };
    let l1 = match chain.url() {
        Some(url) => {
            let L1Settings { block_seconds, finalized_depth, .. } = &settings.l1;
            format!("in this process, {url}, a block every {block_seconds} s, final after {finalized_depth}")
        }
        None => settings.l1.url.clone(),
    };
    let size = prover.size();
    let quotes = match settings.quotes {
        Quotes::Simulated => "made up: not for money",
        Quotes::None => "none",
    };
    let cadence = &settings.cadence;
    let lines = [
        ("data", format!("{data} ({start})")),
        ("L1", format!("{l1}; chain {}, contract {}", chain.l1.chain(), chain.l1.contract())),
        ("circuit", format!("{}: {} accounts, {} orders a batch", size.name, size.accounts, size.orders)),
        ("prover", prover.prover().backend().description()),
        ("cadence", format!("a window every {} s, a batch every {} s", cadence.window_seconds, cadence.batch_seconds)),
        ("quotes", quotes.to_owned()),
        (
            "traders",
            format!("http://{} (page; REST and WebSocket below /v1, described in /openapi.json)", addresses.public),
        ),
        ("workers", format!("novation prover --url http://{} --token-file {data}/worker.token", addresses.public)),
        ("metrics", format!("http://{}/metrics", addresses.metrics)),
    ];
    lines.iter().map(|(name, text)| format!("{name:<9} {text}\n")).collect()
}
