//! Commands: withdraw, cancel, raise the epoch, rotate the owner key.

use super::accounts::{self, Entries};
use super::{BatchInput, Guard, SignedCommand};
use crate::account::OrderSlots;
use crate::crypto::eddsa;
use crate::leaf::OrderSlot;
use crate::ledger::Ledger;
use crate::message::Action;
use crate::reject::{Key, Rejection};
use crate::trace::CommandTrace;
use crate::units::Lots;

/// Executes every command, by account.
pub(super) fn apply(
    ledger: &Ledger,
    input: &BatchInput,
    entries: &mut Entries,
    guard: &mut Guard,
) -> Result<Vec<CommandTrace>, Rejection> {
    let mut commands: Vec<&SignedCommand> = input.commands.iter().collect();
    commands.sort_by_key(|signed| signed.command.binding.account);
    let mut traces: Vec<CommandTrace> = Vec::with_capacity(commands.len());
    for signed in commands {
        let account = signed.command.binding.account;
        let second = traces.last().is_some_and(|trace| trace.command.binding.account == account);
        guard.require(!second, || Rejection::TwoCommands { account })?;
        traces.push(execute(ledger, signed, entries, guard)?);
    }
    Ok(traces)
}

fn execute(
    ledger: &Ledger,
    signed: &SignedCommand,
    entries: &mut Entries,
    guard: &mut Guard,
) -> Result<CommandTrace, Rejection> {
    let SignedCommand { command, signature, possession } = *signed;
    let binding = command.binding;
    let (account, order_slot, nonce) = (binding.account, binding.order_slot, binding.nonce);
    let hash = command.hash();
    let verdict = accounts::owner(entries, account).map(|owner| eddsa::verify(&owner, hash, &signature));
    let entry = accounts::signer(ledger, entries, &binding, verdict, guard)?;
    guard.require(!entry.trades(), || Rejection::CommandBesideOrders { account })?;

    let after = entry.after.as_mut().expect("signers are open");
    let slot_before = after.orders.get(order_slot);
    // Killing the very order that the slot remembers is what a cancellation is for.
    let newer = match command.action {
        Action::Cancel => nonce >= slot_before.nonce,
        Action::Withdraw { .. } | Action::Epoch | Action::Rotate { .. } => nonce > slot_before.nonce,
    };
    guard.require(newer, || Rejection::Nonce { account, order_slot, nonce, last: slot_before.nonce })?;
    let path = after.orders.path(order_slot);
    after.orders.set(order_slot, OrderSlot { nonce, message: hash, filled: Lots::ZERO });

    if matches!(command.action, Action::Epoch | Action::Rotate { .. }) {
        // Emptied, so that the owner needs nobody's database to go on.
        after.orders = OrderSlots::default();
        let raised = after.leaf.epoch.checked_add(1);
        after.leaf.epoch = raised.ok_or(Rejection::EpochExhausted { account })?;
    }
    let new_owner = match command.action {
        Action::Rotate { owner_eighth } => {
            let on_curve = owner_eighth.is_on_curve();
            guard.require(on_curve, || Rejection::KeyOffCurve { account, key: Key::Owner })?;
            Some(owner_eighth.mul8())
        }
        Action::Withdraw { amount, recipient, chain } => {
            let (amount, own) = (amount.get(), ledger.deployment.chain);
            guard.require(amount > 0, || Rejection::EmptyWithdrawal { account, amount })?;
            guard.require(recipient != [0; 20], || Rejection::NoRecipient { account })?;
            guard.require(chain == own, || Rejection::Chain { account, chain, own })?;
            entry.withdrawn += amount;
            entry.withdraws = true;
            None
        }
        Action::Cancel | Action::Epoch => None,
    };
    let possession = possession.filter(|_| new_owner.is_some());
    if let Some(owner) = new_owner {
        guard.require(!owner.is_identity(), || Rejection::IdentityKey { account })?;
        let verdict = match &possession {
            Some(signature) => {
                eddsa::verify(&owner, hash, signature).map_err(|reason| Rejection::Possession { account, reason })
            }
            None => Err(Rejection::NoPossession { account }),
        };
        guard.take(verdict)?;
        entry.after.as_mut().expect("signers are open").leaf.owner = owner;
    }
    Ok(CommandTrace { command, signature, possession, slot_before, path })
}
