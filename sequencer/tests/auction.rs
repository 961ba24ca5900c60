//! Properties of the auction on random books, against definitions that look at every price. Seeds are printed.

use novation_sequencer::auction::{clear, Interest, Outcome, PriceRules};
use novation_state::message::Side;
use novation_state::units::{Lots, Ticks};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::collections::{BTreeMap, BTreeSet};

const SEED: u64 = 0x4e6f_7661_7469_6f6e;
const BOOKS: u64 = 4_000;

fn ticks(x: i64) -> Ticks {
    Ticks::new(x).unwrap()
}

/// Small numbers of prices and lots, so that levels collide, shares do not divide and the band cuts through the book.
fn book(rng: &mut ChaCha20Rng) -> (Vec<Interest>, PriceRules) {
    let width = rng.gen_range(1..40);
    let big = rng.gen_bool(0.1);
    let orders = rng.gen_range(0..24);
    let interests = (0..orders)
        .map(|k| Interest {
            position: 10 * k + rng.gen_range(0..10),
            side: if rng.gen() { Side::Buy } else { Side::Sell },
            lots: Lots::new(if big { rng.gen_range(1..1 << 40) } else { rng.gen_range(1..9) }).unwrap(),
            limit: ticks(100 + rng.gen_range(0..width)),
        })
        .collect();
    let low = rng.gen_range(90..120);
    let high = low + rng.gen_range(0..40);
    (interests, PriceRules { mark: ticks(rng.gen_range(80..160)), low: ticks(low), high: ticks(high) })
}

/// Runs `property` on books from seeds that are printed when it fails.
fn for_books(name: &str, property: impl Fn(&mut ChaCha20Rng, &[Interest], &PriceRules)) {
    println!("{name}: seeds {SEED:#x} ^ 0..{BOOKS}");
    for k in 0..BOOKS {
        let seed = SEED ^ k;
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (interests, rules) = book(&mut rng);
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| property(&mut rng, &interests, &rules)));
        if let Err(panic) = failed {
            println!("{name} fails at seed {seed:#x}: {interests:?} {rules:?}");
            std::panic::resume_unwind(panic);
        }
    }
}

fn willing(i: &Interest, price: Ticks) -> bool {
    match i.side {
        Side::Buy => i.limit >= price,
        Side::Sell => i.limit <= price,
    }
}

fn offered(interests: &[Interest], side: Side, price: Ticks) -> i128 {
    interests.iter().filter(|i| i.side == side && willing(i, price)).map(|i| i.lots.wide()).sum()
}

/// Lots traded and left over at a price.
fn at(interests: &[Interest], price: Ticks) -> (i128, i128) {
    let (demand, supply) = (offered(interests, Side::Buy, price), offered(interests, Side::Sell, price));
    (demand.min(supply), (demand - supply).abs())
}

fn fills(outcome: &Option<Outcome>) -> BTreeMap<u64, i64> {
    outcome.iter().flat_map(|o| &o.shares).map(|s| (s.position, s.lots.get())).collect()
}

#[test]
fn price_is_the_best_of_all_prices_in_the_band() {
    for_books("best price", |_, interests, rules| {
        let all = (rules.low.get()..=rules.high.get()).map(ticks);
        let rank = |p: Ticks| {
            let (lots, left) = at(interests, p);
            (-lots, left, p.get().abs_diff(rules.mark.get()), p)
        };
        let best = all.map(rank).min().unwrap();
        match clear(interests, rules) {
            None => assert_eq!(best.0, 0, "a price trades and the auction found none"),
            Some(o) => {
                assert_eq!(rank(o.price), best);
                assert_eq!((-o.lots, o.imbalance), (best.0, best.1));
                assert!(o.lots > 0);
            }
        }
    });
}

#[test]
fn fills_net_to_zero_within_lots_limits_and_log_order() {
    for_books("fills", |_, interests, rules| {
        let Some(outcome) = clear(interests, rules) else { return };
        let by_position: BTreeMap<u64, &Interest> = interests.iter().map(|i| (i.position, i)).collect();
        let mut net = BTreeMap::from([(1, 0i128), (-1, 0)]);
        for share in &outcome.shares {
            let order = by_position[&share.position];
            assert!(Lots::ZERO < share.lots && share.lots <= order.lots, "{share:?} of {order:?}");
            assert!(willing(order, outcome.price), "{order:?} at {}", outcome.price);
            *net.get_mut(&order.side.sign()).unwrap() += share.lots.wide();
        }
        assert_eq!(net, BTreeMap::from([(1, outcome.lots), (-1, outcome.lots)]));
        assert!(outcome.shares.is_sorted_by(|a, b| a.position < b.position));
    });
}

#[test]
fn better_limits_are_whole_before_worse_ones_get_anything_and_one_level_shares_exactly() {
    for_books("rationing", |_, interests, rules| {
        let outcome = clear(interests, rules);
        let fills = fills(&outcome);
        let Some(outcome) = outcome else { return };
        for side in [Side::Buy, Side::Sell] {
            // How good a limit is, with everything beyond the band as good as its end.
            let rank = |i: &Interest| -side.sign() as i64 * i.limit.clamp(rules.low, rules.high).get();
            let mut levels: BTreeMap<i64, Vec<&Interest>> = BTreeMap::new();
            for i in interests.iter().filter(|i| i.side == side && willing(i, outcome.price)) {
                levels.entry(rank(i)).or_default().push(i);
            }
            let mut left = outcome.lots;
            for level in levels.values() {
                let offered: i128 = level.iter().map(|i| i.lots.wide()).sum();
                let take = left.min(offered);
                left -= take;
                let got = |i: &Interest| i128::from(*fills.get(&i.position).unwrap_or(&0));
                assert_eq!(level.iter().map(|i| got(i)).sum::<i128>(), take, "a level takes what better ones leave");
                for i in level {
                    let exact = i.lots.wide() * take;
                    let (low, high) = (exact / offered, (exact + offered - 1) / offered);
                    assert!((low..=high).contains(&got(i)), "{i:?} got {} of {exact}/{offered}", got(i));
                }
                // Remainders: among orders whose share does not divide, nobody later is rounded up while somebody
                // earlier is rounded down.
                let mut rounded: Vec<_> = level.iter().filter(|i| i.lots.wide() * take % offered != 0).collect();
                rounded.sort_by_key(|i| i.position);
                let up: Vec<bool> = rounded.iter().map(|i| got(i) > i.lots.wide() * take / offered).collect();
                assert!(up.is_sorted_by(|a, b| a >= b), "{up:?}");
            }
        }
    });
}

#[test]
fn order_of_submission_to_the_function_changes_nothing() {
    for_books("shuffled", |rng, interests, rules| {
        let mut shuffled = interests.to_vec();
        shuffled.shuffle(rng);
        assert_eq!(clear(&shuffled, rules), clear(interests, rules));
    });
}

#[test]
fn log_position_is_worth_at_most_one_lot() {
    for_books("positions", |rng, interests, rules| {
        let mut positions: Vec<u64> = interests.iter().map(|i| i.position).collect();
        positions.shuffle(rng);
        let moved: Vec<Interest> =
            interests.iter().zip(&positions).map(|(i, position)| Interest { position: *position, ..*i }).collect();
        let (before, after) = (clear(interests, rules), clear(&moved, rules));
        let head = |o: &Option<Outcome>| o.as_ref().map(|o| (o.price, o.lots, o.imbalance));
        assert_eq!(head(&before), head(&after));
        let (before, after) = (fills(&before), fills(&after));
        for (i, position) in interests.iter().zip(&positions) {
            let (a, b) = (before.get(&i.position).unwrap_or(&0), after.get(position).unwrap_or(&0));
            assert!(a.abs_diff(*b) <= 1, "{i:?} fills {a} at its position and {b} at {position}");
        }
    });
}

#[test]
fn books_of_the_tests_trade_and_ration_often_enough_to_mean_something() {
    let (mut traded, mut rationed, mut at_band) = (0, 0, 0);
    for k in 0..BOOKS {
        let (interests, rules) = book(&mut ChaCha20Rng::seed_from_u64(SEED ^ k));
        let positions: BTreeSet<u64> = interests.iter().map(|i| i.position).collect();
        assert_eq!(positions.len(), interests.len());
        if let Some(outcome) = clear(&interests, &rules) {
            traded += 1;
            let lots: BTreeMap<u64, Lots> = interests.iter().map(|i| (i.position, i.lots)).collect();
            let partial = outcome.shares.iter().filter(|s| lots[&s.position] != s.lots).count();
            rationed += usize::from(partial > 1);
            at_band += usize::from(outcome.price == rules.low || outcome.price == rules.high);
        }
    }
    println!("{traded} of {BOOKS} books trade, {rationed} ration several orders, {at_band} end at the band");
    assert!(traded > 1_000 && rationed > 300 && at_band > 200, "{traded} {rationed} {at_band}");
}
