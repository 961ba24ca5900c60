//! Rounds: from quotes of a moment to the leaves that the oracle role posts.

use super::params::Params;
use super::risk::{self, Point};
use super::settlement::{self, Sample};
use super::{black76, funding, OracleError};
use crate::calendar::{Date, DAY, EXPIRY_SECOND};
use crate::instrument::{Asset, Contract, Right, Terms, MICRO};
use novation_state::leaf::{Kind, MarketLeaf, Status};
use novation_state::units::{Charge, Fee, InstrumentId, OutOfRange, PerLot, Ticks, Time};
use std::collections::BTreeMap;

/// What a source says about an instrument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quote {
    /// Price of a future or perpetual, in dollars.
    Price(f64),
    /// For an option: the price of the future of its expiry in dollars, and its yearly volatility.
    Vol {
        /// The forward.
        forward: f64,
        /// The volatility, 0.5 for 50 % a year.
        vol: f64,
    },
}

/// Everything that a round is computed from.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// When.
    pub time: Time,
    /// Index prices in dollars.
    pub index: BTreeMap<Asset, f64>,
    /// Quotes.
    pub quotes: BTreeMap<Terms, Quote>,
    /// For expiries that settle in this round: the index of the last thirty minutes before them, a sample a minute.
    pub settlements: BTreeMap<(Asset, Date), Vec<Sample>>,
}

/// The leaves that a round changes.
pub type Changes = Vec<(InstrumentId, MarketLeaf)>;

/// The oracle role: what it has listed, and the leaf it posted last of each.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    listed: BTreeMap<InstrumentId, (Terms, MarketLeaf)>,
    ids: BTreeMap<Terms, InstrumentId>,
}

impl Oracle {
    /// Nothing listed.
    pub fn new() -> Oracle {
        Oracle::default()
    }

    /// Takes up what was posted before, by this role in another process: later leaves of an instrument replace earlier ones.
    ///
    /// # Errors
    /// [`OracleError::Unknown`] for a leaf that this role cannot have posted.
    pub fn restore(&mut self, posted: &[(InstrumentId, MarketLeaf)]) -> Result<(), OracleError> {
        for (id, leaf) in posted {
            let terms = Terms::of(leaf).ok_or(OracleError::Unknown { instrument: *id })?;
            self.ids.insert(terms, *id);
            self.listed.insert(*id, (terms, leaf.clone()));
        }
        Ok(())
    }

    /// The id of an instrument.
    pub fn id(&self, terms: &Terms) -> Option<InstrumentId> {
        self.ids.get(terms).copied()
    }

    /// The instrument of an id.
    pub fn terms(&self, id: InstrumentId) -> Option<Terms> {
        self.listed.get(&id).map(|(terms, _)| *terms)
    }

    /// Every instrument ever listed, with the leaf posted last.
    pub fn listed(&self) -> impl Iterator<Item = (InstrumentId, &Terms, &MarketLeaf)> {
        self.listed.iter().map(|(id, (terms, leaf))| (*id, terms, leaf))
    }

    /// The leaves after a round: everything that lives is marked anew, `new` is listed with the next ids, and what expired settles if
    /// its samples are there; without them it keeps its last mark. On an error nothing changes.
    ///
    /// # Errors
    /// [`OracleError`]: a missing or impossible quote, a result that does not fit, an expiry with too few samples.
    pub fn round(&mut self, snapshot: &Snapshot, new: &[Terms]) -> Result<Changes, OracleError> {
        let mut changes = Changes::new();
        for (id, (terms, last)) in &self.listed {
            if last.status == Status::Settled {
                continue;
            }
            if snapshot.time < terms.expiry() {
                changes.push((*id, mark(terms, snapshot, Some(last))?));
            } else if let Some(leaf) = settle(terms, snapshot, last)? {
                changes.push((*id, leaf));
            }
        }
        let next = self.listed.last_key_value().map_or(1, |(id, _)| id.get() + 1);
        let first_new = changes.len();
        for (id, terms) in (next..).zip(new) {
            if self.ids.contains_key(terms) || changes[first_new..].iter().any(|(_, leaf)| same_terms(terms, leaf)) {
                return Err(OracleError::AlreadyListed { terms: *terms });
            }
            if snapshot.time >= terms.expiry() {
                return Err(OracleError::ListedTooLate { terms: *terms, expiry: terms.expiry(), time: snapshot.time });
            }
            let id = InstrumentId::new(id).map_err(range(terms, "instrument id"))?;
            changes.push((id, mark(terms, snapshot, None)?));
        }
        for (terms, (id, leaf)) in new.iter().zip(&changes[first_new..]) {
            self.ids.insert(*terms, *id);
            self.listed.insert(*id, (*terms, leaf.clone()));
        }
        for (id, leaf) in &changes[..first_new] {
            self.listed.get_mut(id).expect("marked because listed").1 = leaf.clone();
        }
        Ok(changes)
    }
}

fn same_terms(terms: &Terms, leaf: &MarketLeaf) -> bool {
    (terms.kind(), terms.asset.underlying(), terms.expiry(), terms.strike())
        == (leaf.kind, leaf.underlying, leaf.expiry, leaf.strike)
}

fn range(terms: &Terms, what: &'static str) -> impl Fn(OutOfRange) -> OracleError {
    let terms = *terms;
    move |reason| OracleError::Range { terms, what, reason }
}

/// Checks a quote: prices above zero, vols not negative, everything finite.
fn checked(terms: &Terms, what: &'static str, value: f64, zero: bool) -> Result<f64, OracleError> {
    if value.is_finite() && (value > 0.0 || (zero && value == 0.0)) {
        return Ok(value);
    }
    let rule = if zero { "not negative" } else { "above zero" };
    Err(OracleError::Input { terms: *terms, what, value, rule })
}

/// What is known of an instrument at a moment.
struct Marked {
    mark: Ticks,
    point: Point,
}

fn value_quote(terms: &Terms, snapshot: &Snapshot) -> Result<Marked, OracleError> {
    let quote = snapshot.quotes.get(terms);
    let missing = OracleError::NoQuote { terms: *terms, time: snapshot.time };
    let asset = terms.asset;
    match (terms.contract, quote) {
        (Contract::Perpetual | Contract::Future { .. }, Some(Quote::Price(price))) => {
            let price = checked(terms, "price", *price, false)?;
            let forward = asset.ticks(price).map_err(range(terms, "mark"))?;
            Ok(Marked { mark: forward, point: Point { forward, vol: 0.0, seconds: 0.0 } })
        }
        (Contract::Option { strike, right, .. }, Some(Quote::Vol { forward, vol })) => {
            let forward = asset.ticks(checked(terms, "forward", *forward, false)?).map_err(range(terms, "forward"))?;
            let vol = checked(terms, "volatility", *vol, true)?;
            let seconds = (terms.expiry().get() - snapshot.time.get()) as f64;
            let strike_usd = strike.get() as f64 * asset.tick_usd();
            let total_vol = black76::total_vol(vol, seconds);
            let call = black76::price(asset.usd(forward), strike_usd, total_vol, Right::Call);
            let call = asset.ticks(call).map_err(range(terms, "mark"))?;
            let mark = match right {
                Right::Call => call,
                // Exact parity on the grid. A call is worth F - K or more, whole ticks both, and rounding keeps that.
                Right::Put => Ticks::new(call.get() - (forward.get() - strike.get())).map_err(range(terms, "mark"))?,
            };
            Ok(Marked { mark, point: Point { forward, vol, seconds } })
        }
        _ => Err(missing),
    }
}

/// The leaf of a live instrument. `last` is the leaf posted before, `None` at listing.
fn mark(terms: &Terms, snapshot: &Snapshot, last: Option<&MarketLeaf>) -> Result<MarketLeaf, OracleError> {
    let params = Params::of(terms.asset);
    let Marked { mark, point } = value_quote(terms, snapshot)?;
    let per_tick = terms.asset.tick_value().get() as f64;
    let notional = point.forward.get() as f64 * per_tick;
    let premium = mark.get() as f64 * per_tick;
    let share = |of: f64, share: f64| (of * share).round() as i64;
    let (charge_long, charge_short, fee, half_band) = if terms.is_option() {
        let charge = share(notional, params.charge_option);
        let fee = share(notional, params.fee_option).min(share(premium, params.fee_option_of_price));
        let by_price = mark.get() as f64 * params.band_option_of_price;
        let by_forward = point.forward.get() as f64 * params.band_option;
        (charge.min(premium as i64), charge, fee, by_price.max(by_forward))
    } else {
        let charge = share(notional, params.charge_future);
        let half_band = point.forward.get() as f64 * params.band_future;
        (charge, charge, share(notional, params.fee_future), half_band)
    };
    let charge = |x: i64| Charge::new(x).map_err(range(terms, "charge"));
    let half_band = (half_band as i64).max(1);
    let mut risk = [PerLot::ZERO; novation_state::leaf::SCENARIOS];
    for (entry, value) in risk.iter_mut().zip(risk::array(terms, &point, &params)) {
        *entry = PerLot::try_from(value).map_err(range(terms, "risk entry"))?;
    }
    Ok(MarketLeaf {
        kind: terms.kind(),
        underlying: terms.asset.underlying(),
        tick_value: terms.asset.tick_value(),
        expiry: terms.expiry(),
        strike: terms.strike(),
        status: last.map_or(Status::Open, |leaf| leaf.status),
        mark_time: snapshot.time,
        mark,
        daily_mark: match last {
            Some(leaf) if daily_settlements(leaf.mark_time) == daily_settlements(snapshot.time) => leaf.daily_mark,
            _ => mark,
        },
        settlement: PerLot::ZERO,
        index: funding_index(terms, snapshot, mark, last, &params)?,
        risk,
        charge_long: charge(charge_long)?,
        charge_short: charge(charge_short)?,
        free: params.free_lots(),
        excess_charge: charge(share(notional, params.charge_excess))?,
        limit: params.limit_lots(),
        // Fixed at listing: an order names the most it pays, and its owner should not have to guess.
        fee: match last {
            Some(leaf) => leaf.fee,
            None => Fee::new(fee).map_err(range(terms, "fee"))?,
        },
        band_low: Ticks::new((mark.get() - half_band).max(0)).map_err(range(terms, "price band"))?,
        band_high: Ticks::new(mark.get() + half_band).map_err(range(terms, "price band"))?,
    })
}

/// Daily settlements up to and including a moment.
fn daily_settlements(time: Time) -> i64 {
    (time.get() - EXPIRY_SECOND).div_euclid(DAY)
}

fn funding_index(
    terms: &Terms,
    snapshot: &Snapshot,
    mark: Ticks,
    last: Option<&MarketLeaf>,
    params: &Params,
) -> Result<PerLot, OracleError> {
    let Some(last) = last.filter(|leaf| leaf.kind == Kind::Perpetual) else { return Ok(PerLot::ZERO) };
    let asset = terms.asset;
    let index = snapshot.index.get(&asset).ok_or(OracleError::NoIndex { asset, time: snapshot.time })?;
    let index = checked(terms, "index price", *index, false)?;
    let seconds = (snapshot.time.get() - last.mark_time.get()).max(0);
    let step = funding::step(asset, mark, index, seconds, params);
    PerLot::try_from(last.index.wide() + step).map_err(range(terms, "funding index"))
}

/// The last leaf of an expired instrument; `None` while its samples are missing altogether.
fn settle(terms: &Terms, snapshot: &Snapshot, last: &MarketLeaf) -> Result<Option<MarketLeaf>, OracleError> {
    let date = terms.date().expect("perpetuals expire after every time of a round");
    let Some(samples) = snapshot.settlements.get(&(terms.asset, date)) else { return Ok(None) };
    let price = settlement::price(terms, samples)?;
    let value = settlement::value(terms, price)?;
    // The mark of a settled instrument is not used; it stands at the settlement value, for readers.
    let mark = Ticks::try_from(value.wide() / terms.asset.tick_value().wide()).map_err(range(terms, "mark"))?;
    Ok(Some(MarketLeaf { status: Status::Settled, settlement: value, mark, mark_time: snapshot.time, ..last.clone() }))
}

/// A price in dollars per coin as micro-units per lot, for reports.
pub fn micro_per_lot(asset: Asset, usd: f64) -> i128 {
    (usd * MICRO as f64 / asset.lots_per_coin() as f64).round() as i128
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_767_250_800; // 2026-01-01 07:00 UTC

    fn terms(name: &str) -> Terms {
        name.parse().unwrap()
    }

    fn snapshot(time: i64) -> Snapshot {
        let forward = 90_000.04;
        let mut quotes = BTreeMap::new();
        quotes.insert(terms("BTC-PERP"), Quote::Price(90_080.0));
        quotes.insert(terms("BTC-2JAN26"), Quote::Price(forward));
        for right in ["C", "P"] {
            let name = format!("BTC-2JAN26-91000-{right}");
            quotes.insert(terms(&name), Quote::Vol { forward, vol: 0.45 });
        }
        let index = BTreeMap::from([(Asset::Btc, 90_000.0)]);
        Snapshot { time: Time::new(time).unwrap(), index, quotes, settlements: BTreeMap::new() }
    }

    fn all() -> Vec<Terms> {
        ["BTC-PERP", "BTC-2JAN26", "BTC-2JAN26-91000-C", "BTC-2JAN26-91000-P"].map(terms).to_vec()
    }

    fn leaf<'a>(oracle: &'a Oracle, name: &str) -> &'a MarketLeaf {
        &oracle.listed[&oracle.id(&terms(name)).unwrap()].1
    }

    #[test]
    fn marks_of_call_put_and_future_obey_parity_on_the_grid() {
        let mut oracle = Oracle::new();
        let changes = oracle.round(&snapshot(START), &all()).unwrap();
        assert_eq!(changes.iter().map(|(id, _)| id.get()).collect::<Vec<_>>(), [1, 2, 3, 4]);
        let mark = |name| leaf(&oracle, name).mark.get();
        let strike = terms("BTC-2JAN26-91000-C").strike().get();
        assert_eq!(mark("BTC-2JAN26-91000-C") - mark("BTC-2JAN26-91000-P"), mark("BTC-2JAN26") - strike);
        assert!(mark("BTC-2JAN26-91000-C") > 0);
    }

    #[test]
    fn funding_accrues_between_rounds_and_fees_stay() {
        let mut oracle = Oracle::new();
        oracle.round(&snapshot(START), &all()).unwrap();
        assert_eq!(leaf(&oracle, "BTC-PERP").index, PerLot::ZERO);
        oracle.round(&snapshot(START + 28_800), &[]).unwrap();
        // 80 USD of premium, eight hours, 0.001 BTC.
        assert_eq!(leaf(&oracle, "BTC-PERP").index.get(), 80_000);
        assert_eq!(leaf(&oracle, "BTC-2JAN26").index, PerLot::ZERO);
        assert_eq!(leaf(&oracle, "BTC-PERP").fee.get(), 18_016);
    }

    #[test]
    fn daily_mark_moves_at_eight_and_not_before() {
        let mut oracle = Oracle::new();
        oracle.round(&snapshot(START), &all()).unwrap();
        let mut later = snapshot(START + 3_599);
        later.quotes.insert(terms("BTC-PERP"), Quote::Price(91_000.0));
        oracle.round(&later, &[]).unwrap();
        assert_eq!(leaf(&oracle, "BTC-PERP").daily_mark.get(), 900_800);
        later.time = Time::new(START + 3_600).unwrap();
        oracle.round(&later, &[]).unwrap();
        assert_eq!(leaf(&oracle, "BTC-PERP").daily_mark.get(), 910_000);
    }

    #[test]
    fn an_expired_series_waits_for_its_samples_and_then_settles_for_good() {
        let mut oracle = Oracle::new();
        oracle.round(&snapshot(START), &all()).unwrap();
        let expiry = terms("BTC-2JAN26").expiry().get();
        let mut at_expiry = snapshot(expiry);
        let changed = oracle.round(&at_expiry, &[]).unwrap();
        assert_eq!(changed.len(), 1, "only the perpetual lives");
        let samples = vec![Some(91_250.0); 30];
        at_expiry.settlements.insert((Asset::Btc, terms("BTC-2JAN26").date().unwrap()), samples);
        assert_eq!(oracle.round(&at_expiry, &[]).unwrap().len(), 4);
        let settled = leaf(&oracle, "BTC-2JAN26-91000-C");
        // 250 USD on 0.001 BTC.
        assert_eq!((settled.status, settled.settlement.get(), settled.mark.get()), (Status::Settled, 250_000, 2_500));
        assert_eq!(leaf(&oracle, "BTC-2JAN26-91000-P").settlement, PerLot::ZERO);
        assert_eq!(oracle.round(&at_expiry, &[]).unwrap().len(), 1);
    }

    #[test]
    fn a_role_that_takes_up_what_was_posted_goes_on_as_the_one_that_posted() {
        let mut first = Oracle::new();
        let mut second = Oracle::new();
        second.restore(&first.round(&snapshot(START), &all()).unwrap()).unwrap();
        second.restore(&first.round(&snapshot(START + 60), &[]).unwrap()).unwrap();
        assert_eq!((&second.listed, &second.ids), (&first.listed, &first.ids));
        let next = snapshot(START + 28_800);
        assert_eq!(second.round(&next, &[]), first.round(&next, &[]));

        let id = InstrumentId::new(9).unwrap();
        let foreign = MarketLeaf { underlying: 7, ..leaf(&first, "BTC-PERP").clone() };
        assert_eq!(second.restore(&[(id, foreign)]), Err(OracleError::Unknown { instrument: id }));
    }

    #[test]
    fn bad_quotes_are_refused_by_name_and_change_nothing() {
        let mut oracle = Oracle::new();
        oracle.round(&snapshot(START), &all()).unwrap();
        let before = oracle.listed.clone();
        let perp = terms("BTC-PERP");
        let next = START + 60;
        let mut bad = snapshot(next);
        bad.quotes.insert(perp, Quote::Price(-1.0));
        let refused = OracleError::Input { terms: perp, what: "price", value: -1.0, rule: "above zero" };
        assert_eq!(oracle.round(&bad, &[]), Err(refused));
        bad.quotes.remove(&perp);
        let time = Time::new(next).unwrap();
        assert_eq!(oracle.round(&bad, &[]), Err(OracleError::NoQuote { terms: perp, time }));
        let mut bad = snapshot(next);
        bad.index.clear();
        assert_eq!(oracle.round(&bad, &[]), Err(OracleError::NoIndex { asset: Asset::Btc, time }));
        assert_eq!(oracle.round(&snapshot(next), &[perp]), Err(OracleError::AlreadyListed { terms: perp }));
        let old = terms("BTC-31DEC25");
        let late = OracleError::ListedTooLate { terms: old, expiry: old.expiry(), time };
        assert_eq!(oracle.round(&snapshot(next), &[old]), Err(late));
        assert_eq!(oracle.listed, before);
    }
}
