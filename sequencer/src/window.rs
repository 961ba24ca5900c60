//! One window: admission in log order, an auction for each instrument, and no more than a batch can hold.
//!
//! Windows never share a number with another batch, so the fills of a window stand or fall together: a window that could not fit
//! an empty batch could never be proven. If the auctions fill more than that, the orders that would have been filled are taken again in
//! log order, on each instrument from whichever side has fewer lots so far, as far as the lanes reach; the auctions are then held
//! among those alone. All of them were willing at one price, so every instrument that is left trades again. The others wait with
//! the name of the full lane, and being older they come first the next time.

use crate::admission::{Admission, Candidate, Setting};
use crate::auction::{clear, Interest, Outcome, PriceRules, Share};
use crate::load::{Load, Need};
use crate::reason::Deferred;
use novation_state::message::Side;
use novation_state::reject::Lane;
use novation_state::size::Size;
use novation_state::units::{AccountSlot, InstrumentId};
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

/// One part in so many of the account entries is kept free of a window's trades, so that deposits and commands seldom cost a
/// busy window its batch. They are in no danger without it: the planner goes by log order.
const SPARE_ACCOUNTS: usize = 8;

/// What a window decided.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decision {
    /// Auctions that traded, by instrument.
    pub outcomes: BTreeMap<InstrumentId, Outcome>,
    /// Orders that stayed out, by log position.
    pub deferred: BTreeMap<u64, Deferred>,
}

/// An order that takes part.
struct Entrant {
    account: AccountSlot,
    interest: Interest,
}

/// Holds a window. Candidates come in log order.
pub(crate) fn hold<'b>(setting: Setting, candidates: impl Iterator<Item = Candidate<'b>>) -> Decision {
    let mut admission = Admission::new(setting);
    let mut decision = Decision::default();
    let mut books: BTreeMap<InstrumentId, Vec<Interest>> = BTreeMap::new();
    let mut entrants: BTreeMap<u64, Entrant> = BTreeMap::new();
    for candidate in candidates {
        match admission.admit(&candidate) {
            Ok(interest) => {
                let account = candidate.order.binding.account;
                entrants.insert(candidate.position, Entrant { account, interest });
                books.entry(candidate.order.instrument).or_default().push(interest);
            }
            Err(reason) => {
                decision.deferred.insert(candidate.position, reason);
            }
        }
    }
    let auction = |instrument: InstrumentId, book: &[Interest]| {
        let market = setting.markets.get(instrument).expect("admitted orders name listed instruments");
        clear(book, &PriceRules::from(market))
    };
    decision.outcomes = books.iter().filter_map(|(id, book)| Some((*id, auction(*id, book)?))).collect();

    let mut capacity = Capacity { load: Load::new(room(setting.size)), admission: &admission, entrants: &entrants };
    if capacity.holds(&decision.outcomes) {
        return decision;
    }
    let (kept, cut) = capacity.select(&decision.outcomes);
    decision.outcomes = kept
        .into_iter()
        .map(|(id, positions)| {
            let book: Vec<Interest> = positions.iter().map(|position| entrants[position].interest).collect();
            (id, auction(id, &book).expect("orders that were willing at one price trade"))
        })
        .collect();
    decision.deferred.extend(cut.into_iter().map(|(position, lane)| (position, Deferred::WindowFull(lane))));
    decision
}

/// What a window may take of a batch.
fn room(size: Size) -> Size {
    Size { accounts: size.accounts - size.accounts / SPARE_ACCOUNTS, ..size }
}

/// Fits fills into the lanes.
struct Capacity<'a, 'b> {
    load: Load,
    admission: &'b Admission<'a>,
    entrants: &'b BTreeMap<u64, Entrant>,
}

/// Orders kept by instrument, and cut orders with the lane that was full.
type Selection = (BTreeMap<InstrumentId, Vec<u64>>, BTreeMap<u64, Lane>);

impl Capacity<'_, '_> {
    /// A fill takes an order, its account's entry, and rows for its instrument and everything that the account holds.
    fn need(&self, instrument: InstrumentId, position: u64) -> Need {
        let account = self.entrants[&position].account;
        let mut rows = self.admission.held(account);
        rows.push(instrument);
        Need { accounts: vec![account], rows, orders: 1, ..Need::default() }
    }

    /// Whether everything fits. The load is as before.
    fn holds(&self, outcomes: &BTreeMap<InstrumentId, Outcome>) -> bool {
        let mut load = self.load.clone();
        outcomes.iter().all(|(instrument, outcome)| {
            load.add(&Need { clearings: 1, ..Need::default() }).is_ok()
                && outcome.shares.iter().all(|share| load.add(&self.need(*instrument, share.position)).is_ok())
        })
    }

    /// Takes filled orders in log order as far as they fit. Instruments come in order of their earliest filled order.
    fn select(&mut self, outcomes: &BTreeMap<InstrumentId, Outcome>) -> Selection {
        let mut instruments: Vec<_> = outcomes.iter().collect();
        instruments.sort_by_key(|(_, outcome)| outcome.shares.first().map(|share| share.position));
        let (mut kept, mut cut) = Selection::default();
        for (instrument, outcome) in instruments {
            let all = outcome.shares.iter().map(|share| share.position);
            match self.balanced(*instrument, &outcome.shares) {
                Ok((taken, full)) => {
                    let full = || full.expect("one side runs out before the other only where a lane is full");
                    cut.extend(all.filter(|p| !taken.contains(p)).map(|p| (p, full())));
                    kept.insert(*instrument, taken.into_iter().collect());
                }
                Err(lane) => cut.extend(all.map(|position| (position, lane))),
            }
        }
        (kept, cut)
    }

    /// Takes orders of one instrument, always from the side with fewer lots so far, earliest first, and names the lane that was
    /// full, if one was. Without orders of both sides there is no trade: then nothing is taken.
    fn balanced(&mut self, instrument: InstrumentId, shares: &[Share]) -> Result<(BTreeSet<u64>, Option<Lane>), Lane> {
        let mut load = self.load.clone();
        load.add(&Need { clearings: 1, ..Need::default() })?;
        let entrants = self.entrants;
        let of = |side: Side| shares.iter().filter(move |s| entrants[&s.position].interest.side == side).peekable();
        let (mut buys, mut sells) = (of(Side::Buy), of(Side::Sell));
        let (mut bought, mut sold) = (0i128, 0i128);
        let mut taken = BTreeSet::new();
        let mut full = None;
        loop {
            let next = |queue: &mut Peekable<_>| queue.peek().map(|share: &&Share| share.position);
            let buy_next = (bought, next(&mut buys)) < (sold, next(&mut sells));
            let (queue, lots) = if buy_next { (&mut buys, &mut bought) } else { (&mut sells, &mut sold) };
            let Some(share) = queue.next() else { break };
            match load.add(&self.need(instrument, share.position)) {
                Ok(()) => {
                    taken.insert(share.position);
                    *lots += share.lots.wide();
                }
                Err(lane) => full = Some(lane),
            }
        }
        match full {
            Some(lane) if bought == 0 || sold == 0 => Err(lane),
            _ => {
                self.load = load;
                Ok((taken, full))
            }
        }
    }
}
