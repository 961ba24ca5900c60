//! Whole random days through the encoding, the database and back.

use crate::harness::*;
use crate::random;
use novation_sequencer::durable::row::{first_seal, Row};
use novation_sequencer::durable::{codec, recover, SqlStore, Store};
use novation_sequencer::log::Head;
use novation_sequencer::{Effect, Engine, Event};
use novation_state::markets::Markets;
use novation_state::size::{Size, DEMO, TINY};
use novation_state::testkit::World;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

fn fresh(seed: u64, size: Size) -> Engine {
    let ledger = World::genesis(seed, size).ledger;
    let root = Head::genesis(ledger.deployment().id).root;
    Engine::new(config(size, 3, satisfied()), ledger, Markets::new(), root)
}

fn kind(event: &Event) -> &'static str {
    match event {
        Event::Order(_) => "order",
        Event::Command(_) => "command",
        Event::Deposit { .. } => "deposit",
        Event::Markets(_) => "markets",
        Event::Window => "window",
        Event::Batch => "batch",
        Event::Proven { .. } => "proven",
    }
}

#[tokio::test]
async fn random_days_come_back_from_the_database_with_the_same_roots() {
    let mut kinds = BTreeSet::new();
    for (seed, size) in [(40, TINY), (41, DEMO)] {
        println!("{} seed {seed}", size.name);
        let (venue, _) = random::run(seed, size, 700);
        let mut engine = fresh(seed, size);
        let mut seal = first_seal(&engine.log().root);
        let mut rows = Vec::new();
        for entry in &venue.log {
            assert_eq!(codec::decode(&codec::encode(&entry.input)).as_ref(), Ok(&entry.input));
            kinds.insert(kind(&entry.input.event));
            rows.push(Row::of(entry, &seal));
            seal = rows.last().unwrap().seal;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut store = SqlStore::open(&format!("sqlite:{}/log.db", folder.path().display())).await.unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = told.clone();
        let mut observer: novation_sequencer::durable::Observer = Box::new(move |effects| {
            let entries = effects.iter().filter_map(|effect| match effect {
                Effect::Logged(entry) => Some((**entry).clone()),
                _ => None,
            });
            tell.lock().unwrap().extend(entries);
        });
        // An empty log recovers to the engine it is given.
        engine = recover(&mut store, engine, None, &mut observer).await.unwrap().engine;
        assert_eq!(engine.log(), Head::genesis(engine.ledger().deployment().id));
        store.append(&rows).await.unwrap();
        let anchor = Some(venue.engine.log());
        let recovered = recover(&mut store, fresh(seed, size), anchor, &mut observer).await.unwrap();
        println!(
            "{} entries, {} bytes a body",
            rows.len(),
            rows.iter().map(|r| r.body.len()).sum::<usize>() / rows.len()
        );
        assert_eq!(recovered.entries, venue.log.len() as u64);
        assert_eq!(recovered.engine.log(), venue.engine.log());
        assert_eq!(recovered.engine.ledger(), venue.engine.ledger());
        assert_eq!(recovered.engine.markets(), venue.engine.markets());
        assert_eq!(recovered.engine.time(), venue.engine.time());
        let open = venue.engine.unproven() as usize;
        let headers: Vec<_> = recovered.unproven.iter().map(|trace| trace.header.clone()).collect();
        let expected = &venue.batches[venue.batches.len() - open..];
        assert_eq!(headers, expected.iter().map(|trace| trace.header.clone()).collect::<Vec<_>>());
        assert_eq!(*told.lock().unwrap(), venue.log);
    }
    assert_eq!(kinds.len(), 7, "the days must contain every kind: {kinds:?}");
}
