//! The node, its traders, and the strangers who watch: everything of a run, driven by hand on one simulated clock.
//!
//! The node is the real one ([`Service`]): log in SQLite, REST on a port, proving queue, submission, an L1 with a port of its own. Traders
//! ([`Party`]) know these two ports and nothing else. What an operator's clock does otherwise (rounds of marks, windows, batches,
//! blocks) is done here, so that the script knows what happens when. [`PublicChain`] and the auditor read L1's port like anybody.

mod auditor;
mod batch;
mod money;

pub use auditor::{Audited, Auditor};
pub use batch::BatchOutcome;

use super::party::{seed_bytes, Party};
use super::report::Records;
use super::screen::Screen;
use super::{DemoError, Options};
use crate::client::verify::instrument_of;
use crate::client::{l1, ClientError, Http, NewOrder, Rest, Retry};
use crate::instrument::Terms;
use crate::node::chain::{genesis_root, Embedded};
use crate::node::rounds::Role;
use crate::node::secrets::{write_private, Secrets};
use crate::node::service::{Drive, Options as NodeOptions, Service};
use crate::node::settings::{Quotes, Settings};
use crate::oracle::rounds::{Oracle, Snapshot};
use crate::wire::{InstrumentView, VenueView};
use alloy::eips::BlockId;
use alloy::primitives::TxHash;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionReceipt;
use ark_bn254::Fr;
use cpu_time::ProcessTime;
use novation_sequencer::{Effect, Engine, Event};
use novation_state::crypto::viewing::ViewingKey;
use novation_state::size::Size;
use novation_state::units::{AccountSlot, Time};
use novation_verifier::groth16::VerifyingKey;
use novation_verifier::l1::{L1Error, L1};
use novation_verifier::watch::audit::Audit;
use novation_verifier::watch::chain::{ChainError, PublicChain};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Blocks by which `finalized` trails the tip of the demo's L1.
const FINALIZED_DEPTH: u64 = 64;
/// Most traders.
pub const MAX_TRADERS: usize = 48;
/// The clock starts so many seconds before the script does: for the deployment.
const BEFORE: i64 = 3_600;
/// The demo's traders share one address and are in no hurry to be refused: requests a second.
const RATE: u32 = 1_000_000;
/// Between two looks at what the node's own tasks do.
const GLANCE: Duration = Duration::from_millis(20);
/// Nothing that is waited for takes as long, proofs of large batches on small machines included.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// What ended a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowEnd {
    /// Whether an auction traded.
    pub traded: bool,
}

/// The operator's side.
struct Node {
    service: Service,
    role: Role,
}

/// Everything.
pub struct World<'a> {
    /// Where progress goes.
    pub screen: &'a Screen,
    /// Seed of the run.
    pub seed: u64,
    /// Until the world ends.
    node: Option<Node>,
    clock: Arc<AtomicI64>,
    /// The node's public port, for traders.
    rest: Rest,
    venue: VenueView,
    /// As traders see them, after the last round.
    instruments: Vec<InstrumentView>,
    /// L1's port, for whoever only reads.
    l1: L1,
    /// What a stranger reads there.
    pub chain: PublicChain,
    auditor: Auditor,
    /// By name.
    parties: BTreeMap<String, Party>,
    /// The house's viewing key, as an auditor would get it from the operator.
    house: ViewingKey,
    genesis_root: Fr,
    dump: Option<PathBuf>,
    /// What the report is made of.
    pub records: Records,
    runtime: Runtime,
    /// The node's data.
    _folder: TempDir,
}

impl<'a> World<'a> {
    /// Starts a node with an L1 in a folder of its own. The clock stands before the script's start until [`World::advance_to`].
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn open(options: &Options, screen: &'a Screen) -> Result<World<'a>, DemoError> {
        let io = |what: &str| {
            let what = what.to_owned();
            move |reason| DemoError::Io { what, reason }
        };
        let folder = tempfile::tempdir().map_err(io("a temporary folder"))?;
        let secrets = Secrets::of(seed_bytes(options.seed, "operator"));
        let text = hex::encode(seed_bytes(options.seed, "operator"));
        write_private(&folder.path().join("operator.secret"), &text).map_err(io("the operator's secret"))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(io("the async runtime"))?;
        let clock = Arc::new(AtomicI64::new(options.start() - BEFORE));

        let (wall, cpu) = (Instant::now(), ProcessTime::now());
        let (settings, node_options) = (settings(options, folder.path()), node_options(options, &clock, *screen));
        let service = runtime.block_on(Service::start(&settings, node_options, screen))?;
        let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
        let prover = service.prover.prover();
        let constraints = prover.r1cs().matrices().num_constraints();
        let origin = format!("{:?}", service.prover.origin()).to_lowercase();
        screen.say(format!("prover: {}", prover.backend().description()));
        screen.say(format!("key: {origin}, {constraints} constraints; node and key ready in {wall:.1} s"));

        let port = format!("http://{}", service.addresses.public);
        let rest = Rest::new(Http::new(&port, Retry::default())?);
        let (venue, url, l1) = runtime.block_on(async {
            let venue = rest.venue().await?;
            let url = venue.l1_url.clone().expect("the demo's L1 is embedded");
            let (l1, _) = l1::connect(&url, &venue, l1::Payer::Nobody).await?;
            Ok::<_, ClientError>((venue, url, l1))
        })?;
        screen.say(format!("node: {port} (page, REST and WebSocket, until the demo ends)"));
        screen.say(format!("L1: {url} (chain {}), contract {}", l1.chain(), l1.contract()));
        screen.say("the clock is simulated: blocks, windows and marks carry the script's times");

        let records = Records {
            seed: options.seed,
            size: options.size.name,
            node: port,
            url,
            contract: l1.contract().to_string(),
            chain: l1.chain(),
            backend: prover.backend().description(),
            key_origin: origin,
            key_seconds: wall,
            key_cpu_seconds: cpu,
            constraints,
            ..Records::default()
        };
        let root = genesis_root(&secrets);
        Ok(World {
            screen,
            seed: options.seed,
            chain: PublicChain::new(l1.clone(), 0, prover.verifying_key().clone(), root),
            auditor: Auditor::new(l1.deployment()),
            node: Some(Node { role: Role::new(service.handle.clone(), service.pipeline.clone()), service }),
            clock,
            rest,
            venue,
            instruments: Vec::new(),
            l1,
            parties: BTreeMap::new(),
            house: secrets.house(),
            genesis_root: root,
            dump: options.dump.clone(),
            records,
            runtime,
            _folder: folder,
        })
    }

    fn node(&self) -> &Node {
        self.node.as_ref().expect("it runs until the world ends")
    }

    fn embedded(&self) -> &Embedded {
        self.node().service.chain.embedded.as_ref().expect("the demo's L1 is embedded")
    }

    fn wait<T, E: Into<DemoError>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, DemoError> {
        self.runtime.block_on(work).map_err(Into::into)
    }

    /// Waits for what the node's own tasks do.
    fn until(
        &mut self,
        what: &'static str,
        done: impl AsyncFn(&Service) -> Result<bool, DemoError>,
    ) -> Result<(), DemoError> {
        let Node { service, .. } = self.node.as_mut().expect("it runs until the world ends");
        self.runtime.block_on(async {
            let begun = Instant::now();
            while !done(service).await? {
                if begun.elapsed() > PATIENCE {
                    return Err(DemoError::Late { what });
                }
                tokio::select! {
                    reason = service.failed() => return Err(reason.into()),
                    () = tokio::time::sleep(GLANCE) => {}
                }
            }
            Ok(())
        })
    }

    /// Now, in Unix seconds.
    pub fn clock(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    fn now(&self) -> Time {
        Time::new(self.clock()).expect("the clock is a time of this century")
    }

    /// Moves the clock on; a time that is over already changes nothing.
    pub fn advance_to(&mut self, seconds: i64) {
        self.catch_up();
        self.clock.fetch_max(seconds, Ordering::SeqCst);
        self.node().service.chain.tick();
    }

    /// The clock never lags behind the chain: blocks take a second each.
    fn catch_up(&mut self) {
        let next = self.embedded().devnet.next_timestamp();
        self.clock.fetch_max(i64::try_from(next).expect("a time of this century"), Ordering::SeqCst);
    }

    /// The oracle role.
    pub fn oracle(&self) -> &Oracle {
        self.node().role.oracle()
    }

    /// Circuit size.
    pub fn size(&self) -> Size {
        self.node().service.prover.size()
    }

    /// A listed instrument after the last round, as traders read it over REST.
    ///
    /// # Errors
    /// [`ClientError::NotListed`], or whatever is wrong with what the node says.
    pub fn market(&self, terms: &Terms) -> Result<&InstrumentView, ClientError> {
        instrument_of(&self.instruments, &terms.to_string()).map(|(view, _)| view)
    }

    /// A trader by name.
    ///
    /// # Panics
    /// If nobody of that name has deposited.
    pub fn trader(&self, name: &str) -> &Party {
        &self.parties[name]
    }

    /// The operator's clock does something.
    fn event(&self, what: &'static str, event: Event) -> Result<Vec<Effect>, DemoError> {
        self.runtime.block_on(self.node().service.handle.event(event)).map_err(DemoError::operator(what))
    }

    /// What the operator knows.
    fn inspect<T: Send + 'static>(&self, look: impl FnOnce(&Engine) -> T + Send + 'static) -> Result<T, DemoError> {
        self.runtime.block_on(inspect(&self.node().service, look))
    }

    /// The oracle role posts a round, and the node takes it to L1.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn round(&mut self, snapshot: &Snapshot, new: &[Terms]) -> Result<(), DemoError> {
        let Node { role, .. } = self.node.as_mut().expect("it runs until the world ends");
        self.runtime.block_on(role.post(snapshot, new)).map_err(DemoError::operator("a round of marks"))?;
        let number = self.inspect(|engine| engine.markets().number())?;
        self.until("the marks on L1", async |service| {
            Ok(service.chain.l1.last_markets(BlockId::latest()).await?.0 >= number)
        })?;
        self.catch_up();
        self.look()?;
        let round = self.chain.rounds.last().expect("one was posted").transaction;
        self.records.rounds += 1;
        self.records.markets_gas += self.receipt(round)?.gas_used;
        self.instruments = self.wait(self.rest.instruments())?;
        Ok(())
    }

    fn receipt(&self, transaction: TxHash) -> Result<TransactionReceipt, DemoError> {
        let found =
            self.wait(async { self.l1.provider().get_transaction_receipt(transaction).await.map_err(L1Error::from) });
        let missing = L1Error::Answer { what: "receipt", reason: format!("{transaction} has none") };
        Ok(found?.ok_or(missing)?)
    }

    /// A trader signs an order and sends it to the node. A refusal is the trader's, not the demo's: it is recorded and returned.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn order(&mut self, name: &str, wish: &NewOrder) -> Result<(), ClientError> {
        let now = self.now();
        self.records.orders_sent += 1;
        let outcome = self.runtime.block_on(party(&mut self.parties, name).order(wish, now));
        self.records.orders_refused += usize::from(matches!(outcome, Err(ClientError::Refused(_))));
        outcome
    }

    /// Ends the auction window.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn window(&mut self) -> Result<WindowEnd, DemoError> {
        let before = self.inspect(|engine| engine.backlog().windows)?;
        let effects = self.event("the end of a window", Event::Window)?;
        self.records.windows += 1;
        for effect in &effects {
            if let Effect::Deferred { position, reason } = effect {
                self.records.orders_deferred += 1;
                self.screen.say(format!("  order {position} waits: {reason}"));
            }
        }
        // Fills are announced with their batch; that a window waits for one says that there are some.
        let after = self.inspect(|engine| engine.backlog().windows)?;
        Ok(WindowEnd { traded: after > before })
    }

    /// Reads what is new on L1, as a stranger does.
    ///
    /// # Errors
    /// [`DemoError::Chain`].
    pub fn look(&mut self) -> Result<&PublicChain, DemoError> {
        self.runtime.block_on(self.chain.advance())?;
        Ok(&self.chain)
    }

    /// Slot and viewing key of every account that L1 has credited.
    fn keys(&self) -> Result<Vec<(AccountSlot, &ViewingKey)>, DemoError> {
        let credited: BTreeSet<AccountSlot> =
            self.chain.deposits().iter().filter(|deposit| deposit.credited).map(|deposit| deposit.slot).collect();
        // An account without its key would make the sums meaningless.
        let of = |slot| {
            let mut keys = self.parties.values().map(|party| (party.client.account(), party.client.wallet().viewing()));
            keys.find(|(known, _)| *known == slot).ok_or(ChainError::NeverWritten { slot }.into())
        };
        credited.into_iter().map(of).collect()
    }

    /// The audit line, recomputed from the chain with everybody's viewing keys.
    ///
    /// # Errors
    /// [`DemoError::Chain`].
    pub fn audit(&mut self) -> Result<Audit, DemoError> {
        self.look()?;
        Ok(self.runtime.block_on(self.chain.audit(&self.keys()?, &self.house))?)
    }

    /// What the auditor has found so far; a disagreement would have ended the run.
    pub fn auditor(&self) -> &Auditor {
        &self.auditor
    }

    /// A client of the contract, and where it was deployed from nothing but the house.
    pub fn l1(&self) -> (&L1, Fr) {
        (&self.l1, self.genesis_root)
    }

    /// Runs something on the demo's runtime.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// The key under which the contract verifies.
    pub fn verifying_key(&self) -> &VerifyingKey {
        self.node().service.prover.prover().verifying_key()
    }
}

impl Drop for World<'_> {
    /// Stops the node: its worker's thread would keep the process from ending.
    fn drop(&mut self) {
        if let Some(Node { service, role }) = self.node.take() {
            drop(role);
            self.runtime.block_on(service.stop());
        }
    }
}

/// A trader who was introduced.
fn party<'p>(parties: &'p mut BTreeMap<String, Party>, name: &str) -> &'p mut Party {
    parties.get_mut(name).expect("scripts and tables name traders that were introduced")
}

/// What the operator knows.
async fn inspect<T: Send + 'static>(
    service: &Service,
    look: impl FnOnce(&Engine) -> T + Send + 'static,
) -> Result<T, DemoError> {
    service.handle.inspect(look).await.map_err(DemoError::operator("a look at the engine"))
}

/// A node for one run: all ports free ones but L1's, nothing that happens by the clock.
fn settings(options: &Options, folder: &Path) -> Settings {
    let mut settings = Settings { data: folder.into(), size: options.size.name.into(), ..Settings::default() };
    settings.listen.set_port(0);
    settings.metrics.set_port(0);
    settings.quotes = Quotes::None;
    (settings.l1.port, settings.l1.finalized_depth) = (options.port, FINALIZED_DEPTH);
    (settings.api.address_rate, settings.api.account_rate) = (RATE, RATE);
    settings
}

fn node_options(options: &Options, clock: &Arc<AtomicI64>, screen: Screen) -> NodeOptions {
    let clock = clock.clone();
    NodeOptions {
        keys: options.keys.clone(),
        now: Arc::new(move || clock.load(Ordering::SeqCst)),
        drive: Drive::Hand,
        progress: Some(Arc::new(move |batch| Box::new(screen.watch(format!("proving batch {batch}"))))),
    }
}
