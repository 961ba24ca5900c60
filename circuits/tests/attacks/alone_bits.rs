//! Bits and paths: what becomes possible where a bit is none, or a leaf is written beside its place.

use crate::kit::*;
use crate::named_attacks::{decoys, traded};
use ark_bn254::Fr;
use ark_ff::{Field, One};
use novation_circuits::cs::Lie;
use novation_state::crypto::babyjub::BASE8;
use novation_state::crypto::eddsa::SecretKey;
use novation_state::crypto::poseidon;
use novation_state::leaf::{OrderSlot, Position};
use novation_state::ledger::{Ledger, HOUSE};
use novation_state::message::Side;
use novation_state::public_data::PublicData;
use novation_state::seal::{salt, shared_secret};
use novation_state::tags::Tag;
use novation_state::trace::BatchTrace;
use novation_state::transition::BatchInput;
use novation_state::tree::{empty_orders_root, MarketsTree};
use novation_state::units::Cash;

/// Paths and the new root where the last decoy's or the house's change lands on the leaf `at` instead.
fn misplace(before: &Ledger, trace: &mut BatchTrace, entry: Option<usize>, at: u64) -> Fr {
    let mut running = before.tree().running();
    let mut change = Fr::from(0u64);
    for (j, e) in trace.accounts.iter_mut().enumerate() {
        let index = e.slot.get() as u64;
        e.path = running.path(index);
        let Some(leaf) = &e.after else { continue };
        if entry == Some(j) {
            change = leaf.hash() - e.before.as_ref().unwrap().hash();
            // Nobody rewrote the leaf there, or an entry before did.
            let there = trace_leaf(before, at);
            running.set(at, there + change);
        } else {
            running.set(index, leaf.hash());
        }
    }
    let house = &mut trace.house;
    house.path = running.path(HOUSE.get() as u64);
    if entry.is_none() {
        change = house.after.hash() - house.before.hash();
        running.set(at, trace_leaf(before, at) + change);
    } else {
        running.set(HOUSE.get() as u64, house.after.hash());
    }
    trace.header.new_root = running.root();
    change
}

fn trace_leaf(before: &Ledger, at: u64) -> Fr {
    before.tree().leaf(at)
}

/// The first bit of an idle message's place is 2, and all that it weighs is equal: three children of the lowest level follow the
/// first, which is the leaf of an unused order slot.
fn place_of_two(lane: &'static str, bit: &'static str, path: &'static str) -> Vec<Lie> {
    let unused = OrderSlot::default().hash();
    let mut lies = vec![lie(lane, 1, bit, 0, 2u64)];
    lies.extend((2..5).map(|nth| lie(lane, 1, path, nth, unused)));
    lies
}

/// The markets' tree.
fn markets(world: &novation_state::testkit::World) -> MarketsTree {
    let mut tree = MarketsTree::new();
    for (id, leaf) in world.markets.iter() {
        tree.set(id.get() as u64, leaf.hash());
    }
    tree
}

attacks! {
    /// In every level the values of a path are: one product of position bits, four children, two products to select, three to
    /// replace. Slot 3 is the fourth child.
    a_leaf_written_on_its_neighbour: ["account.path"], || {
        let mut world = stage();
        let input = BatchInput { decoys: vec![slot(3)], ..world.input() };
        let (before, mut trace) = apply(&mut world, input);
        let entry = trace.accounts.iter().position(|e| e.slot == slot(3)).unwrap();
        let change = misplace(&before, &mut trace, Some(entry), 2);
        let lies = [lie("accounts", entry, "account.path", 8, change), lie("accounts", entry, "account.path", 9, 0u64)];
        strongest(&trace, &lies)
    };
    /// The house's leaf is the first child; slot 2 is the third.
    the_house_written_on_an_account: ["house.path"], || {
        let mut world = stage();
        let input = world.input();
        let (before, mut trace) = apply(&mut world, input);
        let change = misplace(&before, &mut trace, None, 2);
        strongest(&trace, &[lie("house", 0, "house.path", 8, change)])
    };
    /// 13 = 2 - 1 + 12: the same slot, and a path of no one position.
    a_slot_with_a_bit_of_minus_one: ["account.slot"], || {
        let (_, before, mut trace) = decoys();
        trace.accounts[3].slot = slot(13);
        repath(&before, &mut trace);
        let lies = [lie("accounts", 3, "account.slot", 0, -Fr::one()), lie("accounts", 3, "account.slot", 1, 1u64)];
        strongest(&trace, &lies)
    };
    a_touch_of_two: ["account.touch"], || {
        let (_, _, trace) = decoys();
        strongest(&trace, &[lie("accounts", 0, "account.touch", 0, 2u64)])
    };
    an_unopened_account_touched: ["account.opened_to_touch"], || {
        let (_, _, trace) = decoys();
        strongest(&trace, &[lie("accounts", 3, "account.touch", 0, 1u64)])
    };
    /// The victim's leaf is a multiple of the hash of an empty account with the thief's key: "opened" so many times.
    an_account_replaced_by_a_multiple_of_another: ["account.was"], || {
        let (_, before, mut trace) = decoys();
        let (e, batch) = (trace.ephemeral, trace.header.batch);
        let entry = &mut trace.accounts[0];
        let mut leaf = entry.before.clone().unwrap();
        let victims = leaf.hash();
        leaf.owner = SecretKey::from_seed(&[1; 32]).public();
        // What is not a bit selects between no two points but equal ones.
        (leaf.viewing.x, leaf.viewing.y) = (BASE8.x, BASE8.y);
        (leaf.cash, leaf.epoch, leaf.orders_root) = (Cash::ZERO, 0, empty_orders_root());
        leaf.positions = [Position::default(); 64];
        let times = victims * leaf.hash().inverse().unwrap();
        entry.before = Some(leaf.clone());
        leaf.salt = salt(shared_secret(&e, &leaf.viewing), batch, entry.slot);
        let written = times * leaf.hash();
        entry.after = Some(leaf);
        let mut running = before.tree().running();
        for (j, entry) in trace.accounts.iter_mut().enumerate() {
            let index = entry.slot.get() as u64;
            entry.path = match &entry.after {
                Some(_) if j == 0 => running.set(index, written),
                Some(leaf) => running.set(index, leaf.hash()),
                None => running.path(index),
            };
        }
        trace.house.path = running.set(HOUSE.get() as u64, trace.house.after.hash());
        trace.header.new_root = running.root();
        strongest(&trace, &[lie("accounts", 0, "account.was", 0, times)])
    };
    /// A position in instrument 2 read as one in instrument 1, held twice.
    a_position_renamed: ["position.held_before"], || {
        let mut world = stage();
        trade(&mut world, &[(0, 1, FUTURE, 5)]);
        let input = BatchInput { touches: vec![slot(1)], extra_rows: vec![id(1)], ..world.input() };
        let (before, mut trace) = apply(&mut world, input);
        trace.accounts[0].ids[0] = id(1);
        trace.accounts[0].after.as_mut().unwrap().positions[0].id = id(1);
        reseal(&before, &mut trace);
        strongest(&trace, &[lie("accounts", 0, "position.held_before", 0, 2u64)])
    };
    a_scenario_chosen_twice: ["margin.loss_choice"], || {
        let (_, _, trace) = decoys();
        strongest(&trace, &[lie("accounts", 0, "margin.loss_choice", 0, 2u64)])
    };
    /// The first entry of the table is skipped: windows and rows would no longer increase from the start.
    a_clearing_behind_a_hole: ["clearing.used"], || {
        let (_, _, mut trace) = traded();
        trace.clearings.push(trace.clearings[0]);
        trace.orders.iter_mut().for_each(|o| o.clearing = 1);
        let lies = [
            lie("clearings", 0, "clearing.count", 0, 1u64),
            lie("clearings", 0, "clearing.used", 0, 0u64),
            lie("clearings", 0, "clearing.used", 1, 1u64),
            lie("clearings", 0, "clearing.id", 0, 0u64),
            lie("clearings", 0, "clearing.window", 0, 0u64),
            lie("clearings", 0, "clearing.price", 0, 0u64),
        ];
        strongest(&trace, &lies)
    };
    an_idle_command_of_a_type: ["command.type"], || {
        let (_, _, trace) = decoys();
        strongest(&trace, &[lie("commands", 1, "command.type", 1, 1u64)])
    };
    an_idle_command_at_a_place_of_two: ["command.slot"], || {
        let (_, _, trace) = decoys();
        strongest(&trace, &place_of_two("commands", "command.slot", "command.path"))
    };
    an_idle_order_at_a_place_of_two: ["order.slot"], || {
        let (_, _, trace) = decoys();
        strongest(&trace, &place_of_two("orders", "order.slot", "order.path"))
    };
    an_idle_order_that_sells_twice: ["order.flags"], || {
        let (_, _, trace) = decoys();
        strongest(&trace, &[lie("orders", 1, "order.flags", 0, 2u64)])
    };
    /// 1,021 = 2 - 1 + 1,020.
    a_row_with_a_bit_of_minus_one: ["market.id"], || {
        let (_, _, mut trace) = decoys();
        let world = stage();
        let row = trace.rows.len() - 1;
        (trace.rows[row].id, trace.rows[row].leaf) = (id(1_021), None);
        trace.rows[row].path = markets(&world).path(1_021);
        let lies = [lie("markets", row, "market.id", 0, -Fr::one()), lie("markets", row, "market.id", 1, 1u64)];
        strongest(&trace, &lies)
    };
    /// A listed instrument whose marks, charges and risk are all 0: its leaf is a multiple of the hash of zeros.
    a_row_of_zeros_listed_many_times: ["market.listed"], || {
        let mut world = stage();
        let input = BatchInput { extra_rows: vec![id(FUTURE)], ..world.input() };
        let (_, mut trace) = apply(&mut world, input);
        let row = trace.rows.iter().position(|row| row.id == id(FUTURE)).unwrap();
        let leaf = trace.rows[row].leaf.take().unwrap();
        let zeros = poseidon::hash(Tag::Market.fr(), &[Fr::from(0u64); 7]);
        let times = leaf.hash() * zeros.inverse().unwrap();
        let lies = [lie("markets", row, "market.listed", 0, times), lie("markets", row, "market.underlying", 0, times)];
        strongest(&trace, &lies)
    };
    /// The fields of a row that was never listed pack to 0: 4 * -8 + 32 * 1, an underlying below zero and a tick value.
    a_field_of_an_unlisted_row_balanced_by_another: ["market.underlying_range"], || {
        let (_, _, mut trace) = decoys();
        let row = trace.rows.len() - 1;
        (trace.rows[row].id, trace.rows[row].leaf) = (id(1_021), None);
        trace.rows[row].path = markets(&stage()).path(1_021);
        let lies = [
            lie("markets", row, "market.underlying_range", 0, -Fr::from(8u64)),
            lie("markets", row, "market.tick_value_range", 0, 1u64),
        ];
        strongest(&trace, &lies)
    };
    /// R and the owners' secrets would no longer be multiples by one number: nobody could open what is published.
    an_ephemeral_bit_of_two: ["header.ephemeral"], || {
        let mut world = stage();
        let input = world.input();
        let (before, mut trace) = apply(&mut world, input);
        let lies = [lie("header", 0, "header.ephemeral", 0, 2u64)];
        // What such a multiplication makes of the house's leaf is read back from the wires; it is the first of the last words.
        let public = PublicData::of(&trace);
        let words = Run::of(&trace, &public, &lies).public(public.z).words;
        let mut running = before.tree().running();
        trace.house.path = running.set(HOUSE.get() as u64, words[words.len() - 4]);
        trace.header.new_root = running.root();
        strongest(&trace, &lies)
    };
    /// Open is 0 = 2 - 2: a row three times as alive.
    a_status_of_two_and_minus_one: ["market.status"], || {
        let mut world = stage();
        let input = BatchInput { extra_rows: vec![id(FUTURE)], ..world.input() };
        let (_, trace) = apply(&mut world, input);
        let row = trace.rows.iter().position(|row| row.id == id(FUTURE)).unwrap();
        let lies = [lie("markets", row, "market.status", 0, 2u64), lie("markets", row, "market.status", 1, -Fr::one())];
        strongest(&trace, &lies)
    };
    /// The second account's orders go on with the first's root, which is not its own.
    an_order_under_another_accounts_root: ["order.same_account"], || {
        let mut world = stage();
        let mut input = world.input();
        let mark = world.markets.get(id(FUTURE)).unwrap().mark;
        for (trader, place, side) in [(0, 10, Side::Buy), (1, 11, Side::Sell)] {
            let mut order = world.order(trader, id(FUTURE), side, 5);
            order.binding = world.binding(trader, place);
            input.fills.push(world.fill(order, mark, 5));
        }
        let (before, mut trace) = apply(&mut world, input);
        let mut slots = before.account(slot(1)).unwrap().orders.clone();
        let mut roots = vec![slots.root()];
        for o in &mut trace.orders {
            let (at, nonce, message) = (o.order.binding.order_slot, o.order.binding.nonce, o.order.hash());
            (o.slot_before, o.path) = (slots.get(at), slots.path(at));
            slots.set(at, OrderSlot { nonce, message, filled: o.fill });
            roots.push(slots.root());
        }
        trace.accounts[1].after.as_mut().unwrap().orders_root = empty_orders_root() + roots[2] - roots[1];
        reseal(&before, &mut trace);
        strongest(&trace, &[lie("orders", 1, "order.same_account", 0, 0u64)])
    };
}
