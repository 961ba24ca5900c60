//! Orders: what is refused, what waits and why, what lapses, and what trades.

use crate::harness::*;
use novation_sequencer::reason::{Deferred, Lapsed, Refused};
use novation_sequencer::{Effect, Execution};
use novation_state::crypto::eddsa::EddsaError;
use novation_state::leaf::{MarketLeaf, Status};
use novation_state::math::margin::NoRelief;
use novation_state::message::{Order, Side};
use novation_state::reject::Rejection;
use novation_state::size::TINY;
use novation_state::units::{AccountSlot, Fee, Lots, Time};

const RICH: i128 = 1_000_000_000;

fn venue() -> Venue {
    Venue::new(TINY, vec![perpetual(), perpetual()], 4, RICH)
}

/// Refuses an order after an edit that is signed, and leaves no trace.
fn refused(venue: &mut Venue, edit: impl FnOnce(&mut Order)) -> Refused {
    let before = venue.engine.log();
    let mut order = venue.order(0, 1, Side::Buy, 5, 1_000);
    edit(&mut order);
    // Whoever signs for the house or for an account that does not exist, it is not its owner.
    let signer = venue.account(0);
    let signature = venue.world.sign(signer, order.hash());
    let signed = novation_sequencer::SignedOrder { order, signature, execution: Execution::UntilValid };
    let effects = venue.step(novation_sequencer::Event::Order(signed));
    assert_eq!(venue.engine.log(), before);
    refusal(&effects).unwrap_or_else(|| panic!("{effects:?}")).clone()
}

#[test]
fn executions_of_other_venues_are_refused_by_name() {
    let mut venue = venue();
    for (execution, reason) in [
        (Execution::FillOrKill, Refused::FillOrKill),
        (Execution::PostOnly, Refused::PostOnly),
        (Execution::Stop, Refused::Stop),
    ] {
        let order = venue.order(0, 1, Side::Buy, 5, 1_000);
        assert_eq!(refusal(&venue.send_as(order, execution)), Some(&reason));
    }
    assert_eq!(
        Refused::FillOrKill.to_string(),
        "fill-or-kill is not offered: an auction fills at the margin pro rata; use an order for this window only"
    );
}

#[test]
fn order_that_no_waiting_mends_is_refused_with_the_rule_it_breaks() {
    let mut venue = venue();
    let account = venue.account(0);
    let (stranger, time) = (AccountSlot::new(77).unwrap(), venue.world.time);
    let late = Time::new(time.get() - 1).unwrap();
    let rule = |broken: Rejection| Refused::Rule(broken);
    assert_eq!(refused(&mut venue, |o| o.binding.account = AccountSlot::ZERO), rule(Rejection::HouseSlot));
    assert_eq!(refused(&mut venue, |o| o.binding.account = stranger), rule(Rejection::Unopened { account: stranger }));
    assert_eq!(refused(&mut venue, |o| o.binding.deployment = 5.into()), rule(Rejection::Deployment { account }));
    let epoch = Rejection::Epoch { account, signed: 3, current: 0 };
    assert_eq!(refused(&mut venue, |o| o.binding.epoch = 3), rule(epoch));
    assert_eq!(refused(&mut venue, |o| o.lots = Lots::ZERO), Refused::EmptyOrder { lots: Lots::ZERO });
    assert_eq!(refused(&mut venue, |o| o.lots = lots(-4)), Refused::EmptyOrder { lots: lots(-4) });
    let unlisted = Rejection::NotListed { instrument: id(9) };
    assert_eq!(refused(&mut venue, |o| o.instrument = id(9)), rule(unlisted));
    let offset = 1i64 << 32;
    let range = Rejection::PegRange { account, offset: -offset };
    assert_eq!(refused(&mut venue, |o| o.peg_offset = Some(-offset)), rule(range));
    let expired = Rejection::OrderExpired { account, valid_until: late, time };
    assert_eq!(refused(&mut venue, |o| o.valid_until = late), rule(expired));
    let zero = |o: &mut Order| (o.binding.order_slot, o.binding.nonce) = (9, 0);
    let seen = Refused::NonceSeen { account, order_slot: 9, nonce: 0, last: 0 };
    assert_eq!(refused(&mut venue, zero), seen);

    // A signature of somebody else, and one of another order.
    let friend = venue.account(1);
    let forged = Rejection::Signature { account: friend, reason: EddsaError::EquationFails };
    assert_eq!(refused(&mut venue, |o| o.binding.account = friend), rule(forged));
    let (order, other) = (venue.order(0, 1, Side::Buy, 5, 1_000), venue.order(0, 1, Side::Buy, 500, 1_000));
    let signed = novation_sequencer::SignedOrder { order: other, ..venue.sign(order, Execution::UntilValid) };
    let forged = Rejection::Signature { account, reason: EddsaError::EquationFails };
    let effects = venue.step(novation_sequencer::Event::Order(signed));
    assert_eq!(refusal(&effects), Some(&rule(forged)));
}

#[test]
fn instruments_that_never_trade_again_or_that_the_circuit_does_not_know_take_no_orders() {
    let mut venue = venue();
    let expiry = Time::new(venue.world.time.get() + 50).unwrap();
    let dated = MarketLeaf { expiry, ..perpetual() };
    let third = MarketLeaf { underlying: 2, ..perpetual() };
    venue.change_markets(vec![(id(3), dated), (id(4), third)]);
    let unknown = Rejection::Underlying { instrument: id(4), underlying: 2, known: 2 };
    assert_eq!(refused(&mut venue, |o| o.instrument = id(4)), Refused::Rule(unknown));

    let resting = venue.buy(0, 3, 5, 1_000);
    venue.wait(50);
    let expired = Refused::InstrumentExpired { instrument: id(3), expiry };
    assert_eq!(refused(&mut venue, |o| o.instrument = id(3)), expired);
    let over = Lapsed::InstrumentOver { instrument: id(3) };
    assert_eq!(lapsed(&venue.window()), [(resting, over)]);

    venue.change(id(3), |leaf| leaf.status = Status::Settled);
    assert_eq!(refused(&mut venue, |o| o.instrument = id(3)), Refused::Settled { instrument: id(3) });
}

#[test]
fn order_is_taken_in_once_however_it_ended() {
    let mut venue = venue();
    let account = venue.account(0);
    let order = venue.order(0, 1, Side::Buy, 5, 900);
    let first = receipt(&venue.send_as(order, Execution::ThisWindow)).position;
    let slot = order.binding.order_slot;
    let seen = |nonce, last| Refused::NonceSeen { account, order_slot: slot, nonce, last };
    assert_eq!(refusal(&venue.send_as(order, Execution::UntilValid)), Some(&seen(1, 1)));
    assert_eq!(lapsed(&venue.window()), [(first, Lapsed::WindowOver)]);
    assert_eq!(refusal(&venue.send_as(order, Execution::UntilValid)), Some(&seen(1, 1)));

    // A newer order in the same slot replaces the older; the older cannot come back.
    let mut newer = order;
    newer.binding.nonce = 5;
    let second = venue.send(newer);
    let mut newest = newer;
    newest.binding.nonce = 6;
    let effects = venue.send_as(newest, Execution::UntilValid);
    let third = receipt(&effects).position;
    assert_eq!(lapsed(&effects), [(second, Lapsed::Replaced { by: third })]);
    assert_eq!(refusal(&venue.send_as(newer, Execution::UntilValid)), Some(&seen(5, 6)));
    assert_eq!(venue.engine.resting(account).map(|(position, ..)| position).collect::<Vec<_>>(), [third]);
}

#[test]
fn receipts_bind_position_message_and_root() {
    let mut venue = venue();
    let order = venue.order(0, 1, Side::Buy, 5, 900);
    let before = venue.engine.log();
    let effects = venue.send_as(order, Execution::UntilValid);
    let receipt = receipt(&effects);
    let Effect::Logged(entry) = &effects[0] else { panic!("{effects:?}") };
    assert_eq!((receipt.position, receipt.message), (before.position + 1, order.hash()));
    assert_eq!((receipt.root, receipt.time), (entry.root, venue.world.time));
    assert_eq!(before.next(&entry.digest), venue.engine.log());
}

#[test]
fn fills_are_announced_with_their_batch_and_not_before() {
    let mut venue = venue();
    let buy = venue.buy(0, 1, 10, 1_010);
    let sell = venue.sell(1, 1, 4, 990);
    let effects = venue.window();
    assert!(matches!(&effects[..], [Effect::Logged(_), Effect::WindowClosed { .. }]), "{effects:?}");
    assert_eq!(venue.held(0, 1), 0);
    let effects = venue.batch();
    assert!(matches!(&effects[..], [Effect::Logged(_), Effect::Auction(_), Effect::BatchReady(_)]), "{effects:?}");
    assert_eq!(trades(&venue.auctions), [(1_000, vec![(buy, 4), (sell, 4)])]);
    assert_eq!((venue.held(0, 1), venue.held(1, 1)), (4, -4));
}

#[test]
fn resting_order_goes_on_trading_what_is_left() {
    let mut venue = venue();
    let buy = venue.buy(0, 1, 10, 1_000);
    let sells = [4, 3, 5].map(|quantity| {
        let sell = venue.sell(1, 1, quantity, 1_000);
        venue.window();
        sell
    });
    // Six fills and four order entries a batch: the last window waits.
    venue.batch();
    venue.batch();
    let fills = |sell: usize, quantity| (1_000, vec![(buy, quantity), (sells[sell], quantity)]);
    assert_eq!(trades(&venue.auctions), [fills(0, 4), fills(1, 3), fills(2, 3)]);
    assert_eq!(venue.engine.resting(venue.account(0)).count(), 0);
    let left: Vec<i64> = venue.engine.resting(venue.account(1)).map(|(_, _, left)| left.get()).collect();
    assert_eq!(left, [2]);
}

#[test]
fn order_expires_after_its_last_second_and_not_before() {
    let mut venue = venue();
    let mut order = venue.order(0, 1, Side::Buy, 5, 900);
    order.valid_until = Time::new(venue.world.time.get() + 10).unwrap();
    let position = venue.send(order);
    venue.wait(10);
    assert_eq!(lapsed(&venue.window()), []);
    venue.wait(1);
    let expired = Lapsed::Expired { valid_until: order.valid_until };
    assert_eq!(lapsed(&venue.window()), [(position, expired)]);
}

#[test]
fn pegged_order_follows_the_mark_as_far_as_its_limit() {
    let mut venue = venue();
    let mut pegged = venue.order(0, 1, Side::Buy, 100, 1_030);
    pegged.peg_offset = Some(-10);
    venue.send(pegged);
    let prices = [1_000, 1_020, 1_060].map(|mark| {
        venue.change(id(1), |leaf| leaf.mark = ticks(mark));
        venue.sell(1, 1, 5, 900);
        venue.window();
        venue.batch();
        venue.auctions.last().unwrap().price.get()
    });
    assert_eq!(prices, [990, 1_010, 1_030]);
}

#[test]
fn newer_order_that_crosses_the_accounts_own_is_cut() {
    let mut venue = venue();
    let buy = venue.buy(0, 1, 5, 1_000);
    let crossing = venue.sell(0, 1, 5, 1_000);
    let apart = venue.sell(0, 1, 5, 1_001);
    let effects = venue.window();
    assert_eq!(deferred(&effects), [(crossing, Deferred::SelfCross { older: buy })]);
    // When the older order is gone the newer one takes part.
    venue.sell(1, 1, 5, 1_000);
    venue.window();
    let other = venue.buy(1, 1, 5, 1_000);
    assert_eq!(deferred(&venue.window()), []);
    venue.batch();
    assert_eq!(trades(&venue.auctions)[1], (1_000, vec![(crossing, 5), (other, 5)]));
    assert!(venue.engine.resting(venue.account(0)).any(|(position, ..)| position == apart));
}

#[test]
fn reduce_only_orders_stop_at_zero_together() {
    let mut venue = venue();
    let reduce = |venue: &mut Venue, quantity| {
        let mut order = venue.order(0, 1, Side::Sell, quantity, 990);
        order.reduce_only = true;
        venue.send(order)
    };
    let early = reduce(&mut venue, 5);
    let nothing = |held| Deferred::NothingToReduce { instrument: id(1), held };
    assert_eq!(deferred(&venue.window()), [(early, nothing(0))]);
    venue.buy(0, 1, 8, 1_000);
    venue.sell(1, 1, 8, 1_000);
    // The buy is open in the same window: what is to be reduced is not held yet.
    assert_eq!(deferred(&venue.window()), []);
    venue.batch();
    assert_eq!(venue.held(0, 1), 8);

    let (second, third) = (reduce(&mut venue, 7), reduce(&mut venue, 1));
    let opening = venue.buy(0, 1, 1, 980);
    venue.buy(1, 1, 100, 1_000);
    let effects = venue.window();
    // 5 and 3 of the second's 7 make 8; nothing is left for the third, and nothing may open beside them.
    let beside = Deferred::BesideReduceOnly { instrument: id(1) };
    assert_eq!(deferred(&effects), [(third, nothing(8)), (opening, beside)]);
    venue.batch();
    assert_eq!(venue.held(0, 1), 0);
    let of = |position| venue.auctions.last().unwrap().fills.iter().find(|f| f.position == position).unwrap().lots;
    assert_eq!((of(early), of(second)), (lots(5), lots(3)));
}

#[test]
fn reduce_only_market_lets_positions_shrink_only() {
    let mut venue = venue();
    venue.buy(0, 1, 5, 1_000);
    venue.sell(1, 1, 5, 1_000);
    venue.window();
    venue.change(id(1), |leaf| leaf.status = Status::ReduceOnly);
    let opening = venue.buy(2, 1, 3, 1_000);
    let closing = venue.sell(0, 1, 9, 1_000);
    let other = venue.buy(1, 1, 9, 1_000);
    let nothing = Deferred::NothingToReduce { instrument: id(1), held: 0 };
    assert_eq!(deferred(&venue.window()), [(opening, nothing)]);
    venue.batch();
    venue.batch();
    assert_eq!(trades(&venue.auctions)[1], (1_000, vec![(closing, 5), (other, 5)]));
    assert_eq!((venue.held(0, 1), venue.held(1, 1)), (0, 0));
}

#[test]
fn later_order_waits_while_the_earlier_ones_could_use_up_the_margin() {
    // 1,000,000 micro-units bear 10 lots.
    let mut venue = Venue::new(TINY, vec![perpetual(), perpetual()], 2, 1_000_000);
    let first = venue.buy(0, 1, 6, 1_000);
    let second = venue.buy(0, 2, 5, 1_000);
    let short = |shortfall| Deferred::Margin { shortfall, relief: NoRelief::PositionGrew };
    assert_eq!(deferred(&venue.window()), [(second, short(100_000))]);
    // Both underlyings are one: a sale of the other instrument hedges, and still counts as unfilled when that is worse.
    let hedge = venue.sell(0, 2, 6, 1_000);
    assert_eq!(deferred(&venue.window()), []);
    let mut smaller = *venue.engine.resting(venue.account(0)).find(|(position, ..)| *position == first).unwrap().1;
    (smaller.binding.nonce, smaller.lots) = (9, lots(5));
    assert_eq!(lapsed(&venue.send_as(smaller, Execution::UntilValid)).len(), 1);
    let effects = venue.window();
    // Now the second, older than both others, takes part; the sale crosses it.
    assert_eq!(deferred(&effects), [(hedge, Deferred::SelfCross { older: second })]);
    let third = venue.buy(0, 2, 1, 990);
    assert_eq!(deferred(&venue.window()), [(third, short(90_000))]);
}

#[test]
fn account_under_its_margin_may_shrink_and_not_grow() {
    let mut venue = Venue::new(TINY, vec![perpetual()], 3, 1_000_000);
    venue.buy(0, 1, 10, 1_000);
    venue.sell(1, 1, 10, 1_000);
    venue.window();
    venue.batch();
    // Ten lots that fell by 50 ticks: equity 500,000 against an initial margin of 1,000,000.
    venue.change(id(1), |leaf| leaf.mark = ticks(950));
    let growing = venue.buy(0, 1, 1, 950);
    let closing = venue.sell(0, 1, 4, 951);
    let cheap = venue.sell(0, 1, 6, 890);
    let other = venue.buy(1, 1, 4, 951);
    let effects = venue.window();
    let margin = |shortfall, relief| Deferred::Margin { shortfall, relief };
    assert_eq!(
        deferred(&effects),
        [(growing, margin(600_000, NoRelief::PositionGrew)), (cheap, margin(500_000, NoRelief::CoverFell))]
    );
    venue.batch();
    assert_eq!(trades(&venue.auctions)[1], (951, vec![(closing, 4), (other, 4)]));
    assert_eq!(venue.held(0, 1), 6);
    // Fallen to negative equity, nothing helps but a deposit.
    venue.change(id(1), |leaf| leaf.mark = ticks(800));
    let last = venue.sell(0, 1, 6, 1_000);
    let waits = deferred(&venue.window());
    assert!(waits.contains(&(last, margin(996_000, NoRelief::NegativeEquity))), "{waits:?}");
}

#[test]
fn market_conditions_keep_orders_waiting_and_say_so_once() {
    let mut venue = venue();
    venue.change(id(1), |leaf| leaf.fee = Fee::new(7).unwrap());
    let mut capped = venue.order(0, 1, Side::Buy, 5, 1_000);
    capped.fee_cap = Fee::new(6).unwrap();
    let mut pegged = venue.order(0, 2, Side::Buy, 5, 1_000);
    pegged.peg_offset = Some(-2_000);
    let (capped, pegged) = (venue.send(capped), venue.send(pegged));
    let fee = Deferred::FeeCap { cap: Fee::new(6).unwrap(), fee: Fee::new(7).unwrap() };
    let peg = Deferred::PegWithoutPrice { mark: ticks(1_000), offset: -2_000 };
    assert_eq!(deferred(&venue.window()), [(capped, fee), (pegged, peg)]);
    assert_eq!(deferred(&venue.window()), []);

    venue.change(id(1), |leaf| leaf.status = Status::Halted);
    let halted = Deferred::NotTrading { instrument: id(1), status: Status::Halted };
    assert_eq!(deferred(&venue.window()), [(capped, halted)]);
    let mark_time = venue.world.time;
    venue.wait(900);
    assert_eq!(deferred(&venue.window()), []);
    venue.wait(1);
    let stale = Deferred::MarkStale { instrument: id(2), mark_time, time: venue.world.time };
    assert_eq!(deferred(&venue.window()), [(pegged, stale)]);
    let open = |leaf: &mut MarketLeaf| (leaf.status, leaf.fee) = (Status::Open, Fee::ZERO);
    venue.change(id(1), open);
    venue.sell(1, 1, 5, 1_000);
    venue.window();
    venue.batch();
    assert_eq!(venue.held(0, 1), 5);
}

#[test]
fn position_limit_and_slots_count_what_earlier_orders_could_do() {
    let leaves = (0..6).map(|_| MarketLeaf { limit: lots(10), ..perpetual() }).collect();
    let mut venue = Venue::new(TINY, leaves, 2, RICH);
    venue.buy(0, 1, 6, 1_000);
    let second = venue.buy(0, 1, 5, 1_000);
    let short = venue.sell(0, 1, 11, 1_001);
    let limit = |worst| Deferred::PositionLimit { instrument: id(1), worst, limit: lots(10) };
    assert_eq!(deferred(&venue.window()), [(second, limit(11)), (short, limit(-11))]);
    for instrument in 2..=4 {
        venue.buy(0, instrument, 1, 1_000);
    }
    let fifth = venue.buy(0, 5, 1, 1_000);
    assert_eq!(deferred(&venue.window()), [(fifth, Deferred::NoFreeSlot { slots: 4 })]);
}
