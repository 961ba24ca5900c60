//! Row products, their check, and the quotient.

use crate::common::{backends, random_system, rng};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, FftField, Field, UniformRand};
use novation_gpu::{Error, Matrices, MatricesBuilder, Reduction};
use std::sync::Arc;

/// Value at `x` of the polynomial of degree below n with the given values on the subgroup (barycentric formula).
fn interpolate(values: &[Fr], x: Fr) -> Fr {
    let n = values.len() as u64;
    let w = Fr::get_root_of_unity(n).unwrap();
    let scale = (x.pow([n]) - Fr::ONE) / Fr::from(n);
    let sum: Fr = values.iter().zip(0..).map(|(v, i)| *v * w.pow([i]) / (x - w.pow([i]))).sum();
    scale * sum
}

/// A, B, C products with the rows of the public wires, by the definition.
fn products(m: &Matrices, w: &[Fr]) -> [Vec<Fr>; 3] {
    let mut all = m.abc().map(|matrix| {
        let mut x: Vec<Fr> = (0..m.num_constraints()).map(|i| m.dot(matrix, i, w)).collect();
        x.resize(1 << m.log_domain(), Fr::ZERO);
        x
    });
    let count = m.num_constraints();
    all[0][count..count + m.num_instance()].copy_from_slice(&w[..m.num_instance()]);
    all
}

#[test]
fn quotient_satisfies_the_divisibility_identity_at_a_random_point() {
    let mut rng = rng(1);
    for (rows, public) in [(1, 1), (2, 1), (3, 4), (12, 4), (13, 4), (100, 4), (1000, 2), (3000, 5)] {
        let (m, w) = random_system(&mut rng, rows, public);
        let x = Fr::rand(&mut rng);
        let n = 1u64 << m.log_domain();
        let [a, b, c] = products(&m, &w).map(|v| interpolate(&v, x));
        for backend in backends() {
            let system = backend.prepare_system(m.clone()).unwrap();
            assert_eq!(system.len(), rows);
            let assignment = backend.load(w.clone()).unwrap();

            let checked = backend.rows(&system, &assignment).unwrap();
            assert_eq!(checked.len() as u64, n);
            let h = backend.quotient(checked, Reduction::Coefficients).unwrap();
            let h = backend.read(&h).unwrap();
            assert_eq!(*h.last().unwrap(), Fr::ZERO, "degree of h is at most n - 2");
            let hx = h.iter().rev().fold(Fr::ZERO, |sum, c| sum * x + c);
            assert_eq!(hx * (x.pow([n]) - Fr::ONE), a * b - c, "{} rows={rows}", backend.name());

            // On the odd coset Z = -2, and the values of a b - c are those of h times that.
            let checked = backend.rows(&system, &assignment).unwrap();
            let values = backend.quotient(checked, Reduction::OddCoset).unwrap();
            let values = backend.read(&values).unwrap();
            let g = Fr::get_root_of_unity(2 * n).unwrap();
            let root = g.square();
            // Those of the product lack c alone.
            let checked = backend.rows(&system, &assignment).unwrap();
            let product = backend.quotient(checked, Reduction::Product).unwrap();
            let product = backend.read(&product).unwrap();
            for i in [0, n / 2, n - 1] {
                let at = g * root.pow([i]);
                let h_at = h.iter().rev().fold(Fr::ZERO, |sum, c| sum * at + c);
                assert_eq!(values[i as usize], -h_at.double(), "{} rows={rows} i={i}", backend.name());
                let c_at = interpolate(&products(&m, &w)[2], at);
                assert_eq!(product[i as usize], values[i as usize] + c_at, "{} rows={rows} i={i}", backend.name());
            }
        }
    }
}

#[test]
fn first_unsatisfied_row_is_named() {
    let mut rng = rng(2);
    let (m, mut w) = random_system(&mut rng, 3000, 4);
    // The last wire occurs in the last row alone; the product of row 1234 is wire 6 + 1234.
    *w.last_mut().unwrap() += Fr::ONE;
    for (wire, row) in [(3005, 2999), (6 + 1234, 1234)] {
        w[wire] += Fr::ONE;
        for backend in backends() {
            let system = backend.prepare_system(m.clone()).unwrap();
            let assignment = backend.load(w.clone()).unwrap();
            let got = backend.rows(&system, &assignment);
            assert_eq!(got.unwrap_err(), Error::Unsatisfied { row }, "{}", backend.name());
        }
        assert_eq!(m.check(&w), Err(Error::Unsatisfied { row }));
    }
}

#[test]
fn assignment_of_another_shape_is_refused() {
    let mut rng = rng(3);
    let (m, w) = random_system(&mut rng, 10, 3);
    let mut short = w.clone();
    short.pop();
    let mut zero = w.clone();
    zero[0] = Fr::ZERO;
    for backend in backends() {
        let system = backend.prepare_system(m.clone()).unwrap();
        let rows = |w: &Vec<Fr>| backend.rows(&system, &backend.load(w.clone()).unwrap()).unwrap_err();
        assert_eq!(rows(&short), Error::WrongAssignmentLength { expected: 15, got: 14 }, "{}", backend.name());
        assert_eq!(rows(&zero), Error::FirstWireNotOne, "{}", backend.name());
    }
}

#[test]
fn a_system_past_the_largest_domain_is_refused() {
    let rows = 1 << 24;
    let starts = vec![0; rows + 1];
    let empty = || (starts.clone(), Vec::new());
    let parts = [empty(), empty(), empty()];
    let m = Arc::new(Matrices::from_parts(1, 1, vec![Fr::ONE, -Fr::ONE], parts).unwrap());
    for backend in backends() {
        let got = backend.prepare_system(m.clone());
        assert_eq!(got.unwrap_err(), Error::DomainTooLarge { needed: 25, max: 24 }, "{}", backend.name());
    }
}

#[test]
fn matrices_that_indexing_cannot_trust_are_refused() {
    let coefficients = || vec![Fr::ONE, -Fr::ONE, Fr::from(5u64)];
    let row = || (vec![0, 1], vec![(1, 2)]);
    let build = |instance, wires, k, parts| Matrices::from_parts(instance, wires, k, parts).unwrap_err();
    let bad = Error::MalformedMatrices;

    assert!(Matrices::from_parts(1, 2, coefficients(), [row(), row(), row()]).is_ok());
    let none = bad("wire 0 is public and public wires come first");
    assert_eq!(build(0, 2, coefficients(), [row(), row(), row()]), none);
    assert_eq!(build(3, 2, coefficients(), [row(), row(), row()]), none);
    let table = bad("the coefficient table starts with 1, -1");
    assert_eq!(build(1, 2, vec![Fr::ONE], [row(), row(), row()]), table);
    assert_eq!(build(1, 2, vec![-Fr::ONE, Fr::ONE, Fr::ONE], [row(), row(), row()]), table);
    let zero = vec![Fr::ONE, -Fr::ONE, Fr::ZERO];
    assert_eq!(build(1, 2, zero, [row(), row(), row()]), bad("a stored coefficient is zero"));
    let span = bad("row boundaries do not span the entries");
    assert_eq!(build(1, 2, coefficients(), [(vec![], vec![]), row(), row()]), span);
    assert_eq!(build(1, 2, coefficients(), [row(), (vec![0, 2], vec![(1, 2)]), row()]), span);
    let order = (vec![0, 2, 1, 1], vec![(1, 2)]);
    assert_eq!(build(1, 2, coefficients(), [row(), row(), order]), bad("row boundaries decrease"));
    let column = (vec![0, 1], vec![(2, 0)]);
    let expected = Error::ColumnOutOfRange { matrix: 'b', row: 0, column: 2, wires: 2 };
    assert_eq!(build(1, 2, coefficients(), [row(), column, row()]), expected);
    let coefficient = (vec![0, 1], vec![(1, 3)]);
    let expected = bad("an entry names a coefficient that does not exist");
    assert_eq!(build(1, 2, coefficients(), [row(), row(), coefficient]), expected);
    let longer = (vec![0, 1, 1], vec![(1, 2)]);
    let expected = bad("the three matrices differ in their number of rows");
    assert_eq!(build(1, 2, coefficients(), [row(), longer, row()]), expected);
}

#[test]
fn builder_shares_coefficients_and_drops_zeros() {
    let mut builder = MatricesBuilder::new(1, 3);
    let five = Fr::from(5u64);
    builder.push([(1, five), (2, Fr::ZERO)], [(0, -Fr::ONE)], [(2, five), (1, Fr::ONE)]).unwrap();
    let m = builder.finish().unwrap();
    assert_eq!(m.coefficients(), [Fr::ONE, -Fr::ONE, five]);
    assert_eq!(m.abc().map(|x| x.row(0).to_vec()), [vec![(1, 2)], vec![(0, 1)], vec![(2, 2), (1, 0)]]);
}
