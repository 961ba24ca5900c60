//! Portfolio margin: risk arrays once per series for everybody, an account needs dot products and a maximum.
//!
//! Structure of CME's SPAN: sixteen scenarios per underlying, and charges for what scenarios cannot see.
//!
//! - `loss[u] = max(0, max_s -sum_{k in u} q_k * risk_k[s])`
//! - `charges = sum_k |q_k| * charge_k(side) + excess_k * max(0, |q_k| - free_k)`
//! - `initial = sum_u loss[u] + charges`, `maintenance = ceil(initial * 3 / 4)`

use super::value::Holding;
use crate::leaf::SCENARIOS;
use crate::units::Lots;
use num_bigint::BigInt;
use std::cmp::Ordering;

/// Numerator of maintenance margin over initial margin.
pub const MAINTENANCE_NUM: i128 = 3;
/// Denominator of maintenance margin over initial margin.
pub const MAINTENANCE_DEN: i128 = 4;
/// Underlyings a market leaf can name: 3 bits.
pub const UNDERLYINGS: usize = 8;

/// An account's margin requirement, by part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Margin {
    /// Worst scenario loss of each underlying, >= 0. Each below 2^6 * 2^40 * 2^56 = 2^102.
    pub loss: [i128; UNDERLYINGS],
    /// Gross and concentration charges, >= 0. Below 2 * 2^102.
    pub charges: i128,
}

impl Margin {
    /// Of holdings that are not settled; a settled one is worth its settlement value and risks nothing.
    pub fn of(holdings: &[Holding]) -> Margin {
        let mut margin = Margin::default();
        for Holding { lots, market } in holdings {
            if market.status == crate::leaf::Status::Settled {
                continue;
            }
            let q = lots.wide();
            let charge = if q > 0 { market.charge_long } else { market.charge_short };
            margin.charges += q.abs() * charge.wide();
            margin.charges += Holding { lots: *lots, market }.excess_charge();
        }
        for (loss, scenarios) in margin.loss.iter_mut().zip(&scenario_losses(holdings)) {
            *loss = scenarios.iter().copied().max().unwrap_or(0).max(0);
        }
        margin
    }

    /// What the better-of rule takes for an account's margin before an entry: the concentration charge counts only where the
    /// position is still at the free lots or beyond `after` the entry, given beside each holding. A lower bound of
    /// [`Margin::of`], so it can only refuse, and cheaper to prove.
    pub fn before(held: &[(Holding, Lots)]) -> Margin {
        let holdings: Vec<Holding> = held.iter().map(|(holding, _)| *holding).collect();
        let mut margin = Margin::of(&holdings);
        for (holding, after) in held {
            if after.wide().abs() < holding.market.free.wide() {
                margin.charges -= holding.excess_charge();
            }
        }
        margin
    }

    /// Initial margin in micro-units. Below 2^3 * 2^102 + 2^103 < 2^106.
    pub fn initial(&self) -> i128 {
        self.loss.iter().sum::<i128>() + self.charges
    }

    /// Maintenance margin in micro-units: three quarters of initial, rounded up.
    pub fn maintenance(&self) -> i128 {
        let product = self.initial() * MAINTENANCE_NUM;
        (product + MAINTENANCE_DEN - 1) / MAINTENANCE_DEN
    }
}

/// What the holdings of each underlying lose in each scenario, in micro-units; gains are negative. Settled ones risk nothing.
///
/// Each below 2^6 * 2^40 * 2^56 = 2^102.
pub fn scenario_losses(holdings: &[Holding]) -> [[i128; SCENARIOS]; UNDERLYINGS] {
    let mut losses = [[0; SCENARIOS]; UNDERLYINGS];
    for Holding { lots, market } in holdings.iter().filter(|h| h.market.status != crate::leaf::Status::Settled) {
        for (loss, risk) in losses[market.underlying as usize].iter_mut().zip(&market.risk) {
            *loss -= lots.wide() * risk.wide();
        }
    }
    losses
}

/// What an account's owner is shown of it, in micro-units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Worth at the mark.
    pub equity: i128,
    /// Initial margin, by part.
    pub margin: Margin,
    /// What may be withdrawn; negative if margin is owed.
    pub withdrawable: i128,
}

impl Statement {
    /// Of cash and holdings.
    pub fn of(cash: i128, holdings: &[Holding]) -> Statement {
        let equity = super::value::equity(cash, holdings);
        Statement { equity, margin: Margin::of(holdings), withdrawable: withdrawable(cash, holdings) }
    }
}

/// An account at one moment, for the margin rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Equity at mark, micro-units.
    pub equity: i128,
    /// Initial margin, micro-units.
    pub initial: i128,
}

impl Standing {
    /// Of cash and holdings.
    pub fn of(cash: i128, holdings: &[Holding]) -> Standing {
        Standing { equity: super::value::equity(cash, holdings), initial: Margin::of(holdings).initial() }
    }
}

/// Why an account under its initial margin got no relief: the better-of rule's condition that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRelief {
    /// A position grew, appeared or changed its sign.
    #[error("a position grew or changed sign")]
    PositionGrew,
    /// Equity is negative.
    #[error("equity is negative")]
    NegativeEquity,
    /// The initial margin rose.
    #[error("the initial margin rose")]
    InitialRose,
    /// Equity covers a smaller share of the initial margin than before.
    #[error("equity covers less of the initial margin than before")]
    CoverFell,
}

/// Whether a position only moved towards zero: `0 <= after <= before`, or mirrored. Unchanged counts; from nothing, only
/// nothing does.
pub fn only_shrank(before: Lots, after: Lots) -> bool {
    let (q, r) = (before.get(), after.get());
    if q >= 0 {
        (0..=q).contains(&r)
    } else {
        (q..=0).contains(&r)
    }
}

/// The rule at the end of an entry: `equity >= initial`, or better off than before.
///
/// `before` is after deposits and roll, `all_shrank` whether [`only_shrank`] holds for every position. The ratio is compared
/// by products, below 2^107 * 2^106 = 2^213.
pub fn check(before: &Standing, after: &Standing, all_shrank: bool) -> Result<(), NoRelief> {
    if after.equity >= after.initial {
        return Ok(());
    }
    if !all_shrank {
        return Err(NoRelief::PositionGrew);
    }
    if after.equity < 0 {
        return Err(NoRelief::NegativeEquity);
    }
    if after.initial > before.initial {
        return Err(NoRelief::InitialRose);
    }
    let cover_after = BigInt::from(after.equity) * before.initial;
    let cover_before = BigInt::from(before.equity) * after.initial;
    match cover_after.cmp(&cover_before) {
        Ordering::Less => Err(NoRelief::CoverFell),
        Ordering::Equal | Ordering::Greater => Ok(()),
    }
}

/// What an account may withdraw: `min(equity, daily equity) - initial`; negative if it owes margin. In micro-units.
pub fn withdrawable(cash: i128, holdings: &[Holding]) -> i128 {
    let equity = super::value::equity(cash, holdings).min(super::value::daily_equity(cash, holdings));
    equity - Margin::of(holdings).initial()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::leaf::{Kind, MarketLeaf, Status, NEVER};
    use crate::units::{Charge, Fee, PerLot, Strike, TickValue, Ticks, Time};

    /// A perpetual with tick value 10, mark 100, daily mark 90, no risk and no charges.
    pub(crate) fn market() -> MarketLeaf {
        MarketLeaf {
            kind: Kind::Perpetual,
            underlying: 0,
            tick_value: TickValue::new(10).unwrap(),
            expiry: NEVER,
            strike: Strike::ZERO,
            status: Status::Open,
            mark_time: Time::ZERO,
            mark: Ticks::new(100).unwrap(),
            daily_mark: Ticks::new(90).unwrap(),
            settlement: PerLot::ZERO,
            index: PerLot::ZERO,
            risk: [PerLot::ZERO; SCENARIOS],
            charge_long: Charge::ZERO,
            charge_short: Charge::ZERO,
            free: Lots::MAX,
            excess_charge: Charge::ZERO,
            limit: Lots::MAX,
            fee: Fee::ZERO,
            band_low: Ticks::ZERO,
            band_high: Ticks::MAX,
        }
    }

    fn lots(n: i64) -> Lots {
        Lots::new(n).unwrap()
    }

    fn per_lot(n: i64) -> PerLot {
        PerLot::new(n).unwrap()
    }

    fn at(equity: i128, initial: i128) -> Standing {
        Standing { equity, initial }
    }

    #[test]
    fn loss_is_the_worst_scenario_of_the_sum_and_not_the_sum_of_worsts() {
        let (mut a, mut b) = (market(), market());
        a.risk[0] = per_lot(-50);
        a.risk[1] = per_lot(40);
        b.risk[0] = per_lot(30);
        b.risk[1] = per_lot(-45);
        let hedged = [Holding { lots: lots(2), market: &a }, Holding { lots: lots(2), market: &b }];
        assert_eq!(Margin::of(&hedged).loss[0], 40);
        b.underlying = 1;
        let apart = [Holding { lots: lots(2), market: &a }, Holding { lots: lots(2), market: &b }];
        let margin = Margin::of(&apart);
        assert_eq!((margin.loss[0], margin.loss[1], margin.initial()), (100, 90, 190));
    }

    #[test]
    fn scenario_losses_are_by_underlying_with_gains_negative() {
        let (mut a, mut b) = (market(), market());
        a.risk[0] = per_lot(-50);
        a.risk[1] = per_lot(40);
        b.underlying = 1;
        b.risk[15] = per_lot(7);
        let mut settled = a.clone();
        settled.status = Status::Settled;
        let held = [(2, &a), (-3, &b), (5, &settled)].map(|(n, market)| Holding { lots: lots(n), market });
        let losses = scenario_losses(&held);
        assert_eq!((losses[0][0], losses[0][1], losses[1][15], losses[1][0]), (100, -80, 21, 0));
        let statement = Statement::of(10, &held);
        assert_eq!((statement.margin.loss[0], statement.margin.loss[1], statement.margin.initial()), (100, 21, 121));
        assert_eq!((statement.equity, statement.withdrawable), (10 - 1_000, 10 - 1_000 - 121));
    }

    #[test]
    fn loss_of_a_portfolio_that_gains_everywhere_is_zero() {
        let mut a = market();
        a.risk = [per_lot(5); SCENARIOS];
        assert_eq!(Margin::of(&[Holding { lots: lots(3), market: &a }]), Margin::default());
        assert_eq!(Margin::of(&[Holding { lots: lots(-3), market: &a }]).initial(), 15);
    }

    #[test]
    fn charges_depend_on_side_and_on_lots_beyond_the_free_ones() {
        let mut a = market();
        a.charge_long = Charge::new(3).unwrap();
        a.charge_short = Charge::new(5).unwrap();
        a.excess_charge = Charge::new(100).unwrap();
        a.free = lots(10);
        let charges = |n| Margin::of(&[Holding { lots: lots(n), market: &a }]).charges;
        assert_eq!((charges(10), charges(11), charges(-10), charges(-12)), (30, 133, 50, 260));
    }

    #[test]
    fn margin_before_counts_concentration_only_where_it_remains() {
        let mut a = market();
        a.excess_charge = Charge::new(100).unwrap();
        a.free = lots(10);
        let before = |q, after| Margin::before(&[(Holding { lots: lots(q), market: &a }, lots(after))]).charges;
        assert_eq!(
            (before(15, 12), before(15, 10), before(15, 9), before(-15, -10), before(-15, 0)),
            (500, 500, 0, 500, 0)
        );
    }

    #[test]
    fn maintenance_is_three_quarters_rounded_up() {
        for (initial, maintenance) in [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (400, 300)] {
            assert_eq!(Margin { charges: initial, ..Margin::default() }.maintenance(), maintenance);
        }
    }

    #[test]
    fn settled_lots_are_worth_their_settlement_and_risk_nothing() {
        let mut a = market();
        a.status = Status::Settled;
        a.settlement = per_lot(777);
        a.index = per_lot(7);
        a.risk = [per_lot(-1_000); SCENARIOS];
        a.charge_long = Charge::new(9).unwrap();
        let holdings = [Holding { lots: lots(2), market: &a }];
        assert_eq!(Standing::of(1, &holdings), at(1_541, 0));
        assert_eq!(crate::math::value::daily_equity(1, &holdings), 1_541);
    }

    #[test]
    fn withdrawable_takes_the_lower_of_both_marks_and_keeps_initial() {
        let mut a = market();
        a.charge_long = Charge::new(6).unwrap();
        a.charge_short = Charge::new(6).unwrap();
        // A long of 2 is worth 2,000 at mark and 1,800 at the daily mark; a short the negative.
        assert_eq!(withdrawable(0, &[Holding { lots: lots(2), market: &a }]), 1_800 - 12);
        assert_eq!(withdrawable(3_000, &[Holding { lots: lots(-2), market: &a }]), 1_000 - 12);
        assert_eq!(withdrawable(0, &[Holding { lots: lots(-2), market: &a }]), -2_012);
    }

    #[test]
    fn only_shrank_holds_towards_zero_and_nowhere_else() {
        for (before, after, holds) in [
            (5, 5, true),
            (5, 0, true),
            (5, 6, false),
            (5, -1, false),
            (-5, -5, true),
            (-5, 0, true),
            (-5, -6, false),
            (-5, 1, false),
            (0, 0, true),
            (0, 1, false),
            (0, -1, false),
        ] {
            assert_eq!(only_shrank(lots(before), lots(after)), holds, "{before} to {after}");
        }
    }

    #[test]
    fn margin_rule_accepts_equity_equal_to_initial() {
        assert_eq!(check(&at(0, 0), &at(100, 100), false), Ok(()));
        assert_eq!(check(&at(0, 0), &at(99, 100), false), Err(NoRelief::PositionGrew));
    }

    #[test]
    fn better_of_rule_refuses_each_condition_just_past_its_bound() {
        let before = at(50, 100);
        assert_eq!(check(&before, &at(25, 50), true), Ok(()));
        assert_eq!(check(&before, &at(24, 50), true), Err(NoRelief::CoverFell));
        assert_eq!(check(&before, &at(50, 100), true), Ok(()));
        assert_eq!(check(&before, &at(51, 101), true), Err(NoRelief::InitialRose));
        assert_eq!(check(&at(-1, 100), &at(0, 100), true), Ok(()));
        assert_eq!(check(&at(-1, 100), &at(-1, 100), true), Err(NoRelief::NegativeEquity));
    }

    #[test]
    fn cover_is_compared_beyond_128_bits() {
        let big = 1i128 << 105;
        assert_eq!(check(&at(big - 1, big), &at(big - 1, big), true), Ok(()));
        assert_eq!(check(&at(big - 1, big), &at(big - 2, big), true), Err(NoRelief::CoverFell));
    }
}
