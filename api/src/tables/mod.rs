//! Tables that people write: orders and market quotes as CSV, read with errors that name file, line, column and rule.
//!
//! Both formats are documented in `api/README.md`. Fields are separated by commas and never quoted: nothing that stands in these
//! tables contains a comma. Empty lines and lines that start with `#` are passed over. Columns may come in any order; an unknown
//! column is an error, because a misspelt optional column would otherwise be ignored in silence.

pub mod markets;
pub mod orders;

use std::collections::HashMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// Most lines of a table: some seconds of reading, far beyond what can be proven in a sitting.
pub const MAX_LINES: usize = 1_000_000;

/// Why a table is refused.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be opened or read.
    #[error("{file}: {reason}")]
    Open {
        /// The file.
        file: PathBuf,
        /// What the system or the decompressor says.
        reason: std::io::Error,
    },
    /// A line has as many fields as the header.
    #[error("{file}, line {line}: {found} fields, the header has {expected} (fields are separated by commas, without quotes)")]
    Fields {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Fields of the line.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// A column is missing.
    #[error("{file}: the column `{column}` is missing; needed are {needed}")]
    MissingColumn {
        /// The file.
        file: PathBuf,
        /// The column.
        column: &'static str,
        /// All needed columns.
        needed: String,
    },
    /// A column is not known, or there twice.
    #[error("{file}: `{column}` is not a column of this table or stands there twice; known are {known}")]
    UnknownColumn {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// All known columns.
        known: String,
    },
    /// A field breaks a rule.
    #[error("{file}, line {line}, column `{column}`: `{value}` {rule}")]
    Field {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// What stands there.
        value: String,
        /// The rule, in words that go on after the value.
        rule: String,
    },
    /// A table is longer than anybody can want.
    #[error("{file} has more than {MAX_LINES} lines")]
    TooLong {
        /// The file.
        file: PathBuf,
    },
    /// A table without a row.
    #[error("{file} has no rows")]
    Empty {
        /// The file.
        file: PathBuf,
    },
}

/// The columns of a format.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// Have to be there.
    pub needed: &'static [&'static str],
    /// May be there.
    pub optional: &'static [&'static str],
    /// Whether further columns are fine: in files that others wrote.
    pub others: bool,
}

/// One line of a table.
pub struct Row<'a> {
    file: &'a Path,
    columns: &'a HashMap<String, usize>,
    line: u64,
    fields: Vec<&'a str>,
}

impl Row<'_> {
    /// Line in the file, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// A field; empty if the column is absent.
    pub fn text(&self, column: &'static str) -> &str {
        self.columns.get(column).map_or("", |i| self.fields[*i])
    }

    /// The error that this row's field breaks a rule.
    pub fn refuse(&self, column: &'static str, rule: impl Into<String>) -> TableError {
        TableError::Field {
            file: self.file.to_owned(),
            line: self.line,
            column,
            value: self.text(column).to_owned(),
            rule: rule.into(),
        }
    }

    /// A field that parses by [`std::str::FromStr`], whose error is the rule.
    pub fn parse<T: std::str::FromStr>(&self, column: &'static str) -> Result<T, TableError>
    where
        T::Err: std::fmt::Display,
    {
        self.text(column).parse().map_err(|e: T::Err| self.refuse(column, format!("is refused: {e}")))
    }

    /// A finite number.
    pub fn number(&self, column: &'static str) -> Result<f64, TableError> {
        let value: f64 = self.text(column).parse().map_err(|_| self.refuse(column, "is not a number"))?;
        if value.is_finite() {
            Ok(value)
        } else {
            Err(self.refuse(column, "is not finite"))
        }
    }

    /// A whole number within bounds, both included.
    pub fn whole(&self, column: &'static str, least: i64, most: i64) -> Result<i64, TableError> {
        let rule = || format!("is not a whole number from {least} to {most}");
        let value: i64 = self.text(column).parse().map_err(|_| self.refuse(column, rule()))?;
        if (least..=most).contains(&value) {
            Ok(value)
        } else {
            Err(self.refuse(column, rule()))
        }
    }
}

/// Reads a table from text, calling `each` for every row.
///
/// # Errors
/// [`TableError`], those of `each` included.
pub fn read(
    file: &Path,
    source: impl std::io::Read,
    format: Columns,
    mut each: impl FnMut(&Row) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let mut source = std::io::BufReader::new(source);
    let mut columns: Option<HashMap<String, usize>> = None;
    let (mut text, mut line, mut rows) = (String::new(), 0, 0);
    loop {
        text.clear();
        line += 1;
        let open = |reason| TableError::Open { file: file.to_owned(), reason };
        if source.read_line(&mut text).map_err(open)? == 0 {
            break;
        }
        let content = text.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = content.split(',').map(str::trim).collect();
        let Some(columns) = &columns else {
            columns = Some(header(file, format, &fields)?);
            continue;
        };
        if fields.len() != columns.len() {
            let (found, expected) = (fields.len(), columns.len());
            return Err(TableError::Fields { file: file.to_owned(), line, found, expected });
        }
        rows += 1;
        if rows > MAX_LINES {
            return Err(TableError::TooLong { file: file.to_owned() });
        }
        each(&Row { file, columns, line, fields })?;
    }
    if rows == 0 {
        return Err(TableError::Empty { file: file.to_owned() });
    }
    Ok(())
}

/// The places of the columns.
fn header(file: &Path, format: Columns, names: &[&str]) -> Result<HashMap<String, usize>, TableError> {
    let mut columns = HashMap::new();
    for (i, name) in names.iter().enumerate() {
        let known = format.others || format.needed.contains(name) || format.optional.contains(name);
        if columns.insert((*name).to_owned(), i).is_some() || !known {
            let known = [format.needed, format.optional].concat().join(", ");
            return Err(TableError::UnknownColumn { file: file.to_owned(), column: (*name).to_owned(), known });
        }
    }
    match format.needed.iter().find(|column| !columns.contains_key(**column)) {
        None => Ok(columns),
        Some(column) => {
            let needed = format.needed.join(", ");
            Err(TableError::MissingColumn { file: file.to_owned(), column, needed })
        }
    }
}

/// Opens a file for [`read`], decompressing `.gz` and `.xz`.
///
/// # Errors
/// [`TableError::Open`].
pub fn open(file: &Path) -> Result<Box<dyn std::io::Read>, TableError> {
    let plain = std::fs::File::open(file).map_err(|reason| TableError::Open { file: file.to_owned(), reason })?;
    let plain = std::io::BufReader::new(plain);
    Ok(match file.extension().and_then(|e| e.to_str()) {
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(plain)),
        Some("xz") => Box::new(lzma_rust2::XzReader::new(plain, true)),
        _ => Box::new(plain),
    })
}
