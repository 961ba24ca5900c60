//! Binance's trades in the BTC perpetual: each becomes an order of its taker and one of a counterparty, in the minute in which it
//! happened.

use super::{perpetual, quote_perpetual, Cast, ConvertError, Converted, Options};
use crate::instrument::{parse_decimal, Asset, MICRO};
use crate::tables::orders::OrderLine;
use crate::tables::{self, Columns};
use novation_state::message::Side;
use novation_state::units::Lots;
use std::collections::BTreeMap;
use std::path::Path;

const COLUMNS: Columns = Columns { needed: &["exch_ms", "price", "qty", "taker_side"], optional: &[], others: true };

struct Trade {
    minute: i64,
    taker: Side,
    usd: f64,
    lots: i64,
}

/// Converts a trade file.
///
/// # Errors
/// [`ConvertError`].
pub fn convert(file: &Path, source: impl std::io::Read, options: &Options) -> Result<Converted, ConvertError> {
    let mut cast = Cast::new(options)?;
    let asset = Asset::Btc;
    let mut trades = Vec::new();
    tables::read(file, source, COLUMNS, |row| {
        let micro = |column| {
            parse_decimal(row.text(column), 6).ok_or_else(|| row.refuse(column, "is not a positive decimal number"))
        };
        trades.push(Trade {
            minute: row.whole("exch_ms", 0, i64::MAX)? / 60_000,
            taker: match row.text("taker_side") {
                "buy" => Side::Buy,
                "sell" => Side::Sell,
                _ => return Err(row.refuse("taker_side", "is neither buy nor sell")),
            },
            usd: micro("price")? as f64 / MICRO as f64,
            lots: micro("qty")? / (MICRO / asset.lots_per_coin()),
        });
        Ok(())
    })?;
    let start = trades.iter().map(|t| t.minute).min().expect("a table has rows");
    let mut out = Converted { read: trades.len(), ..Converted::default() };
    let (mut outside, mut small, mut many) = (0, 0, 0);
    let mut last: BTreeMap<i64, f64> = BTreeMap::new();
    // A minute's share of the orders, so that a busy first minute leaves some for the others.
    let share = options.orders / usize::try_from(options.minutes.max(1)).unwrap_or(usize::MAX);
    let mut taken: BTreeMap<i64, usize> = BTreeMap::new();
    for trade in &trades {
        let minute = trade.minute - start;
        if minute >= options.minutes {
            outside += 1;
            continue;
        }
        last.insert(trade.minute, trade.usd);
        let count = taken.entry(minute).or_default();
        let Some(lots) = Lots::new(trade.lots).ok().filter(|lots| *lots > Lots::ZERO) else {
            small += 1;
            continue;
        };
        if *count + 2 > share {
            many += 1;
            continue;
        }
        *count += 2;
        let maker = cast.draw();
        let taker = cast.draw_other(maker);
        let other = if trade.taker == Side::Buy { Side::Sell } else { Side::Buy };
        for (trader, side) in [(maker, other), (taker, trade.taker)] {
            let Some(limit) = super::limit(asset, side, trade.usd) else { continue };
            out.orders.push(OrderLine {
                line: 0,
                minute,
                trader: Cast::name(trader),
                terms: perpetual(asset),
                side,
                lots,
                limit,
                minutes: 1,
                reduce_only: false,
                peg: None,
            });
        }
    }
    for (minute, usd) in last {
        quote_perpetual(&mut out.markets, minute * 60, asset, usd);
    }
    out.left_out = vec![
        ("after the minutes taken", outside),
        ("smaller than a lot", small),
        ("beyond the number asked for", many),
    ];
    if out.orders.is_empty() {
        return Err(ConvertError::Nothing { file: file.to_owned(), what: "no trade is as large as a lot" });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "local_ns,exch_ms,trade_id,price,qty,taker_side,type";
    const OPTIONS: Options = Options { seed: 1, traders: 3, minutes: 2, orders: 8 };

    fn run(rows: &[&str]) -> Result<Converted, ConvertError> {
        let text = format!("{HEADER}\n{}\n", rows.join("\n"));
        convert(Path::new("trades.csv"), text.as_bytes(), &OPTIONS)
    }

    #[test]
    fn a_trade_becomes_two_orders_that_meet() {
        let out = run(&[
            "0,60000,1,61800.30,0.006,buy,MARKET",
            "0,60001,2,61800.20,0.0004,sell,MARKET",
            "0,60002,3,61800.10,0.100,sell,MARKET",
            "0,60003,4,61800.10,0.100,sell,MARKET",
            "0,120000,5,61799.90,0.002,sell,MARKET",
            "0,180000,6,61799.90,0.002,sell,MARKET",
        ])
        .unwrap();
        let found: Vec<_> = out.orders.iter().map(|o| (o.minute, o.side, o.lots.get(), o.limit.get())).collect();
        let (buy, sell) = (Side::Buy, Side::Sell);
        assert_eq!(
            found,
            [
                (0, sell, 6, 618_003),
                (0, buy, 6, 618_003),
                (0, buy, 100, 618_001),
                (0, sell, 100, 618_001),
                (1, buy, 2, 617_999),
                (1, sell, 2, 617_999),
            ]
        );
        for pair in out.orders.chunks(2) {
            assert_ne!(pair[0].trader, pair[1].trader);
        }
        let left: Vec<usize> = out.left_out.iter().map(|(_, n)| *n).collect();
        assert_eq!(left, [1, 1, 1]);
        assert_eq!(out.markets.rows.keys().copied().collect::<Vec<_>>(), [60, 120]);
    }

    #[test]
    fn bad_trades_are_refused_by_line() {
        let error = run(&["0,60000,1,61800.30,-0.006,buy,MARKET"]).unwrap_err().to_string();
        assert_eq!(error, "trades.csv, line 2, column `qty`: `-0.006` is not a positive decimal number");
    }
}
