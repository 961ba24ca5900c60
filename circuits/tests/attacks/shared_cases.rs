//! The ledger's own cases, every rule at its bound: what it accepts satisfies every constraint, what it refuses by a rule of the
//! circuit's fails one that the table of rejections names for it.

use crate::kit::Run;
use crate::rejections::{table, By};
use novation_circuits::batch;
use novation_state::public_data::PublicData;
use novation_state::testkit::cases::{all, Attempt, Case};
use rayon::prelude::*;

/// Says in how many cases the circuit had a say: (accepted, refused).
fn check(case: Case) -> (usize, usize) {
    let forced = case.forced();
    let Case { name, good: (mut world, attempt), broken, .. } = case;
    let mut said = (0, 0);
    if let Attempt::Batch(input) = attempt {
        let trace = world.try_apply(*input).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(batch::check(&trace, &PublicData::of(&trace)), Ok(()), "{name}: accepted by the ledger");
        said.0 = 1;
    }
    let Some((trace, all)) = forced else { return said };
    assert_eq!(all.first(), Some(&broken), "{name}");
    if let By::Circuit(named) = table(&broken).1 {
        let failing = Run::of(&trace, &PublicData::of(&trace), &[]).names();
        assert!(named.iter().any(|name| failing.contains(name)), "{name}: {broken:?} fails {failing:?}");
        said.1 = 1;
    }
    said
}

#[test]
fn ledger_and_circuit_agree_on_both_sides_of_every_bound() {
    let cases = all();
    let count = cases.len();
    let (accepted, refused) = cases
        .into_iter()
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(check)
        .reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    println!("{count} cases: the circuit accepts {accepted}, refuses {refused}");
    assert!(accepted > 0 && refused > 0);
}
