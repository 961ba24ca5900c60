//! Every class of value that the prover chooses, changed.
//!
//! Check mode says what there is to lie about. Of each class (lane and name) some values are taken, in batches that use
//! everything, and raised and lowered by one: a bit is flipped, or becomes 2 or -1. The prover publishes whatever goes with
//! it. Every lie fails a constraint, except where [`FREE`] says why it is none.

use crate::free::FREE;
use crate::kit::*;
use ark_bn254::Fr;
use ark_ff::{One, Zero};
use novation_circuits::cs::Lie;
use novation_state::message::{Action, Command, Side};
use novation_state::public_data::PublicData;
use novation_state::trace::BatchTrace;
use novation_state::transition::BatchInput;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// Values whose change is no forgery, and when.
pub struct Free {
    pub name: &'static str,
    /// Of which values.
    pub when: fn(&At) -> bool,
    pub why: &'static str,
}

/// A value by its surroundings.
pub struct At<'a> {
    pub trace: &'a BatchTrace,
    pub lie: &'a Lie,
    pub honest: Fr,
}

/// Names inside gadgets: their own tests lie at each of their wires; here one of each class is enough.
pub const GADGETS: &[&str] =
    &["add.", "base.", "challenge.", "double.", "eddsa.", "edwards.", "fixed.", "ladder.", "mont", "point.", "scalar."];

pub fn is_gadget(name: &str) -> bool {
    GADGETS.iter().any(|prefix| name.starts_with(prefix))
}

/// Trades on both underlyings, one pegged and reduce-only; settled positions roll; an entry is padding.
pub fn trades() -> BatchTrace {
    let mut world = bare();
    trade(&mut world, &[(0, 1, FUTURE, 5), (2, 1, CALL, 3)]);
    settle(&mut world, CALL, 5_000_000);
    let mut input = world.input();
    let mark = world.markets.get(id(FUTURE)).unwrap().mark;
    let mut order = world.order(0, id(FUTURE), Side::Sell, 2);
    order.reduce_only = true;
    order.peg_offset = Some(-3);
    input.fills = vec![world.fill(order, mark, 2), world.trade(1, 0, id(FUTURE), 2)[0]];
    input.fills.extend(world.trade(0, 1, id(OTHER_FUTURE), 4));
    input.touches = vec![slot(3)];
    world.apply(input)
}

/// A credited and a refunded deposit, a withdrawal beside a position, a rotation.
pub fn deposits() -> BatchTrace {
    let mut world = bare();
    trade(&mut world, &[(0, 1, FUTURE, 5)]);
    let newcomer = world.newcomer();
    let mut refused = world.deposit(3, MONEY);
    refused.viewing_eighth = refused.owner_eighth;
    let input = BatchInput {
        deposits: vec![world.deposit(newcomer, MONEY), refused],
        commands: vec![world.command(0, world.withdrawal(0, 1_000_000)), world.command(1, world.rotation(1))],
        ..world.input()
    };
    let trace = world.apply(input);
    assert_eq!(trace.deposits.iter().map(|d| d.credited).collect::<Vec<_>>(), [true, false]);
    trace
}

/// An order cancelled by its nonce, an epoch raised, a decoy, a padding entry.
pub fn cancels() -> BatchTrace {
    let mut world = bare();
    trade(&mut world, &[(0, 1, FUTURE, 5)]);
    let mut binding = world.binding(0, FUTURE as u8);
    binding.nonce -= 1;
    let input = BatchInput {
        commands: vec![
            world.sign_command(Command { binding, action: Action::Cancel }),
            world.command(1, Action::Epoch),
        ],
        decoys: vec![slot(3)],
        ..world.input()
    };
    world.apply(input)
}

/// The batches.
fn traces() -> &'static [BatchTrace; 3] {
    static ALL: OnceLock<[BatchTrace; 3]> = OnceLock::new();
    ALL.get_or_init(|| [trades(), deposits(), cancels()])
}

/// What came of one lie.
pub struct Outcome {
    pub batch: usize,
    pub lie: Lie,
    pub honest: Fr,
    pub failing: Names,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Lie { lane, index, name, nth, value } = &self.lie;
        let (batch, honest) = (self.batch, self.honest);
        write!(f, "batch {batch}, {lane} {index}, {name} {nth}: {value} for {honest}")
    }
}

/// A place where a value is chosen.
#[derive(Clone, Copy)]
struct Place {
    batch: usize,
    index: usize,
    nth: usize,
    honest: Fr,
}

/// The places of each class, in the order in which they are met.
fn places(traces: &[BatchTrace]) -> BTreeMap<(&'static str, &'static str), Vec<Place>> {
    let mut all: BTreeMap<_, Vec<Place>> = BTreeMap::new();
    for (batch, trace) in traces.iter().enumerate() {
        let run = Run::of(trace, &PublicData::of(trace), &[]);
        assert_eq!(run.failures, [], "batch {batch} is valid");
        let mut seen: BTreeMap<(&str, usize, &str), usize> = BTreeMap::new();
        for hint in &run.hints {
            let nth = seen.entry((hint.lane, hint.index, hint.name)).or_default();
            let place = Place { batch, index: hint.index, nth: *nth, honest: hint.value };
            all.entry((hint.lane, hint.name)).or_default().push(place);
            *nth += 1;
        }
    }
    all
}

/// Two places of a class: where something happens, and, not at the start, where nothing does.
fn sample(name: &str, places: &[Place]) -> Vec<Place> {
    // Public words and amounts differ each from each in what holds them.
    if ["header.word", "deposit.amount"].contains(&name) {
        return places.to_vec();
    }
    let (idle, busy): (Vec<Place>, Vec<Place>) = places.iter().copied().partition(|p| p.honest.is_zero());
    let mut some: Vec<Place> = [busy.first(), idle.get(idle.len() * 3 / 4)].into_iter().flatten().copied().collect();
    if is_gadget(name) {
        some.truncate(1);
    }
    some
}

/// Every lie that is tried, with what it fails.
pub fn outcomes() -> &'static Vec<Outcome> {
    static ALL: OnceLock<Vec<Outcome>> = OnceLock::new();
    ALL.get_or_init(|| {
        println!("seed {SEED}");
        let traces = traces();
        let classes = places(traces);
        let lies: Vec<(Place, Lie)> = classes
            .iter()
            .flat_map(|((lane, name), places)| {
                sample(name, places).into_iter().enumerate().flat_map(move |(i, p)| {
                    let up = lie(lane, p.index, name, p.nth, p.honest + Fr::one());
                    let down = lie(lane, p.index, name, p.nth, p.honest - Fr::one());
                    // Both ways at the first place.
                    let turns = if i == 0 && !is_gadget(name) { vec![up, down] } else { vec![up] };
                    turns.into_iter().map(move |lie| (p, lie))
                })
            })
            .collect();
        println!("{} classes, {} lies", classes.len(), lies.len());
        lies.into_par_iter()
            .map(|(p, lie)| {
                let failing = strongest(&traces[p.batch], std::slice::from_ref(&lie));
                Outcome { batch: p.batch, lie, honest: p.honest, failing }
            })
            .collect()
    })
}

#[test]
fn every_lie_fails_a_constraint_or_says_nothing() {
    let mut used = BTreeSet::new();
    let mut forged = Vec::new();
    for outcome in outcomes().iter().filter(|o| o.failing.is_empty()) {
        let at = At { trace: &traces()[outcome.batch], lie: &outcome.lie, honest: outcome.honest };
        match FREE.iter().find(|free| free.name == at.lie.name && (free.when)(&at)) {
            Some(free) => {
                used.insert((free.name, free.why));
            }
            None => forged.push(outcome.to_string()),
        }
    }
    assert!(forged.is_empty(), "lies that pass:\n{}", forged.join("\n"));
    let stale: Vec<&str> = FREE.iter().filter(|f| !used.contains(&(f.name, f.why))).map(|f| f.name).collect();
    assert_eq!(stale, [""; 0], "named as harmless, but no lie passes there");
}
