//! `novation convert`.

use crate::cli::Convert;
use crate::convert::{binance, bitstamp, deribit, Options};
use crate::tables::{self, markets, orders};
use anyhow::Context;
use std::fs::File;
use std::io::BufWriter;

/// Converts a file into tables and says how to play them.
pub fn run(source: &Convert) -> anyhow::Result<()> {
    let (Convert::Deribit(args) | Convert::Bitstamp(args) | Convert::Binance(args)) = source;
    let options = Options { seed: args.seed, traders: args.traders, minutes: args.minutes, orders: args.orders };
    let input = tables::open(&args.file)?;
    let converted = match source {
        Convert::Deribit(_) => deribit::convert(&args.file, input, &options)?,
        Convert::Bitstamp(_) => bitstamp::convert(&args.file, input, &options)?,
        Convert::Binance(_) => binance::convert(&args.file, input, &options)?,
    };
    let folder = &args.output;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let create = |name: &str| {
        let path = folder.join(name);
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok::<_, anyhow::Error>((path, BufWriter::new(file)))
    };
    let (markets_path, out) = create("markets.csv")?;
    markets::write(&converted.markets, out)?;
    let (orders_path, out) = create("orders.csv")?;
    orders::write(&converted.orders, out)?;

    let instruments = converted.markets.instruments().len();
    println!("{} rows read, {} orders, {instruments} instruments", converted.read, converted.orders.len());
    for (reason, count) in converted.left_out.iter().filter(|(_, count)| *count > 0) {
        println!("  left out: {count} {reason}");
    }
    println!("play them: novation demo --orders {} --markets {}", orders_path.display(), markets_path.display());
    Ok(())
}
