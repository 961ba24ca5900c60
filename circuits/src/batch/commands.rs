//! Commands lane: withdraw, cancel, epoch, rotate.
//!
//! Statement of entry i: if active, the owner key of the old leaf signed a message of exactly one of the four types for this
//! deployment, account, order slot, nonce and epoch. A withdrawal stands in the public data with its recipient, chain and
//! amount; a rotation is signed by the new key as well, which is eight times a curve point and not the identity.
//!
//! Entries strictly increase in account: one command an account and batch, and none for an account with orders
//! (`account.trades_or_commands`).

use super::accounts::old::Old;
use super::header::Header;
use super::orders::open_slot;
use crate::cs::{Bit, Cs, Lc};
use crate::gadgets::babyjub::SubgroupPoint;
use crate::gadgets::{bits, eddsa, merkle, poseidon};
use ark_bn254::Fr;
use novation_state::crypto::babyjub::BASE8;
use novation_state::leaf::FILLED_BITS;
use novation_state::message::{Action, MESSAGE_WORDS};
use novation_state::size::Size;
use novation_state::tags::{MessageType, Tag};
use novation_state::trace::{BatchTrace, CommandTrace};
use novation_state::tree::empty_orders_root;
use novation_state::units::{pow2, CASH_BITS, NONCE_BITS, ORDER_SLOT_BITS, SLOT_BITS};

/// Wires of a command.
pub struct Command {
    active: Bit,
    account: Lc,
    /// The two words of D.
    pub words: [Lc; 2],
    /// Absorbed: message hash, 0 if inactive.
    pub message: Lc,
    /// Indicators of the account entry.
    pub at: Vec<Bit>,
    /// Per account entry: 1 if this command withdraws from it.
    pub withdraws: Vec<Lc>,
    /// Poles at z, by account slot.
    pub pole_cash: Lc,
    pub pole_roots: Lc,
    pub pole_epoch: Lc,
    pub pole_owner: [Lc; 2],
}

fn command(
    cs: &mut Cs,
    header: &Header,
    old: &[Old],
    slots: &[Lc],
    z: &Lc,
    active: &Bit,
    input: Option<&CommandTrace>,
) -> Command {
    let signed: [Fr; MESSAGE_WORDS] = input.map(|c| c.command.words()).unwrap_or_default();
    let account = cs.alloc("command.account", || signed[2]);
    let slot_value = input.map_or(0, |c| c.command.binding.order_slot);
    let slot_bits: Vec<Bit> =
        (0..ORDER_SLOT_BITS).map(|i| cs.bit("command.slot", || slot_value >> i & 1 == 1)).collect();
    let nonce = cs.alloc("command.nonce", || signed[4]);
    let amount = cs.alloc("command.amount", || signed[6]);
    let recipient = cs.alloc("command.recipient", || signed[7]);
    let chain = cs.alloc("command.chain", || signed[8]);
    let eighth = (cs.alloc("command.new_key", || signed[9]), cs.alloc("command.new_key", || signed[10]));

    // Exactly one type if active, none otherwise.
    let kind =
        |cs: &mut Cs, f: fn(&Action) -> bool| cs.bit("command.type", || input.is_some_and(|c| f(&c.command.action)));
    let withdraw = kind(cs, |a| matches!(a, Action::Withdraw { .. }));
    let cancel = kind(cs, |a| matches!(a, Action::Cancel));
    let raise = kind(cs, |a| matches!(a, Action::Epoch));
    let rotate = kind(cs, |a| matches!(a, Action::Rotate { .. }));
    let types = [&withdraw, &cancel, &raise, &rotate];
    cs.enforce_eq("command.type", &Lc::sum(types.iter().map(|b| b.lc())), active.lc());
    let idle = active.not();
    cs.enforce("command.padding_is_zero", idle.lc(), &account, &Lc::zero());

    // SOUND: slots are distinct (account.sorted).
    let at = bits::one_hot(cs, "command.account", slots, &account, active);
    let column = |cs: &mut Cs, f: &dyn Fn(&Old) -> &Lc| {
        bits::pick(cs, "command.pick", &at, &old.iter().map(|o| f(o).clone()).collect::<Vec<_>>())
    };
    let owner = (column(cs, &|o| &o.owner.0), column(cs, &|o| &o.owner.1));
    let epoch = column(cs, &|o| &o.epoch);
    let root_old = column(cs, &|o| &o.orders_root);

    let mut words = vec![Lc::zero(); MESSAGE_WORDS];
    for (bit, tag) in
        types.iter().zip([MessageType::Withdraw, MessageType::Cancel, MessageType::Epoch, MessageType::Rotate])
    {
        words[0].add_scaled(bit.lc(), tag.fr());
    }
    words[1] = header.deployment().clone();
    words[2] = account.clone();
    words[3] = bits::from_bits(&slot_bits);
    words[4] = nonce.clone();
    words[5] = epoch.clone();
    words[6] = amount.clone();
    words[7] = recipient.clone();
    words[8] = chain.clone();
    words[9] = eighth.0.clone();
    words[10] = eighth.1.clone();
    let hash = poseidon::hash(cs, "command.message", Tag::Message.fr(), &words);
    let message = cs.mul("command.message", active.lc(), &hash);
    let signature = |cs: &mut Cs, name, s: Option<&novation_state::crypto::eddsa::Signature>| eddsa::SignatureWires {
        r_x: cs.alloc(name, || s.map_or(BASE8.x, |s| s.r.x)),
        r_y: cs.alloc(name, || s.map_or(BASE8.y, |s| s.r.y)),
        s: cs.alloc(name, || s.map(|s| s.s).unwrap_or_default()),
    };
    let by_owner = signature(cs, "command.signature", input.map(|c| &c.signature));
    eddsa::verify(cs, active, (&owner.0, &owner.1), &hash, &by_owner);

    // Withdrawal: widths of the public words; something to somebody.
    let zero = Lc::zero();
    bits::range(cs, "withdraw.amount_positive", &(&amount - withdraw.lc()), CASH_BITS);
    bits::range(cs, "withdraw.recipient", &(&recipient - withdraw.lc()), 160);
    bits::range(cs, "withdraw.chain_range", &chain, 64);
    let destination = &recipient + &chain * pow2(160);
    let public_destination = cs.mul("withdraw.public", withdraw.lc(), &destination);
    let public_amount = cs.mul("withdraw.public", withdraw.lc(), &amount);

    // Rotation: the new key is 8 * (a curve point), is not the identity, and signs.
    let x = cs.select("rotate.key", &rotate, &eighth.0, &Lc::constant(BASE8.x));
    let y = cs.select("rotate.key", &rotate, &eighth.1, &Lc::constant(BASE8.y));
    let new_owner = SubgroupPoint::mul8(cs, &x, &y);
    let new_owner = (new_owner.curve().x().clone(), new_owner.curve().y().clone());
    let identity = bits::is_zero(cs, "rotate.key_not_identity", &new_owner.0);
    cs.enforce("rotate.key_not_identity", rotate.lc(), identity.lc(), &zero);
    let by_new_key = signature(cs, "rotate.possession", input.and_then(|c| c.possession.as_ref()));
    eddsa::verify(cs, &rotate, (&new_owner.0, &new_owner.1), &hash, &by_new_key);

    // The order slot: a cancellation may name the nonce that is there, everything else needs a later one.
    let strict = active.lc() - cancel.lc();
    let slot = open_slot(cs, "command.nonce_not_older", &nonce, &strict, input.map(|c| &c.slot_before));
    let leaf_after = poseidon::hash(cs, "slot.leaf", Tag::OrderSlot.fr(), &[&nonce * pow2(FILLED_BITS), hash.clone()]);
    let (root_in, root_out) =
        merkle::update(cs, "command.path", &slot_bits, input.map(|c| &c.path[..]), &slot.leaf_before, &leaf_after);
    cs.enforce("command.root", active.lc(), &(&root_in - &root_old), &zero);

    // A raised epoch empties the orders root, so an account recovers without the operator's database.
    let raises = Bit::unchecked(raise.lc() + rotate.lc()); // SOUND: command.type makes at most one of them 1.
    let root_new = cs.select("command.epoch_empties", &raises, &Lc::constant(empty_orders_root()), &root_out);
    bits::range(cs, "command.epoch_range", &(&epoch + raises.lc()), NONCE_BITS);
    let change = cs.mul("command.root_change", active.lc(), &(&root_new - &root_old));
    let owner_change = [
        cs.mul("rotate.change", rotate.lc(), &(&new_owner.0 - &owner.0)),
        cs.mul("rotate.change", rotate.lc(), &(&new_owner.1 - &owner.1)),
    ];
    let withdraws = at.iter().map(|h| cs.mul("withdraw.account", h.lc(), withdraw.lc())).collect();
    Command {
        pole_cash: bits::pole(cs, "link.cash", z, &account, &-&public_amount),
        pole_roots: bits::pole(cs, "link.roots", z, &account, &change),
        pole_epoch: bits::pole(cs, "link.epoch", z, &account, raises.lc()),
        pole_owner: owner_change.map(|w| bits::pole(cs, "link.owner", z, &account, &w)),
        active: active.clone(),
        account,
        words: [public_destination, public_amount],
        message,
        at,
        withdraws,
    }
}

/// All commands.
pub fn commands(
    cs: &mut Cs,
    size: &Size,
    header: &Header,
    old: &[Old],
    z: &Lc,
    trace: Option<&BatchTrace>,
) -> Vec<Command> {
    cs.scope("commands", 0);
    let count = cs.alloc("command.count", || Fr::from(trace.map_or(0, |t| t.commands.len()) as u64));
    let active = bits::prefix(cs, "command.active", &count, size.commands);
    let slots: Vec<Lc> = old.iter().map(|o| o.slot.clone()).collect();
    let entries = cs.parallel("commands", size.commands, |cs, i| {
        command(cs, header, old, &slots, z, &active[i], trace.and_then(|t| t.commands.get(i)))
    });
    for i in 1..entries.len() {
        cs.scope("commands", i);
        let step = &entries[i].account - &entries[i - 1].account - Lc::one();
        let step = cs.mul("command.sorted", entries[i].active.lc(), &step);
        bits::range(cs, "command.sorted", &step, SLOT_BITS);
    }
    entries
}
