use super::*;
use crate::testing::{account, id};
use novation_state::markets::Markets;
use novation_state::math::margin::Margin;
use novation_state::math::value::equity;
use num_bigint::BigInt;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

const SEED: u64 = 0x5eed_0001;
const CASES_DRAWN: u64 = 1_500;
const MARKETS: i64 = 5;

/// Up to six orders, few enough to fill every subset of them.
fn orders<'a>(rng: &mut ChaCha20Rng, markets: &'a Markets) -> Vec<WorstFill<'a>> {
    (0..rng.gen_range(0..=6))
        .map(|_| {
            let instrument = id(rng.gen_range(2..=MARKETS));
            let market = markets.get(instrument).unwrap();
            let side = if rng.gen() { Side::Buy } else { Side::Sell };
            let price = Ticks::new(market.mark.get() + rng.gen_range(-40..40)).unwrap();
            WorstFill::new(instrument, market, side, rng.gen_range(1..30), price)
        })
        .collect()
}

/// Initial margin and equity after filling each order by a part of its lots, by the definitions of `state`.
fn after(
    view: &crate::view::View,
    markets: &Markets,
    orders: &[WorstFill],
    part: impl Fn(usize) -> i128,
    concentration: Concentration,
) -> (i128, i128) {
    let mut view = view.clone();
    let mut gains = 0;
    let excess = |view: &crate::view::View| -> i128 {
        view.holdings(markets).iter().map(|(_, holding)| holding.excess_charge()).sum()
    };
    let frozen = excess(&view);
    let plain = |view: &crate::view::View| -> Vec<Holding> {
        view.holdings(markets).into_iter().map(|(_, holding)| holding).collect()
    };
    let before = equity(view.cash, &plain(&view));
    for (k, order) in orders.iter().enumerate() {
        *view.positions.entry(order.instrument).or_default() += order.side.sign() * part(k);
        gains += order.gain * part(k);
    }
    view.positions.retain(|_, lots| *lots != 0);
    let initial = Margin::of(&plain(&view)).initial();
    let initial = match concentration {
        Concentration::Charged => initial,
        Concentration::Frozen => initial - excess(&view) + frozen,
    };
    (initial, before + gains)
}

#[test]
fn worst_subset_is_that_of_all_subsets_and_bounds_every_partial_fill() {
    println!("seeds {SEED:#x} ^ 0..{CASES_DRAWN}");
    let mut positive = 0;
    for k in 0..CASES_DRAWN {
        let seed = SEED ^ k;
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (markets, view) = account(&mut rng, MARKETS, 4);
        let orders = orders(&mut rng, &markets);
        let holdings = view.holdings(&markets);
        let plain: Vec<Holding> = holdings.iter().map(|(_, holding)| *holding).collect();
        let standing = Standing::of(view.cash, &plain);
        for concentration in [Concentration::Charged, Concentration::Frozen] {
            for [a, b] in [[1, 1], [1, 0], [standing.equity.max(0), standing.initial]] {
                let weights = [BigInt::from(a), BigInt::from(b)];
                let mut exposure = Exposure::new(weights, concentration, standing.equity, &holdings);
                for order in &orders {
                    exposure.add(order);
                }
                let value = |part: &dyn Fn(usize) -> i128| {
                    let (initial, equity) = after(&view, &markets, &orders, part, concentration);
                    BigInt::from(a) * initial - BigInt::from(b) * equity
                };
                let subset = |mask: u32| value(&|k| if mask >> k & 1 == 1 { orders[k].lots } else { 0 });
                let worst = (0..1u32 << orders.len()).map(subset).max().unwrap();
                assert_eq!(exposure.worst(), worst, "seed {seed:#x} {concentration:?} weights {a} {b}");
                positive += usize::from(worst > BigInt::from(0));
                for _ in 0..5 {
                    let parts: Vec<i128> = orders.iter().map(|order| rng.gen_range(0..=order.lots)).collect();
                    assert!(value(&|k| parts[k]) <= worst, "seed {seed:#x} {parts:?}");
                }
            }
        }
    }
    assert!(positive > 1_000, "{positive} cases are short of margin");
}

#[test]
fn order_taken_back_leaves_no_trace() {
    let mut rng = ChaCha20Rng::seed_from_u64(SEED);
    let (markets, view) = account(&mut rng, MARKETS, 4);
    let holdings = view.holdings(&markets);
    let mut exposure = Exposure::<i128>::new([1, 1], Concentration::Charged, 0, &holdings);
    for instrument in (2..=MARKETS).map(id) {
        let before = exposure.worst();
        let market = markets.get(instrument).unwrap();
        let undo = exposure.add(&WorstFill::new(instrument, market, Side::Sell, 1_000, market.band_low));
        assert!(exposure.worst() > before);
        exposure.undo(undo);
        assert_eq!(exposure.worst(), before);
    }
}

#[test]
fn least_equity_takes_losses_and_leaves_gains() {
    let mut rng = ChaCha20Rng::seed_from_u64(SEED);
    let (markets, _) = account(&mut rng, MARKETS, 0);
    let market = markets.get(id(2)).unwrap();
    let fee = market.fee.wide();
    let at = |offset: i64| {
        let price = Ticks::new(market.mark.get() + offset).unwrap();
        WorstFill::new(id(2), market, Side::Buy, 3, price)
    };
    let ticks = |n: i128| n * market.tick_value.wide();
    assert_eq!((at(10).gain, at(-10).gain), (-ticks(10) - fee, ticks(10) - fee));
    let before = Standing { equity: 1_000, initial: 0 };
    assert_eq!(least_equity(&before, &[at(10), at(-60)]), 1_000 - 3 * (ticks(10) + fee));
}
