//! Effects that the lanes pass on: a product replaced by what suits the forger, and everything after it made consistent. Only the
//! constraint that makes the product stands between such a batch and a proof.

use crate::kit::*;
use crate::named_attacks::{cancel, commanded, rotate, traded, withdraw};
use ark_bn254::Fr;
use ark_ff::{One, Zero};
use novation_state::crypto::babyjub::{Point, BASE8};
use novation_state::crypto::eddsa::SecretKey;
use novation_state::leaf::{OrderSlot, Position};
use novation_state::message::{Action, Side};
use novation_state::transition::BatchInput;
use novation_state::tree::empty_orders_root;
use novation_state::units::{Fee, InstrumentId, Lots};

fn thief() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn eighth(point: Point) -> Point {
    point.eighth().expect("in the prime subgroup")
}

attacks! {
    /// An order consumed without effect.
    lots_of_a_fill_left_out: ["order.signed_lots"], || {
        let (_, before, mut trace) = traded();
        for entry in &mut trace.accounts[..2] {
            let (old, new) = (entry.before.as_ref().unwrap(), entry.after.as_mut().unwrap());
            (new.cash, new.positions) = (old.cash, old.positions);
            entry.ids = [InstrumentId::ZERO; 16];
        }
        reseal(&before, &mut trace);
        strongest(&trace, &[0, 1].map(|i| lie("orders", i, "order.signed_lots", 0, 0u64)))
    };
    /// Lots change hands for nothing.
    cash_of_a_fill_left_out: ["order.cash"], || {
        let (_, before, mut trace) = traded();
        for entry in &mut trace.accounts[..2] {
            entry.after.as_mut().unwrap().cash = entry.before.as_ref().unwrap().cash;
        }
        reseal(&before, &mut trace);
        strongest(&trace, &[0, 1].map(|i| lie("orders", i, "order.cash", 0, 0u64)))
    };
    /// The sixth term that an order picks from its clearing is the cash of a lot.
    a_fill_at_another_price_than_its_clearings: ["order.pick_clearing"], || {
        let (_, before, mut trace) = traded();
        for entry in &mut trace.accounts[..2] {
            entry.after.as_mut().unwrap().cash = entry.before.as_ref().unwrap().cash;
        }
        reseal(&before, &mut trace);
        strongest(&trace, &[0, 1].map(|i| lie("orders", i, "order.pick_clearing", 5 * trace.size.clearings, 0u64)))
    };
    fees_not_taken: ["order.fee"], || {
        let mut world = stage();
        edit(&mut world, FUTURE, |leaf| leaf.fee = Fee::new(5).unwrap());
        let input = BatchInput { fills: world.trade(0, 1, id(FUTURE), 1).to_vec(), ..world.input() };
        let (before, mut trace) = apply(&mut world, input);
        add_cash(&mut trace, 0, 5);
        add_cash(&mut trace, 1, 5);
        trace.house.after.fees = trace.house.before.fees;
        reseal(&before, &mut trace);
        strongest(&trace, &[0, 1].map(|i| lie("orders", i, "order.fee", 0, 0u64)))
    };
    a_reduce_only_order_not_counted: ["order.reducing"], || {
        let mut world = stage();
        let mut input = world.input();
        input.fills = world.trade(0, 1, id(FUTURE), 1).to_vec();
        let mut order = input.fills[0].order;
        order.reduce_only = true;
        input.fills[0] = world.fill(order, input.fills[0].price, 1);
        let (trace, _) = lenient(&world, input);
        let lies = [lie("orders", 0, "order.reducing", 0, 0u64), lie("accounts", 0, "position.reducing", 0, 0u64)];
        strongest(&trace, &lies)
    };
    /// The order slot forgets what was filled: the order can be filled again.
    a_fill_forgotten: ["order.root_change"], || {
        let (_, before, mut trace) = traded();
        for entry in &mut trace.accounts[..2] {
            entry.after.as_mut().unwrap().orders_root = entry.before.as_ref().unwrap().orders_root;
        }
        reseal(&before, &mut trace);
        strongest(&trace, &[0, 1].map(|i| lie("orders", i, "order.root_change", 0, 0u64)))
    };
    /// A clearing that does not exist has no instrument, no price and no rules: two orders of one account meet there.
    orders_filled_in_an_unused_clearing: ["order.clearing_used"], || {
        let mut world = stage();
        let input = own_counterparty(&mut world);
        let (before, mut trace) = apply(&mut world, input);
        trace.clearings.clear();
        for o in &mut trace.orders {
            o.order.instrument = InstrumentId::ZERO;
            o.signature = world.sign(slot(1), o.order.hash());
        }
        replay_orders(&before, &mut trace);
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    fills_of_an_entry_that_is_not_touched: ["account.fills_need_touch"], || {
        let mut world = stage();
        let input = own_counterparty(&mut world);
        let (_, mut trace) = apply(&mut world, input);
        trace.accounts[0].touch = false;
        strongest(&trace, &[])
    };
    a_withdrawal_from_an_entry_that_is_not_touched: ["account.withdrawal_needs_touch"], || {
        let (_, _, mut trace) = commanded([withdraw, cancel]);
        trace.accounts[0].touch = false;
        strongest(&trace, &[])
    };
    a_cancellation_without_a_trace: ["command.root_change"], || {
        let (_, before, mut trace) = commanded([cancel, cancel]);
        trace.accounts[0].after.as_mut().unwrap().orders_root = trace.accounts[0].before.as_ref().unwrap().orders_root;
        reseal(&before, &mut trace);
        strongest(&trace, &[lie("commands", 0, "command.root_change", 0, 0u64)])
    };
    an_epoch_raised_that_leaves_the_orders: ["command.epoch_empties"], || {
        let (_, before, mut trace) = commanded([|_, _| Action::Epoch, cancel]);
        let command = &trace.commands[0].command;
        let mut slots = before.account(slot(1)).unwrap().orders.clone();
        let (nonce, message) = (command.binding.nonce, command.hash());
        slots.set(command.binding.order_slot, OrderSlot { nonce, message, filled: Lots::ZERO });
        trace.accounts[0].after.as_mut().unwrap().orders_root = slots.root();
        reseal(&before, &mut trace);
        strongest(&trace, &[lie("commands", 0, "command.epoch_empties", 0, 0u64)])
    };
    a_withdrawal_signed_by_a_key_picked_from_nowhere: ["command.pick"], || {
        let (_, _, mut trace) = commanded([withdraw, cancel]);
        let Point { x, y } = thief().public();
        trace.commands[0].signature = thief().sign(trace.commands[0].command.hash());
        let lies = [
            lie("commands", 0, "command.pick", 0, x),
            lie("commands", 0, "command.pick", trace.size.accounts, y),
        ];
        strongest(&trace, &lies)
    };
    /// The second account's key, epoch and orders root stand for the first's. The first value of that name is the account.
    a_withdrawal_signed_by_another_account: ["command.account"], || {
        let (world, before, mut trace) = commanded([withdraw, cancel]);
        trace.commands.truncate(1);
        trace.accounts[1].touch = true;
        trace.accounts[1].after.as_mut().unwrap().orders_root = empty_orders_root();
        reseal(&before, &mut trace);
        trace.commands[0].signature = world.sign(slot(2), trace.commands[0].command.hash());
        let lies =
            [lie("commands", 0, "command.account", 1, 0u64), lie("commands", 0, "command.account", 2, 1u64)];
        strongest(&trace, &lies)
    };
    a_rotation_without_effect: ["rotate.change"], || {
        let (_, before, mut trace) = commanded([rotate, cancel]);
        trace.accounts[0].after.as_mut().unwrap().owner = trace.accounts[0].before.as_ref().unwrap().owner;
        reseal(&before, &mut trace);
        strongest(&trace, &[0, 1].map(|i| lie("commands", 0, "rotate.change", i, 0u64)))
    };
    a_rotation_to_a_key_that_was_not_signed: ["rotate.key"], || {
        let (_, before, mut trace) = commanded([rotate, cancel]);
        let key = thief().public();
        trace.accounts[0].after.as_mut().unwrap().owner = key;
        trace.commands[0].possession = Some(thief().sign(trace.commands[0].command.hash()));
        reseal(&before, &mut trace);
        let Point { x, y } = eighth(key);
        let lies = [
            lie("commands", 0, "rotate.key", 0, x - BASE8.x),
            lie("commands", 0, "rotate.key", 1, y - BASE8.y),
        ];
        strongest(&trace, &lies)
    };
    an_order_signed_by_a_key_put_in_its_place: ["eddsa.key"], || {
        let (_, _, mut trace) = traded();
        let Point { x, y } = thief().public();
        trace.orders[0].signature = thief().sign(trace.orders[0].order.hash());
        let lies = [lie("orders", 0, "eddsa.key", 0, x - BASE8.x), lie("orders", 0, "eddsa.key", 1, y - BASE8.y)];
        strongest(&trace, &lies)
    };
    a_signature_repaired_behind_its_wire: ["eddsa.s"], || {
        let (_, _, mut trace) = traded();
        let honest = trace.orders[0].signature.s;
        trace.orders[0].signature.s += Fr::one();
        strongest(&trace, &[lie("orders", 0, "eddsa.s", 0, honest)])
    };
    /// Four values of that name are the keys, the next four what is multiplied by eight.
    a_deposit_whose_keys_are_exchanged: ["deposit.key"], || {
        let mut world = stage();
        let mut deposit = world.deposit(0, MONEY);
        let Point { x, y } = deposit.viewing_eighth;
        deposit.viewing_eighth = world.deposit(1, MONEY).viewing_eighth;
        let input = BatchInput { deposits: vec![deposit], ..world.input() };
        let (before, mut trace) = apply(&mut world, input);
        add_cash(&mut trace, 0, MONEY);
        reseal(&before, &mut trace);
        let lies = [lie("deposits", 0, "deposit.key", 6, x - BASE8.x), lie("deposits", 0, "deposit.key", 7, y - BASE8.y)];
        strongest(&trace, &lies)
    };
    an_account_opened_with_a_key_that_did_not_deposit: ["deposit.opens_with_its_keys"], || {
        let mut world = stage();
        let newcomer = world.newcomer();
        let input = BatchInput { deposits: vec![world.deposit(newcomer, MONEY)], ..world.input() };
        let (before, mut trace) = apply(&mut world, input);
        trace.accounts[0].after.as_mut().unwrap().owner = thief().public();
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    /// The depositor's money arrives nowhere.
    a_deposit_that_opens_nothing: ["account.opens"], || {
        let mut world = stage();
        let newcomer = world.newcomer();
        let input = BatchInput { deposits: vec![world.deposit(newcomer, MONEY)], ..world.input() };
        let (before, mut trace) = apply(&mut world, input);
        let leaf = trace.accounts[0].after.take().unwrap();
        repath(&before, &mut trace);
        let lies = [
            lie("accounts", 0, "account.opens", 0, 0u64),
            lie("accounts", 0, "account.owner", 0, leaf.owner.x),
            lie("accounts", 0, "account.owner", 1, leaf.owner.y),
            lie("accounts", 0, "account.viewing", 0, leaf.viewing.x),
            lie("accounts", 0, "account.viewing", 1, leaf.viewing.y),
            lie("accounts", 0, "account.new_cash", 0, leaf.cash),
        ];
        strongest(&trace, &lies)
    };
    /// A command of an account that this very batch opens.
    a_command_of_an_account_just_opened: ["account.opened_to_act"], || {
        let mut world = stage();
        let newcomer = world.newcomer();
        let mut input = world.input();
        input.deposits = vec![world.deposit(newcomer, MONEY)];
        input.commands = vec![world.command(newcomer, Action::Cancel)];
        strongest(&lenient(&world, input).0, &[])
    };
    /// Orders and a raised epoch from the same old root: their changes add up to a root that keeps the orders.
    an_epoch_raised_beside_orders: ["account.trades_or_commands"], || {
        let mut world = stage();
        let mut input = world.input();
        input.fills = world.trade(0, 1, id(FUTURE), 5).to_vec();
        input.commands = vec![world.command(0, Action::Epoch)];
        let before = world.ledger.clone();
        let (mut trace, _) = lenient(&world, input);
        let old = &before.account(slot(1)).unwrap().orders;
        let command = &mut trace.commands[0];
        let at = command.command.binding.order_slot;
        (command.slot_before, command.path) = (old.get(at), old.path(at));
        let o = &trace.orders[0];
        let mut slots = old.clone();
        let (nonce, message) = (o.order.binding.nonce, o.order.hash());
        slots.set(o.order.binding.order_slot, OrderSlot { nonce, message, filled: o.fill });
        trace.accounts[0].after.as_mut().unwrap().orders_root = slots.root() + empty_orders_root() - old.root();
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    /// The account is not paid what its position settled at, and the house keeps it.
    a_roll_not_paid: ["margin.roll"], || {
        let mut world = stage();
        trade(&mut world, &[(0, 1, FUTURE, 5)]);
        settle(&mut world, FUTURE, 90_000_000);
        let input = BatchInput { touches: vec![slot(1)], ..world.input() };
        let (before, mut trace) = apply(&mut world, input);
        trace.accounts[0].after.as_mut().unwrap().cash = trace.accounts[0].before.as_ref().unwrap().cash;
        trace.house.after.clearing = trace.house.before.clearing;
        reseal(&before, &mut trace);
        let row = trace.rows.iter().position(|row| row.id == id(FUTURE)).unwrap();
        strongest(&trace, &[lie("accounts", 0, "margin.roll", row, 0u64)])
    };
    /// A short position vanishes as if it had settled, at no price.
    a_position_rolled_that_did_not_settle: ["position.rolled"], || {
        let mut world = stage();
        trade(&mut world, &[(0, 1, FUTURE, 5)]);
        let input = BatchInput { touches: vec![slot(2)], ..world.input() };
        let (before, mut trace) = apply(&mut world, input);
        trace.accounts[0].after.as_mut().unwrap().positions[0] = Position::default();
        reseal(&before, &mut trace);
        strongest(&trace, &[lie("accounts", 0, "position.rolled", 0, 0u64)])
    };
    lots_that_the_old_leaf_does_not_show: ["position.unpack"], || {
        let mut world = stage();
        trade(&mut world, &[(0, 1, FUTURE, 5)]);
        let input = BatchInput { touches: vec![slot(1)], ..world.input() };
        let (before, mut trace) = apply(&mut world, input);
        trace.accounts[0].after.as_mut().unwrap().positions[0].lots = lots(7);
        reseal(&before, &mut trace);
        strongest(&trace, &[lie("accounts", 0, "position.before", 0, 7u64)])
    };
    /// Lots without an instrument: no later batch could touch the account.
    a_position_written_without_its_instrument: ["position.pack"], || {
        let (_, before, mut trace) = traded();
        trace.accounts[0].after.as_mut().unwrap().positions[0].id = InstrumentId::ZERO;
        reseal(&before, &mut trace);
        strongest(&trace, &[lie("accounts", 0, "position.pack", 0, 0u64)])
    };
    a_position_said_to_be_closed: ["position.held_after"], || {
        let (_, before, mut trace) = traded();
        trace.accounts[0].after.as_mut().unwrap().positions[0].id = InstrumentId::ZERO;
        reseal(&before, &mut trace);
        strongest(&trace, &[lie("accounts", 0, "position.held_after", 0, Fr::zero())])
    };
}

/// An account trades with itself, in two order slots: nothing changes but the slots.
fn own_counterparty(world: &mut novation_state::testkit::World) -> BatchInput {
    let mut input = world.input();
    let mark = world.markets.get(id(FUTURE)).unwrap().mark;
    for (place, side) in [(10, Side::Buy), (11, Side::Sell)] {
        let mut order = world.order(0, id(FUTURE), side, 5);
        order.binding = world.binding(0, place);
        input.fills.push(world.fill(order, mark, 5));
    }
    input
}

/// Order slots and the first account's orders root, after its messages have changed.
fn replay_orders(before: &novation_state::ledger::Ledger, trace: &mut novation_state::trace::BatchTrace) {
    let mut slots = before.account(slot(1)).unwrap().orders.clone();
    for o in &mut trace.orders {
        let (at, nonce, message) = (o.order.binding.order_slot, o.order.binding.nonce, o.order.hash());
        (o.slot_before, o.path) = (slots.get(at), slots.path(at));
        slots.set(at, OrderSlot { nonce, message, filled: o.fill });
    }
    trace.accounts[0].after.as_mut().unwrap().orders_root = slots.root();
}
