//! Round constants, matrices, and the sparse form of the partial rounds, computed once per width.

use ark_bn254::Fr;
use ark_crypto_primitives::sponge::poseidon::find_poseidon_ark_and_mds;
use ark_ff::{Field, One, PrimeField, Zero};
use std::sync::LazyLock;

/// Full rounds, half of them before and half after the partial rounds.
pub const FULL_ROUNDS: usize = 8;
/// Least width (one input).
pub const MIN_WIDTH: usize = 2;
/// Greatest width (sixteen inputs).
pub const MAX_WIDTH: usize = 17;

/// Partial rounds for t = 2 to 17. circomlib takes them from the security table of the paper, not rounded up to even.
const PARTIAL_ROUNDS: [usize; 16] = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68];

/// Constants of one width.
///
/// Round `r` is `state <- mds * S(state + ark[r])`, where `S` is x^5 on every element in the first and last four rounds
/// and on element 0 alone in the others.
pub struct Params {
    /// Width of the state.
    pub t: usize,
    /// Number of rounds with a single S-box.
    pub partial_rounds: usize,
    /// Round constants: `FULL_ROUNDS + partial_rounds` rows of `t`.
    pub ark: Vec<Vec<Fr>>,
    /// The mixing matrix, by rows.
    pub mds: Vec<Vec<Fr>>,
    /// Its inverse, by rows: with it a circuit writes an S-box output in terms of the next round's inputs.
    pub mds_inv: Vec<Vec<Fr>>,
    pub(super) sparse: Sparse,
}

/// The partial rounds in their cheap form (appendix B of the paper).
///
/// Two rewritings, neither of which changes element 0 before any S-box. First, the constants of elements 1 to t-1 pass a
/// partial S-box untouched, so they are pushed through `mds` into the next round; what is left over falls on the first
/// full round after. Second, `mds = A * diag(1, B)`, where `A` is the identity but for row and column 0, and
/// `diag(1, B)` commutes with a partial S-box, so it moves to the round before and is absorbed there.
pub(super) struct Sparse {
    /// Matrix of the last full round before the partial ones, with what was moved out of them.
    pub(super) entry: Vec<Vec<Fr>>,
    pub(super) rounds: Vec<SparseRound>,
    /// Constants of the first full round after the partial ones.
    pub(super) exit_constants: Vec<Fr>,
}

/// One partial round: add `constant` to element 0, S-box it, multiply by the matrix with this first row, this first
/// column (below row 0), and ones on the diagonal.
pub(super) struct SparseRound {
    pub(super) constant: Fr,
    pub(super) row: Vec<Fr>,
    pub(super) column: Vec<Fr>,
}

/// The constants of width `t`, generated at first use.
///
/// # Panics
/// If `t` is not from [`MIN_WIDTH`] to [`MAX_WIDTH`].
pub fn params(t: usize) -> &'static Params {
    static ALL: [LazyLock<Params>; 16] = {
        macro_rules! each {
            ($($t:literal)*) => { [$(LazyLock::new(|| generate($t)),)*] };
        }
        each!(2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17)
    };
    assert!((MIN_WIDTH..=MAX_WIDTH).contains(&t), "poseidon has widths {MIN_WIDTH} to {MAX_WIDTH}, not {t}");
    &ALL[t - MIN_WIDTH]
}

fn generate(t: usize) -> Params {
    let partial_rounds = PARTIAL_ROUNDS[t - MIN_WIDTH];
    let (ark, mds) = find_poseidon_ark_and_mds::<Fr>(
        u64::from(Fr::MODULUS_BIT_SIZE),
        t - 1,
        FULL_ROUNDS as u64,
        partial_rounds as u64,
        0,
    );
    let mds_inv = invert(&mds);
    let sparse = sparse(&ark, &mds, partial_rounds);
    Params { t, partial_rounds, ark, mds, mds_inv, sparse }
}

fn sparse(ark: &[Vec<Fr>], mds: &[Vec<Fr>], partial_rounds: usize) -> Sparse {
    let t = mds.len();
    let half = FULL_ROUNDS / 2;

    let mut constants = Vec::with_capacity(partial_rounds);
    let mut pending = vec![Fr::zero(); t];
    for round in &ark[half..half + partial_rounds] {
        for (p, c) in pending.iter_mut().zip(round) {
            *p += c;
        }
        constants.push(std::mem::take(&mut pending[0]));
        pending = multiply_vector(mds, &pending);
    }
    let exit_constants = pending.iter().zip(&ark[half + partial_rounds]).map(|(p, c)| *p + c).collect();

    // From the last partial round backwards. `moved` is what the rounds already done pushed out: the round's matrix is
    // diag(1, moved) * mds, whose lower right block is `block`, and it factors with that block moved on.
    let corner: Vec<Vec<Fr>> = mds[1..].iter().map(|row| row[1..].to_vec()).collect();
    let corner_inv = invert(&corner);
    let first_column: Vec<Fr> = mds[1..].iter().map(|row| row[0]).collect();
    let mut moved = identity(t - 1);
    // mds[0][1..] * block^-1, and block = corner^k in the k-th step.
    let mut first_row = mds[0][1..].to_vec();
    let mut rounds = Vec::with_capacity(partial_rounds);
    for constant in constants.into_iter().rev() {
        first_row = vector_multiply(&first_row, &corner_inv);
        let column = multiply_vector(&moved, &first_column);
        let row = std::iter::once(mds[0][0]).chain(first_row.iter().copied()).collect();
        rounds.push(SparseRound { constant, row, column });
        moved = multiply_matrices(&moved, &corner);
    }
    rounds.reverse();

    let mut entry = vec![mds[0].clone()];
    let lower: Vec<Vec<Fr>> = mds[1..].to_vec();
    entry.extend(moved.iter().map(|row| vector_multiply(row, &lower)));
    Sparse { entry, rounds, exit_constants }
}

fn identity(n: usize) -> Vec<Vec<Fr>> {
    (0..n).map(|i| (0..n).map(|j| if i == j { Fr::one() } else { Fr::zero() }).collect()).collect()
}

fn dot(a: &[Fr], b: &[Fr]) -> Fr {
    a.iter().zip(b).map(|(x, y)| *x * y).sum()
}

fn multiply_vector(m: &[Vec<Fr>], v: &[Fr]) -> Vec<Fr> {
    m.iter().map(|row| dot(row, v)).collect()
}

fn vector_multiply(v: &[Fr], m: &[Vec<Fr>]) -> Vec<Fr> {
    (0..m[0].len()).map(|j| v.iter().zip(m).map(|(x, row)| *x * row[j]).sum()).collect()
}

fn multiply_matrices(a: &[Vec<Fr>], b: &[Vec<Fr>]) -> Vec<Vec<Fr>> {
    a.iter().map(|row| vector_multiply(row, b)).collect()
}

/// Gauss-Jordan. The matrices here are Cauchy matrices and corners of such, hence regular.
fn invert(matrix: &[Vec<Fr>]) -> Vec<Vec<Fr>> {
    let n = matrix.len();
    let mut left: Vec<Vec<Fr>> = matrix.to_vec();
    let mut right = identity(n);
    for col in 0..n {
        let pivot = (col..n).find(|&r| !left[r][col].is_zero()).expect("a Cauchy matrix is regular");
        left.swap(col, pivot);
        right.swap(col, pivot);
        let scale = left[col][col].inverse().expect("the pivot is not zero");
        for m in [&mut left, &mut right] {
            m[col].iter_mut().for_each(|x| *x *= scale);
        }
        for row in (0..n).filter(|&r| r != col) {
            let factor = left[row][col];
            for m in [&mut left, &mut right] {
                let pivot_row = m[col].clone();
                m[row].iter_mut().zip(&pivot_row).for_each(|(x, p)| *x -= factor * p);
            }
        }
    }
    right
}
