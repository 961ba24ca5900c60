//! The worst that an account's orders of a window can do to it.
//!
//! **Outcomes.** Nobody knows before the auction which orders fill, how far and at which price within their limits. An order of l
//! lots filled by x in [0, l] at its worst price p changes equity by `x * e`, `e = sign * (mark - p) * tick_value - fee`; a better
//! price only adds to that. So an outcome is a point x of a box, and what has to be bounded is
//!
//! `W = max over x of  a * initial(q(x)) - b * equity(x)`,
//!
//! with weights a, b >= 0: (1, 1) is the shortfall of initial margin, (1, 0) the initial margin, and with the standing before the
//! window as weights (equity, initial) the better-of rule's comparison of covers.
//!
//! **Exact, not merely a bound.** Initial margin is a sum over underlyings of a maximum over scenarios (with zero as one more
//! scenario), plus charges a position, each the maximum of four lines: long or short, free or beyond. Equity is linear. A maximum
//! over x of a maximum of linear functions is the maximum of their maxima, so for each scenario the positions part, and
//! for each line the orders part: an order counts with all its lots if that makes things worse and with none otherwise. The result is
//! W over the worst subset, without enumerating 2^n of them; it bounds every partial fill because the maximum over the box is
//! taken at a corner.
//!
//! For the better-of rule the concentration charge is [`Concentration::Frozen`]; `admission` says why.
//!
//! Cost: an order updates 17 * 4 sums; W is read in 17 * 4 a position.

use novation_state::leaf::{MarketLeaf, Status, SCENARIOS};
use novation_state::math::margin::{Standing, UNDERLYINGS};
use novation_state::math::value::Holding;
use novation_state::message::Side;
use novation_state::units::{InstrumentId, Ticks};
use std::collections::BTreeMap;
use std::ops::{Add, Mul};

/// Lines whose maximum is a position's charge.
const LINES: usize = 4;
/// The sixteen scenarios, and the one in which an underlying loses nothing.
const CASES: usize = SCENARIOS + 1;

/// Integers in which W is computed: `i128` for weights of 1, big integers for weights of 2^107.
pub trait Number: Clone + Ord + From<i128> + Add<Output = Self> + Mul<Output = Self> {}
impl<T: Clone + Ord + From<i128> + Add<Output = T> + Mul<Output = T>> Number for T {}

/// An order in the worst case.
#[derive(Clone, Copy, Debug)]
pub struct WorstFill<'a> {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Its leaf.
    pub market: &'a MarketLeaf,
    /// Side.
    pub side: Side,
    /// Most lots that can be filled, > 0.
    pub lots: i128,
    /// Change of equity a lot at the worst price, micro-units. Below 2^58.
    pub gain: i128,
}

impl<'a> WorstFill<'a> {
    /// An order whose worst price is `price`: that against the mark, less the fee, is what equity changes by.
    pub fn new(instrument: InstrumentId, market: &'a MarketLeaf, side: Side, lots: i128, price: Ticks) -> Self {
        let gain = side.sign() * (market.mark.wide() - price.wide()) * market.tick_value.wide() - market.fee.wide();
        WorstFill { instrument, market, side, lots, gain }
    }
}

/// How the concentration charge of a position counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concentration {
    /// As the margin rule has it: by the lots that are held in the end.
    Charged,
    /// By the lots that are held before any order.
    Frozen,
}

/// W of an account, order by order.
#[derive(Clone, Debug)]
pub struct Exposure<'a, T> {
    initial_weight: T,
    equity_weight: T,
    concentration: Concentration,
    /// `-b * equity` before any order.
    constant: T,
    positions: BTreeMap<InstrumentId, Table<'a, T>>,
}

/// One position: for each case and line, `a * (line - risk)` at its lots, and what its orders add to that at worst.
#[derive(Clone, Debug)]
struct Table<'a, T> {
    market: &'a MarketLeaf,
    lines: [(i128, i128); LINES],
    worst: [[T; LINES]; CASES],
}

/// Takes an order back.
#[derive(Clone, Debug)]
pub struct Undo<'a, T> {
    instrument: InstrumentId,
    before: Option<Table<'a, T>>,
}

/// Slope and constant of the lines whose maximum is the charge of a position, in micro-units: below 2^58 and 2^98. `held` are the
/// lots before any order.
fn charge_lines(market: &MarketLeaf, concentration: Concentration, held: i128) -> [(i128, i128); LINES] {
    let (long, short) = (market.charge_long.wide(), market.charge_short.wide());
    let (excess, free) = (market.excess_charge.wide(), market.free.wide());
    match concentration {
        Concentration::Charged => {
            let beyond = -excess * free;
            [(long, 0), (long + excess, beyond), (-short, 0), (-short - excess, beyond)]
        }
        Concentration::Frozen => {
            let frozen = excess * (held.abs() - free).max(0);
            [(long, frozen), (long, frozen), (-short, frozen), (-short, frozen)]
        }
    }
}

/// Value change of a long lot in a case.
fn risk(market: &MarketLeaf, case: usize) -> i128 {
    market.risk.get(case).map_or(0, |risk| risk.wide())
}

impl<'a, T: Number> Exposure<'a, T> {
    /// Without orders: equity in micro-units, and the positions it includes. Settled positions are worth what they are worth and
    /// risk nothing.
    pub fn new(
        weights: [T; 2],
        concentration: Concentration,
        equity: i128,
        holdings: &[(InstrumentId, Holding<'a>)],
    ) -> Self {
        let [initial_weight, equity_weight] = weights;
        let constant = equity_weight.clone() * T::from(-equity);
        let positions = BTreeMap::new();
        let mut exposure = Exposure { initial_weight, equity_weight, concentration, constant, positions };
        for (instrument, Holding { lots, market }) in holdings {
            if market.status != Status::Settled {
                exposure.positions.insert(*instrument, exposure.table(market, lots.wide()));
            }
        }
        exposure
    }

    fn table(&self, market: &'a MarketLeaf, lots: i128) -> Table<'a, T> {
        let lines = charge_lines(market, self.concentration, lots);
        // Below 2^40 * 2^58 + 2^98 before the weight.
        let at = |case: usize, (slope, constant): (i128, i128)| (slope - risk(market, case)) * lots + constant;
        let worst = std::array::from_fn(|case| lines.map(|line| self.initial_weight.clone() * T::from(at(case, line))));
        Table { market, lines, worst }
    }

    /// Adds an order. The answer takes it back, as long as nothing else was added.
    pub fn add(&mut self, order: &WorstFill<'a>) -> Undo<'a, T> {
        let before = self.positions.remove(&order.instrument);
        let mut table = before.clone().unwrap_or_else(|| self.table(order.market, 0));
        for (case, sums) in table.worst.iter_mut().enumerate() {
            for (sum, (slope, _)) in sums.iter_mut().zip(table.lines) {
                // Below 2^59 a lot, 2^99 an order, 2^107 with 256 orders, before the weights.
                let margin = order.side.sign() * (slope - risk(order.market, case)) * order.lots;
                let change = self.initial_weight.clone() * T::from(margin)
                    + self.equity_weight.clone() * T::from(-order.gain * order.lots);
                if change > T::from(0) {
                    *sum = sum.clone() + change;
                }
            }
        }
        self.positions.insert(order.instrument, table);
        Undo { instrument: order.instrument, before }
    }

    /// Takes the last order back.
    pub fn undo(&mut self, undo: Undo<'a, T>) {
        match undo.before {
            Some(table) => self.positions.insert(undo.instrument, table),
            None => self.positions.remove(&undo.instrument),
        };
    }

    /// W. For weights of 1: below 2^3 * 2^6 * 2^107 = 2^116.
    pub fn worst(&self) -> T {
        let mut cases: [[T; CASES]; UNDERLYINGS] = std::array::from_fn(|_| std::array::from_fn(|_| T::from(0)));
        for table in self.positions.values() {
            let sums = &mut cases[usize::from(table.market.underlying)];
            for (sum, lines) in sums.iter_mut().zip(&table.worst) {
                *sum = sum.clone() + lines.iter().max().expect("four lines").clone();
            }
        }
        let worst = |sums: [T; CASES]| sums.into_iter().max().expect("seventeen cases");
        cases.into_iter().map(worst).fold(self.constant.clone(), |total, underlying| total + underlying)
    }
}

/// Equity in the worst outcome, micro-units.
pub fn least_equity(before: &Standing, orders: &[WorstFill]) -> i128 {
    before.equity + orders.iter().map(|order| (order.gain * order.lots).min(0)).sum::<i128>()
}

#[cfg(test)]
mod tests;
