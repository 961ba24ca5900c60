//! Poseidon with circomlib's constants. Native twin: [`novation_state::crypto::poseidon`].
//!
//! **Statement.** `out` is element 0 of the permutation of `[capacity, inputs...]`.
//!
//! **Cost.** Three constraints an S-box: `3 (8 t + RP)`, three less where the capacity is a constant, whose first S-box is
//! computed at build time. t = 3: 240; t = 5: 297; t = 6: 321; t = 17: 609. Wires: as many.
//!
//! **Constraints**, all under the caller's name. For every S-box with input `x`:
//! 1. `x * x = x2`
//! 2. `x2 * x2 = x4`
//! 3. `x4 * x = y`
//!
//! The wires are the *inputs* of the S-boxes and not their outputs. From one full round to the next, the outputs are
//! `mds^-1` times the inputs; through the partial rounds they follow from the inputs of the 5th full round by going
//! backwards. So `y` is a combination, in the product column and used once, while the factors are single wires: through the
//! partial rounds the outputs-as-wires form has `t + r` terms in three factors of round r. The map is a bijection of wires
//! (each is fixed by its own product), so nothing is left free.

mod rows;
#[cfg(test)]
mod tests;

use crate::cs::{Cs, Lc, Mode};
use ark_bn254::Fr;
use ark_ff::{Field, Zero};
use novation_state::crypto::poseidon::{self as native, Params, Sbox, FULL_ROUNDS};
use rows::{rows, Row, Rows};

/// Poseidon of 1 to 16 inputs under a constant capacity (domain tag).
///
/// # Panics
/// On another number of inputs, as the native twin.
pub fn hash(cs: &mut Cs, name: &'static str, capacity: Fr, inputs: &[Lc]) -> Lc {
    check_inputs(inputs);
    let mut values = vec![capacity];
    values.extend(inputs.iter().map(Lc::value));
    Gadget::build(cs, name, Some(capacity), inputs, values, Outputs::First).pop().expect("one output")
}

/// Poseidon under a capacity that is itself a combination, as in a chain: three constraints more.
///
/// # Panics
/// As [`hash`].
pub fn hash_with(cs: &mut Cs, name: &'static str, capacity: &Lc, inputs: &[Lc]) -> Lc {
    check_inputs(inputs);
    let state: Vec<Lc> = std::iter::once(capacity).chain(inputs).cloned().collect();
    let values = state.iter().map(Lc::value).collect();
    Gadget::build(cs, name, None, &state, values, Outputs::First).pop().expect("one output")
}

/// The permutation: all elements of the new state, each a wire.
///
/// # Panics
/// On a width the native twin does not have.
pub fn permute(cs: &mut Cs, name: &'static str, state: &[Lc]) -> Vec<Lc> {
    let values = state.iter().map(Lc::value).collect();
    Gadget::build(cs, name, None, state, values, Outputs::All)
}

/// What [`hash`] costs for this number of inputs.
pub fn hash_constraints(inputs: usize) -> usize {
    3 * (FULL_ROUNDS * (inputs + 1) + native::params(inputs + 1).partial_rounds) - 3
}

fn check_inputs(inputs: &[Lc]) {
    assert!(
        !inputs.is_empty() && inputs.len() <= native::MAX_INPUTS,
        "poseidon takes 1 to {} inputs, not {}",
        native::MAX_INPUTS,
        inputs.len()
    );
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outputs {
    First,
    All,
}

/// The wires of one S-box.
struct SboxWires {
    x: Lc,
    x2: Lc,
    x4: Lc,
}

struct Gadget<'p> {
    p: &'p Params,
    rows: &'p Rows,
    /// The constant in position 0, if there is one; then that S-box of round 0 has no wires.
    constant: Option<Fr>,
    sboxes: Vec<SboxWires>,
    /// Permutation outputs, or `out[0]` followed by the outputs of the last round's S-boxes 1 to t-1.
    ends: Vec<Lc>,
}

impl Gadget<'_> {
    fn build(
        cs: &mut Cs,
        name: &'static str,
        constant: Option<Fr>,
        variable: &[Lc],
        mut values: Vec<Fr>,
        outputs: Outputs,
    ) -> Vec<Lc> {
        let t = values.len();
        let p = native::params(t);
        let skipped = usize::from(constant.is_some());
        let count = FULL_ROUNDS * t + p.partial_rounds;
        let keep = cs.mode() != Mode::Witness;
        let mut g = Gadget { p, rows: rows(t), constant, sboxes: Vec::new(), ends: Vec::with_capacity(t) };
        if keep {
            g.sboxes.reserve(count);
        }

        let mut wire = |cs: &mut Cs, k: usize, s: Sbox| {
            if k < skipped {
                return;
            }
            // Round 0 takes the caller's combinations. With a constant in front, round 1 has one degree of freedom less than
            // inputs: its last input is a combination of the others (set below).
            let x = if k < t {
                &variable[k - skipped] + Lc::constant(p.ark[0][k])
            } else if k == 2 * t - 1 && skipped == 1 {
                Lc::zero()
            } else {
                cs.alloc(name, || s.x)
            };
            let x2 = cs.alloc(name, || s.x2);
            let x4 = cs.alloc(name, || s.x4);
            if keep {
                g.sboxes.push(SboxWires { x, x2, x4 });
            }
        };
        let mut last_powers = Vec::with_capacity(t);
        if cs.mode() == Mode::Shape {
            let nothing = Sbox { x: Fr::zero(), x2: Fr::zero(), x4: Fr::zero() };
            (0..count).for_each(|k| wire(cs, k, nothing));
            last_powers.resize(t, Fr::zero());
        } else {
            let mut k = 0;
            native::permute_visiting(&mut values, |s| {
                wire(cs, k, s);
                if k >= count - t {
                    last_powers.push(s.x4 * s.x);
                }
                k += 1;
            });
        }
        for i in 0..t {
            let value = if i == 0 || outputs == Outputs::All { values[i] } else { last_powers[i] };
            let end = cs.alloc(name, || value);
            g.ends.push(end);
        }
        if keep {
            g.enforce(cs, name, outputs);
        } else {
            // The wires are all there is to a witness; keep the builder's count of constraints right.
            let nothing = Lc::zero();
            (0..3 * (count - skipped)).for_each(|_| cs.enforce(name, &nothing, &nothing, &nothing));
        }
        if outputs == Outputs::First {
            g.ends.truncate(1);
        }
        g.ends
    }

    fn enforce(&mut self, cs: &mut Cs, name: &'static str, outputs: Outputs) {
        let t = self.p.t;
        let half = FULL_ROUNDS / 2;
        let skipped = usize::from(self.constant.is_some());
        let count = self.sboxes.len() + skipped;
        // Index of the first S-box of the partial rounds, and of the first one after them.
        let (partial, after) = (half * t, half * t + self.p.partial_rounds);

        if let Some(capacity) = self.constant {
            self.sboxes[2 * t - 1 - skipped].x = self.last_input_of_round_1(capacity);
        }
        let input = |k: usize| &self.sboxes[k - skipped].x;
        let combine = |row: &Row, wires: &mut dyn Iterator<Item = &Lc>| {
            let mut out = Lc::constant(row.constant);
            row.coefficients.iter().zip(wires).for_each(|(c, w)| out.add_scaled(w, *c));
            out
        };
        for k in skipped..count {
            let s = &self.sboxes[k - skipped];
            // Position in the round, and the first S-box of the next round.
            let y = if k < partial - t {
                let next = (k / t + 1) * t;
                combine(&self.rows.first_half[k / t][k % t], &mut (next..next + t).map(input))
            } else if k < partial {
                combine(&self.rows.entry[k % t], &mut (partial..after + t).map(input))
            } else if k < after {
                combine(&self.rows.partial[k - partial], &mut (k + 1..after + t).map(input))
            } else if k < count - t {
                let (round, i) = ((k - after) / t, (k - after) % t);
                let next = after + (round + 1) * t;
                combine(&self.rows.second_half[round][i], &mut (next..next + t).map(input))
            } else {
                let i = k - (count - t);
                match outputs {
                    Outputs::All => combine(&self.rows.last_all[i], &mut self.ends.iter()),
                    Outputs::First if i == 0 => combine(&self.rows.last_first, &mut self.ends.iter()),
                    Outputs::First => self.ends[i].clone(),
                }
            };
            cs.enforce(name, &s.x, &s.x, &s.x2);
            cs.enforce(name, &s.x2, &s.x2, &s.x4);
            cs.enforce(name, &s.x4, &s.x, &y);
        }
    }

    /// With a known first output of round 0, `mds^-1` row 0 ties the inputs of round 1 together.
    fn last_input_of_round_1(&self, capacity: Fr) -> Lc {
        let t = self.p.t;
        let row = &self.rows.first_half[0][0];
        let output = (capacity + self.p.ark[0][0]).pow([5]);
        let scale = row.coefficients[t - 1].inverse().expect("the inverse of an MDS matrix has no zero entry");
        let mut out = Lc::constant((output - row.constant) * scale);
        for j in 0..t - 1 {
            // S-boxes of round 1 start at index t, and one has been skipped.
            out.add_scaled(&self.sboxes[t + j - 1].x, -row.coefficients[j] * scale);
        }
        out
    }
}
