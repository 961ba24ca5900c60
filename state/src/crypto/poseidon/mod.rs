//! Poseidon over the BN254 scalar field, circomlib's instance.
//!
//! S-box x^5, 8 full rounds, widths `t` = 2 to 17, partial rounds by width as in circomlib. Source: Grassi, Khovratovich,
//! Rechberger, Roy, Schofnegger, "Poseidon: A New Hash Function for Zero-Knowledge Proof Systems" (USENIX Security 2021);
//! constants by its Grain LFSR, hence equal to circomlib's.
//!
//! [`hash`] puts `capacity` in front of the inputs, permutes, and gives element 0. Capacity 0 is circomlib's
//! `Poseidon(n)`; another value separates domains, and is circomlibjs' `initState`.

mod params;
#[cfg(test)]
mod tests;

pub use params::{params, Params, FULL_ROUNDS, MAX_WIDTH, MIN_WIDTH};

use ark_bn254::Fr;
use ark_ff::{Field, Zero};

/// Most inputs [`hash`] takes: [`MAX_WIDTH`] less the capacity.
pub const MAX_INPUTS: usize = MAX_WIDTH - 1;

/// What one S-box computed: its input and the two powers on the way to `x^5`. A circuit's witness consists of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sbox {
    /// The input, round constant included.
    pub x: Fr,
    /// `x^2`.
    pub x2: Fr,
    /// `x^4`.
    pub x4: Fr,
}

/// Poseidon of 1 to 16 inputs under a capacity (domain tag).
///
/// # Panics
/// If `inputs` is empty or longer than [`MAX_INPUTS`]: the length is fixed by the code that calls, never by data.
pub fn hash(capacity: Fr, inputs: &[Fr]) -> Fr {
    assert!(
        !inputs.is_empty() && inputs.len() <= MAX_INPUTS,
        "poseidon takes 1 to {MAX_INPUTS} inputs, not {}",
        inputs.len()
    );
    let mut state = [Fr::zero(); MAX_WIDTH];
    state[0] = capacity;
    state[1..=inputs.len()].copy_from_slice(inputs);
    let state = &mut state[..=inputs.len()];
    permute(state);
    state[0]
}

/// The permutation, in place.
///
/// # Panics
/// If the length of `state` is not a width from [`MIN_WIDTH`] to [`MAX_WIDTH`].
pub fn permute(state: &mut [Fr]) {
    permute_visiting(state, |_| {});
}

/// The permutation, in place, showing every S-box in order: round by round, and inside a full round by position.
///
/// A full round has `t` S-boxes, a partial round one (position 0).
///
/// # Panics
/// As [`permute`].
pub fn permute_visiting(state: &mut [Fr], visit: impl FnMut(Sbox)) {
    macro_rules! by_width {
        ($($t:literal)*) => {
            match state.len() {
                $($t => rounds::<$t>(state.try_into().expect("the arm fixes the length"), params($t), visit),)*
                other => panic!("poseidon has widths {MIN_WIDTH} to {MAX_WIDTH}, not {other}"),
            }
        };
    }
    by_width!(2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17)
}

/// The rounds with the partial ones in sparse form: `2t - 1` products a round in place of `t^2`.
fn rounds<const T: usize>(state: &mut [Fr; T], p: &Params, mut visit: impl FnMut(Sbox)) {
    let half = FULL_ROUNDS / 2;
    for r in 0..half {
        full_sboxes(state, &p.ark[r], &mut visit);
        multiply(state, if r + 1 == half { &p.sparse.entry } else { &p.mds });
    }
    for round in &p.sparse.rounds {
        state[0] = sbox(state[0] + round.constant, &mut visit);
        let first: &[Fr; T] = round.row.as_slice().try_into().expect("a row has t entries");
        let s0 = state[0];
        let new0 = Fr::sum_of_products(state, first);
        for (s, w) in state[1..].iter_mut().zip(&round.column) {
            *s += s0 * w;
        }
        state[0] = new0;
    }
    for r in 0..half {
        let constants = if r == 0 { &p.sparse.exit_constants } else { &p.ark[half + p.partial_rounds + r] };
        full_sboxes(state, constants, &mut visit);
        multiply(state, &p.mds);
    }
}

#[inline(always)]
fn sbox(x: Fr, visit: &mut impl FnMut(Sbox)) -> Fr {
    let x2 = x.square();
    let x4 = x2.square();
    visit(Sbox { x, x2, x4 });
    x4 * x
}

#[inline(always)]
fn full_sboxes<const T: usize>(state: &mut [Fr; T], constants: &[Fr], visit: &mut impl FnMut(Sbox)) {
    for (s, c) in state.iter_mut().zip(constants) {
        *s = sbox(*s + c, visit);
    }
}

#[inline(always)]
fn multiply<const T: usize>(state: &mut [Fr; T], matrix: &[Vec<Fr>]) {
    let mut out = [Fr::zero(); T];
    for (o, row) in out.iter_mut().zip(matrix) {
        *o = Fr::sum_of_products(state, row.as_slice().try_into().expect("a row has t entries"));
    }
    *state = out;
}
