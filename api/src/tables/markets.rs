//! The markets table: quotes from which the oracle role makes its rounds.
//!
//! Needed columns: `time`, `instrument`, `price`. Optional: `vol`. The instrument `BTC-INDEX` is the index of an asset. A quote
//! holds until the next one of the same instrument.

use super::{Columns, Row, TableError};
use crate::calendar::{parse_stamp, show};
use crate::instrument::{Asset, Terms};
use crate::oracle::rounds::Quote;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// The columns.
pub const COLUMNS: Columns = Columns { needed: &["time", "instrument", "price"], optional: &["vol"], others: false };
/// What stands for an asset's index after its ticker.
const INDEX: &str = "-INDEX";

/// What a line quotes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quoted {
    /// An index, in dollars.
    Index(Asset, f64),
    /// An instrument.
    Instrument(Terms, Quote),
}

/// Quotes by time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MarketsTable {
    /// Unix seconds to what was quoted then.
    pub rows: BTreeMap<i64, Vec<Quoted>>,
}

impl MarketsTable {
    /// Time of the first quote.
    pub fn start(&self) -> Option<i64> {
        self.rows.first_key_value().map(|(time, _)| *time)
    }

    /// The instruments, in order of their first quotes.
    pub fn instruments(&self) -> Vec<Terms> {
        let mut out = Vec::new();
        for quoted in self.rows.values().flatten() {
            if let Quoted::Instrument(terms, _) = quoted {
                if !out.contains(terms) {
                    out.push(*terms);
                }
            }
        }
        out
    }
}

/// Reads a markets table.
///
/// # Errors
/// [`TableError`], which names line, column and rule.
pub fn read(file: &Path, source: impl std::io::Read) -> Result<MarketsTable, TableError> {
    let mut table = MarketsTable::default();
    super::read(file, source, COLUMNS, |row| {
        let time = row.text("time");
        let time =
            parse_stamp(time).map_err(|_| row.refuse("time", "is not a time like 2026-03-27T08:00:00Z (UTC)"))?;
        table.rows.entry(time).or_default().push(quoted(row)?);
        Ok(())
    })?;
    Ok(table)
}

fn quoted(row: &Row) -> Result<Quoted, TableError> {
    let price = row.number("price")?;
    if price <= 0.0 {
        return Err(row.refuse("price", "is not above zero"));
    }
    let no_vol = || {
        let rule = "stands where there is none: only options have a volatility";
        if row.text("vol").is_empty() {
            Ok(())
        } else {
            Err(row.refuse("vol", rule))
        }
    };
    if let Some(ticker) = row.text("instrument").strip_suffix(INDEX) {
        let asset = ticker.parse().map_err(|e| row.refuse("instrument", format!("is refused: {e}")))?;
        no_vol()?;
        return Ok(Quoted::Index(asset, price));
    }
    let terms: Terms = row.parse("instrument")?;
    if !terms.is_option() {
        no_vol()?;
        return Ok(Quoted::Instrument(terms, Quote::Price(price)));
    }
    let vol = row.number("vol")?;
    if !(0.0..=20.0).contains(&vol) {
        return Err(row.refuse("vol", "is not a yearly volatility from 0 to 20 (0.5 is 50 %)"));
    }
    Ok(Quoted::Instrument(terms, Quote::Vol { forward: price, vol }))
}

/// Writes a markets table that [`read`] reads.
///
/// # Errors
/// What the writer says.
pub fn write(table: &MarketsTable, mut out: impl Write) -> std::io::Result<()> {
    writeln!(out, "time,instrument,price,vol")?;
    for (time, rows) in &table.rows {
        let stamp = show(*time).replace(" UTC", "Z").replace(' ', "T");
        for row in rows {
            match row {
                Quoted::Index(asset, price) => writeln!(out, "{stamp},{asset}{INDEX},{price},")?,
                Quoted::Instrument(terms, Quote::Price(price)) => writeln!(out, "{stamp},{terms},{price},")?,
                Quoted::Instrument(terms, Quote::Vol { forward, vol }) => {
                    writeln!(out, "{stamp},{terms},{forward},{vol}")?;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "time,instrument,price,vol
2026-03-01T10:00:00Z,BTC-INDEX,90000.5,
2026-03-01T10:00:00Z,BTC-PERP,90010,
2026-03-01T10:00:00Z,BTC-27MAR26-100000-C,90500.25,0.45
2026-03-01T10:05:00Z,BTC-PERP,90100,
";

    fn parse(text: &str) -> Result<MarketsTable, TableError> {
        read(Path::new("markets.csv"), text.as_bytes())
    }

    #[test]
    fn what_is_read_is_written_again() {
        let table = parse(TEXT).unwrap();
        assert_eq!(table.start(), Some(1_772_359_200));
        let names: Vec<String> = table.instruments().iter().map(Terms::to_string).collect();
        assert_eq!(names, ["BTC-PERP", "BTC-27MAR26-100000-C"]);
        let mut out = Vec::new();
        write(&table, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), TEXT);
    }

    #[test]
    fn a_bad_field_is_named_with_line_column_and_rule() {
        for (row, message) in [
            ("yesterday,BTC-PERP,1,", "column `time`: `yesterday` is not a time like 2026-03-27T08:00:00Z (UTC)"),
            ("2026-03-01T10:00:00Z,BTC-PERP,-1,", "column `price`: `-1` is not above zero"),
            ("2026-03-01T10:00:00Z,BTC-PERP,NaN,", "column `price`: `NaN` is not finite"),
            (
                "2026-03-01T10:00:00Z,BTC-PERP,90000,0.5",
                "column `vol`: `0.5` stands where there is none: only options have a volatility",
            ),
            (
                "2026-03-01T10:00:00Z,BTC-27MAR26-1-C,90000,45",
                "column `vol`: `45` is not a yearly volatility from 0 to 20 (0.5 is 50 %)",
            ),
            ("2026-03-01T10:00:00Z,BTC-27MAR26-1-C,90000,", "column `vol`: `` is not a number"),
            (
                "2026-03-01T10:00:00Z,DOGE-INDEX,1,",
                "column `instrument`: `DOGE-INDEX` is refused: `DOGE` is not an underlying: BTC or ETH",
            ),
        ] {
            let error = parse(&format!("time,instrument,price,vol\n{row}\n")).unwrap_err().to_string();
            assert_eq!(error, format!("markets.csv, line 2, {message}"));
        }
    }
}
