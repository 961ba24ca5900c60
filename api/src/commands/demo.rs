//! `novation demo`.

use super::{key_folder, log_to_stderr};
use crate::cli::Demo;
use crate::demo::replay::Tables;
use crate::demo::screen::Screen;
use crate::demo::{self, report, Options, Play};
use crate::tables::{self, markets, orders};
use anyhow::Context;

/// Runs the demo and prints its report.
pub fn run(args: &Demo) -> anyhow::Result<()> {
    let options = Options {
        size: args.size,
        seed: args.seed,
        keys: key_folder(args.keys.keys.as_ref()),
        dump: args.dump.clone(),
        port: args.port,
        play: play(args)?,
    };
    // Of the node: what it waits for, if it does.
    log_to_stderr("warn");
    let report = demo::run(&options, &Screen::detect()).context("the demo stopped")?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("\n{}", report::table(&report));
    }
    Ok(())
}

fn play(args: &Demo) -> anyhow::Result<Play> {
    let Some(file) = &args.orders else { return Ok(Play::Script) };
    let orders = orders::read(file, tables::open(file)?)?;
    let markets = match &args.markets {
        Some(file) => Some(markets::read(file, tables::open(file)?)?),
        None => None,
    };
    Ok(Play::Tables(Tables { orders, markets, deposit_usd: args.deposit, batches: args.batches.into() }))
}
