//! What-if answers are those of the window, and know nothing that was not announced.

use crate::harness::{deferred, id, lots, perpetual, Venue};
use novation_sequencer::reason::{Deferred, Refused};
use novation_sequencer::{Execution, NotAdmitted, HYPOTHETICAL};
use novation_state::math::margin::NoRelief;
use novation_state::message::Side;
use novation_state::reject::Rejection;
use novation_state::size::TINY;
use novation_state::units::AccountSlot;

/// A lot is worth 1,000,000 and needs a margin of 100,000.
fn venue() -> Venue {
    Venue::new(TINY, vec![perpetual(); 2], 2, 1_000_000)
}

#[test]
fn verdict_is_the_windows_and_after_has_the_fill_at_its_worst_price() {
    let mut venue = venue();
    let good = venue.order(0, 1, Side::Buy, 5, 1_100);
    let greedy = venue.order(0, 1, Side::Buy, 6, 1_000);
    let time = venue.world.time;
    let answer = venue.engine.what_if(venue.account(0), time, &[], &[good, greedy]).unwrap();
    let shortfall = 1_100_000 + 500_000 - 1_000_000;
    assert_eq!(shortfall, 600_000);
    // Five lots bought 100 ticks above the mark lose 500,000 and need 500,000: exactly what is there.
    assert_eq!(answer.orders[0], Ok(lots(5)));
    let Err(NotAdmitted::Deferred(Deferred::Margin { shortfall, relief })) = &answer.orders[1] else {
        panic!("{:?}", answer.orders[1])
    };
    assert_eq!((*shortfall, *relief), (600_000, NoRelief::PositionGrew));
    assert_eq!(
        (answer.before.equity, answer.before.margin.initial(), answer.before.withdrawable),
        (1_000_000, 0, 1_000_000)
    );
    assert_eq!((answer.after.equity, answer.after.margin.initial(), answer.after.withdrawable), (500_000, 500_000, 0));

    let position = venue.send(good);
    let greedy = venue.order(0, 1, Side::Buy, 6, 1_000);
    let second = venue.send(greedy);
    let expected = Deferred::Margin { shortfall: 600_000, relief: NoRelief::PositionGrew };
    assert_eq!(deferred(&venue.window()), vec![(second, expected.clone())]);
    let open = [(position, good, good.lots)];
    let behind = venue.engine.what_if(venue.account(0), time, &open, &[greedy]).unwrap();
    assert_eq!(behind.orders, vec![Err(NotAdmitted::Deferred(expected))]);
}

#[test]
fn refusals_and_crossings_are_named() {
    let mut venue = venue();
    let (buy, sell) = (venue.order(0, 1, Side::Buy, 1, 1_000), venue.order(0, 1, Side::Sell, 1, 1_000));
    let mut nothing = buy;
    nothing.lots = lots(0);
    let mut unlisted = buy;
    unlisted.instrument = id(9);
    let answer = venue.engine.what_if(venue.account(0), venue.world.time, &[], &[buy, sell, nothing, unlisted]);
    let orders = answer.unwrap().orders;
    assert_eq!(orders[0], Ok(lots(1)));
    assert_eq!(orders[1], Err(NotAdmitted::Deferred(Deferred::SelfCross { older: HYPOTHETICAL })));
    assert_eq!(orders[2], Err(NotAdmitted::Refused(Refused::EmptyOrder { lots: lots(0) })));
    assert_eq!(orders[3], Err(NotAdmitted::Refused(Refused::Rule(Rejection::NotListed { instrument: id(9) }))));
    let nobody = AccountSlot::new(99).unwrap();
    let unknown = venue.engine.what_if(nobody, venue.world.time, &[], &[buy]);
    assert_eq!(unknown, Err(Rejection::Unopened { account: nobody }));
}

#[test]
fn fills_of_a_window_change_nothing_before_their_batch() {
    let mut venue = venue();
    let ask = venue.order(0, 1, Side::Buy, 4, 1_000);
    let what_if = |venue: &Venue| venue.engine.what_if(venue.account(0), venue.world.time, &[], &[ask]).unwrap();
    let before = what_if(&venue);
    let bought = venue.order(0, 1, Side::Buy, 8, 1_000);
    venue.send_as(bought, Execution::ThisWindow);
    venue.sell(1, 1, 8, 1_000);
    venue.window();
    assert_eq!(what_if(&venue), before);
    venue.batch();
    let after = what_if(&venue);
    assert_eq!(after.before.margin.initial(), 800_000);
    let expected = Deferred::Margin { shortfall: 200_000, relief: NoRelief::PositionGrew };
    assert_eq!(after.orders, vec![Err(NotAdmitted::Deferred(expected))]);
}
