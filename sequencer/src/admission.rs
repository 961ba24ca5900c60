//! Which orders take part in a window, and with how many lots.
//!
//! Orders are asked in log order. An order takes part only if its account, with its earlier orders of the window filled in the
//! worst subset at their limits ([`crate::exposure`]), keeps every rule of the ledger: margin, position limits, reduce-only,
//! position slots, the range of cash. So whatever the auctions then decide, and in whichever order, the ledger accepts it.
//!
//! The rules are judged against the account as the last window left it. A batch judges several windows at once against the
//! account before all of them, and comes to the same verdict. Limits and "only shrank" carry over from step to step. A step that
//! ends with initial margin covered is judged by its end alone, and no later step by the better-of rule can end uncovered. Steps
//! that all are by the better-of rule add up to one, also under the ledger's way to count concentration before (see
//! [`Participant::relief`]). The two rules that do not carry over (position slots, reduce-only orders) are checked again by the
//! planner.

use crate::auction::{worst_price, Interest};
use crate::exposure::{least_equity, Concentration, Exposure, Number, WorstFill};
use crate::reason::Deferred;
use crate::view::{Change, View};
use novation_state::leaf::{MarketLeaf, Status};
use novation_state::ledger::Ledger;
use novation_state::markets::Markets;
use novation_state::math::fill::roll;
use novation_state::math::margin::{NoRelief, Standing};
use novation_state::math::value::Holding;
use novation_state::math::MAX_MARK_AGE;
use novation_state::message::{Order, Side};
use novation_state::size::Size;
use novation_state::units::{AccountSlot, InstrumentId, Lots, Ticks, Time, AMOUNT_BITS, CASH_BITS};
use num_bigint::BigInt;
use std::collections::{BTreeMap, BTreeSet};

/// What cash may reach in the worst outcome: its range, less room for the one deposit that a batch may bring besides.
const CASH_ROOM: i128 = (1 << CASH_BITS) - (1 << AMOUNT_BITS);

/// An order that asks to take part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    /// Position in the log.
    pub position: u64,
    /// The order.
    pub order: &'a Order,
    /// Lots not yet filled, > 0.
    pub left: Lots,
}

/// What a window starts from.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    /// Circuit size of the batches.
    pub size: Size,
    /// Time of the window.
    pub time: Time,
    /// Markets of the window.
    pub markets: &'a Markets,
    /// Accounts.
    pub ledger: &'a Ledger,
    /// Fills that no batch holds yet.
    pub changes: &'a BTreeMap<AccountSlot, Change>,
    /// Accounts with a command on its way into a batch.
    pub commanding: &'a BTreeSet<AccountSlot>,
}

/// Admission to one window.
pub(crate) struct Admission<'a> {
    setting: Setting<'a>,
    participants: BTreeMap<AccountSlot, Participant<'a>>,
}

impl<'a> Admission<'a> {
    /// With no order yet.
    pub fn new(setting: Setting<'a>) -> Self {
        Admission { setting, participants: BTreeMap::new() }
    }

    /// Admits the next order in log order, or says why not.
    pub fn admit(&mut self, candidate: &Candidate) -> Result<Interest, Deferred> {
        let Setting { size, time, markets, ledger, changes, commanding } = self.setting;
        let account = candidate.order.binding.account;
        if commanding.contains(&account) {
            return Err(Deferred::CommandFirst { account });
        }
        let market = markets.get(candidate.order.instrument).expect("orders name listed instruments");
        let limit = tradable(candidate.order, market, time)?;
        let participant = self.participants.entry(account).or_insert_with(|| {
            let opened = ledger.account(account).expect("only opened accounts have orders");
            Participant::new(View::of(opened, changes.get(&account)), markets)
        });
        participant.admit(candidate, market, limit, size.slots)
    }

    /// Instruments that an account held before the window; none if it asked for nothing.
    pub fn held(&self, account: AccountSlot) -> Vec<InstrumentId> {
        let participant = self.participants.get(&account);
        participant.into_iter().flat_map(|participant| participant.held.keys().copied()).collect()
    }
}

/// The order's worst price, if market, mark and fee let it trade now.
fn tradable(order: &Order, market: &MarketLeaf, time: Time) -> Result<Ticks, Deferred> {
    let instrument = order.instrument;
    if !matches!(market.status, Status::Open | Status::ReduceOnly) {
        return Err(Deferred::NotTrading { instrument, status: market.status });
    }
    if time.get() - market.mark_time.get() > MAX_MARK_AGE {
        return Err(Deferred::MarkStale { instrument, mark_time: market.mark_time, time });
    }
    if market.fee > order.fee_cap {
        return Err(Deferred::FeeCap { cap: order.fee_cap, fee: market.fee });
    }
    let offset = order.peg_offset.unwrap_or(0);
    worst_price(order, market.mark).ok_or(Deferred::PegWithoutPrice { mark: market.mark, offset })
}

/// One instrument of an account in the window.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// Signed lots held.
    held: i128,
    /// Lots of admitted buys.
    buys: i128,
    /// Lots of admitted sells.
    sells: i128,
    /// Whether one of them is signed as reduce-only.
    reduce_only: bool,
    /// Highest limit of the admitted buys, and the earliest position that has it.
    bid: Option<(Ticks, u64)>,
    /// Lowest limit of the admitted sells, and the earliest position that has it.
    ask: Option<(Ticks, u64)>,
}

impl Line {
    fn orders(&self) -> i128 {
        self.buys + self.sells
    }

    /// Whether the orders can only shrink the position.
    fn only_shrinks(&self) -> bool {
        let toward_zero = if self.held > 0 { self.sells } else { self.buys };
        self.orders() == toward_zero && toward_zero <= self.held.abs()
    }

    fn add(&mut self, candidate: &Candidate, lots: i128, limit: Ticks) {
        let mine = (limit, candidate.position);
        self.reduce_only |= candidate.order.reduce_only;
        match candidate.order.side {
            Side::Buy => {
                self.buys += lots;
                self.bid = Some(self.bid.filter(|bid| bid.0 >= limit).unwrap_or(mine));
            }
            Side::Sell => {
                self.sells += lots;
                self.ask = Some(self.ask.filter(|ask| ask.0 <= limit).unwrap_or(mine));
            }
        }
    }
}

/// An account with orders in the window.
struct Participant<'a> {
    /// Instruments held before the window.
    held: BTreeMap<InstrumentId, i128>,
    holdings: Vec<(InstrumentId, Holding<'a>)>,
    before: Standing,
    lines: BTreeMap<InstrumentId, Line>,
    exposure: Exposure<'a, i128>,
    orders: Vec<WorstFill<'a>>,
    /// What |cash| can reach at most, micro-units.
    cash: i128,
}

impl<'a> Participant<'a> {
    fn new(view: View, markets: &'a Markets) -> Self {
        let holdings = view.holdings(markets);
        let plain: Vec<Holding> = holdings.iter().map(|(_, holding)| *holding).collect();
        let before = Standing::of(view.cash, &plain);
        let exposure = Exposure::new([1, 1], Concentration::Charged, before.equity, &holdings);
        let settled = plain.iter().filter(|h| h.market.status == Status::Settled);
        let cash = view.cash.abs() + settled.map(|h| roll(h.lots, h.market).abs()).sum::<i128>();
        let (lines, orders) = (BTreeMap::new(), Vec::new());
        Participant { held: view.positions, holdings, before, lines, exposure, orders, cash }
    }

    fn admit(
        &mut self,
        candidate: &Candidate,
        market: &'a MarketLeaf,
        limit: Ticks,
        slots: usize,
    ) -> Result<Interest, Deferred> {
        let Candidate { position, order, left } = *candidate;
        let instrument = order.instrument;
        let held = self.held.get(&instrument).copied().unwrap_or(0);
        let line = self.lines.get(&instrument).copied().unwrap_or(Line { held, ..Line::default() });

        let crossed = match order.side {
            Side::Buy => line.ask.filter(|ask| ask.0 <= limit),
            Side::Sell => line.bid.filter(|bid| bid.0 >= limit),
        };
        if let Some((_, older)) = crossed {
            return Err(Deferred::SelfCross { older });
        }
        let lots = reducible(order, &line, market)?.map_or(left.wide(), |room| room.min(left.wide()));

        let (same_side, sign) = match order.side {
            Side::Buy => (line.buys, 1),
            Side::Sell => (line.sells, -1),
        };
        // A position beyond the limit may stay and may shrink: the other side of zero is what counts here.
        let reach = sign * held + same_side + lots;
        if reach > market.limit.wide() {
            return Err(Deferred::PositionLimit { instrument, worst: sign * reach, limit: market.limit });
        }
        let new = |id: &InstrumentId| !self.held.contains_key(id);
        let opening = self.lines.iter().filter(|(id, line)| new(id) && line.orders() > 0).count();
        if new(&instrument) && line.orders() == 0 && self.held.len() + opening >= slots {
            return Err(Deferred::NoFreeSlot { slots });
        }
        let top = market.band_high.wide() * market.tick_value.wide() + market.index.wide().abs() + market.fee.wide();
        let cash = self.cash + lots * top;
        if cash > CASH_ROOM {
            return Err(Deferred::CashRange);
        }

        let mut line = line;
        line.add(candidate, lots, limit);
        let fill = WorstFill::new(instrument, market, order.side, lots, limit);
        self.bear(fill, line)?;
        self.cash = cash;
        let lots = Lots::try_from(lots).expect("at most the order's own lots");
        Ok(Interest { position, side: order.side, lots, limit })
    }

    /// Takes the order in if the account can bear it on top of the others; otherwise nothing changes.
    fn bear(&mut self, fill: WorstFill<'a>, line: Line) -> Result<(), Deferred> {
        let line_before = self.lines.insert(fill.instrument, line);
        let undo = self.exposure.add(&fill);
        self.orders.push(fill);
        let shortfall = self.exposure.worst();
        if shortfall <= 0 {
            return Ok(());
        }
        let Err(relief) = self.relief() else { return Ok(()) };
        self.orders.pop();
        self.exposure.undo(undo);
        match line_before {
            Some(before) => self.lines.insert(fill.instrument, before),
            None => self.lines.remove(&fill.instrument),
        };
        Err(Deferred::Margin { shortfall, relief })
    }

    /// The better-of rule in every outcome: positions only shrink, equity stays nonnegative, initial margin does not rise and
    /// equity covers no smaller share of it.
    ///
    /// With E and I for equity and initial margin before, G for what of I is not concentration and C for what is, and primes for an
    /// outcome, this demands `G' <= G` and `E * (G' + C) <= E' * I`: concentration is frozen ([`Concentration::Frozen`]), and gains
    /// of prices better than the mark are left out of E'. Both are on the safe side:
    ///
    /// - The ledger leaves out of I, as what was before, the concentration P of positions that end below their free lots. Since
    ///   `C' + P <= C` (a position counts in one of the two, shrunk), `I' <= I - P`; and since E' without gains is at most E,
    ///   `E' * (I - P) >= E * (G' + C) - E * P >= E * I'`. More equity only helps.
    /// - Steps add up: from `E_n >= E_(n-1) * (G_n + C_(n-1)) / I_(n-1)` for every n follows, replacing each inner G by the greater
    ///   G_0, `E_n >= E_0 * (G_n + C_(n-1)) / (G_0 + C_(n-1))`. That grows with C_(n-1), and C_n is at most both C_(n-1) and
    ///   `C_0 - P`: so `E_n * (G_0 + C_0 - P) >= E_0 * (G_n + C_n)`.
    ///
    /// An account with negative equity gets no relief: an order that is filled in part could leave it negative.
    fn relief(&self) -> Result<(), NoRelief> {
        if !self.lines.values().all(Line::only_shrinks) {
            return Err(NoRelief::PositionGrew);
        }
        let Standing { equity, initial } = self.before;
        if equity < 0 || least_equity(&self.before, &self.orders) < 0 {
            return Err(NoRelief::NegativeEquity);
        }
        if self.worst_frozen([1, 0]) > initial {
            return Err(NoRelief::InitialRose);
        }
        if self.worst_frozen([BigInt::from(equity), BigInt::from(initial)]) > BigInt::from(0) {
            return Err(NoRelief::CoverFell);
        }
        Ok(())
    }

    fn worst_frozen<T: Number>(&self, weights: [T; 2]) -> T {
        let mut exposure = Exposure::new(weights, Concentration::Frozen, self.before.equity, &self.holdings);
        for order in &self.orders {
            exposure.add(&WorstFill { gain: order.gain.min(0), ..*order });
        }
        exposure.worst()
    }
}

/// How many lots the order may reduce, `None` if it need not.
///
/// A reduce-only order is measured by its position alone, so in its window nothing of the account may move that position away
/// from zero, and all its orders together stop at zero.
fn reducible(order: &Order, line: &Line, market: &MarketLeaf) -> Result<Option<i128>, Deferred> {
    let instrument = order.instrument;
    let market_reduces = market.status == Status::ReduceOnly;
    if !(order.reduce_only || line.reduce_only || market_reduces) {
        return Ok(None);
    }
    let (same_side, other_side, held) = match order.side {
        Side::Buy => (line.buys, line.sells, -line.held),
        Side::Sell => (line.sells, line.buys, line.held),
    };
    let room = held.max(0) - same_side;
    if room > 0 && other_side == 0 {
        return Ok(Some(room));
    }
    let word_given = order.reduce_only || market_reduces;
    if word_given && (held <= 0 || other_side == 0) {
        return Err(Deferred::NothingToReduce { instrument, held: line.held });
    }
    Err(Deferred::BesideReduceOnly { instrument })
}

#[cfg(test)]
mod tests;
