//! L1, sequencer, oracle role, prover and traders, wired together.
//!
//! The parts talk as they would in separate processes: deposits reach the sequencer from final L1 blocks, marks reach it from the
//! oracle role and L1 from the same round, batches reach L1 as calldata. One clock, simulated, drives all of them.

mod batch;
mod money;

pub use batch::BatchOutcome;

use crate::demo::report::Records;
use crate::demo::screen::Screen;
use crate::demo::trader::{seed_bytes, Trader, Wish};
use crate::demo::{DemoError, Options};
use crate::instrument::Terms;
use crate::oracle::rounds::{Oracle, Snapshot};
use alloy::primitives::Address;
use ark_bn254::Fr;
use cpu_time::ProcessTime;
use novation_circuits::batch as circuit;
use novation_gpu::choose;
use novation_prover::batch::BatchProver;
use novation_prover::KeyStore;
use novation_sequencer::reason::Refused;
use novation_sequencer::{Config, Effect, Engine, Event, Execution, Input, SignedOrder};
use novation_state::crypto::viewing::ViewingKey;
use novation_state::leaf::{AccountLeaf, MarketLeaf};
use novation_state::ledger::{Deployment, Ledger};
use novation_state::markets::Markets;
use novation_state::public_data::PublicData;
use novation_state::units::{AccountSlot, InstrumentId, Time};
use novation_verifier::devnet::{deploy_token, Devnet, DevnetConfig, HttpServer};
use novation_verifier::groth16::VerifyingKey;
use novation_verifier::l1::{Circuit, DeployParams, DepositReader, L1};
use novation_verifier::watch::chain::{ChainError, PublicChain};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::PathBuf;
use std::time::Instant;
use tokio::runtime::Runtime;

/// Blocks by which `finalized` trails the tip of the demo's L1.
const FINALIZED_DEPTH: u64 = 64;
/// L1 accounts that no trader uses: deployer, operator, oracle role.
const ROLES: usize = 3;
/// Most traders.
pub const MAX_TRADERS: usize = 48;
/// How long the demo's verifying key stays active after the start, in seconds: longer than any run.
const KEY_LIFE: u64 = 10 * 365 * 86_400;

/// What ended a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowEnd {
    /// Whether an auction traded.
    pub traded: bool,
}

/// Everything.
pub struct World<'a> {
    /// Where progress goes.
    pub screen: &'a Screen,
    /// Seed of the run.
    pub seed: u64,
    runtime: Runtime,
    devnet: Devnet,
    http: HttpServer,
    l1: L1,
    deposits: DepositReader,
    /// What a stranger reads from L1.
    pub chain: PublicChain,
    prover: BatchProver,
    engine: Engine,
    oracle: Oracle,
    /// By name.
    traders: BTreeMap<String, Trader>,
    house: ViewingKey,
    genesis_root: Fr,
    clock: i64,
    /// Times under which markets were accepted, by number.
    markets_times: BTreeMap<u32, u64>,
    /// Who made each deposit, in queue order.
    depositors: Vec<Address>,
    dump: Option<PathBuf>,
    /// What the report is made of.
    pub records: Records,
}

impl<'a> World<'a> {
    /// Starts an L1, opens or makes the proving key, deploys the contracts with it. The clock stands at the L1's genesis until
    /// [`World::advance_to`].
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn open(options: &Options, screen: &'a Screen) -> Result<World<'a>, DemoError> {
        let chosen = choose("auto")?;
        screen.say(format!("prover: {}", chosen.reason));
        let (wall, cpu) = (Instant::now(), ProcessTime::now());
        let prover = {
            let watch = screen.watch(format!("{} key", options.size.name));
            BatchProver::open(options.size, &KeyStore::new(&options.keys), chosen.backend, &watch)?
        };
        let constraints = prover.prover().r1cs().matrices().num_constraints();
        let origin = format!("{:?}", prover.origin()).to_lowercase();
        screen.say(format!("key: {origin}, {constraints} constraints, {:.1} s", wall.elapsed().as_secs_f64()));

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|reason| DemoError::Io { what: "the async runtime".into(), reason })?;
        let start = options.start() as u64;
        let devnet = Devnet::new(DevnetConfig {
            // Blocks before the start: the deployment.
            genesis_time: start - 3_600,
            finalized_depth: FINALIZED_DEPTH,
            safe_depth: FINALIZED_DEPTH / 2,
            accounts: ROLES + MAX_TRADERS,
            ..DevnetConfig::default()
        });
        let house = ViewingKey::from_seed(&seed_bytes(options.seed, "house"));
        let key = prover.prover().verifying_key().clone();
        let [deployer, operator, oracle] = [0, 1, 2].map(|i| devnet.signer(i).address());
        // The genesis root holds the house alone, which no deployment changes.
        let genesis_root = Ledger::genesis(Deployment::new(0, [0; 20]), house.public()).root();
        let (http, l1) = runtime.block_on(async {
            let provider = devnet.provider();
            let collateral = deploy_token(&provider, deployer).await?;
            let circuit = Circuit { size: options.size, key: key.clone(), active_until: start + KEY_LIFE };
            let params = DeployParams {
                collateral,
                proposers: vec![deployer],
                executors: vec![Address::ZERO],
                operator,
                oracle,
                genesis_root,
                circuits: vec![circuit],
            };
            let l1 = L1::deploy(provider, deployer, params).await?;
            Ok::<_, DemoError>((devnet.serve_http(options.port).await?, l1))
        })?;
        screen.say(format!("L1: {} (chain {}), contract {}", http.url(), l1.chain(), l1.contract()));
        screen.say("the clock is simulated: blocks, windows and marks carry the script's times");

        let ledger = Ledger::genesis(Deployment::new(l1.chain(), l1.contract().into()), house.public());
        let log_root = novation_sequencer::log::Head::genesis(ledger.deployment().id).root;
        let config = Config {
            size: options.size,
            max_unproven: 1,
            secret: seed_bytes(options.seed, "operator"),
            circuit: Box::new(|trace| circuit::check(trace, &PublicData::of(trace)).map_err(|e| e.to_string())),
        };
        let records = Records {
            seed: options.seed,
            size: options.size.name,
            url: http.url(),
            contract: l1.contract().to_string(),
            chain: l1.chain(),
            backend: prover.prover().backend().description(),
            key_origin: origin,
            key_seconds: wall.elapsed().as_secs_f64(),
            key_cpu_seconds: cpu.elapsed().as_secs_f64(),
            constraints,
            ..Records::default()
        };
        Ok(World {
            screen,
            seed: options.seed,
            deposits: DepositReader::new(l1.clone(), 0),
            chain: PublicChain::new(l1.clone(), 0, key, genesis_root),
            engine: Engine::new(config, ledger, Markets::new(), log_root),
            oracle: Oracle::new(),
            traders: BTreeMap::new(),
            house,
            genesis_root,
            clock: devnet.next_timestamp() as i64,
            markets_times: BTreeMap::new(),
            depositors: Vec::new(),
            dump: options.dump.clone(),
            records,
            runtime,
            devnet,
            http,
            l1,
            prover,
        })
    }

    fn wait<T, E: Into<DemoError>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, DemoError> {
        self.runtime.block_on(work).map_err(Into::into)
    }

    /// Now, in Unix seconds.
    pub fn clock(&self) -> i64 {
        self.clock
    }

    fn now(&self) -> Time {
        Time::new(self.clock).expect("the clock is a time of this century")
    }

    /// Moves the clock on; a time that is over already changes nothing.
    ///
    /// # Errors
    /// [`DemoError::Rpc`].
    pub fn advance_to(&mut self, seconds: i64) -> Result<(), DemoError> {
        self.catch_up();
        if seconds > self.clock {
            self.clock = seconds;
            self.devnet.set_next_timestamp(seconds as u64)?;
        }
        Ok(())
    }

    /// The clock never lags behind the chain: blocks take a second each.
    fn catch_up(&mut self) {
        self.clock = self.clock.max(self.devnet.next_timestamp() as i64);
    }

    /// The oracle role.
    pub fn oracle(&self) -> &Oracle {
        &self.oracle
    }

    /// The L1's URL.
    pub fn url(&self) -> String {
        self.http.url()
    }

    /// Circuit size.
    pub fn size(&self) -> novation_state::size::Size {
        self.prover.size()
    }

    /// The market leaf of a listed instrument.
    pub fn market(&self, terms: &Terms) -> Option<(InstrumentId, &MarketLeaf)> {
        let id = self.oracle.id(terms)?;
        Some((id, self.engine.markets().get(id)?))
    }

    fn trader_mut(&mut self, name: &str) -> &mut Trader {
        self.traders.get_mut(name).expect("scripts and tables name traders that were introduced")
    }

    /// A trader by name.
    ///
    /// # Panics
    /// If nobody of that name has deposited.
    pub fn trader(&self, name: &str) -> &Trader {
        &self.traders[name]
    }

    fn step(&mut self, event: Event) -> Result<Vec<Effect>, Refused> {
        let effects = self.engine.step(Input { time: self.now(), event });
        // A refusal is the only effect of its input.
        match <[Effect; 1]>::try_from(effects) {
            Ok([Effect::Refused(reason)]) => Err(reason),
            Ok([only]) => Ok(vec![only]),
            Err(effects) => Ok(effects),
        }
    }

    fn expect_step(&mut self, what: &str, event: Event) -> Result<Vec<Effect>, DemoError> {
        self.step(event).map_err(|reason| DemoError::Refused { what: what.to_owned(), reason })
    }

    /// The oracle role posts a round: to the sequencer, and to L1 with the changed leaves as calldata.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn round(&mut self, snapshot: &Snapshot, new: &[Terms]) -> Result<(), DemoError> {
        let changes = self.oracle.round(snapshot, new)?;
        let leaves: Vec<(u32, Vec<Fr>)> =
            changes.iter().map(|(id, leaf)| (id.get() as u32, leaf.words().to_vec())).collect();
        self.expect_step("an oracle round", Event::Markets(changes))?;
        let markets = self.engine.markets();
        let (number, root, time) = (markets.number(), markets.root(), markets.time().get() as u64);
        let (l1, oracle) = (self.l1.clone(), self.devnet.signer(2).address());
        let receipt = self.wait(async { l1.submit_markets(oracle, number, &root, time, &leaves).await })?;
        self.markets_times.insert(number, time);
        self.records.rounds += 1;
        self.records.markets_gas += receipt.gas_used;
        self.catch_up();
        Ok(())
    }

    /// A trader signs an order and sends it to the sequencer. A refusal is the trader's, not the demo's: it is recorded and returned.
    pub fn order(&mut self, name: &str, wish: &Wish) -> Result<(), Refused> {
        let deployment = self.l1.deployment();
        let (order, signature) = self.trader_mut(name).order(deployment, wish);
        self.records.orders_sent += 1;
        let signed = SignedOrder { order, signature, execution: Execution::UntilValid };
        match self.step(Event::Order(signed)) {
            Ok(_) => Ok(()),
            Err(reason) => {
                self.records.orders_refused += 1;
                Err(reason)
            }
        }
    }

    /// Resting orders: log position to lots left.
    fn book(&self) -> BTreeMap<u64, i64> {
        let of =
            |trader: &Trader| self.engine.resting(trader.slot).map(|(p, _, left)| (p, left.get())).collect::<Vec<_>>();
        self.traders.values().flat_map(of).collect()
    }

    /// Ends the auction window.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn window(&mut self) -> Result<WindowEnd, DemoError> {
        let before = self.book();
        let effects = self.expect_step("the end of a window", Event::Window)?;
        self.records.windows += 1;
        let mut lapsed = BTreeSet::new();
        for effect in &effects {
            match effect {
                Effect::Lapsed { position, .. } => drop(lapsed.insert(*position)),
                Effect::Deferred { position, reason } => {
                    self.records.orders_deferred += 1;
                    self.screen.say(format!("  order {position} waits: {reason}"));
                }
                _ => {}
            }
        }
        // Fills are announced with their batch; the book already shows that there are some.
        let after = self.book();
        let traded = before.iter().any(|(p, left)| !lapsed.contains(p) && after.get(p) != Some(left));
        Ok(WindowEnd { traded })
    }

    /// Reads what is new on L1, as a stranger does.
    ///
    /// # Errors
    /// [`DemoError::Chain`].
    pub fn look(&mut self) -> Result<&PublicChain, DemoError> {
        self.runtime.block_on(self.chain.advance())?;
        Ok(&self.chain)
    }

    /// A trader's account, read from L1 with the viewing key.
    ///
    /// # Errors
    /// [`DemoError::Chain`].
    pub fn read(&mut self, name: &str) -> Result<AccountLeaf, DemoError> {
        self.look()?;
        let trader = self.trader(name);
        Ok(self.chain.open(trader.slot, &trader.viewing)?)
    }

    /// The audit line, recomputed from the chain with everybody's viewing keys.
    ///
    /// # Errors
    /// [`DemoError::Chain`].
    pub fn audit(&mut self) -> Result<novation_verifier::watch::audit::Audit, DemoError> {
        self.look()?;
        let credited: BTreeSet<AccountSlot> =
            self.chain.deposits().iter().filter(|d| d.credited).map(|d| d.slot).collect();
        let keys: Vec<(AccountSlot, &ViewingKey)> =
            self.traders.values().filter(|t| credited.contains(&t.slot)).map(|t| (t.slot, &t.viewing)).collect();
        // An account without its key would make the sums meaningless.
        if let Some(slot) = credited.iter().find(|slot| !keys.iter().any(|(known, _)| known == *slot)) {
            return Err(ChainError::NeverWritten { slot: *slot }.into());
        }
        Ok(self.runtime.block_on(self.chain.audit(&keys, &self.house))?)
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
        self.prover.prover().verifying_key()
    }
}
