//! The demo: the main job from end to end, over the ports of a real node in one process.
//!
//! An L1 with the contracts, traders who deposit there and send signed orders over HTTP, batch auctions, proofs that the contract verifies,
//! funding, settlement, a withdrawal that is claimed on L1, an account opened with its viewing key, and an auditor who computes
//! every account again. **The clock is simulated**: blocks, windows and marks carry times that the script sets, so that hours of
//! funding and an expiry fit into minutes.
//!
//! | file | what |
//! |---|---|
//! | [`world`] | the node, its traders and who watches, on one clock |
//! | [`party`] | a trader: a client of the node, an account on L1 |
//! | [`script`] | the built-in story |
//! | [`replay`] | orders and quotes from tables |
//! | [`view`] | what the public sees of an account, and what its viewing key opens |
//! | [`report`] | the table and the JSON at the end |
//! | [`screen`] | progress |

pub mod party;
pub mod replay;
pub mod report;
pub mod screen;
pub mod script;
pub mod view;
pub mod world;

use crate::client::ClientError;
use crate::instrument::Terms;
use crate::node::NodeError;
use novation_prover::container::FileError;
use novation_state::size::Size;
use novation_state::units::OutOfRange;
use novation_verifier::l1::L1Error;
use novation_verifier::watch::chain::ChainError;
use novation_verifier::watch::recompute::RecomputeError;
use report::Report;
use screen::Screen;
use std::fmt::Display;
use std::path::PathBuf;
use world::World;

/// What a run is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Circuit size.
    pub size: Size,
    /// Replays a run: keys of traders, sizes of orders.
    pub seed: u64,
    /// Folder of the proving keys.
    pub keys: PathBuf,
    /// Where witnesses, proofs and public data of every batch go, if they are wanted.
    pub dump: Option<PathBuf>,
    /// Port of the L1 on loopback; 0 for any free one.
    pub port: u16,
    /// What is played.
    pub play: Play,
}

impl Options {
    /// When the demo's clock starts, in Unix seconds.
    pub fn start(&self) -> i64 {
        match &self.play {
            Play::Script => script::START,
            Play::Tables(tables) => tables.start(),
        }
    }
}

/// What is played.
#[derive(Clone, Debug)]
pub enum Play {
    /// The built-in story of the size.
    Script,
    /// Orders from tables.
    Tables(replay::Tables),
}

/// The venue tells a trader of something that the trader did not sign like this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the venue tells {trader} of {what} of log position {position}, which {trader} has not signed")]
pub struct Unsigned {
    /// The trader.
    pub trader: String,
    /// Log position of the message that the venue names.
    pub position: u64,
    /// What it tells of.
    pub what: &'static str,
}

/// Why a run ended early. Everything here is a fault of the set-up, of the input, or a bug; a wrong audit line is one too.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The async runtime or a folder.
    #[error("{what}: {reason}")]
    Io {
        /// What was done.
        what: String,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A trader got another answer than expected.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The contract.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// A file that was to be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The node refuses something that the operator's clock asks for.
    #[error("the node refuses {what}: {reason}")]
    Operator {
        /// What.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// Something that the node does by itself did not happen.
    #[error("the node has not got to it in an hour: {what}; the warnings above may say why")]
    Late {
        /// What was waited for.
        what: &'static str,
    },
    /// Proving a batch fails again and again: trying on for an hour would not mend it.
    #[error("batch {batch} could not be proven, {failures} times; the last time: {reason}")]
    Proving {
        /// The batch.
        batch: u64,
        /// Attempts that came to nothing.
        failures: u64,
        /// What the prover said.
        reason: String,
    },
    /// What a stranger reads from the chain is not what it should be.
    #[error("what the public sees is wrong: {0}")]
    Chain(#[from] ChainError),
    /// The contract's root is not the ledger's.
    #[error("after batch {batch} the contract's root is not the ledger's")]
    Root {
        /// The batch.
        batch: u64,
    },
    /// The auditor does not agree.
    #[error("the auditor disagrees: {0}")]
    Auditor(#[from] RecomputeError),
    /// The auditor was told of what nobody signed.
    #[error("the auditor disagrees: {0}")]
    Unsigned(#[from] Unsigned),
    /// A number has no representation.
    #[error(transparent)]
    Range(#[from] OutOfRange),
    /// An order for what is not listed.
    #[error("line {line}: {terms} has no quote in the markets table, so it is not listed")]
    NotListed {
        /// Line of the orders table.
        line: u64,
        /// The instrument.
        terms: Terms,
    },
    /// More traders than accounts.
    #[error("{found} traders, the demo opens accounts for at most {most}")]
    TooManyTraders {
        /// In the table.
        found: usize,
        /// The bound.
        most: usize,
    },
    /// Something that has to happen in the story did not.
    #[error("the story went wrong: {0}")]
    Story(String),
    /// Nobody traded.
    #[error("no two orders met: nothing to prove ({0})")]
    NothingTraded(String),
}

impl DemoError {
    /// Of something that the operator's clock asks for.
    fn operator<E: Display>(what: &'static str) -> impl FnOnce(E) -> DemoError {
        move |reason| DemoError::Operator { what, reason: reason.to_string() }
    }
}

/// Runs the demo and returns its report. The audit line has been checked when this returns.
///
/// # Errors
/// [`DemoError`].
pub fn run(options: &Options, screen: &Screen) -> Result<Report, DemoError> {
    let mut world = World::open(options, screen)?;
    let shown = match &options.play {
        Play::Script => script::play(&mut world)?,
        Play::Tables(tables) => replay::play(&mut world, tables)?,
    };
    report::finish(world, &shown)
}
