//! The attacks that the design names. Each forges a batch, makes everything else of it consistent again, publishes whatever goes
//! with the forgery, and has to be stopped by exactly the constraints that stand there.

use crate::kit::*;
use crate::rejections::loss_to_a_friend;
use ark_bn254::Fr;
use ark_ff::Zero;
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa::SecretKey;
use novation_state::leaf::Position;
use novation_state::ledger::Ledger;
use novation_state::message::{Action, Command};
use novation_state::testkit::World;
use novation_state::trace::BatchTrace;
use novation_state::transition::{BatchInput, Fill};
use novation_state::units::{pow2, Cash, InstrumentId, Time, Window};

/// Trader 0 buys five futures of trader 1; trader 2 is a decoy; the fourth entry is padding.
pub fn traded() -> (World, Ledger, BatchTrace) {
    let mut world = stage();
    let mut input = world.input();
    input.fills = world.trade(0, 1, id(FUTURE), 5).to_vec();
    input.decoys = vec![slot(3)];
    let (before, trace) = apply(&mut world, input);
    (world, before, trace)
}

/// A batch of commands of the first two traders, the third a decoy.
pub fn commanded(actions: [fn(&World, usize) -> Action; 2]) -> (World, Ledger, BatchTrace) {
    let mut world = stage();
    let mut input = world.input();
    input.commands = [0, 1].map(|t| world.command(t, actions[t](&world, t))).to_vec();
    input.decoys = vec![slot(3)];
    let (before, trace) = apply(&mut world, input);
    (world, before, trace)
}

pub fn cancel(_: &World, _: usize) -> Action {
    Action::Cancel
}

pub fn withdraw(world: &World, trader: usize) -> Action {
    world.withdrawal(trader, 1_000_000)
}

pub fn rotate(world: &World, trader: usize) -> Action {
    world.rotation(trader)
}

/// The trader's top-up, and decoys.
fn deposited() -> (World, Ledger, BatchTrace) {
    let mut world = stage();
    let mut input = world.input();
    input.deposits = vec![world.deposit(0, MONEY)];
    input.decoys = vec![slot(2), slot(3), slot(4)];
    let (before, trace) = apply(&mut world, input);
    (world, before, trace)
}

/// Decoys only.
pub fn decoys() -> (World, Ledger, BatchTrace) {
    let mut world = stage();
    let mut input = world.input();
    input.decoys = vec![slot(1), slot(2), slot(3)];
    let (before, trace) = apply(&mut world, input);
    (world, before, trace)
}

attacks! {
    a_row_loaded_twice: ["market.sorted"], || {
        let (_, _, mut trace) = decoys();
        trace.rows[7] = trace.rows[6].clone();
        strongest(&trace, &[])
    };
    rows_out_of_order: ["market.sorted"], || {
        let (_, _, mut trace) = decoys();
        trace.rows.swap(6, 7);
        strongest(&trace, &[])
    };
    accounts_out_of_order: ["account.sorted"], || {
        let (_, before, mut trace) = decoys();
        trace.accounts.swap(1, 2);
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    /// The second entry of an account could spend what the first one has spent.
    an_account_entered_twice: ["account.sorted"], || {
        let (_, before, mut trace) = decoys();
        trace.accounts[1] = trace.accounts[0].clone();
        trace.accounts[1].before = trace.accounts[0].after.clone();
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    orders_out_of_order: ["order.sorted"], || {
        let (_, _, mut trace) = traded();
        trace.orders.swap(0, 1);
        strongest(&trace, &[])
    };
    commands_out_of_order: ["command.sorted"], || {
        let (_, _, mut trace) = commanded([cancel, cancel]);
        trace.commands.swap(0, 1);
        strongest(&trace, &[])
    };
    clearings_out_of_order: ["clearing.sorted"], || {
        let mut world = stage();
        let mut input = world.input();
        input.fills = world.trade(0, 1, id(FUTURE), 5).to_vec();
        input.fills.extend(world.trade(0, 1, id(CALL), 5));
        let (_, mut trace) = apply(&mut world, input);
        trace.clearings.swap(0, 1);
        trace.orders.iter_mut().for_each(|o| o.clearing = 1 - o.clearing);
        strongest(&trace, &[])
    };
    a_position_without_its_row: ["account.root_chain", "position.idle_is_empty", "position.unpack"], || {
        let mut world = stage();
        trade(&mut world, &[(0, 1, FUTURE, 5)]);
        let input = BatchInput { touches: vec![slot(1)], ..world.input() };
        let (_, mut trace) = apply(&mut world, input);
        trace.accounts[0].ids[0] = InstrumentId::ZERO;
        strongest(&trace, &[])
    };
    the_same_instrument_in_two_slots: ["position.row_once"], || {
        let mut world = stage();
        trade(&mut world, &[(0, 1, FUTURE, 5)]);
        let mut input = world.input();
        input.fills = world.trade(0, 1, id(FUTURE), 3).to_vec();
        let (before, mut trace) = apply(&mut world, input);
        let entry = &mut trace.accounts[0];
        entry.ids[1] = id(FUTURE);
        let positions = &mut entry.after.as_mut().unwrap().positions;
        positions[0].lots = lots(5);
        positions[1] = Position { id: id(FUTURE), lots: lots(3) };
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    a_withdrawal_to_another_recipient_than_signed: ["eddsa.equation"], || {
        let (_, before, mut trace) = commanded([withdraw, cancel]);
        let Action::Withdraw { recipient, .. } = &mut trace.commands[0].command.action else { unreachable!() };
        *recipient = [0x66; 20];
        reorder(&before, &mut trace);
        strongest(&trace, &[])
    };
    a_withdrawal_of_another_amount_than_signed: ["eddsa.equation"], || {
        let (_, before, mut trace) = commanded([withdraw, cancel]);
        let Action::Withdraw { amount, .. } = &mut trace.commands[0].command.action else { unreachable!() };
        *amount = Cash::new(amount.get() + 1).unwrap();
        add_cash(&mut trace, 0, -1);
        reorder(&before, &mut trace);
        strongest(&trace, &[])
    };
    a_withdrawal_paid_by_somebody_else: ["link.cash"], || {
        let (_, before, mut trace) = commanded([withdraw, cancel]);
        add_cash(&mut trace, 0, 1_000_000);
        add_cash(&mut trace, 2, -1_000_000);
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    one_deposit_credited_twice: ["account.one_deposit"], || {
        let (_, before, mut trace) = deposited();
        let again = trace.deposits[0].clone();
        trace.deposits.push(again);
        add_cash(&mut trace, 0, MONEY);
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    a_deposit_credited_to_somebody_else: ["link.cash"], || {
        let (_, before, mut trace) = deposited();
        add_cash(&mut trace, 0, -MONEY);
        add_cash(&mut trace, 1, MONEY);
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    /// The circuit computes the outcome: what is published is "credited", and the money is missing.
    a_creditable_deposit_not_credited: ["link.cash"], || {
        let (_, before, mut trace) = deposited();
        trace.deposits[0].credited = false;
        add_cash(&mut trace, 0, -MONEY);
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    /// The third wire of the outcome is whether the deposit can be credited at all.
    a_creditable_deposit_refunded: ["deposit.outcome"], || {
        let (_, before, mut trace) = deposited();
        add_cash(&mut trace, 0, -MONEY);
        reseal(&before, &mut trace);
        strongest(&trace, &[lie("deposits", 0, "deposit.outcome", 3, 0u64)])
    };
    a_deposit_to_another_viewing_key_credited: ["deposit.outcome", "deposit.opens_with_its_keys"], || {
        let mut world = stage();
        let mut deposit = world.deposit(0, MONEY);
        deposit.viewing_eighth = world.deposit(1, MONEY).viewing_eighth;
        let input = BatchInput { deposits: vec![deposit], ..world.input() };
        let (before, mut trace) = apply(&mut world, input);
        add_cash(&mut trace, 0, MONEY);
        reseal(&before, &mut trace);
        strongest(&trace, &[lie("deposits", 0, "deposit.outcome", 3, 1u64)])
    };
    /// Everybody can sign for the identity: such a deposit is refunded, also where it would open an account.
    an_account_opened_with_the_identity_as_owner: ["deposit.outcome"], || {
        let mut world = stage();
        let newcomer = world.newcomer();
        let input = BatchInput { deposits: vec![world.deposit(newcomer, MONEY)], ..world.input() };
        let (before, mut trace) = apply(&mut world, input);
        trace.deposits[0].owner_eighth = Point::identity();
        trace.accounts[0].after.as_mut().unwrap().owner = Point::identity();
        reseal(&before, &mut trace);
        strongest(&trace, &[lie("deposits", 0, "deposit.outcome", 3, 1u64)])
    };
    /// Eight times a point of order two is the identity as well.
    a_key_rotated_to_a_point_of_small_order: [
        "base.u",
        "eddsa.equation",
        "mont_double.lambda",
        "rotate.key_not_identity",
    ], || {
        let mut world = stage();
        let small = Point { x: Fr::zero(), y: -Fr::from(1u64) };
        let mut input = world.input();
        input.commands = vec![world.command(0, Action::Rotate { owner_eighth: small })];
        let (trace, _) = lenient(&world, input);
        strongest(&trace, &[])
    };
    a_key_rotated_without_the_new_keys_signature: ["eddsa.equation"], || {
        let (_, _, mut trace) = commanded([rotate, cancel]);
        let hash = trace.commands[0].command.hash();
        trace.commands[0].possession = Some(SecretKey::from_seed(&[1; 32]).sign(hash));
        strongest(&trace, &[])
    };
    a_key_rotated_to_another_than_signed: ["link.owner"], || {
        let (_, before, mut trace) = commanded([rotate, cancel]);
        trace.accounts[0].after.as_mut().unwrap().owner = SecretKey::from_seed(&[1; 32]).public();
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    an_epoch_raised_by_two: ["link.epoch"], || {
        let (_, before, mut trace) = commanded([|_, _| Action::Epoch, cancel]);
        trace.accounts[0].after.as_mut().unwrap().epoch += 1;
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    a_cancellation_forgotten: ["link.roots"], || {
        let (_, before, mut trace) = commanded([cancel, cancel]);
        let old = trace.accounts[0].before.as_ref().unwrap().orders_root;
        trace.accounts[0].after.as_mut().unwrap().orders_root = old;
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    /// Filled by 3 of 5, and by 3 again under the claim that the slot was unused: the slot is not what the tree holds.
    an_order_replayed_across_batches: ["order.root_chain"], || {
        let mut world = stage();
        let mut first = world.input();
        first.fills = world.trade(0, 1, id(FUTURE), 5).map(|f| Fill { fill: lots(3), ..f }).to_vec();
        let (unused, _) = apply(&mut world, first.clone());
        let mut second = world.input();
        let window = Window::new(world.ledger.head().window.get() + 1).unwrap();
        second.fills = first.fills.into_iter().map(|f| Fill { window, ..f }).collect();
        let before = world.ledger.clone();
        let (mut trace, _) = lenient(&world, second);
        for o in &mut trace.orders {
            let orders = &unused.account(o.order.binding.account).unwrap().orders;
            o.slot_before = orders.get(o.order.binding.order_slot);
            o.path = orders.path(o.order.binding.order_slot);
        }
        // Filled by 3 in all, says the forger: that is the root there is.
        for entry in &mut trace.accounts {
            if let (Some(old), Some(new)) = (&entry.before, &mut entry.after) {
                new.orders_root = old.orders_root;
            }
        }
        reseal(&before, &mut trace);
        let roots = strongest(&trace, &[]);
        assert!(roots.contains("link.roots"), "unused to filled is a change of the root: {roots:?}");
        roots.into_iter().filter(|name| *name != "link.roots").collect()
    };
    /// 5 ordered, 3 filled in each of two windows of one batch.
    an_order_overfilled_across_windows: ["order.fill_within_order"], || {
        let mut world = stage();
        let mut input = world.input();
        for n in 0..2 {
            let window = Window::new(world.ledger.head().window.get() + 1 + n).unwrap();
            let fills = world.trade(0, 1, id(FUTURE), 5);
            input.fills.extend(fills.map(|f| Fill { fill: lots(3), window, ..f }));
        }
        let (trace, _) = lenient(&world, input);
        strongest(&trace, &[])
    };
    fills_that_do_not_land: ["link.lots"], || {
        let (_, before, mut trace) = traded();
        trace.accounts[0].after.as_mut().unwrap().positions[0].lots = lots(6);
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    fills_that_are_not_paid: ["link.cash"], || {
        let (_, before, mut trace) = traded();
        add_cash(&mut trace, 0, 1);
        add_cash(&mut trace, 1, -1);
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    /// Inside the band and within the limits: only the margin rule stands between an account and a friend of its owner.
    a_loss_dumped_to_a_friend_under_initial_margin: ["margin.better_ratio"], || {
        let mut world = stage();
        let input = loss_to_a_friend(&mut world);
        let (trace, _) = lenient(&world, input);
        strongest(&trace, &[])
    };
    a_loss_dumped_to_a_friend_under_the_claim_of_full_margin: ["margin.rule"], || {
        let mut world = stage();
        let input = loss_to_a_friend(&mut world);
        let (trace, _) = lenient(&world, input);
        strongest(&trace, &[lie("accounts", 0, "margin.better", 0, 0u64)])
    };
    /// Everything gets better, and yet a position grew: who is under margin may only shrink.
    a_hedge_opened_under_initial_margin: ["margin.better_only_shrinks"], || {
        let mut world = stage();
        trade(&mut world, &[(0, 1, FUTURE, 10)]);
        edit(&mut world, FUTURE, |leaf| leaf.risk[0] = per_lot(-2_000_000_000));
        edit(&mut world, CALL, |leaf| leaf.risk[0] = per_lot(500_000_000));
        let mut input = world.input();
        input.fills = world.trade(0, 1, id(CALL), 10).to_vec();
        let (trace, _) = lenient(&world, input);
        strongest(&trace, &[])
    };
    /// A hedge is sold to a friend far above its worth: equity covers more of a higher initial margin.
    initial_margin_raised_with_the_money_of_a_friend: ["margin.better_less_initial"], || {
        let mut world = stage();
        trade(&mut world, &[(0, 1, FUTURE, 10), (0, 1, CALL, 10)]);
        edit(&mut world, FUTURE, |leaf| {
            leaf.risk[0] = per_lot(-100_000_000);
            leaf.charge_long = charge(1_100_000_000);
        });
        edit(&mut world, CALL, |leaf| leaf.risk[0] = per_lot(100_000_000));
        let fills = world.trade(2, 0, id(CALL), 5).map(|f| Fill { price: ticks(f.price.get() + 100_000), ..f });
        let input = BatchInput { fills: fills.to_vec(), ..world.input() };
        let (trace, _) = lenient(&world, input);
        strongest(&trace, &[])
    };
    a_withdrawal_under_the_better_of_rule: ["withdraw.not_better_of"], || {
        let (_, _, trace) = commanded([withdraw, cancel]);
        strongest(&trace, &[lie("accounts", 0, "margin.better", 0, 1u64)])
    };
    a_withdrawal_while_a_position_awaits_settlement: ["withdraw.no_expired_position"], || {
        let mut world = stage();
        trade(&mut world, &[(0, 1, FUTURE, 1)]);
        world.time = world.markets.get(id(FUTURE)).unwrap().expiry;
        let mut input = world.input();
        input.commands = vec![world.command(0, world.withdrawal(0, 1))];
        let (trace, _) = lenient(&world, input);
        strongest(&trace, &[])
    };
    an_order_of_an_account_without_an_entry: ["order.account"], || {
        let (world, before, mut trace) = traded();
        trace.orders[0].order.binding.account = slot(5);
        trace.orders.swap(0, 1);
        let hash = trace.orders[1].order.hash();
        trace.orders[1].signature = world.sign(slot(5), hash);
        reorder(&before, &mut trace);
        let all = strongest(&trace, &[]);
        all.into_iter().filter(|name| name.starts_with("order.acc")).collect()
    };
    the_house_entered_as_an_account: ["account.sorted"], || {
        let (_, before, mut trace) = decoys();
        trace.accounts[0].slot = slot(0);
        reseal(&before, &mut trace);
        strongest(&trace, &[]).into_iter().filter(|name| *name == "account.sorted").collect()
    };
    a_leaf_under_the_root_before_the_batch: ["account.root_chain"], || {
        let (_, before, mut trace) = decoys();
        trace.accounts[1].path = before.tree().path(2);
        strongest(&trace, &[])
    };
    a_leaf_that_is_not_in_the_tree: ["account.root_chain"], || {
        let (_, before, mut trace) = decoys();
        let old = trace.accounts[1].before.as_mut().unwrap();
        old.cash = Cash::new(old.cash.get() + 5).unwrap();
        add_cash(&mut trace, 1, 5);
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    a_house_balance_out_of_nothing: ["house.root_chain"], || {
        let (_, before, mut trace) = decoys();
        for leaf in [&mut trace.house.before, &mut trace.house.after] {
            leaf.insurance = Cash::new(1).unwrap();
        }
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    fees_that_do_not_reach_the_house: ["house.new_root"], || {
        let mut world = stage();
        edit(&mut world, FUTURE, |leaf| leaf.fee = novation_state::units::Fee::new(5).unwrap());
        let input = BatchInput { fills: world.trade(0, 1, id(FUTURE), 1).to_vec(), ..world.input() };
        let (before, mut trace) = apply(&mut world, input);
        trace.house.after.fees = trace.house.before.fees;
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    a_decoy_that_gets_money: ["link.cash"], || {
        let (_, before, mut trace) = decoys();
        add_cash(&mut trace, 0, 1);
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    a_decoy_that_gets_a_key: ["link.owner"], || {
        let (_, before, mut trace) = decoys();
        trace.accounts[0].after.as_mut().unwrap().owner = SecretKey::from_seed(&[1; 32]).public();
        reseal(&before, &mut trace);
        strongest(&trace, &[])
    };
    /// `after` is 5 lots on the wire of an entry that is not touched; its leaf shows nothing.
    a_decoy_with_lots_that_no_leaf_shows: ["position.untouched_stays"], || {
        let (_, _, trace) = decoys();
        let lies = [lie("accounts", 0, "position.id", 0, 1u64), lie("accounts", 0, "position.after", 0, 5u64)];
        strongest(&trace, &lies).into_iter().filter(|name| *name == "position.untouched_stays").collect()
    };
    a_leaf_with_another_salt: ["account.root_chain"], || {
        let (_, before, mut trace) = decoys();
        trace.accounts[1].after.as_mut().unwrap().salt = Fr::from(1u64);
        repath(&before, &mut trace);
        strongest(&trace, &[])
    };
    /// The recipient's word is 160 bits, its chain stands above.
    a_recipient_of_more_than_twenty_bytes: ["withdraw.recipient"], || {
        let (world, before, trace) = commanded([withdraw, cancel]);
        let Command { .. } = trace.commands[0].command;
        let mut words = trace.commands[0].command.words();
        words[7] += pow2(160);
        let hash = novation_state::crypto::poseidon::hash(novation_state::tags::Tag::Message.fr(), &words);
        let signature = world.sign(slot(1), hash);
        let mut trace = trace;
        trace.commands[0].signature = signature;
        reseal(&before, &mut trace);
        let found = strongest(&trace, &[lie("commands", 0, "command.recipient", 0, words[7])]);
        found.into_iter().filter(|name| *name == "withdraw.recipient").collect()
    };
    a_batch_after_the_order_expired: ["order.valid_until"], || {
        let (_, _, mut trace) = traded();
        trace.header.time = Time::new(trace.orders[0].order.valid_until.get() + 1).unwrap();
        strongest(&trace, &[])
    };
}
