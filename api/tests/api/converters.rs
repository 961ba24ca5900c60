//! The converters on the real files, where they are.

use crate::common::{market_data, CHAINS};
use novation_api::convert::{binance, bitstamp, deribit, Converted, Options};
use novation_api::instrument::Terms;
use novation_api::oracle::rounds::{Oracle, Snapshot};
use novation_api::tables::markets::{self, Quoted};
use novation_api::tables::{self, orders};
use novation_state::units::Time;
use std::collections::BTreeMap;
use std::path::Path;

const OPTIONS: Options = Options { seed: 1, traders: 6, minutes: 5, orders: 200 };

/// What every conversion has to be: tables that are read again, instruments that the oracle can list at the start, orders near the
/// market. Returns how many orders lie inside their price band.
fn judge(converted: &Converted) -> usize {
    let mut text = Vec::new();
    markets::write(&converted.markets, &mut text).unwrap();
    assert_eq!(markets::read(Path::new("markets.csv"), text.as_slice()).unwrap(), converted.markets);
    let mut text = Vec::new();
    orders::write(&converted.orders, &mut text).unwrap();
    let mut again = orders::read(Path::new("orders.csv"), text.as_slice()).unwrap();
    again.iter_mut().for_each(|order| order.line = 0);
    assert_eq!(again, converted.orders);

    let start = converted.markets.start().expect("quotes");
    let mut snapshot = Snapshot {
        time: Time::new(start).unwrap(),
        index: BTreeMap::new(),
        quotes: BTreeMap::new(),
        settlements: BTreeMap::new(),
    };
    for row in &converted.markets.rows[&start] {
        match row {
            Quoted::Index(asset, price) => drop(snapshot.index.insert(*asset, *price)),
            Quoted::Instrument(terms, quote) => drop(snapshot.quotes.insert(*terms, *quote)),
        }
    }
    let listing: Vec<Terms> = converted.markets.instruments();
    let mut oracle = Oracle::new();
    let leaves = oracle.round(&snapshot, &listing).expect("every instrument can be listed");
    let leaf = |terms: &Terms| &leaves.iter().find(|(id, _)| oracle.id(terms) == Some(*id)).expect("listed").1;
    let inside = |order: &&orders::OrderLine| {
        let leaf = leaf(&order.terms);
        (leaf.band_low..=leaf.band_high).contains(&order.limit)
    };
    converted.orders.iter().filter(inside).count()
}

#[test]
fn real_chains_become_markets_that_the_oracle_lists() {
    for name in CHAINS {
        let Some(path) = market_data(name) else { return };
        let converted = deribit::convert(&path, tables::open(&path).unwrap(), &OPTIONS).unwrap();
        assert!(converted.read > 1_000, "{} rows", converted.read);
        let instruments = converted.markets.instruments();
        println!("{} rows, {} instruments, {} orders", converted.read, instruments.len(), converted.orders.len());
        assert_eq!(instruments.iter().filter(|terms| terms.is_option()).count(), 16);
        assert_eq!(judge(&converted), converted.orders.len(), "every real quote near the money lies inside its band");
    }
}

#[test]
fn real_order_flow_of_bitstamp_becomes_orders() {
    let Some(path) = market_data("orderflow/bitstamp_20150501_orders.csv.xz") else { return };
    let converted = bitstamp::convert(&path, tables::open(&path).unwrap(), &OPTIONS).unwrap();
    println!("{} events, {} orders, left out: {:?}", converted.read, converted.orders.len(), converted.left_out);
    assert_eq!(converted.read, 50_414);
    assert_eq!(judge(&converted), converted.orders.len());
    assert!(converted.orders.len() >= 50);
}

#[test]
fn real_trades_of_binance_become_pairs_of_orders() {
    let Some(path) = market_data("orderflow/binance_usdm_btcusdt_20240808_trades.csv.gz") else { return };
    let converted = binance::convert(&path, tables::open(&path).unwrap(), &OPTIONS).unwrap();
    println!("{} trades, {} orders, left out: {:?}", converted.read, converted.orders.len(), converted.left_out);
    assert_eq!(converted.read, 21_313);
    assert_eq!(converted.orders.len(), 200);
    assert_eq!(judge(&converted), 200);
}
