//! Which constraints are the only thing between a forgery and a proof.
//!
//! A constraint is *isolated* if some forgery of this suite fails it and nothing else: without it that forgery would be provable.
//! Every other name of the circuit stands in one table of `redundant`, with the reason. What is isolated and the tables together are
//! exactly the names of the circuit, and no two of them meet.

use crate::redundant::{IN_GADGETS, REDUNDANT, UNISOLATED};
use crate::{alone_bits, alone_effects, alone_gadgets, kit::*, lone, named_at_z, named_attacks, rejections, sweep};
use novation_circuits::batch;
use novation_state::size::TINY;
use std::collections::BTreeMap;

/// By the name of a constraint: a forgery that it alone stops.
type Found = BTreeMap<&'static str, String>;

fn take(found: &mut Found, failing: &Names, what: impl FnOnce() -> String) {
    if let (1, Some(only)) = (failing.len(), failing.first()) {
        found.entry(only).or_insert_with(what);
    }
}

/// Batches that say something false.
fn by_false_batches() -> Found {
    let mut found = Found::new();
    for (title, failing) in rejections::outcomes() {
        take(&mut found, failing, || title.clone());
    }
    // One by one: a thread of rayon's pool may not wait for a test that waits for the pool.
    let named = [named_attacks::ALL, named_at_z::ALL, alone_effects::ALL, alone_bits::ALL, alone_gadgets::ALL];
    for (title, outcome) in named.concat() {
        take(&mut found, outcome(), || title.to_string());
    }
    for (title, failing) in lone::outcomes() {
        println!("{title}: {failing:?}");
        take(&mut found, &failing, || title);
    }
    found
}

/// Lies at hints: what is isolated is the binding of a wire, whether or not what then follows is false.
fn by_lies() -> Found {
    let mut found = Found::new();
    for outcome in sweep::outcomes() {
        take(&mut found, &outcome.failing, || outcome.to_string());
    }
    found
}

#[test]
fn every_constraint_is_isolated_or_says_why_not() {
    let circuit: Names = batch::matrices(&TINY).labels.iter().map(|(_, name)| *name).collect();
    let (batches, lies) = (by_false_batches(), by_lies());
    for (name, how) in &batches {
        println!("{name}: {how}");
    }
    for (name, how) in lies.iter().filter(|(name, _)| !batches.contains_key(*name)) {
        println!("{name}: by a lie: {how}");
    }
    let isolated: Names = batches.keys().chain(lies.keys()).copied().collect();
    let tables = [REDUNDANT, IN_GADGETS, UNISOLATED];
    let explained: Names = tables.iter().flat_map(|table| table.iter().map(|(name, _)| *name)).collect();
    assert_eq!(
        explained.len(),
        tables.iter().map(|table| table.len()).sum::<usize>(),
        "a name stands in one table, once"
    );
    let rest: Names = circuit.difference(&isolated).copied().collect();
    println!(
        "{} names: {} isolated, {} of them by false batches; {} redundant, {} by the tests of gadgets, {} not isolated: {UNISOLATED:?}",
        circuit.len(),
        isolated.len(),
        batches.len(),
        REDUNDANT.len(),
        IN_GADGETS.len(),
        UNISOLATED.len(),
    );
    let missing: Names = rest.difference(&explained).copied().collect();
    let stale: Names = explained.difference(&rest).copied().collect();
    assert_eq!((missing, stale), Default::default(), "(neither isolated nor explained, explained without need)");
}
