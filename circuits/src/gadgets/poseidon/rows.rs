//! S-box outputs as affine combinations of later S-box inputs, computed once per width.

use ark_bn254::Fr;
use ark_ff::{Field, Zero};
use novation_state::crypto::poseidon::{params, Params, FULL_ROUNDS, MAX_WIDTH, MIN_WIDTH};
use std::sync::LazyLock;

/// `constant + sum coefficients_i * wire_i`, over wires that the user of the row knows.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) constant: Fr,
    pub(super) coefficients: Vec<Fr>,
}

/// The rows of one width. An S-box input includes its round constant.
pub(super) struct Rows {
    /// Rounds 0 to 2, by position, over the `t` inputs of the next round.
    pub(super) first_half: Vec<Vec<Row>>,
    /// Round 3, by position, over the inputs of all partial rounds and then the `t` of the full round after them.
    pub(super) entry: Vec<Row>,
    /// Partial rounds, over the inputs of the partial rounds that follow and then the `t` of the full round after them.
    pub(super) partial: Vec<Row>,
    /// The first three full rounds of the second half, over the inputs of the next round.
    pub(super) second_half: Vec<Vec<Row>>,
    /// The last round, by position, over the permutation's outputs.
    pub(super) last_all: Vec<Row>,
    /// Position 0 of the last round over output 0 and the outputs of the other S-boxes of that round.
    pub(super) last_first: Row,
}

pub(super) fn rows(t: usize) -> &'static Rows {
    static ALL: [LazyLock<Rows>; MAX_WIDTH - MIN_WIDTH + 1] = {
        macro_rules! each {
            ($($t:literal)*) => { [$(LazyLock::new(|| generate(params($t))),)*] };
        }
        each!(2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17)
    };
    &ALL[t - MIN_WIDTH]
}

fn generate(p: &Params) -> Rows {
    let half = FULL_ROUNDS / 2;
    let second = half + p.partial_rounds;
    let (entry, partial) = through_partial_rounds(p);
    let no_constants = vec![Fr::zero(); p.t];
    // out_0 = sum_j mds_0j y_j, solved for y_0.
    let corner = p.mds[0][0].inverse().expect("an MDS matrix has no zero entry");
    let mut coefficients = vec![corner];
    coefficients.extend(p.mds[0][1..].iter().map(|m| -*m * corner));
    Rows {
        first_half: (1..half).map(|next| full(p, &p.ark[next])).collect(),
        entry,
        partial,
        second_half: (1..half).map(|r| full(p, &p.ark[second + r])).collect(),
        last_all: full(p, &no_constants),
        last_first: Row { constant: Fr::zero(), coefficients },
    }
}

/// `mds^-1 (next - constants)`, row by row.
fn full(p: &Params, constants: &[Fr]) -> Vec<Row> {
    let row = |m: &Vec<Fr>| Row {
        constant: -m.iter().zip(constants).map(|(m, c)| *m * c).sum::<Fr>(),
        coefficients: m.clone(),
    };
    p.mds_inv.iter().map(row).collect()
}

/// Backwards from the full round after the partial ones. The state before its S-boxes is its inputs; undoing constants
/// and matrix gives the state after the last partial S-box: element 0 is that S-box's output, the other elements are what
/// they were before it; with the S-box's input in place of element 0 the step repeats.
fn through_partial_rounds(p: &Params) -> (Vec<Row>, Vec<Row>) {
    let (t, n, half) = (p.t, p.partial_rounds, FULL_ROUNDS / 2);
    // Over [1, x_1, ..., x_n, z_0, ..., z_(t-1)].
    let width = 1 + n + t;
    let unit = |i: usize| (0..width).map(|j| Fr::from(u64::from(i == j))).collect::<Vec<Fr>>();
    let mut state: Vec<Vec<Fr>> = (0..t).map(|i| unit(1 + n + i)).collect();
    let undo = |state: &mut Vec<Vec<Fr>>, constants: &[Fr]| {
        for (s, c) in state.iter_mut().zip(constants) {
            s[0] -= c;
        }
        let row = |m: &Vec<Fr>| (0..width).map(|j| m.iter().zip(&*state).map(|(m, s)| *m * s[j]).sum()).collect();
        *state = p.mds_inv.iter().map(row).collect();
    };
    let mut partial = Vec::with_capacity(n);
    for r in (1..=n).rev() {
        undo(&mut state, &p.ark[half + r]);
        let output = std::mem::replace(&mut state[0], unit(r));
        debug_assert!(output[1..=r].iter().all(Zero::is_zero), "an output depends on later inputs only");
        partial.push(Row { constant: output[0], coefficients: output[r + 1..].to_vec() });
    }
    partial.reverse();
    undo(&mut state, &p.ark[half]);
    let entry = state.into_iter().map(|s| Row { constant: s[0], coefficients: s[1..].to_vec() }).collect();
    (entry, partial)
}
