//! A snapshot of Deribit's option chains: futures and near-the-money options with their quotes; traders who quote the chain's own
//! bids and asks, and traders who take them.
//!
//! Prices of options stand in coin in the source and become dollars at the future's price, as their venue converts them.

use super::{Cast, ConvertError, Converted, Options};
use crate::calendar::parse_stamp;
use crate::instrument::{Asset, Contract, Terms};
use crate::oracle::rounds::Quote;
use crate::tables::markets::{MarketsTable, Quoted};
use crate::tables::orders::OrderLine;
use crate::tables::{self, Columns, Row, TableError};
use novation_state::message::Side;
use novation_state::units::Lots;
use rand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const COLUMNS: Columns = Columns {
    needed: &[
        "timestamp",
        "instrument_name",
        "bid_price",
        "ask_price",
        "futures_price",
        "futures_instrument_name",
        "implied_volatility",
        "currency",
        "index_price",
    ],
    optional: &[],
    others: true,
};
/// Options taken per asset.
const PER_ASSET: usize = 8;
/// Shortest life of an option that is taken, in seconds: the demo's clock has to end before.
const MIN_LIFE: i64 = 86_400;
/// Futures that the source interpolated are marked so.
const SYNTHETIC: &str = "SYN.";

struct Line {
    terms: Terms,
    bid: Option<f64>,
    ask: Option<f64>,
    forward: f64,
    /// The listed future below, unless its price is interpolated.
    future: Option<Terms>,
    vol: f64,
    index: f64,
}

/// Converts a chain.
///
/// # Errors
/// [`ConvertError`].
pub fn convert(file: &Path, source: impl std::io::Read, options: &Options) -> Result<Converted, ConvertError> {
    let mut cast = Cast::new(options)?;
    let (mut lines, mut without_future, mut start) = (Vec::new(), 0, 0);
    tables::read(file, source, COLUMNS, |row| {
        start = start.max(time(row)?);
        match line(row)? {
            Some(line) => lines.push(line),
            None => without_future += 1,
        }
        Ok(())
    })?;
    let mut out = Converted { read: lines.len() + without_future, ..Converted::default() };
    out.left_out.push(("priced by the index and not by a future", without_future));
    let quoted = |l: &Line| l.bid.is_some() && l.ask.is_some();
    let lives = |l: &Line| l.terms.expiry().get() >= start + MIN_LIFE && l.vol > 0.0;
    out.left_out.push(("without both quotes", lines.iter().filter(|l| !quoted(l)).count()));
    out.left_out.push(("expiring within a day", lines.iter().filter(|l| quoted(l) && !lives(l)).count()));
    lines.retain(|l| quoted(l) && lives(l));
    let before = lines.len();
    let chosen = near_the_money(lines);
    out.left_out.push(("far from the money", before - chosen.len()));
    if chosen.is_empty() {
        let what = "no option has bid, ask and a day to live";
        return Err(ConvertError::Nothing { file: file.to_owned(), what });
    }
    quote(&mut out.markets, start, &chosen);
    for minute in 0..options.minutes {
        for line in &chosen {
            if out.orders.len() + 3 > options.orders {
                return Ok(out);
            }
            out.orders.extend(orders(&mut cast, minute, line));
        }
    }
    Ok(out)
}

fn time(row: &Row) -> Result<i64, TableError> {
    parse_stamp(row.text("timestamp")).map_err(|e| row.refuse("timestamp", format!("is refused: {e}")))
}

/// A line, `None` for an option without a future: those of the next days, which the source prices by the index.
fn line(row: &Row) -> Result<Option<Line>, TableError> {
    let price = |column| if row.text(column).is_empty() { Ok(None) } else { row.number(column).map(Some) };
    let Some(forward) = price("futures_price")? else { return Ok(None) };
    let future = row.text("futures_instrument_name");
    let asset: Asset = row.parse("currency")?;
    let terms: Terms = row.parse("instrument_name")?;
    if terms.asset != asset {
        return Err(row.refuse("currency", format!("is not the asset of {terms}")));
    }
    Ok(Some(Line {
        terms,
        bid: price("bid_price")?,
        ask: price("ask_price")?,
        forward,
        future: if future.starts_with(SYNTHETIC) { None } else { Some(row.parse("futures_instrument_name")?) },
        vol: row.number("implied_volatility")?,
        index: row.number("index_price")?,
    }))
}

/// Of each asset the options closest to their forward, a strike's call and put alike.
fn near_the_money(mut lines: Vec<Line>) -> Vec<Line> {
    let distance = |l: &Line| (l.terms.strike().get() as f64 * l.terms.asset.tick_usd() / l.forward).ln().abs();
    lines.sort_by(|a, b| distance(a).total_cmp(&distance(b)).then(a.terms.cmp(&b.terms)));
    let mut taken: BTreeMap<Asset, usize> = BTreeMap::new();
    lines.retain(|line| {
        let count = taken.entry(line.terms.asset).or_default();
        *count += 1;
        *count <= PER_ASSET
    });
    lines.sort_by_key(|line| line.terms);
    lines
}

/// Index, futures below the options, and the options. Equal expiries get equal forwards, so that parity holds.
fn quote(markets: &mut MarketsTable, start: i64, lines: &[Line]) {
    let rows = markets.rows.entry(start).or_default();
    let mut forwards = BTreeMap::new();
    let mut indexed = BTreeSet::new();
    for line in lines {
        if indexed.insert(line.terms.asset) {
            rows.push(Quoted::Index(line.terms.asset, line.index));
        }
        let date = line.terms.date().expect("an option expires");
        forwards.entry((line.terms.asset, date)).or_insert(line.forward);
    }
    let futures: BTreeSet<Terms> = lines.iter().filter_map(|line| line.future).collect();
    for terms in futures {
        let Contract::Future { expiry } = terms.contract else { continue };
        if let Some(price) = forwards.get(&(terms.asset, expiry)) {
            rows.push(Quoted::Instrument(terms, Quote::Price(*price)));
        }
    }
    for line in lines {
        let date = line.terms.date().expect("an option expires");
        let forward = forwards[&(line.terms.asset, date)];
        rows.push(Quoted::Instrument(line.terms, Quote::Vol { forward, vol: line.vol }));
    }
}

/// A bid and an ask of two traders at the chain's prices, and somebody who takes one of them.
fn orders(cast: &mut Cast, minute: i64, line: &Line) -> Vec<OrderLine> {
    let asset = line.terms.asset;
    let usd = |coin: Option<f64>| coin.unwrap_or_default() * line.forward;
    let buyer = cast.draw();
    let seller = cast.draw_other(buyer);
    let lots = cast.rng.gen_range(1..=10) * asset.lots_per_coin() / 10;
    let taker_buys = cast.rng.gen_bool(0.5);
    let (taker, side, at) = if taker_buys {
        (cast.draw_other(seller), Side::Buy, usd(line.ask))
    } else {
        (cast.draw_other(buyer), Side::Sell, usd(line.bid))
    };
    let order = |trader: usize, side: Side, price: f64| {
        Some(OrderLine {
            line: 0,
            minute,
            trader: Cast::name(trader),
            terms: line.terms,
            side,
            lots: Lots::new(lots).ok()?,
            limit: super::limit(asset, side, price)?,
            minutes: 1,
            reduce_only: false,
            peg: None,
        })
    };
    // The taker pays a tick through the quote's rounding.
    let through = if side == Side::Buy { at + asset.tick_usd() } else { (at - asset.tick_usd()).max(0.0) };
    [order(buyer, Side::Buy, usd(line.bid)), order(seller, Side::Sell, usd(line.ask)), order(taker, side, through)]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "timestamp,instrument_name,bid_price,ask_price,futures_price,futures_instrument_name,\
                          implied_volatility,currency,index_price,more";
    const ROWS: [&str; 6] = [
        "2026-03-01T10:00:00+00:00,BTC-27MAR26-90000-C,0.0300,0.0310,90500,BTC-27MAR26,0.45,BTC,90000,x",
        "2026-03-01T10:00:01+00:00,BTC-27MAR26-90000-P,0.0245,0.0255,90499,BTC-27MAR26,0.45,BTC,90000,x",
        "2026-03-01T10:00:00+00:00,BTC-20MAR26-95000-C,,0.0100,90400,SYN.BTC-20MAR26,0.45,BTC,90000,x",
        "2026-03-01T10:00:00+00:00,ETH-20MAR26-3000-C,0.0200,0.0210,3010,SYN.ETH-20MAR26,0.60,ETH,3000,x",
        "2026-03-01T10:00:00+00:00,ETH-1MAR26-3000-C,0.0200,0.0210,3010,SYN.ETH-1MAR26,0.60,ETH,3000,x",
        "2026-03-01T10:00:00+00:00,ETH-2MAR26-3000-C,0.0200,0.0210,,,0.60,ETH,3000,x",
    ];
    const OPTIONS: Options = Options { seed: 7, traders: 4, minutes: 2, orders: 100 };

    fn run(rows: &[&str], options: &Options) -> Result<Converted, ConvertError> {
        let text = format!("{HEADER}\n{}\n", rows.join("\n"));
        convert(Path::new("chain.csv"), text.as_bytes(), options)
    }

    #[test]
    fn quoted_options_become_instruments_and_their_quotes_orders() {
        let out = run(&ROWS, &OPTIONS).unwrap();
        let names: Vec<String> = out.markets.instruments().iter().map(Terms::to_string).collect();
        assert_eq!(names, ["BTC-27MAR26", "BTC-27MAR26-90000-C", "BTC-27MAR26-90000-P", "ETH-20MAR26-3000-C"]);
        assert_eq!(out.read, 6);
        let left: Vec<usize> = out.left_out.iter().map(|(_, n)| *n).collect();
        assert_eq!(left, [1, 1, 1, 0], "{:?}", out.left_out);
        assert_eq!(out.orders.len(), 2 * 3 * 3);
        // 0.03 and 0.031 BTC at 90,500 USD.
        let [bid, ask, taker] = &out.orders[..3] else { panic!("three orders") };
        assert_eq!((bid.side, bid.limit.get(), ask.side, ask.limit.get()), (Side::Buy, 27_150, Side::Sell, 28_055));
        assert_ne!(bid.trader, ask.trader);
        let (other, crosses) = match taker.side {
            Side::Buy => (ask, taker.limit > ask.limit),
            Side::Sell => (bid, taker.limit < bid.limit),
        };
        assert!(crosses && taker.trader != other.trader && taker.lots == other.lots);
        assert_eq!(run(&ROWS, &OPTIONS).unwrap(), out, "equal seeds, equal tables");
    }

    #[test]
    fn put_and_call_of_an_expiry_get_one_forward() {
        let out = run(&ROWS, &OPTIONS).unwrap();
        let forwards: Vec<f64> = out
            .markets
            .rows
            .values()
            .flatten()
            .filter_map(|row| match row {
                Quoted::Instrument(terms, Quote::Vol { forward, .. }) if terms.asset == Asset::Btc => Some(*forward),
                _ => None,
            })
            .collect();
        assert_eq!(forwards, [90_500.0, 90_500.0]);
    }

    #[test]
    fn bad_chains_are_refused_by_line() {
        let row = ROWS[0].replace(",BTC,90000", ",ETH,90000");
        let error = run(&[&row], &OPTIONS).unwrap_err().to_string();
        assert_eq!(error, "chain.csv, line 2, column `currency`: `ETH` is not the asset of BTC-27MAR26-90000-C");
        let error = run(&[ROWS[2]], &OPTIONS).unwrap_err().to_string();
        assert_eq!(error, "chain.csv yields no orders: no option has bid, ask and a day to live");
    }
}
