//! A rollup-like circuit of any size, made with the gadgets of the batch circuit.
//!
//! It climbs a quaternary Poseidon tree, level after level, and range-checks amounts of 64 bits beside: per six levels of path
//! (a bit pair for the position, 303 constraints for selection and hash) seven range checks (64 constraints each). A batch
//! spends its constraints in that ratio: about 79 % of the wires are full-width values, 21 % are bits or zero. Amounts are
//! uniform, so half of their bits are one; siblings are random, so no sum meets the same scalar twice. What is left to a
//! whole power of two, less than 450 constraints, are squares and bits in the same ratio.
//!
//! Three public inputs, as the batch circuit has.

use super::Subject;
use crate::matrices::R1cs;
use ark_bn254::Fr;
use ark_ff::UniformRand;
use novation_circuits::cs::{Cs, Mode};
use novation_circuits::gadgets::{bits, merkle};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::ops::RangeInclusive;

/// Sizes that [`mix`] makes: log2 of the domain. The largest is that of the largest backend.
pub const LOGS: RangeInclusive<u32> = 4..=novation_gpu::MAX_LOG_SIZE;

/// Version of this circuit, for the names of its keys.
pub const VERSION: u32 = 1;

/// Public wires, the constant included.
const INSTANCE: usize = 4;
/// Selection, hash and position of a level.
const LEVEL_ROWS: usize = 303 + 2;
/// A range check.
const AMOUNT_BITS: usize = 64;
/// Range checks a cycle of [`CYCLE`] levels.
const AMOUNTS: usize = 7;
/// Levels a cycle.
const CYCLE: usize = 6;

/// The circuit whose constraints and public wires fill a domain of 2^log exactly, with an assignment; equal for equal `log`.
///
/// # Panics
/// Outside [`LOGS`].
pub fn mix(log: u32) -> Subject {
    assert!(LOGS.contains(&log), "a domain of 2^{log}");
    let rows = (1 << log) - INSTANCE;
    let mut shape = Cs::new(Mode::Shape, &[]);
    circuit(&mut shape, rows, log);
    let mut witness = Cs::new(Mode::Witness, &[]);
    circuit(&mut witness, rows, log);
    let r1cs = R1cs::from_circuit(&shape.into_matrices()).expect("at most 2^24 rows, most of few terms");
    Subject { name: format!("mix-{log}"), r1cs, assignment: witness.into_assignment() }
}

fn circuit(cs: &mut Cs, rows: usize, log: u32) {
    let mut rng = StdRng::seed_from_u64(u64::from(log));
    let public = [(); INSTANCE - 1].map(|()| cs.public(Fr::rand(&mut rng)));
    let mut node = cs.mul("start", &public[0], &public[1]) + &public[2];
    for level in 0.. {
        // The cycle's amounts, spread over its levels.
        let amounts = AMOUNTS / CYCLE + usize::from(level % CYCLE < AMOUNTS % CYCLE);
        if cs.num_constraints() + LEVEL_ROWS + amounts * AMOUNT_BITS > rows {
            break;
        }
        let siblings = [(); 3].map(|()| Fr::rand(&mut rng));
        let position: [bool; 2] = rng.gen();
        let position = position.map(|bit| cs.bit("position", || bit));
        node = merkle::root(cs, "path", &position, Some(&[siblings]), &node);
        for _ in 0..amounts {
            let value: u64 = rng.gen();
            let amount = cs.alloc("amount", || Fr::from(value));
            bits::range(cs, "range", &amount, AMOUNT_BITS);
        }
    }
    for i in 0..rows - cs.num_constraints() {
        let bit: bool = rng.gen();
        if i * 21 % 100 < 21 {
            cs.bit("rest bit", || bit);
        } else {
            node = cs.square("rest", &node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use novation_gpu::cpu::digits::Short;

    #[test]
    fn mix_fills_its_domain_and_holds() {
        for log in [4, 5, 9, 10, 13] {
            let Subject { name, r1cs, assignment } = mix(log);
            assert_eq!(name, format!("mix-{log}"));
            assert_eq!(r1cs.matrices().num_constraints() + r1cs.matrices().num_instance(), 1 << log);
            assert_eq!(r1cs.matrices().log_domain(), log);
            assert_eq!(r1cs.check(&assignment), Ok(()));
        }
    }

    #[test]
    fn four_fifths_of_the_wires_are_full_width() {
        let Subject { assignment, .. } = mix(14);
        let bits: Vec<u32> = assignment.iter().map(|s| Short::new(s).bits()).collect();
        let share = |test: &dyn Fn(u32) -> bool| bits.iter().filter(|b| test(**b)).count() * 1000 / bits.len();
        let (full, tiny) = (share(&|b| b > 64), share(&|b| b <= 1));
        assert!((780..=800).contains(&full), "{full} of 1000 are full-width");
        assert!((200..=220).contains(&tiny), "{tiny} of 1000 are bits or zero");
        assert_eq!(bits.iter().filter(|b| (2..=40).contains(*b)).count(), 0, "amounts are uniform");
    }

    #[test]
    fn equal_sizes_are_equal_circuits() {
        let (one, other) = (mix(9), mix(9));
        assert_eq!((one.r1cs, one.assignment), (other.r1cs, other.assignment));
    }
}
