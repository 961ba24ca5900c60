//! The uniform-price batch auction of one instrument in one window.
//!
//! Statement: of all prices inside the band take the one that trades the most lots, then leaves the least imbalance, then lies
//! closest to the mark. There is one: the prices that are best by lots and imbalance form an interval, because lots traded rise
//! and then fall with the price and demand less supply only falls. Every fill is at that price. On each side the better limit fills first; where the lots
//! run out, the orders of that one level share pro rata, and the lots that do not divide go one each to the earliest log
//! positions. Within a window, then, being early is worth at most one lot.
//!
//! Demand only falls and supply only rises with the price, and both are constant between limits. So the sweep looks at each
//! stretch between limits once: O(n log n), whatever the width of the band.

use novation_state::leaf::MarketLeaf;
use novation_state::message::{Order, Side};
use novation_state::units::{Lots, Ticks};
use std::cmp::Reverse;

/// An order as it enters an auction: what it may still trade, at what price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Position in the log. No two interests of an auction share one.
    pub position: u64,
    /// Side.
    pub side: Side,
    /// Lots it may still trade, > 0.
    pub lots: Lots,
    /// Worst price, from [`worst_price`].
    pub limit: Ticks,
}

/// What an auction takes from the market leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceRules {
    /// Mark price.
    pub mark: Ticks,
    /// Lowest price of a fill.
    pub low: Ticks,
    /// Highest price of a fill.
    pub high: Ticks,
}

impl From<&MarketLeaf> for PriceRules {
    fn from(market: &MarketLeaf) -> Self {
        PriceRules { mark: market.mark, low: market.band_low, high: market.band_high }
    }
}

/// One order's part of a clearing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The order's position in the log.
    pub position: u64,
    /// Lots filled, > 0.
    pub lots: Lots,
}

/// The result of an auction that traded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The one price, in ticks.
    pub price: Ticks,
    /// Lots traded: bought, and as many sold.
    pub lots: i128,
    /// Lots that were willing at the price and found no other side.
    pub imbalance: i128,
    /// Fills by log position.
    pub shares: Vec<Share>,
}

/// The worst price, in ticks, at which an order trades: its limit, and for a pegged order also mark + offset, whichever is
/// worse for the counterparty. `None` if no price satisfies it: a buy pegged below zero, a sell pegged above every price.
pub fn worst_price(order: &Order, mark: Ticks) -> Option<Ticks> {
    let limit = order.limit.get();
    let price = match (order.peg_offset, order.side) {
        (None, _) => limit,
        // The offset comes from outside and is not range-checked here: saturation keeps its meaning.
        (Some(offset), Side::Buy) => limit.min(mark.get().saturating_add(offset)),
        (Some(offset), Side::Sell) => limit.max(mark.get().saturating_add(offset)),
    };
    Ticks::new(price).ok()
}

/// Runs the auction. `None` if nothing can trade inside the band.
pub fn clear(interests: &[Interest], rules: &PriceRules) -> Option<Outcome> {
    debug_assert!(interests.iter().all(|i| i.lots > Lots::ZERO));
    let (mut buys, mut sells) = sides(interests, rules);
    let (price, lots, imbalance) = best_price(&buys, &sells, rules)?;
    buys.retain(|i| i.limit >= price);
    sells.retain(|i| i.limit <= price);
    buys.sort_unstable_by_key(|i| (Reverse(i.limit), i.position));
    sells.sort_unstable_by_key(|i| (i.limit, i.position));
    let mut shares = Vec::with_capacity(buys.len() + sells.len());
    ration(&buys, lots, &mut shares);
    ration(&sells, lots, &mut shares);
    shares.sort_unstable_by_key(|s| s.position);
    Some(Outcome { price, lots, imbalance, shares })
}

/// Buys and sells that can trade inside the band. A limit beyond the band's far end counts as that end: no price up there is
/// possible, so naming one must not buy priority.
fn sides(interests: &[Interest], rules: &PriceRules) -> (Vec<Interest>, Vec<Interest>) {
    let (mut buys, mut sells) = (Vec::new(), Vec::new());
    for interest in interests {
        match interest.side {
            Side::Buy if interest.limit >= rules.low => {
                buys.push(Interest { limit: interest.limit.min(rules.high), ..*interest });
            }
            Side::Sell if interest.limit <= rules.high => {
                sells.push(Interest { limit: interest.limit.max(rules.low), ..*interest });
            }
            Side::Buy | Side::Sell => {}
        }
    }
    (buys, sells)
}

/// Price, lots traded and imbalance of the best price, `None` if none trades.
fn best_price(buys: &[Interest], sells: &[Interest], rules: &PriceRules) -> Option<(Ticks, i128, i128)> {
    // A step is a price from which on demand or supply differs: one above a buy's limit, at a sell's.
    let mut steps: Vec<(i64, i128, i128)> = Vec::with_capacity(buys.len() + sells.len() + 1);
    steps.push((rules.low.get(), buys.iter().map(|i| i.lots.wide()).sum(), 0));
    steps.extend(buys.iter().map(|i| (i.limit.get() + 1, -i.lots.wide(), 0)));
    steps.extend(sells.iter().map(|i| (i.limit.get(), 0, i.lots.wide())));
    steps.sort_unstable_by_key(|step| step.0);

    let mut best: Option<(Reverse<i128>, i128, u64, i64)> = None;
    let (mut demand, mut supply) = (0i128, 0i128);
    for (k, (start, bought, sold)) in steps.iter().enumerate() {
        (demand, supply) = (demand + bought, supply + sold);
        let next = steps.get(k + 1).map_or(rules.high.get() + 1, |step| step.0).min(rules.high.get() + 1);
        let lots = demand.min(supply);
        if *start >= next || lots == 0 {
            continue;
        }
        let price = rules.mark.get().clamp(*start, next - 1);
        let rank = (Reverse(lots), (demand - supply).abs(), price.abs_diff(rules.mark.get()), price);
        if best.is_none_or(|b| rank < b) {
            best = Some(rank);
        }
    }
    let (Reverse(lots), imbalance, _, price) = best?;
    Some((Ticks::new(price).expect("inside the band"), lots, imbalance))
}

/// Distributes `lots` over one side, best limits first. `ranked` is sorted so, and by position within a limit.
fn ration(ranked: &[Interest], mut lots: i128, shares: &mut Vec<Share>) {
    for level in ranked.chunk_by(|a, b| a.limit == b.limit) {
        let offered: i128 = level.iter().map(|i| i.lots.wide()).sum();
        if offered <= lots {
            shares.extend(level.iter().map(|i| Share { position: i.position, lots: i.lots }));
            lots -= offered;
        } else {
            pro_rata(level, lots, offered, shares);
            return;
        }
    }
    debug_assert_eq!(lots, 0, "each side offers at least the lots that trade");
}

/// Shares `lots` < `offered` over one level: each order gets its share rounded down; what is left goes one lot each, in log
/// order, to orders whose share was rounded. There are more of those than lots left (the cut fractions add up to them, each
/// less than one), so everybody ends within one lot of the exact share and none above its own lots.
fn pro_rata(level: &[Interest], lots: i128, offered: i128, shares: &mut Vec<Share>) {
    // Products stay below 2^40 * lots; lots below 2^40 times the number of orders.
    let whole = |i: &Interest| i.lots.wide() * lots / offered;
    let mut left = lots - level.iter().map(whole).sum::<i128>();
    for interest in level {
        let mut share = whole(interest);
        if left > 0 && interest.lots.wide() * lots % offered != 0 {
            share += 1;
            left -= 1;
        }
        if share > 0 {
            let lots = Lots::try_from(share).expect("at most the order's own lots");
            shares.push(Share { position: interest.position, lots });
        }
    }
    debug_assert_eq!(left, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interest(position: u64, side: Side, lots: i64, limit: i64) -> Interest {
        Interest { position, side, lots: Lots::new(lots).unwrap(), limit: Ticks::new(limit).unwrap() }
    }

    fn buy(position: u64, lots: i64, limit: i64) -> Interest {
        interest(position, Side::Buy, lots, limit)
    }

    fn sell(position: u64, lots: i64, limit: i64) -> Interest {
        interest(position, Side::Sell, lots, limit)
    }

    fn rules(mark: i64, low: i64, high: i64) -> PriceRules {
        let t = |x| Ticks::new(x).unwrap();
        PriceRules { mark: t(mark), low: t(low), high: t(high) }
    }

    /// Price, imbalance and (position, lots) of each fill.
    type Plain = (i64, i128, Vec<(u64, i64)>);

    fn run(interests: &[Interest], rules: PriceRules) -> Option<Plain> {
        let outcome = clear(interests, &rules)?;
        let shares = outcome.shares.iter().map(|s| (s.position, s.lots.get())).collect();
        Some((outcome.price.get(), outcome.imbalance, shares))
    }

    #[test]
    fn empty_or_one_sided_or_uncrossed_books_do_not_trade() {
        let r = rules(100, 0, 1_000);
        assert_eq!(run(&[], r), None);
        assert_eq!(run(&[buy(1, 5, 100)], r), None);
        assert_eq!(run(&[buy(1, 5, 100), sell(2, 5, 101)], r), None);
    }

    #[test]
    fn price_between_two_crossing_limits_is_the_mark_or_the_limit_next_to_it() {
        let book = [buy(1, 5, 110), sell(2, 5, 90)];
        for (mark, price) in [(100, 100), (80, 90), (130, 110), (90, 90), (110, 110)] {
            assert_eq!(run(&book, rules(mark, 0, 1_000)), Some((price, 0, vec![(1, 5), (2, 5)])), "mark {mark}");
        }
    }

    #[test]
    fn more_lots_beat_less_imbalance_and_less_imbalance_beats_the_mark() {
        // 12 trade from 90 on; imbalance is 3 up to 95 and 0 from 96 to 100. The mark would ask for 92.
        let book = [buy(1, 12, 100), buy(2, 3, 95), sell(3, 12, 90)];
        assert_eq!(run(&book, rules(92, 0, 1_000)), Some((96, 0, vec![(1, 12), (3, 12)])));
        // One more lot is worth any imbalance: 13 trade from 101 on, and leave 87.
        let book = [buy(1, 13, 105), sell(2, 12, 90), sell(3, 88, 101)];
        assert_eq!(run(&book, rules(92, 0, 1_000)), Some((101, 87, vec![(1, 13), (2, 12), (3, 1)])));
    }

    #[test]
    fn band_bounds_the_price_and_limits_beyond_it_buy_no_priority() {
        let book = [buy(1, 10, 500), buy(2, 10, 120), sell(3, 10, 80)];
        // Unbounded, the first buy would outbid the second. Under a band up to 110 both bid 110 and share.
        assert_eq!(run(&book, rules(100, 0, 1_000)), Some((121, 0, vec![(1, 10), (3, 10)])));
        assert_eq!(run(&book, rules(100, 90, 110)), Some((100, 10, vec![(1, 5), (2, 5), (3, 10)])));
        assert_eq!(run(&[buy(1, 10, 89), sell(2, 10, 80)], rules(100, 90, 110)), None);
        assert_eq!(run(&[buy(1, 10, 130), sell(2, 10, 111)], rules(100, 90, 110)), None);
        assert_eq!(run(&[buy(1, 1, 200), sell(2, 1, 10)], rules(50, 90, 90)), Some((90, 0, vec![(1, 1), (2, 1)])));
    }

    #[test]
    fn better_limits_fill_first_and_the_margin_shares_pro_rata() {
        let book = [buy(1, 4, 105), buy(2, 10, 100), buy(3, 20, 100), buy(4, 9, 99), sell(5, 19, 100)];
        // 4 at 105 first; 15 left over 30 at 100: a half each.
        assert_eq!(run(&book, rules(100, 0, 1_000)), Some((100, 15, vec![(1, 4), (2, 5), (3, 10), (5, 19)])));
    }

    #[test]
    fn lots_that_do_not_divide_go_to_the_earliest_of_those_that_were_rounded() {
        // 5 over 4 + 2 + 4 = 10: shares 2, 1, 2 exactly.
        let book = [buy(7, 4, 100), buy(8, 2, 100), buy(9, 4, 100), sell(1, 5, 100)];
        assert_eq!(run(&book, rules(100, 0, 200)).unwrap().2, [(1, 5), (7, 2), (8, 1), (9, 2)]);
        // 4 over 10: shares 1.6, 0.8, 1.6, rounded to 1, 0, 1; two left for the two earliest.
        let book = [buy(9, 4, 100), buy(7, 4, 100), buy(8, 2, 100), sell(1, 4, 100)];
        assert_eq!(run(&book, rules(100, 0, 200)).unwrap().2, [(1, 4), (7, 2), (8, 1), (9, 1)]);
        // 3 over 2 + 1 + 3 = 6: shares 1, 0.5, 1.5: the whole share of position 1 is not topped up.
        let book = [buy(1, 2, 100), buy(2, 1, 100), buy(3, 3, 100), sell(9, 3, 100)];
        assert_eq!(run(&book, rules(100, 0, 200)).unwrap().2, [(1, 1), (2, 1), (3, 1), (9, 3)]);
    }

    #[test]
    fn lots_and_prices_at_their_bounds_clear() {
        let max = Lots::MAX.get();
        let book: Vec<Interest> =
            (0..50).map(|i| buy(i, max, Ticks::MAX.get())).chain((50..100).map(|i| sell(i, max, 0))).collect();
        let outcome = clear(&book, &rules(0, 0, Ticks::MAX.get())).unwrap();
        assert_eq!((outcome.price, outcome.lots, outcome.imbalance), (Ticks::ZERO, 50 * i128::from(max), 0));
        let outcome = clear(&book, &rules(Ticks::MAX.get(), 0, Ticks::MAX.get())).unwrap();
        assert_eq!(outcome.price, Ticks::MAX);
    }
}
