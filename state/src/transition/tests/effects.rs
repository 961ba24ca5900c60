//! What accepted batches do, to the micro-unit.

use crate::crypto::babyjub::Point;
use crate::leaf::{OrderSlot, Status};
use crate::message::{Action, Command, Side};
use crate::seal;
use crate::testkit::stage::*;
use crate::testkit::{World, COMMAND_SLOT};
use crate::trace::BatchTrace;
use crate::transition::{BatchInput, Deposit, Fill};
use crate::tree::empty_orders_root;
use crate::units::{AccountSlot, Amount, Cash, InstrumentId, Lots, PerLot, Ticks, Window};

fn cash(world: &World, trader: usize) -> i128 {
    world.ledger.account(world.traders[trader].slot).unwrap().leaf.cash.get()
}

fn positions(world: &World, trader: usize) -> Vec<(i64, i64)> {
    let leaf = &world.ledger.account(world.traders[trader].slot).unwrap().leaf;
    leaf.positions[..4].iter().map(|p| (p.id.get(), p.lots.get())).collect()
}

fn apply(world: &mut World, change: impl FnOnce(&World, &mut BatchInput)) -> BatchTrace {
    let mut input = world.input();
    change(world, &mut input);
    world.apply(input)
}

fn trade(world: &mut World, buyer: usize, seller: usize, id: InstrumentId, lots: i64) -> BatchTrace {
    apply(world, |w, input| input.fills = w.trade(buyer, seller, id, lots).to_vec())
}

#[test]
fn stage_is_what_its_documentation_says() {
    let world = stage();
    assert_eq!(positions(&world, A), [(1, 10), (3, 5), (5, 2), (0, 0)]);
    assert_eq!(positions(&world, B), [(1, -10), (3, -5), (5, -2), (0, 0)]);
    assert_eq!((cash(&world, A), cash(&world, B)), (DEPOSIT - 17 * LOT - 17, DEPOSIT + 17 * LOT - 17));
    assert_eq!((cash(&world, C), world.ledger.house().fees.get()), (DEPOSIT, 34));
    assert_eq!(world.markets.next_id(), UNLISTED.get());
}

#[test]
fn fill_moves_cash_at_price_less_index_and_fees_to_the_house() {
    let mut world = stage();
    world.set_market(PERP, |leaf| leaf.index = PerLot::new(300).unwrap());
    let trace = apply(&mut world, |w, input| {
        input.fills = w.trade(C, D, PERP, 7).map(|f| Fill { price: Ticks::new(1_020).unwrap(), ..f }).to_vec();
    });
    let paid = 7 * (1_020 * 10 - 300);
    assert_eq!((cash(&world, C), cash(&world, D)), (DEPOSIT - paid - 7, DEPOSIT + paid - 7));
    assert_eq!(trace.house.after.fees.get() - trace.house.before.fees.get(), 14);
    assert_eq!((world.lots(C, PERP), world.lots(D, PERP)), (7, -7));
}

#[test]
fn touch_rolls_settled_lots_against_the_clearing_balance_until_it_is_zero_again() {
    let mut world = stage();
    let before = (cash(&world, A), cash(&world, B));
    let touch = |world: &mut World, trader: usize| apply(world, |w, i| i.touches.push(w.traders[trader].slot));
    let trace = touch(&mut world, A);
    assert_eq!(trace.house.after.clearing.get(), -21_000);
    assert_eq!((cash(&world, A), positions(&world, A)[2]), (before.0 + 21_000, (0, 0)));
    assert_eq!(cash(&world, B), before.1);
    let trace = touch(&mut world, B);
    assert_eq!((trace.house.after.clearing, cash(&world, B)), (Cash::ZERO, before.1 - 21_000));
}

#[test]
fn touch_and_fill_and_withdrawal_roll_and_nothing_else_does() {
    type Change = fn(&World, &mut BatchInput);
    let cases: [(Change, bool); 7] = [
        (|w, i| i.touches.push(w.traders[A].slot), true),
        (|w, i| i.fills.extend(w.trade(A, C, PERP, 1)), true),
        (|w, i| i.commands.push(w.command(A, w.withdrawal(A, 1))), true),
        (|w, i| i.commands.push(w.command(A, Action::Cancel)), false),
        (|w, i| i.commands.push(w.command(A, w.rotation(A))), false),
        (|w, i| i.deposits.push(w.deposit(A, 1)), false),
        (|w, i| i.decoys.push(w.traders[A].slot), false),
    ];
    for (k, (change, rolls)) in cases.into_iter().enumerate() {
        let mut world = stage();
        let trace = apply(&mut world, change);
        let entry = trace.accounts.iter().find(|e| e.slot == world.traders[A].slot).unwrap();
        assert_eq!((entry.touch, world.lots(A, SETTLED) == 0), (rolls, rolls), "case {k}");
        assert_eq!(entry.ids.contains(&SETTLED), rolls, "case {k}");
    }
}

#[test]
fn new_positions_take_the_lowest_slots_in_order_of_first_fills() {
    let mut world = stage();
    apply(&mut world, |w, input| {
        input.fills = w.trade(C, D, HEDGE, 1).into_iter().chain(w.trade(C, D, PERP, 2)).collect();
    });
    assert_eq!(positions(&world, C), [(6, 1), (1, 2), (0, 0), (0, 0)]);
    // Closing keeps the place of the rest; the next position fills the gap.
    trade(&mut world, D, C, HEDGE, 1);
    assert_eq!(positions(&world, C), [(0, 0), (1, 2), (0, 0), (0, 0)]);
    let trace = trade(&mut world, C, D, FREE, 3);
    assert_eq!(positions(&world, C), [(7, 3), (1, 2), (0, 0), (0, 0)]);
    let entry = trace.accounts.iter().find(|e| e.slot == world.traders[C].slot).unwrap();
    assert_eq!(entry.ids[..4], [FREE, PERP, InstrumentId::ZERO, InstrumentId::ZERO]);
}

#[test]
fn slot_emptied_in_a_batch_is_used_again_only_in_the_next() {
    let mut world = stage();
    trade(&mut world, C, D, PERP, 1);
    // C closes PERP and opens HEDGE in one batch: HEDGE goes to the second slot.
    apply(&mut world, |w, input| {
        input.fills = w.trade(D, C, PERP, 1).into_iter().chain(w.trade(C, D, HEDGE, 1)).collect();
    });
    assert_eq!(positions(&world, C), [(0, 0), (6, 1), (0, 0), (0, 0)]);
}

#[test]
fn round_trip_in_one_batch_takes_no_slot_and_costs_both_fees() {
    let mut world = stage();
    let trace = apply(&mut world, |w, input| {
        input.fills = w.trade(C, D, PERP, 5).to_vec();
        let window = Window::new(input.window_first.get() + 1).unwrap();
        for (trader, side) in [(C, Side::Sell), (D, Side::Buy)] {
            let mut order = w.order(trader, PERP, side, 5);
            order.binding = w.binding(trader, 200);
            input.fills.push(Fill { window, ..w.fill(order, Ticks::new(1_010).unwrap(), 5) });
        }
    });
    assert_eq!((cash(&world, C), cash(&world, D)), (DEPOSIT + 500 - 10, DEPOSIT - 500 - 10));
    let entry = trace.accounts.iter().find(|e| e.slot == world.traders[C].slot).unwrap();
    assert!(entry.touch && entry.ids.iter().all(|id| *id == InstrumentId::ZERO));
    assert_eq!((trace.clearings.len(), trace.orders.len()), (2, 4));
}

#[test]
fn order_goes_on_where_its_slot_says() {
    let mut world = stage();
    let order = world.order(C, PERP, Side::Buy, 10);
    for filled in [4, 8, 10] {
        let last = world.lots(C, PERP);
        let trace = apply(&mut world, |w, input| {
            let lots = filled - last;
            input.fills = vec![w.fill(order, Ticks::new(MARK).unwrap(), lots), w.trade(B, D, PERP, lots)[1]];
        });
        let c = trace.orders.iter().find(|o| o.order == order).unwrap();
        assert_eq!(c.slot_before.filled.get(), last);
        let slot = world.ledger.account(world.traders[C].slot).unwrap().orders.get(order.binding.order_slot);
        let expected = OrderSlot { nonce: 1, message: order.hash(), filled: Lots::new(filled).unwrap() };
        assert_eq!(slot, expected);
    }
}

#[test]
fn order_filled_in_two_windows_of_a_batch_adds_up() {
    let mut world = stage();
    let order = world.order(C, PERP, Side::Buy, 5);
    apply(&mut world, |w, input| {
        let next = Window::new(input.window_first.get() + 1).unwrap();
        let other = w.order(D, PERP, Side::Sell, 5);
        let mark = Ticks::new(MARK).unwrap();
        for (lots, window) in [(2, input.window_first), (3, next)] {
            input.fills.extend([order, other].map(|o| Fill { window, ..w.fill(o, mark, lots) }));
        }
    });
    let slots = &world.ledger.account(world.traders[C].slot).unwrap().orders;
    assert_eq!(slots.get(order.binding.order_slot).filled.get(), 5);
    assert_eq!(world.lots(C, PERP), 5);
}

#[test]
fn withdrawal_pays_exactly_the_signed_amount_and_uses_its_slot() {
    let mut world = stage();
    let trace = apply(&mut world, |w, i| i.commands.push(w.command(C, w.withdrawal(C, DEPOSIT))));
    assert_eq!(cash(&world, C), 0);
    let slot = world.ledger.account(world.traders[C].slot).unwrap().orders.get(COMMAND_SLOT);
    let message = trace.commands[0].command.hash();
    assert_eq!(slot, OrderSlot { nonce: 1, message, filled: Lots::ZERO });
}

#[test]
fn epoch_empties_the_orders_and_keeps_the_key_and_rotation_replaces_it() {
    for rotates in [false, true] {
        let mut world = stage();
        trade(&mut world, C, D, PERP, 1);
        let before = world.ledger.account(world.traders[C].slot).unwrap().leaf.clone();
        assert_ne!(before.orders_root, empty_orders_root());
        let next = world.traders[C].next_key.public();
        apply(&mut world, |w, input| {
            let action = if rotates { w.rotation(C) } else { Action::Epoch };
            input.commands.push(w.command(C, action));
        });
        let after = &world.ledger.account(world.traders[C].slot).unwrap().leaf;
        assert_eq!((after.epoch, after.orders_root), (1, empty_orders_root()));
        assert_eq!(after.owner, if rotates { next } else { before.owner });
        assert_eq!((after.viewing, after.cash, after.positions), (before.viewing, before.cash, before.positions));
        // The new key signs from now on, at the new epoch.
        trade(&mut world, C, D, PERP, 1);
        assert_eq!(world.lots(C, PERP), 2);
    }
}

#[test]
fn cancellation_forgets_what_was_filled() {
    let mut world = stage();
    let order = world.order(C, PERP, Side::Buy, 10);
    apply(&mut world, |w, input| {
        input.fills = vec![w.fill(order, Ticks::new(MARK).unwrap(), 4), w.trade(B, D, PERP, 4)[1]];
    });
    let cancel = Command { binding: order.binding, action: Action::Cancel };
    apply(&mut world, |w, i| i.commands.push(w.sign_command(cancel)));
    let slot = world.ledger.account(world.traders[C].slot).unwrap().orders.get(order.binding.order_slot);
    assert_eq!(slot, OrderSlot { nonce: 1, message: cancel.hash(), filled: Lots::ZERO });
}

#[test]
fn deposit_is_credited_exactly_when_it_can_be() {
    let flip = |point: Point| point.neg();
    let order_two = Point { x: 0.into(), y: -ark_bn254::Fr::from(1) };
    type Change<'a> = &'a dyn Fn(&mut Deposit);
    let cases: [(&str, usize, Change, bool); 11] = [
        ("own keys", C, &|_| {}, true),
        ("nothing", C, &|d| d.amount = Amount::ZERO, true),
        ("another owner", C, &|d| d.owner_eighth = flip(d.owner_eighth), false),
        ("another viewing key", C, &|d| d.viewing_eighth = flip(d.viewing_eighth), false),
        ("another eighth of the same key", C, &|d| d.owner_eighth = d.owner_eighth.add(&order_two), true),
        ("new account", F, &|_| {}, true),
        ("new account of one key", F, &|d| d.viewing_eighth = d.owner_eighth, true),
        ("new account without owner", F, &|d| d.owner_eighth = Point::identity(), false),
        ("new account without reader", F, &|d| d.viewing_eighth = Point::identity(), false),
        ("new account of small order", F, &|d| d.owner_eighth = order_two, false),
        ("greatest amount", F, &|d| d.amount = Amount::MAX, true),
    ];
    for (name, trader, change, credited) in cases {
        let mut world = stage();
        world.newcomer();
        let mut deposit = world.deposit(trader, 5);
        change(&mut deposit);
        let before = world.ledger.account(deposit.account).map(|a| a.leaf.clone());
        let trace = apply(&mut world, |_, input| input.deposits.push(deposit));
        let after = world.ledger.account(deposit.account).map(|a| a.leaf.clone());
        assert_eq!(trace.deposits[0].credited, credited, "{name}");
        let of = |leaf: &Option<crate::leaf::AccountLeaf>| leaf.as_ref().map_or(0, |l| l.cash.get());
        assert_eq!(of(&after) - of(&before), if credited { deposit.amount.wide() } else { 0 }, "{name}");
        assert_eq!(after.is_some(), before.is_some() || credited, "{name}");
        assert!(trace.accounts.iter().any(|e| e.slot == deposit.account && !e.touch), "{name}");
    }
}

#[test]
fn deposit_that_would_pass_the_cash_bound_is_refunded() {
    for (above, credited, expected) in [(0, true, Cash::MAX.get()), (1, false, Cash::MAX.get() - 4)] {
        let mut world = stage();
        let rich = Cash::new(Cash::MAX.get() - 5 + above).unwrap();
        world.tamper(C, |account| account.leaf.cash = rich);
        let trace = apply(&mut world, |w, input| input.deposits.push(w.deposit(C, 5)));
        assert_eq!((trace.deposits[0].credited, cash(&world, C)), (credited, expected));
    }
}

#[test]
fn deposit_of_the_same_batch_counts_towards_margin() {
    let mut world = stage();
    world.tamper(C, |account| account.leaf.cash = Cash::ZERO);
    apply(&mut world, |w, input| {
        input.deposits.push(w.deposit(C, 1_010));
        input.fills = w.trade(C, D, PERP, 10).to_vec();
    });
    assert_eq!(cash(&world, C), 1_000 - 10 * LOT);
}

#[test]
fn decoy_changes_its_salt_and_nothing_else() {
    let mut world = stage();
    let before = world.ledger.account(world.traders[A].slot).unwrap().leaf.clone();
    let trace = apply(&mut world, |w, input| input.decoys.push(w.traders[A].slot));
    let after = world.ledger.account(world.traders[A].slot).unwrap().leaf.clone();
    let shared = seal::shared_secret(&trace.ephemeral, &before.viewing);
    let salt = seal::salt(shared, trace.header.batch, world.traders[A].slot);
    assert_ne!(before.salt, salt);
    assert_eq!(after, crate::leaf::AccountLeaf { salt, ..before });
}

#[test]
fn owner_reads_with_the_viewing_key_what_the_batch_wrote() {
    let mut world = stage();
    let trace = trade(&mut world, C, D, PERP, 3);
    let r = seal::ephemeral_point(&trace.ephemeral);
    let leaf = world.ledger.account(world.traders[C].slot).unwrap().leaf.clone();
    let shared = world.traders[C].viewing.shared_secret(&r).unwrap().x;
    let place = trace.accounts.iter().position(|e| e.slot == world.traders[C].slot).unwrap();
    let words = crate::public_data::words(&trace);
    let size = trace.size;
    use crate::public_data::*;
    let start = HEADER_WORDS + DEPOSIT_WORDS * size.deposits + COMMAND_WORDS * size.commands + ACCOUNT_WORDS * place;
    let ciphertext: [ark_bn254::Fr; 8] = words[start + 2..start + ACCOUNT_WORDS].try_into().unwrap();
    assert_eq!(words[start + 1], leaf.hash());
    assert_eq!(seal::decrypt(shared, leaf.hash(), ciphertext), leaf.plaintext());
    assert_eq!(words.len(), num_words(&size));
}

#[test]
fn padding_comes_from_the_top_of_the_tree_and_skips_what_is_open() {
    let mut world = stage();
    let top = AccountSlot::MAX;
    let deposit = Deposit { account: top, ..world.deposit(C, 5) };
    let trace = apply(&mut world, |_, input| input.deposits.push(deposit));
    assert_eq!(trace.accounts.last().unwrap().slot, top);
    assert!(trace.deposits[0].credited);
    let trace = apply(&mut world, |_, _| {});
    let slots: Vec<i64> = trace.accounts.iter().map(|e| AccountSlot::MAX.get() - e.slot.get()).collect();
    assert_eq!(slots, [4, 3, 2, 1]);
    assert!(trace.accounts.iter().all(|e| e.before.is_none() && e.after.is_none() && !e.touch));
}

#[test]
fn header_follows_the_last_batch() {
    let mut world = stage();
    let head = world.ledger.head();
    let trace = apply(&mut world, |w, input| input.deposits.push(w.deposit(C, 1)));
    let header = &trace.header;
    assert_eq!((header.batch, header.log_first, header.deposit_first), (head.batch + 1, head.log + 1, head.deposits));
    assert_eq!((header.markets_number, header.markets_root), (world.markets.number(), world.markets.root()));
    let now = world.ledger.head();
    assert_eq!((now.batch, now.deposits, now.log), (head.batch + 1, head.deposits + 1, header.log_last));
    assert_eq!((now.window, now.time, now.markets), (header.window_last, header.time, header.markets_number));
    assert_eq!((header.old_root == header.new_root, header.new_root), (false, world.ledger.root()));
}

#[test]
fn batch_may_use_an_older_snapshot_of_the_markets() {
    let mut world = stage();
    let old = world.markets.clone();
    world.set_market(PERP, |leaf| {
        leaf.status = Status::Settled;
        leaf.settlement = PerLot::new(1).unwrap();
    });
    world.markets = old;
    trade(&mut world, C, D, PERP, 1);
    assert_eq!(world.lots(C, PERP), 1);
}
