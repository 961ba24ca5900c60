//! Where test data lies.

use std::path::{Path, PathBuf};

/// A committed vector.
pub fn vector(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A file of the market data that may not be redistributed: under `NOVATION_DATA`, or beside the repository. Prints what is read, or
/// that a test is skipped because the folder is absent. A folder that is there and lacks the file is a failure.
pub fn market_data(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("NOVATION_DATA")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"));
    if !folder.is_dir() {
        println!("skipped: no market data at {} (set NOVATION_DATA)", folder.display());
        return None;
    }
    let path = folder.join(name);
    assert!(path.is_file(), "{} is missing from the market data", path.display());
    println!("reading {}", path.display());
    Some(path)
}

/// Five full chains of options, four calm days and the crash of 2026-02-05.
pub const CHAINS: [&str; 5] = [
    "options/deribit_options_snapshot_20251230T173115Z.csv",
    "options/deribit_options_snapshot_20260131T212133Z.csv",
    "options/deribit_options_snapshot_20260205T155132Z.csv",
    "options/deribit_options_snapshot_20260624T065508Z.csv",
    "options/deribit_options_snapshot_20260819T154440Z.csv",
];
