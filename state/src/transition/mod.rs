//! The transition: (ledger, markets, input) to (ledger, trace), pure and deterministic.
//!
//! Order: header; accounts taking part; deposits; market rows; clearings; orders; commands; net effects, account by account;
//! house; then every rewritten leaf gets a new salt and is written under the running root, the house last. Inside an entry the
//! order of effects is: deposits, roll, fills, withdrawal; then cancel, epoch, rotation; margin once, last. Signatures and
//! epochs are checked against the leaf before the batch.

mod accounts;
mod clearings;
mod commands;
mod deposits;
mod guard;
mod header;
mod house;
mod markets;
mod orders;
mod seal;

pub use guard::Guard;

use crate::account::Account;
use crate::crypto::babyjub::{Point, Scalar};
use crate::crypto::eddsa::Signature;
use crate::ledger::Ledger;
use crate::markets::Markets;
use crate::message::{Command, Order};
use crate::reject::{Lane, Rejection};
use crate::size::Size;
use crate::trace::{BatchTrace, Header, ACCOUNTS_DEPTH};
use crate::tree::Changes;
use crate::units::{AccountSlot, Amount, InstrumentId, Lots, Ticks, Time, Window};
use ark_bn254::Fr;

/// A deposit from the L1 queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// Account slot named or assigned on L1.
    pub account: AccountSlot,
    /// One eighth of the owner key.
    pub owner_eighth: Point,
    /// One eighth of the viewing key.
    pub viewing_eighth: Point,
    /// In micro-units.
    pub amount: Amount,
}

/// A fill of a signed order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The order.
    pub order: Order,
    /// Its owner's signature.
    pub signature: Signature,
    /// The auction window that filled it.
    pub window: Window,
    /// The auction's price.
    pub price: Ticks,
    /// Lots filled, > 0.
    pub fill: Lots,
}

/// A signed command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedCommand {
    /// The command.
    pub command: Command,
    /// Its owner's signature.
    pub signature: Signature,
    /// For a rotation: the new key's signature over the same message. Ignored elsewhere.
    pub possession: Option<Signature>,
}

/// Everything a batch is made of. Whatever follows from the ledger is not in here.
#[derive(Clone, Debug)]
pub struct BatchInput {
    /// Batch time.
    pub time: Time,
    /// First window.
    pub window_first: Window,
    /// Last window. A batch without windows names the empty range after the last batch's: first = last + 1.
    pub window_last: Window,
    /// Deposits, in queue order.
    pub deposits: Vec<Deposit>,
    /// Fills. Those of one account are applied in this order.
    pub fills: Vec<Fill>,
    /// Commands.
    pub commands: Vec<SignedCommand>,
    /// Accounts to roll without a fill or a withdrawal.
    pub touches: Vec<AccountSlot>,
    /// Accounts to rewrite without any change, so that nobody sees which of them had one.
    pub decoys: Vec<AccountSlot>,
    /// Instruments to load besides those in use.
    pub extra_rows: Vec<InstrumentId>,
    /// Ephemeral scalar, in [2^249, 2^250).
    pub ephemeral: Scalar,
    /// Random word that makes the commitment hide.
    pub blind: Fr,
    /// Commitment to the order log up to `log_last`.
    pub log_root: Fr,
    /// Last log entry of the batch.
    pub log_last: u64,
}

/// A batch ready to be applied.
pub(crate) struct Transition {
    pub trace: BatchTrace,
    /// Rewritten accounts.
    pub accounts: Vec<(AccountSlot, Account)>,
    pub tree: Changes<ACCOUNTS_DEPTH>,
}

/// Computes a batch.
pub(crate) fn run(
    ledger: &Ledger,
    size: Size,
    markets: &Markets,
    input: BatchInput,
    guard: &mut Guard,
) -> Result<Transition, Rejection> {
    size.assert_valid();
    capacity(Lane::Deposits, input.deposits.len(), size.deposits)?;
    capacity(Lane::Orders, input.fills.len(), size.orders)?;
    capacity(Lane::Commands, input.commands.len(), size.commands)?;
    let header = header::check(ledger, markets, &input, guard)?;

    let mut entries = accounts::open(ledger, &size, &input)?;
    let deposits = deposits::apply(&input.deposits, &mut entries, guard)?;
    let table = markets::Table::load(&size, markets, &entries, &input, guard)?;
    let clearings = clearings::collect(&size, &table, &input, guard)?;
    let orders = orders::apply(ledger, &table, &clearings, &input, &mut entries, guard)?;
    let commands = commands::apply(ledger, &input, &mut entries, guard)?;
    let mut flow = house::Flow::default();
    for entry in entries.values_mut() {
        accounts::settle(entry, &size, &table, input.time, &mut flow, guard)?;
    }
    let house = flow.apply(&ledger.house)?;
    accounts::assert_conservation(&entries, &flow, guard);

    let sealed = seal::seal(ledger, header.batch, &input.ephemeral, entries, house);
    let trace = BatchTrace {
        size,
        header: Header { new_root: sealed.root, ..header },
        ephemeral: input.ephemeral,
        blind: input.blind,
        rows: table.into_rows(),
        clearings,
        orders,
        deposits,
        commands,
        accounts: sealed.entries,
        house: sealed.house,
    };
    Ok(Transition { trace, accounts: sealed.accounts, tree: sealed.tree })
}

/// A lane has room. There is no trace of a batch that does not fit, whatever the guard.
fn capacity(lane: Lane, needed: usize, room: usize) -> Result<(), Rejection> {
    if needed <= room {
        Ok(())
    } else {
        Err(Rejection::BatchFull { lane, needed, room })
    }
}

#[cfg(test)]
mod tests;
