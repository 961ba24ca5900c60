//! Commands and deposits: what is refused, what waits for what, and what a batch makes of them.

use crate::harness::*;
use novation_sequencer::io::Item;
use novation_sequencer::reason::{Deferred, Lapsed, Refused, Waiting};
use novation_sequencer::{Effect, Event, Execution};
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa::EddsaError;
use novation_state::leaf::Status;
use novation_state::message::{Action, Command, Side};
use novation_state::reject::{Key, Rejection};
use novation_state::size::{DEMO, TINY};
use novation_state::testkit::CHAIN;
use novation_state::transition::{Deposit, SignedCommand};
use novation_state::units::{AccountSlot, Cash, PerLot};

const RICH: i128 = 1_000_000_000;

fn venue() -> Venue {
    Venue::new(TINY, vec![perpetual(), perpetual()], 3, RICH)
}

fn withdraw(venue: &mut Venue, trader: usize, amount: i128) -> u64 {
    let action = venue.world.withdrawal(trader, amount);
    receipt(&venue.command(trader, action)).position
}

#[test]
fn withdrawal_waits_for_the_accounts_fills_and_holds_back_its_orders() {
    let mut venue = venue();
    let account = venue.account(0);
    let resting = venue.buy(0, 1, 10, 1_000);
    venue.sell(1, 1, 4, 1_000);
    venue.window();
    let command = withdraw(&mut venue, 0, 100_000_000);
    venue.sell(1, 1, 6, 1_000);
    assert_eq!(deferred(&venue.window()), [(resting, Deferred::CommandFirst { account })]);

    let effects = venue.batch();
    let first: Vec<_> = effects.iter().filter(|effect| matches!(effect, Effect::Waiting { .. })).collect();
    let fills_first = Waiting::FillsFirst { account };
    assert!(
        matches!(&first[..], [Effect::Waiting { item: Item::Command(position), reason }] if *position == command && *reason == fills_first),
        "{first:?}"
    );
    assert_eq!((venue.held(0, 1), venue.cash(0)), (4, RICH - 4_000_000));
    let effects = venue.batch();
    assert_eq!(waiting(&effects), []);
    assert_eq!(venue.cash(0), RICH - 4_000_000 - 100_000_000);

    assert_eq!(deferred(&venue.window()), []);
    venue.batch();
    assert_eq!(venue.held(0, 1), 10);
}

#[test]
fn withdrawal_that_cannot_be_paid_is_dropped_with_the_rule_and_holds_nobody_up() {
    let mut venue = venue();
    let account = venue.account(0);
    venue.buy(0, 1, 10, 1_000);
    venue.sell(1, 1, 10, 1_000);
    venue.window();
    venue.batch();
    let over = withdraw(&mut venue, 0, RICH - 999_999);
    let exact = withdraw(&mut venue, 0, RICH - 1_000_000);
    let effects = venue.batch();
    let equity = 999_999;
    let broken = Rejection::WithdrawalOverEquity { account, equity, initial: 1_000_000 };
    assert_eq!(dropped(&effects), std::slice::from_ref(&broken));
    assert!(effects.iter().any(|e| matches!(e, Effect::CommandDropped { position, .. } if *position == over)));
    assert_eq!(venue.batches.last().unwrap().commands.len(), 1);
    assert!(exact > over);
    assert_eq!(venue.cash(0), -9_000_000);
}

#[test]
fn withdrawal_is_judged_by_the_daily_mark_too() {
    let mut venue = venue();
    let account = venue.account(0);
    venue.buy(0, 1, 10, 1_000);
    venue.sell(1, 1, 10, 1_000);
    venue.window();
    venue.batch();
    // The gain since the last daily settlement is not paid out yet.
    venue.change(id(1), |leaf| leaf.mark = ticks(1_200));
    withdraw(&mut venue, 0, RICH);
    let broken = Rejection::WithdrawalOverDailyEquity { account, equity: 0, initial: 1_000_000 };
    assert_eq!(dropped(&venue.batch()), [broken]);
}

#[test]
fn withdrawal_is_judged_by_the_newest_marks_even_if_its_batch_uses_older_ones() {
    let mut venue = venue();
    let account = venue.account(0);
    venue.buy(0, 1, 10, 1_000);
    venue.sell(1, 1, 10, 1_000);
    venue.window();
    venue.batch();
    venue.buy(1, 2, 1, 1_000);
    venue.sell(2, 2, 1, 1_000);
    venue.window();
    venue.change(id(1), |leaf| leaf.mark = ticks(900));
    withdraw(&mut venue, 0, RICH - 1_000_000);
    let number = venue.markets.number();
    let broken = Rejection::WithdrawalOverEquity { account, equity: 0, initial: 1_000_000 };
    assert_eq!(dropped(&venue.batch()), [broken]);
    assert_eq!(venue.batches.last().unwrap().header.markets_number, number - 1);
}

#[test]
fn withdrawal_waits_for_a_deposit_that_the_log_has_before_it() {
    let mut venue = venue();
    let account = venue.account(0);
    venue.deposit(0, 500);
    venue.deposit(0, 600);
    withdraw(&mut venue, 0, RICH + 1_100);
    assert_eq!(waiting(&venue.batch()), [Waiting::SecondDeposit { account }, Waiting::DepositFirst { account }]);
    assert_eq!(waiting(&venue.batch()), [Waiting::DepositFirst { account }]);
    assert_eq!(waiting(&venue.batch()), []);
    assert_eq!(venue.cash(0), 0);
}

#[test]
fn holder_of_an_expired_instrument_withdraws_after_it_settled() {
    let mut venue = venue();
    let expiry = novation_state::units::Time::new(venue.world.time.get() + 100).unwrap();
    venue.change_markets(vec![(id(3), novation_state::leaf::MarketLeaf { expiry, ..perpetual() })]);
    venue.buy(0, 3, 1, 1_000);
    venue.sell(1, 3, 1, 1_000);
    venue.window();
    venue.batch();
    venue.wait(100);
    let account = venue.account(0);
    withdraw(&mut venue, 0, 5);
    assert_eq!(dropped(&venue.batch()), [Rejection::WithdrawalAwaitsSettlement { account, instrument: id(3) }]);
    venue.change(id(3), |leaf| {
        (leaf.status, leaf.settlement) = (Status::Settled, PerLot::new(1_000_500).unwrap());
    });
    withdraw(&mut venue, 0, 5);
    let effects = venue.batch();
    assert_eq!((dropped(&effects).len(), venue.held(0, 3), venue.cash(0)), (0, 0, RICH + 500 - 5));
    // The other side rolled in the same batch: nobody had to ask, and the house is even.
    assert_eq!((venue.held(1, 3), venue.cash(1)), (0, RICH - 500));
    assert_eq!(venue.engine.ledger().house().clearing, Cash::ZERO);
}

#[test]
fn account_with_negative_equity_is_not_rolled_before_a_deposit() {
    let mut venue = Venue::new(TINY, vec![perpetual(), perpetual()], 3, 1_000_000);
    venue.buy(0, 1, 10, 1_000);
    venue.sell(1, 1, 10, 1_000);
    venue.window();
    venue.batch();
    venue.change(id(1), |leaf| {
        (leaf.status, leaf.settlement) = (Status::Settled, PerLot::new(800_000).unwrap());
    });
    venue.batch();
    assert_eq!((venue.held(0, 1), venue.held(1, 1)), (10, 0));
    assert_eq!(venue.engine.ledger().house().clearing.get(), 8_000_000);
    venue.deposit(0, 1_000_000);
    venue.batch();
    venue.batch();
    assert_eq!((venue.held(0, 1), venue.cash(0)), (0, 0));
    assert_eq!(venue.engine.ledger().house().clearing, Cash::ZERO);
}

#[test]
fn cancelled_order_is_gone_at_once_and_for_ever() {
    let mut venue = venue();
    let account = venue.account(0);
    let order = venue.order(0, 1, Side::Buy, 10, 1_000);
    let position = venue.send(order);
    let command = Command { binding: order.binding, action: Action::Cancel };
    let signed = venue.world.sign_command(command);
    let effects = venue.step(Event::Command(signed));
    let by = receipt(&effects).position;
    assert_eq!(lapsed(&effects), [(position, Lapsed::Replaced { by })]);
    venue.sell(1, 1, 10, 1_000);
    venue.window();
    venue.batch();
    assert_eq!(venue.held(0, 1), 0);
    let slot = venue.engine.ledger().account(account).unwrap().orders.get(order.binding.order_slot);
    assert_eq!((slot.nonce, slot.message), (order.binding.nonce, command.hash()));
    let seen = Refused::NonceSeen { account, order_slot: order.binding.order_slot, nonce: 1, last: 1 };
    assert_eq!(refusal(&venue.send_as(order, Execution::UntilValid)), Some(&seen));
    // A cancellation of what a newer message has replaced says so.
    let mut newer = order;
    newer.binding.nonce = 3;
    venue.send(newer);
    let late = Refused::NonceSeen { account, order_slot: order.binding.order_slot, nonce: 1, last: 3 };
    assert_eq!(refusal(&venue.step(Event::Command(signed))), Some(&late));
}

#[test]
fn cancellation_after_fills_waits_for_them_and_keeps_them() {
    let mut venue = venue();
    let order = venue.order(0, 1, Side::Buy, 10, 1_000);
    venue.send(order);
    venue.sell(1, 1, 4, 1_000);
    venue.window();
    let signed = venue.world.sign_command(Command { binding: order.binding, action: Action::Cancel });
    venue.step(Event::Command(signed));
    venue.sell(1, 1, 6, 1_000);
    venue.window();
    venue.batch();
    venue.batch();
    assert_eq!(venue.held(0, 1), 4);
    assert_eq!(venue.batches.last().unwrap().commands.len(), 1);
}

#[test]
fn raised_epoch_ends_every_order_and_starts_with_fresh_nonces() {
    let mut venue = venue();
    let account = venue.account(0);
    let old = venue.order(0, 1, Side::Buy, 10, 900);
    let orders = [venue.send(old), venue.buy(0, 1, 5, 910)];
    let effects = venue.command(0, Action::Epoch);
    let by = receipt(&effects).position;
    assert_eq!(lapsed(&effects), orders.map(|position| (position, Lapsed::EpochOver { by })));
    let early = venue.order(0, 1, Side::Buy, 5, 900);
    assert_eq!(refusal(&venue.send_as(early, Execution::UntilValid)), Some(&Refused::EpochEnds { account }));
    venue.batch();
    let broken = Rejection::Epoch { account, signed: 0, current: 1 };
    assert_eq!(refusal(&venue.send_as(old, Execution::UntilValid)), Some(&Refused::Rule(broken)));
    let mut fresh = venue.order(0, 1, Side::Buy, 5, 1_000);
    (fresh.binding.order_slot, fresh.binding.nonce) = (old.binding.order_slot, 1);
    venue.send(fresh);
    venue.sell(1, 1, 5, 1_000);
    venue.window();
    venue.batch();
    assert_eq!(venue.held(0, 1), 5);
}

#[test]
fn rotated_key_signs_and_the_old_one_does_not() {
    let mut venue = venue();
    let account = venue.account(0);
    let old_key = venue.world.traders[0].key.clone();
    let rotation = venue.world.rotation(0);
    receipt(&venue.command(0, rotation));
    venue.batch();
    let order = venue.order(0, 1, Side::Buy, 5, 1_000);
    let signed = novation_sequencer::SignedOrder {
        signature: old_key.sign(order.hash()),
        ..venue.sign(order, Execution::UntilValid)
    };
    let forged = Rejection::Signature { account, reason: EddsaError::EquationFails };
    assert_eq!(refusal(&venue.step(Event::Order(signed))), Some(&Refused::Rule(forged)));
    venue.send(order);
}

/// Refuses a command, and leaves no trace.
fn refused(venue: &mut Venue, action: Action, edit: impl FnOnce(&mut SignedCommand)) -> Refused {
    let before = venue.engine.log();
    let command = Command { binding: venue.binding(0, 250), action };
    let mut signed = venue.world.sign_command(command);
    edit(&mut signed);
    let effects = venue.step(Event::Command(signed));
    assert_eq!(venue.engine.log(), before);
    refusal(&effects).unwrap_or_else(|| panic!("{effects:?}")).clone()
}

#[test]
fn command_that_no_waiting_mends_is_refused_with_the_rule_it_breaks() {
    let mut venue = venue();
    let account = venue.account(0);
    let nothing = |_: &mut SignedCommand| {};
    let rule = |broken: Rejection| Refused::Rule(broken);
    let pay = |amount: i128, recipient: [u8; 20], chain| Action::Withdraw {
        amount: Cash::new(amount).unwrap(),
        recipient,
        chain,
    };
    for amount in [0, -1] {
        let empty = Rejection::EmptyWithdrawal { account, amount };
        assert_eq!(refused(&mut venue, pay(amount, [1; 20], CHAIN), nothing), rule(empty));
    }
    assert_eq!(refused(&mut venue, pay(1, [0; 20], CHAIN), nothing), rule(Rejection::NoRecipient { account }));
    let chain = Rejection::Chain { account, chain: 5, own: CHAIN };
    assert_eq!(refused(&mut venue, pay(1, [1; 20], 5), nothing), rule(chain));

    let rotation = venue.world.rotation(0);
    let identity = Action::Rotate { owner_eighth: Point::identity() };
    assert_eq!(refused(&mut venue, identity, nothing), rule(Rejection::IdentityKey { account }));
    let off = Action::Rotate { owner_eighth: Point { x: 1.into(), y: 1.into() } };
    let off_curve = Rejection::KeyOffCurve { account, key: Key::Owner };
    assert_eq!(refused(&mut venue, off, nothing), rule(off_curve));
    let unproven = Rejection::NoPossession { account };
    assert_eq!(refused(&mut venue, rotation, |signed| signed.possession = None), rule(unproven));
    let stolen = Rejection::Possession { account, reason: EddsaError::EquationFails };
    assert_eq!(refused(&mut venue, rotation, |signed| signed.possession = Some(signed.signature)), rule(stolen));

    let forged = Rejection::Signature { account, reason: EddsaError::EquationFails };
    let other = Command { binding: venue.binding(0, 7), action: Action::Epoch };
    let signature = venue.world.sign(account, other.hash());
    assert_eq!(refused(&mut venue, Action::Epoch, |signed| signed.signature = signature), rule(forged));
    let stranger = AccountSlot::new(99).unwrap();
    let unopened = Rejection::Unopened { account: stranger };
    assert_eq!(refused(&mut venue, Action::Epoch, |signed| signed.command.binding.account = stranger), rule(unopened));
    let seen = Refused::NonceSeen { account, order_slot: 250, nonce: 0, last: 0 };
    assert_eq!(refused(&mut venue, Action::Epoch, |signed| signed.command.binding.nonce = 0), seen);
}

#[test]
fn deposits_come_in_queue_order_and_as_the_contract_lets_them() {
    let mut venue = venue();
    let deposit: Deposit = venue.world.deposit(0, 5);
    let send = |venue: &mut Venue, index, deposit| {
        refusal(&venue.step(Event::Deposit { index, deposit })).expect("refused").clone()
    };
    assert_eq!(send(&mut venue, 4, deposit), Refused::DepositOrder { index: 4, expected: 3 });
    assert_eq!(send(&mut venue, 2, deposit), Refused::DepositOrder { index: 2, expected: 3 });
    let to_house = Deposit { account: AccountSlot::ZERO, ..deposit };
    assert_eq!(send(&mut venue, 3, to_house), Refused::Deposit { index: 3, reason: Rejection::HouseSlot });
    let viewing_eighth = Point { x: 1.into(), y: 1.into() };
    let reason = Rejection::KeyOffCurve { account: deposit.account, key: Key::Viewing };
    assert_eq!(send(&mut venue, 3, Deposit { viewing_eighth, ..deposit }), Refused::Deposit { index: 3, reason });
}

#[test]
fn first_deposit_opens_an_account_that_trades_from_the_next_batch_on() {
    let mut venue = Venue::new(DEMO, vec![perpetual()], 1, RICH);
    let newcomer = venue.world.newcomer();
    venue.deposit(newcomer, RICH);
    let order = venue.order(newcomer, 1, Side::Buy, 5, 1_000);
    let account = venue.account(newcomer);
    let unopened = Refused::Rule(Rejection::Unopened { account });
    assert_eq!(refusal(&venue.send_as(order, Execution::UntilValid)), Some(&unopened));
    venue.batch();
    venue.send(order);
    venue.sell(0, 1, 5, 1_000);
    venue.window();
    venue.batch();
    assert_eq!(venue.held(newcomer, 1), 5);
}
