use super::*;
use ark_ff::UniformRand;
use ark_std::rand::{rngs::StdRng, SeedableRng};

/// The definition, written down a second time: constants, S-boxes, full matrix, in every round.
fn naive(state: &mut Vec<Fr>) {
    let p = params(state.len());
    let half = FULL_ROUNDS / 2;
    for (r, constants) in p.ark.iter().enumerate() {
        let partial = r >= half && r < half + p.partial_rounds;
        for (i, s) in state.iter_mut().enumerate() {
            *s += constants[i];
            if i == 0 || !partial {
                *s = s.pow([5]);
            }
        }
        *state = p.mds.iter().map(|row| row.iter().zip(state.iter()).map(|(m, s)| *m * s).sum()).collect();
    }
}

#[test]
fn sparse_permutation_equals_naive_one_at_every_width() {
    let mut rng = StdRng::seed_from_u64(0x9051_d017);
    for t in MIN_WIDTH..=MAX_WIDTH {
        for _ in 0..4 {
            let start: Vec<Fr> = (0..t).map(|_| Fr::rand(&mut rng)).collect();
            let (mut fast, mut slow) = (start.clone(), start);
            permute(&mut fast);
            naive(&mut slow);
            assert_eq!(fast, slow, "t = {t}");
        }
    }
}

#[test]
fn inverse_matrix_times_matrix_is_identity() {
    for t in MIN_WIDTH..=MAX_WIDTH {
        let p = params(t);
        for i in 0..t {
            for j in 0..t {
                let cell: Fr = (0..t).map(|k| p.mds_inv[i][k] * p.mds[k][j]).sum();
                assert_eq!(cell, Fr::from(u64::from(i == j)), "t = {t}, cell {i},{j}");
            }
        }
    }
}

#[test]
fn visited_sboxes_are_those_of_the_definition() {
    let mut state = vec![Fr::from(7u64), Fr::from(1u64), Fr::from(2u64)];
    let p = params(3);
    let mut seen = Vec::new();
    let mut fast = state.clone();
    permute_visiting(&mut fast, |s| seen.push(s));
    let mut expected = Vec::new();
    for (r, constants) in p.ark.iter().enumerate() {
        let partial = r >= 4 && r < 4 + p.partial_rounds;
        for i in 0..3 {
            state[i] += constants[i];
            if i == 0 || !partial {
                let x = state[i];
                expected.push(Sbox { x, x2: x * x, x4: x * x * x * x });
                state[i] = x.pow([5]);
            }
        }
        state = p.mds.iter().map(|row| row.iter().zip(&state).map(|(m, s)| *m * s).sum()).collect();
    }
    assert_eq!(seen.len(), 8 * 3 + 57);
    assert_eq!(seen, expected);
    assert_eq!(fast, state);
}

#[test]
#[should_panic(expected = "poseidon takes 1 to 16 inputs, not 17")]
fn seventeen_inputs_panic() {
    hash(Fr::zero(), &[Fr::zero(); 17]);
}

#[test]
#[should_panic(expected = "poseidon takes 1 to 16 inputs, not 0")]
fn no_inputs_panic() {
    hash(Fr::zero(), &[]);
}

#[test]
#[should_panic(expected = "poseidon has widths 2 to 17, not 1")]
fn width_one_panics() {
    permute(&mut [Fr::zero()]);
}
