//! The command line.

use clap::{Args, Parser, Subcommand};
use novation_prover::worker::{InFlight, InFlightError};
use novation_state::size::Size;
use std::path::PathBuf;

/// A clearing house whose rules are a proof: demo, proving, checking.
#[derive(Parser, Debug)]
#[command(name = "novation", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Runs the whole job in one process: deposits, orders, auctions, proofs, settlement, withdrawal.
    Demo(Demo),
    /// Runs everything as a service: REST, sequencer, prover, submission to L1. Without settings: SQLite, an L1 in this process, a local prover.
    Node(NodeArgs),
    /// Deploys the contracts of a new venue on the L1 of the settings, and prints what to add to the settings.
    Deploy(Deploy),
    /// Turns recorded chains and order flow into tables for `demo --orders`.
    #[command(subcommand)]
    Convert(Convert),
    /// Proves a dumped witness (`demo --dump DIR` writes them).
    Prove(Prove),
    /// Proves batches for a node, on this machine, until it is stopped.
    Prover(Prover),
    /// Checks a proof offline: no L1, no prover, no trust in who made it.
    Verify(Verify),
    /// Makes the proving key of a size, if it is not there yet, or takes one from a ceremony.
    Keys(Keys),
    /// Measures what this machine can prove, beside ark-groth16; or proves anyone's circom circuit.
    Bench(Bench),
    /// Prints the pinned figures as JSON.
    Figures,
    /// Writes a circuit or a verifying key for other tools.
    #[command(subcommand)]
    Export(Export),
    /// Follows a deployment on L1, verifies every batch again, serves leaf paths and raises alarms. Needs nothing but L1.
    Watch(Watch),
    /// Trades at a venue: wallet, deposits, orders, the own account, checked.
    Trade(crate::commands::trade::args::Trade),
}

/// Where keys are.
#[derive(Args, Clone, Debug)]
pub struct KeyFolder {
    /// Folder of the proving keys [default: .cache/novation/keys in a checkout, else the user's cache folder].
    #[arg(long, value_name = "DIR", env = "NOVATION_KEYS")]
    pub keys: Option<PathBuf>,
}

/// `demo`.
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// Prints the result as JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Plays the orders of a table (api/README.md has the format) instead of the built-in story.
    #[arg(long, value_name = "FILE")]
    pub orders: Option<PathBuf>,
    /// Quotes for `--orders`; without it the built-in market quotes what the orders name.
    #[arg(long, value_name = "FILE", requires = "orders")]
    pub markets: Option<PathBuf>,
    /// What each trader of `--orders` deposits, in USD.
    #[arg(long, value_name = "USD", default_value_t = 250_000, requires = "orders",
          value_parser = clap::value_parser!(i64).range(1..=1_000_000_000_000))]
    pub deposit: i64,
    /// Most trading batches of `--orders`: each takes a proof.
    #[arg(long, value_name = "N", default_value_t = 4, requires = "orders",
          value_parser = clap::value_parser!(u16).range(1..))]
    pub batches: u16,
    /// Keys of traders and sizes of orders follow from it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Circuit size.
    #[arg(long, value_name = "SIZE", default_value = "demo", value_parser = size)]
    pub size: Size,
    /// Where the proving keys are.
    #[command(flatten)]
    pub keys: KeyFolder,
    /// Writes witness, proof, verifying key and public data of every batch to a folder. Witnesses are private.
    #[arg(long, value_name = "DIR")]
    pub dump: Option<PathBuf>,
    /// Port of the L1 on loopback; 0 takes any free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
}

/// `node`.
#[derive(Args, Clone, Debug)]
pub struct NodeArgs {
    /// Settings (TOML); `--print-config` writes them all.
    #[arg(long, value_name = "FILE", env = "NOVATION_CONFIG")]
    pub config: Option<PathBuf>,
    /// Prints the settings as they are, after file and environment, and stops.
    #[arg(long)]
    pub print_config: bool,
    /// Where the proving keys are.
    #[command(flatten)]
    pub keys: KeyFolder,
}

/// `deploy`. Paid with NOVATION_DEPLOYER_KEY; operator and oracle role go to the addresses of NOVATION_OPERATOR_KEY and NOVATION_ORACLE_KEY.
#[derive(Args, Clone, Debug)]
pub struct Deploy {
    /// Settings (TOML) of the node that will run the venue: data folder, size, l1.url.
    #[arg(long, value_name = "FILE", env = "NOVATION_CONFIG")]
    pub config: Option<PathBuf>,
    /// The collateral, an ERC-20 with 6 decimals.
    #[arg(long, value_name = "ADDRESS", required_unless_present = "test_token")]
    pub collateral: Option<alloy::primitives::Address>,
    /// Deploys a token that anybody may mint and takes it as the collateral. Not for money.
    #[arg(long, conflicts_with = "collateral")]
    pub test_token: bool,
    /// Who may propose changes to the timelock, a multi-signature account; may be given more than once [default: the deployer].
    #[arg(long, value_name = "ADDRESS")]
    pub proposer: Vec<alloy::primitives::Address>,
    /// Who may execute what has waited long enough; may be given more than once [default: anybody].
    #[arg(long, value_name = "ADDRESS")]
    pub executor: Vec<alloy::primitives::Address>,
    /// Days for which the contract takes proofs under this key.
    #[arg(long, value_name = "N", default_value_t = 3_650, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    pub key_days: u64,
    /// Where the proving keys are.
    #[command(flatten)]
    pub keys: KeyFolder,
}

/// `convert`.
#[derive(Subcommand, Clone, Debug)]
pub enum Convert {
    /// A snapshot of Deribit's option chains (CSV).
    Deribit(ConvertArgs),
    /// Bitstamp's order events (CSV, also .xz or .gz).
    Bitstamp(ConvertArgs),
    /// Binance's trades of a perpetual (CSV, also .gz or .xz).
    Binance(ConvertArgs),
}

/// What every converter takes.
#[derive(Args, Clone, Debug)]
pub struct ConvertArgs {
    /// The file.
    pub file: PathBuf,
    /// Folder for `markets.csv` and `orders.csv`.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Draws traders and sizes.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Number of synthetic traders, 2 to 8.
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub traders: usize,
    /// Minutes of order flow.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(i64).range(1..=1_440))]
    pub minutes: i64,
    /// Most orders.
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub orders: usize,
}

/// `prove`.
#[derive(Args, Clone, Debug)]
pub struct Prove {
    /// The witness.
    pub file: PathBuf,
    /// Folder for proof.json, public.json and verification_key.json, as snarkjs reads them.
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub output: PathBuf,
    /// Where the proving keys are.
    #[command(flatten)]
    pub keys: KeyFolder,
    /// What computes: auto, cpu, cpu:M (keeps M multiples of key points), cuda, cuda:N (card N), dual, dual:cuda, reference.
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub backend: String,
}

/// `prover`.
#[derive(Args, Clone, Debug)]
pub struct Prover {
    /// Where the node is: http://HOST:PORT or https://HOST.
    #[arg(long, value_name = "URL", env = "NOVATION_NODE")]
    pub url: String,
    /// File with the token that the node wants to see.
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
    /// What computes: auto, cpu, cpu:M (keeps M multiples of key points), cuda, cuda:N (card N), dual, dual:cuda, reference.
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub backend: String,
    /// Batches to prove at a time, 1 to 16. All share key and circuit; each takes memory of its own for its witness, its row products and
    /// its sums, on the card for cuda (`novation bench --batch SIZE` prints the peak with one). With cpu all share the cores: more than
    /// 1 fills the time in which one waits for its witness.
    #[arg(long, value_name = "N", env = "NOVATION_IN_FLIGHT", default_value = "1", value_parser = in_flight)]
    pub in_flight: InFlight,
    /// What the node calls this worker [default: the machine's name and the process's number].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Where the proving keys are; the node's is fetched if it is not there.
    #[command(flatten)]
    pub keys: KeyFolder,
}

/// `verify`.
#[derive(Args, Clone, Debug)]
pub struct Verify {
    /// The proof (proof.json of snarkjs).
    #[arg(long, value_name = "FILE")]
    pub proof: PathBuf,
    /// The verifying key (verification_key.json of snarkjs).
    #[arg(long, value_name = "FILE")]
    pub vk: PathBuf,
    /// The batch's public data (`demo --dump` writes them as batch-N.data.json).
    #[arg(long, value_name = "FILE")]
    pub public: PathBuf,
}

/// `keys`.
#[derive(Args, Clone, Debug)]
pub struct Keys {
    /// Circuit size.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub size: Size,
    /// Keeps the outcome of a snarkjs ceremony (prover/ceremony/ceremony.sh) as the key, instead of making one.
    #[arg(long, value_name = "FILE")]
    pub zkey: Option<PathBuf>,
    /// Where the proving keys are.
    #[command(flatten)]
    pub keys: KeyFolder,
}

/// `bench`.
#[derive(Args, Clone, Debug)]
pub struct Bench {
    /// Sizes of the rollup-like mix, as log2 of constraints and public wires.
    #[arg(long, value_name = "N,N,..", default_value = "17", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(4..=24))]
    pub log: Vec<u32>,
    /// Proves a random batch of this size too.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub batch: Option<Size>,
    /// Measured proofs a circuit, the best of which counts; one more warms up.
    #[arg(long, value_name = "N", default_value = "3")]
    pub rounds: std::num::NonZeroU32,
    /// Prints the report as JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Leaves ark-groth16 out.
    #[arg(long)]
    pub without_ark: bool,
    /// What computes: auto, cpu, cpu:M (keeps M multiples of key points), cuda, cuda:N (card N), dual, dual:cuda, reference.
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub backend: String,
    /// Where the proving keys are; those of the mix go to its folder `bench`, 0.4 KiB a constraint.
    #[command(flatten)]
    pub keys: KeyFolder,
    /// Writes circuits, witnesses and new development keys into this folder, as .r1cs, .wtns and .zkey for other provers, and
    /// measures nothing.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["rounds", "json", "without_ark", "backend", "r1cs"])]
    pub export: Option<PathBuf>,
    /// Proves this constraint system instead (circom's .r1cs).
    #[arg(long, value_name = "FILE", requires_all = ["wtns", "zkey"], conflicts_with_all = ["log", "batch", "without_ark"])]
    pub r1cs: Option<PathBuf>,
    /// Its witness (.wtns).
    #[arg(long, value_name = "FILE", requires = "r1cs")]
    pub wtns: Option<PathBuf>,
    /// Its key (.zkey).
    #[arg(long, value_name = "FILE", requires = "r1cs")]
    pub zkey: Option<PathBuf>,
    /// Writes the proof, as snarkjs reads it.
    #[arg(long, value_name = "FILE", requires = "r1cs")]
    pub proof: Option<PathBuf>,
    /// Writes the public inputs, as snarkjs reads them.
    #[arg(long, value_name = "FILE", requires = "r1cs")]
    pub public: Option<PathBuf>,
}

/// `export`.
#[derive(Subcommand, Clone, Debug)]
pub enum Export {
    /// The constraint system as `.r1cs`, from which a snarkjs ceremony makes a key.
    R1cs {
        /// Circuit size.
        #[arg(long, value_name = "SIZE", value_parser = size)]
        size: Size,
        /// The file to write.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// The verifying key of the cached proving key, as JSON of snarkjs.
    Vk {
        /// Circuit size.
        #[arg(long, value_name = "SIZE", value_parser = size)]
        size: Size,
        /// The file to write.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Where the proving keys are.
        #[command(flatten)]
        keys: KeyFolder,
    },
    /// A dumped witness as `.wtns`, for `snarkjs groth16 prove`.
    Wtns {
        /// The dumped witness.
        file: PathBuf,
        /// The file to write.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Proof, public inputs and verifying key of a dumped witness, as JSON of snarkjs: the same as `prove`.
    Proof(Prove),
}

/// `watch`.
#[derive(Args, Clone, Debug)]
pub struct Watch {
    /// JSON-RPC of an L1 node.
    #[arg(long, value_name = "URL", env = "NOVATION_L1")]
    pub l1: String,
    /// The contract.
    #[arg(long, value_name = "ADDRESS", env = "NOVATION_CONTRACT")]
    pub contract: alloy::primitives::Address,
    /// Block of the deployment [default: searched for, on a node that keeps old state].
    #[arg(long, value_name = "N")]
    pub from_block: Option<u64>,
    /// State root before the first batch, 0x and 64 digits [default: what the contract had in that block].
    #[arg(long, value_name = "ROOT", value_parser = root)]
    pub genesis_root: Option<ark_bn254::Fr>,
    /// Verifying key as JSON of snarkjs that the contract must use; may be given once a circuit [default: believe the contract's].
    #[arg(long, value_name = "FILE")]
    pub vk: Vec<PathBuf>,
    /// Where the JSON routes are served.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8686")]
    pub listen: std::net::SocketAddr,
    /// Where Prometheus scrapes /metrics [default: nowhere].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<std::net::SocketAddr>,
    /// Seconds between looks at L1.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub every: u64,
    /// Alarm when a final deposit waits for longer, in seconds of L1's clock.
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    pub queue_seconds: u64,
    /// Alarm when there is no batch for longer while a deposit waits.
    #[arg(long, value_name = "SECONDS", default_value_t = 1_800)]
    pub batch_seconds: u64,
    /// Alarm when marks of a live instrument are older.
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    pub mark_seconds: u64,
    /// Alarm when a mark moves by more in a round, in percent of its own scan range.
    #[arg(long, value_name = "PERCENT", default_value_t = 100)]
    pub odd_percent: u32,
    /// Reads to the newest block, prints a table, and fails if an alarm of severity error or fatal stands.
    #[arg(long)]
    pub once: bool,
    /// With `--once`: prints status and alarms as JSON.
    #[arg(long, requires = "once")]
    pub json: bool,
}

/// A state root.
fn root(text: &str) -> Result<ark_bn254::Fr, String> {
    novation_verifier::encoding::from_hex_word(text).map_err(|error| error.to_string())
}

/// Proofs in flight.
fn in_flight(text: &str) -> Result<InFlight, String> {
    text.parse().map_err(|rule: InFlightError| rule.to_string())
}

/// A circuit size by name.
fn size(name: &str) -> Result<Size, String> {
    Size::by_name(name).ok_or_else(|| {
        let names: Vec<&str> = novation_state::size::ALL.iter().map(|size| size.name).collect();
        format!("no circuit has this size; there are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn proofs_in_flight_are_one_to_sixteen() {
        let parse = |more: &[&str]| {
            let usual = ["novation", "prover", "--url", "http://h", "--token-file", "t"];
            Cli::try_parse_from(usual.iter().chain(more))
        };
        let of = |cli: Cli| match cli.command {
            Command::Prover(prover) => prover.in_flight.get(),
            other => panic!("{other:?}"),
        };
        assert_eq!(of(parse(&[]).unwrap()), 1);
        assert_eq!(of(parse(&["--in-flight", "16"]).unwrap()), 16);
        for wrong in ["0", "17", "two"] {
            let error = parse(&["--in-flight", wrong]).unwrap_err().to_string();
            let named = format!("invalid value '{wrong}' for '--in-flight <N>': a whole number from 1 to 16");
            assert!(error.contains(&named), "{error}");
        }
    }

    #[test]
    fn an_unknown_size_names_those_there_are() {
        let error = Cli::try_parse_from(["novation", "keys", "--size", "huge"]).unwrap_err().to_string();
        assert!(error.contains("no circuit has this size; there are tiny, demo, large"), "{error}");
    }
}
