//! The chains that contract tests run on: the in-process L1 directly, the same over HTTP, and anvil where it is installed.

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::{Address, U64};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use novation_verifier::devnet::{Devnet, DevnetConfig, HttpServer};
use novation_verifier::tls;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Time at which every test chain starts, seconds since 1970.
pub const GENESIS_TIME: u64 = 1_799_990_000;

/// Blocks by which `finalized` trails the tip on every test chain: two epochs of [`EPOCH`].
pub const FINALIZED_DEPTH: u64 = 2 * EPOCH;

/// Slots of an epoch, so that `safe` trails by one of them.
const EPOCH: u64 = 3;

/// A chain with unlocked accounts, behind a provider without keys.
pub struct TestChain {
    /// For the test's output.
    pub name: &'static str,
    /// Sends for the unlocked accounts.
    pub provider: DynProvider,
    /// Unlocked, with funds.
    pub accounts: Vec<Address>,
    _http: Option<HttpServer>,
    _anvil: Option<Anvil>,
}

struct Anvil(Child);

impl Drop for Anvil {
    fn drop(&mut self) {
        // It has no state to save; a test that panics must not leave it behind.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl TestChain {
    async fn new(name: &'static str, provider: DynProvider, http: Option<HttpServer>, anvil: Option<Anvil>) -> Self {
        provider.client().set_poll_interval(std::time::Duration::from_millis(2));
        let accounts = provider.get_accounts().await.expect("unlocked accounts");
        Self { name, provider, accounts, _http: http, _anvil: anvil }
    }

    fn devnet() -> Devnet {
        Devnet::new(DevnetConfig {
            genesis_time: GENESIS_TIME,
            safe_depth: EPOCH,
            finalized_depth: FINALIZED_DEPTH,
            ..DevnetConfig::default()
        })
    }

    /// An in-process L1, without a socket.
    pub async fn on(devnet: &Devnet) -> Self {
        Self::new("in-process L1", devnet.provider(), None, None).await
    }

    async fn over_http() -> Self {
        let server = Self::devnet().serve_http(0).await.expect("a free port");
        let provider = http_provider(&server.url());
        Self::new("in-process L1 over HTTP", provider, Some(server), None).await
    }

    async fn anvil() -> Option<Self> {
        let program = find_anvil()?;
        let mut command = Command::new(&program);
        command.args(["--port", "0", "--hardfork", "osaka"]);
        command.args(["--timestamp", &GENESIS_TIME.to_string(), "--slots-in-an-epoch", &EPOCH.to_string()]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("anvil starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let anvil = Anvil(child);
        let mut lines = lines.map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix("Listening on ").map(str::to_owned));
        let address = address.expect("anvil says where it listens");
        // It goes on writing about every request: somebody has to read that.
        std::thread::spawn(move || lines.for_each(drop));
        let provider = http_provider(&format!("http://{}", address.trim()));
        println!("runs on {}", program.display());
        Some(Self::new("anvil", provider, None, Some(anvil)).await)
    }

    async fn request(&self, method: &'static str, params: Value) -> Value {
        self.provider
            .raw_request(method.into(), params)
            .await
            .unwrap_or_else(|e| panic!("{}: {method}: {e}", self.name))
    }

    /// Adds empty blocks.
    pub async fn mine(&self, blocks: u64) {
        self.request("anvil_mine", serde_json::json!([U64::from(blocks)])).await;
    }

    /// Adds what it takes for the newest block to become final.
    pub async fn finalize(&self) {
        self.mine(FINALIZED_DEPTH).await;
    }

    /// Sets the time of the next block.
    pub async fn set_time(&self, seconds: u64) {
        self.request("evm_setNextBlockTimestamp", serde_json::json!([seconds])).await;
    }

    /// Remembers the newest block to come back to.
    pub async fn snapshot(&self) -> Value {
        self.request("evm_snapshot", serde_json::json!([])).await
    }

    /// Takes back every block after the snapshot.
    pub async fn revert(&self, snapshot: Value) {
        assert_eq!(self.request("evm_revert", serde_json::json!([snapshot])).await, Value::Bool(true), "{}", self.name);
    }

    /// Time of the newest block.
    pub async fn time(&self) -> u64 {
        let block = self.provider.get_block_by_number(BlockNumberOrTag::Latest).await.expect("answered");
        block.expect("there is a block").header.timestamp
    }

    /// Height of the newest block.
    pub async fn height(&self) -> u64 {
        self.provider.get_block_number().await.expect("answered")
    }
}

fn http_provider(url: &str) -> DynProvider {
    tls::ready();
    let builder = ProviderBuilder::new().disable_recommended_fillers().with_gas_estimation();
    let builder = builder.with_simple_nonce_management().fetch_chain_id();
    builder.connect_http(url.parse().expect("a URL")).erased()
}

/// `NOVATION_ANVIL`, else where `npm install` in `verifier/contracts` puts it, else `anvil` on the PATH. Without any the
/// test goes on without anvil and says so, unless `NOVATION_REQUIRE_TOOLS=1`, as in CI.
fn find_anvil() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("NOVATION_ANVIL") {
        let path = PathBuf::from(path);
        assert!(path.is_file(), "NOVATION_ANVIL names {}, which is no file", path.display());
        return Some(path);
    }
    let found = pinned_anvil().or_else(|| {
        let paths = std::env::var_os("PATH")?;
        std::env::split_paths(&paths).map(|folder| folder.join("anvil")).find(|path| path.is_file())
    });
    if found.is_none() {
        const MISSING: &str = "no anvil: set NOVATION_ANVIL, or run npm install --no-save in verifier/contracts";
        assert!(std::env::var_os("NOVATION_REQUIRE_TOOLS").is_none_or(|value| value != "1"), "{MISSING}");
        println!("skipped on anvil: {MISSING}");
    }
    found
}

/// The program itself, of whichever platform's package is there: npm's wrapper would survive the end of the test.
fn pinned_anvil() -> Option<PathBuf> {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts/node_modules/@foundry-rs");
    let entries = std::fs::read_dir(packages).ok()?;
    let is_anvil = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("anvil-");
    let packages = entries.flatten().filter(|entry| is_anvil(&entry.file_name()));
    packages.map(|entry| entry.path().join("bin/anvil")).find(|program| program.is_file())
}

/// Runs a test on every chain there is.
pub async fn on_every_chain(test: impl AsyncFn(TestChain)) {
    let chains =
        [Some(TestChain::on(&TestChain::devnet()).await), Some(TestChain::over_http().await), TestChain::anvil().await];
    for chain in chains.into_iter().flatten() {
        println!("on {}", chain.name);
        test(chain).await;
    }
}
