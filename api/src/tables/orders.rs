//! The orders table: who wants to trade what, when.
//!
//! Needed columns: `minute`, `trader`, `instrument`, `side`, `lots`, `limit`. Optional: `minutes`, `reduce_only`, `peg`.

use super::{Columns, Row, TableError};
use crate::instrument::{parse_decimal, Asset, Terms, MICRO};
use novation_state::message::Side;
use novation_state::units::{Lots, Ticks};
use std::io::Write;
use std::path::Path;

/// Latest minute: a week.
pub const MAX_MINUTE: i64 = 7 * 24 * 60;
/// Longest name of a trader.
pub const MAX_NAME: usize = 24;

/// The columns.
pub const COLUMNS: Columns = Columns {
    needed: &["minute", "trader", "instrument", "side", "lots", "limit"],
    optional: &["minutes", "reduce_only", "peg"],
    others: false,
};

/// A line of the table. The demo signs it with the trader's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLine {
    /// Line in the file, from 1; 0 for orders that came from no file.
    pub line: u64,
    /// Minutes since the start: the auction window in which it arrives.
    pub minute: i64,
    /// The trader's name.
    pub trader: String,
    /// What is traded.
    pub terms: Terms,
    /// Side.
    pub side: Side,
    /// Most lots.
    pub lots: Lots,
    /// Worst price.
    pub limit: Ticks,
    /// Windows for which the order lives, from 1.
    pub minutes: i64,
    /// May only shrink the position.
    pub reduce_only: bool,
    /// Not worse than the mark plus so many ticks.
    pub peg: Option<i64>,
}

/// Reads an orders table. Lines are returned in order of their minutes; within a minute as they stand in the file.
///
/// # Errors
/// [`TableError`], which names line, column and rule.
pub fn read(file: &Path, source: impl std::io::Read) -> Result<Vec<OrderLine>, TableError> {
    let mut lines = Vec::new();
    super::read(file, source, COLUMNS, |row| {
        lines.push(line(row)?);
        Ok(())
    })?;
    lines.sort_by_key(|line| line.minute);
    Ok(lines)
}

fn line(row: &Row) -> Result<OrderLine, TableError> {
    let terms: Terms = row.parse("instrument")?;
    let side = match row.text("side") {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        _ => return Err(row.refuse("side", "is neither buy nor sell")),
    };
    let reduce_only = match row.text("reduce_only") {
        "" | "no" => false,
        "yes" => true,
        _ => return Err(row.refuse("reduce_only", "is neither yes nor no")),
    };
    let minutes = if row.text("minutes").is_empty() { 1 } else { row.whole("minutes", 1, MAX_MINUTE)? };
    Ok(OrderLine {
        line: row.line(),
        minute: row.whole("minute", 0, MAX_MINUTE)?,
        trader: trader(row)?,
        terms,
        side,
        lots: Lots::new(row.whole("lots", 1, Lots::MAX.get())?).expect("within the bounds just checked"),
        limit: price(row, "limit", terms.asset, row.text("limit"))?,
        minutes,
        reduce_only,
        peg: peg(row, terms.asset)?,
    })
}

fn trader(row: &Row) -> Result<String, TableError> {
    let name = row.text("trader");
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(letters) {
        let rule = format!("is not a name of 1 to {MAX_NAME} letters a-z, digits, - or _");
        return Err(row.refuse("trader", rule));
    }
    Ok(name.to_owned())
}

/// A price on the grid of its asset, exactly.
fn price(row: &Row, column: &'static str, asset: Asset, text: &str) -> Result<Ticks, TableError> {
    let rule = || format!("is not a price in USD on the grid of {asset}: a multiple of {}", asset.tick_usd());
    let micro = parse_decimal(text, 6).ok_or_else(|| row.refuse(column, rule()))?;
    if micro % asset.tick_micro() != 0 {
        return Err(row.refuse(column, rule()));
    }
    Ticks::new(micro / asset.tick_micro()).map_err(|e| row.refuse(column, format!("is refused: {e}")))
}

fn peg(row: &Row, asset: Asset) -> Result<Option<i64>, TableError> {
    let text = row.text("peg");
    if text.is_empty() {
        return Ok(None);
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let ticks = price(row, "peg", asset, digits)?.get();
    Ok(Some(if negative { -ticks } else { ticks }))
}

/// Writes an orders table that [`read`] reads.
///
/// # Errors
/// What the writer says.
pub fn write(lines: &[OrderLine], mut out: impl Write) -> std::io::Result<()> {
    writeln!(out, "minute,trader,instrument,side,lots,limit,minutes,reduce_only,peg")?;
    for line in lines {
        let asset = line.terms.asset;
        let side = if line.side == Side::Buy { "buy" } else { "sell" };
        let (limit, reduce_only) = (asset.show(line.limit), if line.reduce_only { "yes" } else { "no" });
        let peg = line
            .peg
            .map_or(String::new(), |ticks| format!("{:.2}", (ticks * asset.tick_micro()) as f64 / MICRO as f64));
        let (minute, trader, terms, lots, minutes) = (line.minute, &line.trader, line.terms, line.lots, line.minutes);
        writeln!(out, "{minute},{trader},{terms},{side},{lots},{limit},{minutes},{reduce_only},{peg}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "minute,trader,instrument,side,lots,limit,minutes,reduce_only,peg";

    fn parse(text: &str) -> Result<Vec<OrderLine>, TableError> {
        read(Path::new("orders.csv"), text.as_bytes())
    }

    fn refusal(row: &str) -> String {
        parse(&format!("{HEADER}\n# a comment\n{row}\n")).unwrap_err().to_string()
    }

    #[test]
    fn lines_come_in_order_of_minutes_and_optional_columns_have_defaults() {
        let text =
            "instrument,minute,side,trader,lots,limit\nETH-PERP,2,sell,bob,7,2950.55\nBTC-PERP,0,buy,al,1,88000\n";
        let lines = parse(text).unwrap();
        assert_eq!(lines.iter().map(|l| (l.line, l.minute)).collect::<Vec<_>>(), [(3, 0), (2, 2)]);
        let bob = &lines[1];
        assert_eq!((bob.limit.get(), bob.minutes, bob.reduce_only, bob.peg), (295_055, 1, false, None));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = format!(
            "{HEADER}\n0,al,BTC-27MAR26-100000-C,buy,5,1250.5,3,no,\n1,bo,ETH-PERP,sell,9,2950.55,1,yes,-12.50\n"
        );
        let lines = parse(&text).unwrap();
        assert_eq!(lines[1].peg, Some(-1_250));
        let mut out = Vec::new();
        write(&lines, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), text);
    }

    #[test]
    fn a_bad_field_is_named_with_line_column_and_rule() {
        for (row, message) in [
            ("x,al,BTC-PERP,buy,1,88000,,,", "column `minute`: `x` is not a whole number from 0 to 10080"),
            (
                "0,Al,BTC-PERP,buy,1,88000,,,",
                "column `trader`: `Al` is not a name of 1 to 24 letters a-z, digits, - or _",
            ),
            (
                "0,al,BTC-PRP,buy,1,88000,,,",
                "column `instrument`: `BTC-PRP` is refused: `PRP` is not a date like 27MAR26 or 6FEB26",
            ),
            ("0,al,BTC-PERP,bid,1,88000,,,", "column `side`: `bid` is neither buy nor sell"),
            ("0,al,BTC-PERP,buy,0,88000,,,", "column `lots`: `0` is not a whole number from 1 to 1099511627775"),
            (
                "0,al,BTC-PERP,buy,1,88000.05,,,",
                "column `limit`: `88000.05` is not a price in USD on the grid of BTC: a multiple of 0.1",
            ),
            (
                "0,al,BTC-PERP,buy,1,500000000,,,",
                "column `limit`: `500000000` is refused: Ticks out of range: 5000000000",
            ),
            ("0,al,BTC-PERP,buy,1,88000,0,,", "column `minutes`: `0` is not a whole number from 1 to 10080"),
            ("0,al,BTC-PERP,buy,1,88000,1,true,", "column `reduce_only`: `true` is neither yes nor no"),
            (
                "0,al,BTC-PERP,buy,1,88000,1,no,--5",
                "column `peg`: `--5` is not a price in USD on the grid of BTC: a multiple of 0.1",
            ),
        ] {
            assert_eq!(refusal(row), format!("orders.csv, line 3, {message}"));
        }
    }

    #[test]
    fn a_misspelt_or_missing_column_is_refused() {
        let error = parse("minute,trader,instrument,side,lots,limit,reduceonly\n").unwrap_err().to_string();
        let known = "minute, trader, instrument, side, lots, limit, minutes, reduce_only, peg";
        let expected = "`reduceonly` is not a column of this table or stands there twice; known are";
        assert_eq!(error, format!("orders.csv: {expected} {known}"));
        let error = parse("minute,trader,instrument,side,lots\n").unwrap_err().to_string();
        let needed = "minute, trader, instrument, side, lots, limit";
        assert_eq!(error, format!("orders.csv: the column `limit` is missing; needed are {needed}"));
        let short = parse(&format!("{HEADER}\n0,al,BTC-PERP\n")).unwrap_err().to_string();
        let expected = "3 fields, the header has 9 (fields are separated by commas, without quotes)";
        assert_eq!(short, format!("orders.csv, line 2: {expected}"));
        assert_eq!(parse(&format!("{HEADER}\n")).unwrap_err().to_string(), "orders.csv has no rows");
    }
}
