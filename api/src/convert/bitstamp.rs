//! Bitstamp's order events: every order's birth, changes and end, as orders in the perpetual that live as long as they did.
//!
//! An order enters in the minute in which it was created and stays until the minute in which it was filled or cancelled. Prices go to
//! the grid so that no owner is worse off; volumes below a lot are left out, and orders too far from the last trade to enter any
//! auction.

use super::{perpetual, quote_perpetual, Cast, ConvertError, Converted, Options};
use crate::instrument::{parse_decimal, Asset};
use crate::oracle::params::Params;
use crate::tables::orders::OrderLine;
use crate::tables::{self, Columns};
use novation_state::message::Side;
use novation_state::units::Lots;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

const COLUMNS: Columns =
    Columns { needed: &["id", "timestamp", "price", "volume", "action", "direction"], optional: &[], others: true };
/// Volumes stand in 1e-8 BTC.
const UNITS_PER_COIN: i64 = 100_000_000;

struct Life {
    created: i64,
    ended: Option<i64>,
    side: Side,
    usd: f64,
    units: i64,
}

/// Converts an order event file.
///
/// # Errors
/// [`ConvertError`].
pub fn convert(file: &Path, source: impl std::io::Read, options: &Options) -> Result<Converted, ConvertError> {
    let mut cast = Cast::new(options)?;
    let mut lives: Vec<Life> = Vec::new();
    let mut by_id: HashMap<String, usize> = HashMap::new();
    // The last trade of each minute, minutes since the epoch.
    let mut trades: BTreeMap<i64, f64> = BTreeMap::new();
    let mut read = 0;
    let mut remaining: HashMap<String, i64> = HashMap::new();
    tables::read(file, source, COLUMNS, |row| {
        read += 1;
        let minute = row.whole("timestamp", 0, i64::MAX)? / 60_000;
        let units = row.whole("volume", 0, i64::MAX)?;
        let usd = parse_decimal(row.text("price"), 8).ok_or_else(|| row.refuse("price", "is not a price"))?;
        let usd = usd as f64 / 1e8;
        let side = match row.text("direction") {
            "bid" => Side::Buy,
            "ask" => Side::Sell,
            _ => return Err(row.refuse("direction", "is neither bid nor ask")),
        };
        let id = row.text("id").to_owned();
        match row.text("action") {
            "created" => {
                by_id.insert(id.clone(), lives.len());
                lives.push(Life { created: minute, ended: None, side, usd, units });
            }
            action @ ("changed" | "deleted") => {
                // A volume that shrank was traded; deleted with volume left was cancelled.
                let shrank = remaining.get(&id).is_some_and(|before| units < *before);
                if shrank && (action == "changed" || units == 0) {
                    trades.insert(minute, usd);
                }
                if action == "deleted" {
                    if let Some(i) = by_id.remove(&id) {
                        lives[i].ended = Some(minute);
                    }
                }
            }
            _ => return Err(row.refuse("action", "is neither created, changed nor deleted")),
        }
        remaining.insert(id, units);
        Ok(())
    })?;
    let Some((start, first_trade)) = trades.first_key_value().map(|(minute, usd)| (*minute, *usd)) else {
        return Err(ConvertError::Nothing { file: file.to_owned(), what: "no order was traded" });
    };
    let end = start + options.minutes;
    let mut out = Converted { read, ..Converted::default() };
    for (minute, usd) in trades.range(start..end) {
        quote_perpetual(&mut out.markets, minute * 60, Asset::Btc, *usd);
    }
    let (mut outside, mut small, mut far, mut many) = (0, 0, 0, 0);
    let band = Params::of(Asset::Btc).band_future;
    for life in &lives {
        let last = trades.range(..=life.created).next_back().map_or(first_trade, |(_, usd)| *usd);
        let lots = life.units / (UNITS_PER_COIN / Asset::Btc.lots_per_coin());
        let limit = super::limit(Asset::Btc, life.side, life.usd);
        let (Ok(lots), Some(limit)) = (Lots::new(lots), limit) else {
            far += 1;
            continue;
        };
        if life.created < start || life.created >= end {
            outside += 1;
        } else if lots == Lots::ZERO {
            small += 1;
        } else if (life.usd / last - 1.0).abs() > band {
            far += 1;
        } else if out.orders.len() >= options.orders {
            many += 1;
        } else {
            let ended = life.ended.unwrap_or(end - 1).min(end - 1);
            out.orders.push(OrderLine {
                line: 0,
                minute: life.created - start,
                trader: Cast::name(cast.draw()),
                terms: perpetual(Asset::Btc),
                side: life.side,
                lots,
                limit,
                minutes: ended - life.created + 1,
                reduce_only: false,
                peg: None,
            });
        }
    }
    out.left_out = vec![
        ("created outside the minutes taken", outside),
        ("smaller than a lot", small),
        ("far from the last trade", far),
        ("beyond the number asked for", many),
    ];
    if out.orders.is_empty() {
        return Err(ConvertError::Nothing { file: file.to_owned(), what: "no order lies near the last trade" });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::markets::Quoted;

    const HEADER: &str = "id,timestamp,exchange.timestamp,price,volume,action,direction";
    const OPTIONS: Options = Options { seed: 1, traders: 3, minutes: 5, orders: 10 };

    fn run(rows: &[&str]) -> Result<Converted, ConvertError> {
        let text = format!("{HEADER}\n{}\n", rows.join("\n"));
        convert(Path::new("orders.csv"), text.as_bytes(), &OPTIONS)
    }

    #[test]
    fn orders_live_as_long_as_they_did() {
        let out = run(&[
            "1,600000,0,236.47,200000000,created,bid",
            "2,601000,0,236.47,100000000,created,ask",
            "2,602000,0,236.47,0,deleted,ask",
            "1,602000,0,236.47,100000000,changed,bid",
            "3,660000,0,236.99,50000,created,ask",
            "4,660000,0,100.00,100000000,created,bid",
            "1,725000,0,236.47,100000000,deleted,bid",
            "5,726000,0,237.01,300000,created,ask",
        ])
        .unwrap();
        let found: Vec<_> =
            out.orders.iter().map(|o| (o.minute, o.minutes, o.side, o.lots.get(), o.limit.get())).collect();
        // 236.47 bid goes down and ask up; order 1 was cancelled two minutes later, order 5 never ended.
        assert_eq!(
            found,
            [(0, 3, Side::Buy, 2_000, 2_364), (0, 1, Side::Sell, 1_000, 2_365), (2, 3, Side::Sell, 3, 2_371),]
        );
        let left = |what| out.left_out.iter().find(|(name, _)| *name == what).unwrap().1;
        assert_eq!((left("smaller than a lot"), left("far from the last trade")), (1, 1));
        assert_eq!(out.markets.start(), Some(600));
        assert_eq!(out.markets.rows[&600][0], Quoted::Index(Asset::Btc, 236.47));
    }

    #[test]
    fn bad_events_are_refused_by_line() {
        let refused = |row: &str| run(&[row]).unwrap_err().to_string();
        assert_eq!(
            refused("1,600000,0,236.47,1,made,bid"),
            "orders.csv, line 2, column `action`: `made` is neither created, changed nor deleted"
        );
        assert_eq!(
            refused("1,600000,0,236.47,1,created,buy"),
            "orders.csv, line 2, column `direction`: `buy` is neither bid nor ask"
        );
        assert_eq!(refused("1,600000,0,236.47,1,created,bid"), "orders.csv yields no orders: no order was traded");
    }
}
