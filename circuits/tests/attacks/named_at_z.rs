//! Attacks on the equations at z: keys equal to z, and values chosen after it.

use crate::kit::*;
use crate::named_attacks::{decoys, traded};
use ark_bn254::Fr;
use ark_ff::{Field, Zero};
use novation_circuits::cs::Lie;
use novation_state::crypto::eddsa::SecretKey;
use novation_state::ledger::Ledger;
use novation_state::public_data::PublicData;
use novation_state::trace::BatchTrace;
use novation_state::transition::BatchInput;
use novation_state::tree::empty_orders_root;

/// The pole of a weight at a key.
fn pole(z: Fr, key: Fr, weight: Fr) -> Fr {
    weight * (z - key).inverse().unwrap()
}

/// A decoy's new cash is higher by a thousand; the pole of a padding entry at z itself is to balance it.
fn money_from_padding(trace: &mut BatchTrace, before: &Ledger, lane: &'static str, key: &'static str) -> Names {
    add_cash(trace, 2, MONEY / 10);
    reseal(before, trace);
    let public = PublicData::of(trace);
    let owed = pole(public.z, trace.accounts[2].slot.into(), Fr::from(MONEY / 10));
    let padding = if lane == "orders" { trace.orders.len() } else { trace.commands.len() };
    let lies = [lie(lane, padding, key, 0, public.z), lie(lane, padding, "link.cash", 0, owed)];
    Run::of(trace, &public, &lies).names()
}

/// Something of a decoy's leaf changes; the padding entry, which stays unopened and which c does not absorb, is to balance it
/// by changes chosen after z.
fn balanced_by_unopened(trace: &mut BatchTrace, before: &Ledger, changes: &[(&'static str, usize, Fr, Fr)]) -> Names {
    reseal(before, trace);
    let public = PublicData::of(trace);
    let (victim, padding) = (Fr::from(trace.accounts[2].slot), Fr::from(trace.accounts[3].slot));
    let lies: Vec<Lie> = changes
        .iter()
        .map(|(name, nth, honest, change)| {
            let compensation = -*change * (public.z - padding) * (public.z - victim).inverse().unwrap();
            lie("accounts", 3, name, *nth, *honest + compensation)
        })
        .collect();
    Run::of(trace, &public, &lies).names()
}

attacks! {
    /// z is known by now, so an idle order's key could be z and its pole free.
    money_from_an_idle_order_at_z: ["order.padding_is_zero"], || {
        let (_, before, mut trace) = traded();
        money_from_padding(&mut trace, &before, "orders", "order.account")
    };
    money_from_an_idle_command_at_z: ["command.padding_is_zero"], || {
        let (_, before, mut trace) = traded();
        money_from_padding(&mut trace, &before, "commands", "command.account")
    };
    /// A decoy's orders root is emptied, so that its orders can be replayed.
    an_orders_root_balanced_by_an_account_never_opened: ["account.unopened_stays"], || {
        let mut world = stage();
        trade(&mut world, &[(2, 1, FUTURE, 1)]);
        let input = BatchInput { decoys: vec![slot(1), slot(2), slot(3)], ..world.input() };
        let (before, mut trace) = apply(&mut world, input);
        let leaf = trace.accounts[2].after.as_mut().unwrap();
        let change = empty_orders_root() - leaf.orders_root;
        leaf.orders_root = empty_orders_root();
        balanced_by_unopened(&mut trace, &before, &[("account.new_orders_root", 0, empty_orders_root(), change)])
    };
    a_key_balanced_by_an_account_never_opened: ["account.unopened_stays"], || {
        let (_, before, mut trace) = decoys();
        let leaf = trace.accounts[2].after.as_mut().unwrap();
        let thief = SecretKey::from_seed(&[1; 32]).public();
        let (dx, dy) = (thief.x - leaf.owner.x, thief.y - leaf.owner.y);
        leaf.owner = thief;
        let changes = [("account.new_owner", 0, Fr::zero(), dx), ("account.new_owner", 1, Fr::zero(), dy)];
        balanced_by_unopened(&mut trace, &before, &changes)
    };
    an_epoch_balanced_by_an_account_never_opened: ["account.unopened_stays"], || {
        let (_, before, mut trace) = decoys();
        trace.accounts[2].after.as_mut().unwrap().epoch += 1;
        balanced_by_unopened(&mut trace, &before, &[("account.new_epoch", 0, Fr::zero(), Fr::from(1u64))])
    };
    an_account_never_opened_that_has_cash: ["account.unopened_is_empty"], || {
        let (_, _, trace) = decoys();
        let lies = [lie("accounts", 3, "account.cash", 0, 7u64), lie("accounts", 3, "account.new_cash", 0, 7u64)];
        strongest(&trace, &lies)
    };
    /// A leaf exchanged after c, and so z, was computed.
    a_leaf_chosen_after_z: ["link.commitment"], || {
        let (_, before, mut trace) = decoys();
        let c = PublicData::of(&trace).c;
        add_cash(&mut trace, 0, 1);
        add_cash(&mut trace, 1, -1);
        reseal(&before, &mut trace);
        let public = PublicData::from_words(novation_state::public_data::words(&trace), c);
        // At this z two changes that weigh alike at their poles would do; they were not fixed before it.
        let mut found = Run::of(&trace, &public, &[]).names();
        assert!(found.remove("link.cash"));
        found
    };
}
