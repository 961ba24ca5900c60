//! The trader's side of the service: keys, nonces, signed messages over REST, and checks of what comes back.
//!
//! ```text
//!  Wallet ──signs──► Journal ──synced, then──► Http ──► venue
//!    keys            nonces, bytes               same bytes until the answer is certain
//!    │                                           │
//!    └─ viewing key ─► verify ◄─ leaf, markets ──┴─ receipts ─► operator's signature
//!                       L1 roots
//! ```
//!
//! A trader need not believe the venue: a receipt is checked against the message and the operator's key, which is pinned on first
//! use; the own account is opened with the viewing key and valued here, and on request its root is that of the
//! contract on L1.
//!
//! Nothing here reads a clock or owns a runtime: times come in as arguments, so that a simulation sets them, and the futures run
//! wherever the caller polls them (`handle.block_on(trader.order(..))`). Waiting between attempts is tokio's.

pub mod decimal;
pub mod events;
pub mod http;
pub mod journal;
pub mod l1;
pub mod pin;
pub mod rest;
pub mod trader;
pub mod verify;
pub mod wallet;

pub use http::{Http, Refusal, Retry};
pub use journal::{Journal, JournalError, Sent};
pub use pin::Pin;
pub use rest::{Credential, Rest};
pub use trader::{NewOrder, Placed, Trader};
pub use wallet::{Wallet, WalletError};

use novation_state::crypto::eddsa::EddsaError;
use novation_state::reject::Rejection;
use novation_state::units::{AccountSlot, OutOfRange};
use novation_verifier::l1::L1Error;
use novation_verifier::watch::open::OpenError;

/// Why something could not be done, and what helps.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No venue is there.
    #[error("`{url}` is no URL of a venue: {reason}")]
    Url {
        /// The text.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The wallet.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The journal. Nothing was sent.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// No answer to a question.
    #[error("no answer from {url}: {reason}; is the node running, and is this its public port?")]
    Unreachable {
        /// The venue.
        url: String,
        /// What the last attempt came to.
        reason: String,
    },
    /// The venue says no. Nothing changed.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The venue was full or not there. Nothing changed.
    #[error("not taken in: {reason}; nothing was changed, try again in a moment")]
    NotTaken {
        /// What the last attempt came to.
        reason: String,
    },
    /// A message may or may not have been taken in.
    #[error("nobody knows whether the venue took in nonce {nonce} of order slot {order_slot} ({reason}): `novation trade resend` sends the same bytes again, and an order can be cancelled by slot and nonce")]
    Unknown {
        /// Order slot.
        order_slot: u8,
        /// Nonce.
        nonce: u32,
        /// What the last attempt came to.
        reason: String,
    },
    /// An answer that this client does not understand.
    #[error(
        "the answer of {path} is not what this version understands: {reason}; compare the versions of node and client"
    )]
    Answer {
        /// What was asked.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A receipt for something else.
    #[error("the receipt names message {found} where {expected} was sent: the message stays pending, do not trust this venue's receipts")]
    ReceiptMessage {
        /// The hash that was sent.
        expected: String,
        /// The hash in the receipt.
        found: String,
    },
    /// A receipt that the operator has not signed.
    #[error("the receipt is not signed by the operator's key ({reason}): the message stays pending, do not trust this venue's receipts")]
    ReceiptSignature {
        /// Why.
        reason: EddsaError,
    },
    /// The venue shows another deployment or operator than before.
    #[error(
        "the venue's {what} is {found}, it was {pinned} when this wallet first used it: if you know why, remove {file}"
    )]
    Pinned {
        /// What changed.
        what: &'static str,
        /// Now.
        found: String,
        /// Before.
        pinned: String,
        /// Where it is kept.
        file: String,
    },
    /// The wallet has no account here.
    #[error("no account of this wallet is known: `novation trade deposit` opens one; after a deposit give it time to become final on L1")]
    NoAccount,
    /// The instrument is not listed.
    #[error("`{name}` is not listed: `novation trade markets` shows what is")]
    NotListed {
        /// The name.
        name: String,
    },
    /// The venue calls an instrument by a name that is not its terms'.
    #[error(
        "instrument {id} is called {name} and has the terms of {terms}: nothing was signed, do not trust this venue"
    )]
    Misnamed {
        /// The id.
        id: i64,
        /// Its name.
        name: String,
        /// What its terms say.
        terms: String,
    },
    /// A number outside its unit.
    #[error("the venue's {what} cannot be: {reason}")]
    Range {
        /// What.
        what: &'static str,
        /// Why.
        reason: OutOfRange,
    },
    /// The leaf does not open with the viewing key and either owner key.
    #[error("{0}: the wallet has another key than account {1}, or the venue lies")]
    Open(OpenError, AccountSlot),
    /// The leaf is not under the root.
    #[error("the venue's path of account {account} does not lead to its root: do not trust this venue")]
    Path {
        /// The account.
        account: AccountSlot,
    },
    /// A position in nothing.
    #[error("account {account} holds an instrument that the venue does not show: do not trust this venue")]
    HeldUnlisted {
        /// The account.
        account: AccountSlot,
    },
    /// The instruments break a rule of markets.
    #[error("the venue's instruments break a rule: {0}")]
    Markets(Rejection),
    /// The venue's account is not what the leaf says.
    #[error("the venue shows {what} {shown}, account and markets say {computed}: do not trust this venue")]
    Account {
        /// Which figure.
        what: &'static str,
        /// The venue's, micro-units.
        shown: i128,
        /// By the leaf and the markets, micro-units.
        computed: i128,
    },
    /// Account and leaf kept changing between the requests.
    #[error("account and markets changed between one request and the next, {attempts} times: try again")]
    Moving {
        /// How often it was tried.
        attempts: u32,
    },
    /// L1 has accepted another root.
    #[error("L1 accepted root {accepted} for {what}, the venue shows {shown}: do not trust this venue")]
    L1Root {
        /// Batch or markets with its number.
        what: String,
        /// The venue's.
        shown: String,
        /// The contract's.
        accepted: String,
    },
    /// A number without an account.
    #[error("the L1 has {accounts} accounts of its own, number {number} is not among them: --dev counts from 0")]
    NoDevelopmentAccount {
        /// The number.
        number: usize,
        /// How many there are.
        accounts: usize,
    },
    /// L1 does not answer.
    #[error("L1: {0}")]
    L1(#[from] L1Error),
    /// The stream of events.
    #[error("events of {url}: {reason}")]
    Events {
        /// The venue.
        url: String,
        /// What is wrong.
        reason: String,
    },
}
