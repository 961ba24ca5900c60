//! Sums of every backend against one scalar multiplication after the other.

use crate::common::{backends, rng, ChaCha8Rng};
use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, Field, UniformRand};
use novation_gpu::{choose, Error};
use rand_chacha::rand_core::RngCore;

/// A class of scalar vectors, by name.
type Class = (&'static str, fn(usize, &mut ChaCha8Rng) -> Fr);

const CLASSES: [Class; 9] = [
    ("full width", |_, rng| Fr::rand(rng)),
    ("all zero", |_, _| Fr::ZERO),
    ("all one", |_, _| Fr::ONE),
    ("all r - 1", |_, _| -Fr::ONE),
    ("all equal", |_, _| Fr::from(0x1234_5678_9abc_def0u64).square().square()),
    ("bits", |_, rng| Fr::from(rng.next_u32() % 2)),
    ("small, both signs", |i, rng| {
        let s = Fr::from(rng.next_u32() % 70_000);
        if i % 2 == 0 {
            s
        } else {
            -s
        }
    }),
    ("around 2^64", |i, rng| Fr::from(u64::MAX) + Fr::from((i % 3) as u64) - Fr::from(rng.next_u32() % 3)),
    ("mixed", |i, rng| match i % 7 {
        0 => Fr::ZERO,
        1 => Fr::ONE,
        2 => -Fr::ONE,
        3 => Fr::from(rng.next_u64()),
        4 => -Fr::from(rng.next_u32() % 9),
        _ => Fr::rand(rng),
    }),
];

const SIZES: [usize; 12] = [0, 1, 2, 3, 5, 8, 31, 32, 33, 100, 257, 1000];

/// Points with infinities, repetitions and opposite pairs among them. Multiples of a few points: cheap to make.
fn points<G: CurveGroup>(n: usize, rng: &mut ChaCha8Rng) -> Vec<G::Affine> {
    let base = G::rand(rng);
    let mut at = base;
    let all: Vec<G> = (0..n)
        .map(|i| match i % 9 {
            4 => G::zero(),
            5 => base,
            6 => -base,
            _ => {
                at += base.double();
                at
            }
        })
        .collect();
    G::normalize_batch(&all)
}

fn naive<A: AffineRepr<ScalarField = Fr>>(points: &[A], scalars: &[Fr]) -> A::Group {
    points.iter().zip(scalars).map(|(p, s)| *p * s).sum()
}

#[test]
fn g1_sum_equals_naive_sum_for_all_sizes_and_classes() {
    let mut rng = rng(1);
    for n in SIZES {
        let bases = points::<G1Projective>(n, &mut rng);
        for (class, scalar) in CLASSES {
            let scalars: Vec<Fr> = (0..n).map(|i| scalar(i, &mut rng)).collect();
            let expected = naive(&bases, &scalars);
            for backend in backends() {
                let b = backend.prepare_g1(bases.clone(), 0).unwrap();
                let s = backend.load(scalars.clone()).unwrap();
                let sum = backend.msm_g1(&b, &s).unwrap().wait().unwrap();
                assert_eq!(sum, expected, "{} {class} n={n}", backend.name());
            }
        }
    }
}

#[test]
fn g2_sum_equals_naive_sum_for_all_sizes_and_classes() {
    let mut rng = rng(2);
    for n in SIZES.into_iter().filter(|n| *n <= 257) {
        let bases = points::<G2Projective>(n, &mut rng);
        for (class, scalar) in CLASSES {
            let scalars: Vec<Fr> = (0..n).map(|i| scalar(i, &mut rng)).collect();
            let expected = naive(&bases, &scalars);
            for backend in backends() {
                let b = backend.prepare_g2(bases.clone(), 0).unwrap();
                let s = backend.load(scalars.clone()).unwrap();
                let sum = backend.msm_g2(&b, &s).unwrap().wait().unwrap();
                assert_eq!(sum, expected, "{} {class} n={n}", backend.name());
            }
        }
    }
}

/// Parts of different lengths and offsets over different vectors, one of them without points.
#[test]
fn sum_over_parts_is_the_sum_of_their_sums() {
    let mut rng = rng(8);
    let bases = [300, 0, 1100].map(|n| points::<G1Projective>(n, &mut rng));
    for (class, scalar) in CLASSES {
        let vectors = [310, 4, 1101].map(|n| (0..n).map(|i| scalar(i, &mut rng)).collect::<Vec<Fr>>());
        let firsts = [10, 3, 0];
        let expected: G1Projective =
            bases.iter().zip(&vectors).zip(firsts).map(|((b, v), first)| naive(b, &v[first..])).sum();
        for backend in backends() {
            let b: Vec<_> =
                bases.iter().zip(firsts).map(|(b, first)| backend.prepare_g1(b.clone(), first).unwrap()).collect();
            let s: Vec<_> = vectors.iter().map(|v| backend.load(v.clone()).unwrap()).collect();
            let parts: Vec<_> = b.iter().zip(&s).collect();
            let sum = backend.msm_g1_all(&parts).unwrap().wait().unwrap();
            assert_eq!(sum, expected, "{} {class}", backend.name());
            let none = backend.msm_g1_all(&[]).unwrap().wait().unwrap();
            assert_eq!(none, G1Projective::default(), "{}", backend.name());
        }
    }
}

#[test]
fn large_sums_agree_between_cpu_and_arkworks() {
    let mut rng = rng(3);
    let n = (1 << 14) + 3;
    let dual = choose("dual").unwrap().backend;
    let (g1, g2) = (points::<G1Projective>(n, &mut rng), points::<G2Projective>(n, &mut rng));
    let (g1, g2) = (dual.prepare_g1(g1, 0).unwrap(), dual.prepare_g2(g2, 0).unwrap());
    for class in [0, 4, 8] {
        let s = dual.load((0..n).map(|i| CLASSES[class].1(i, &mut rng)).collect()).unwrap();
        // The dual backend compares; the value itself is of no interest.
        let _ = dual.msm_g1(&g1, &s).unwrap().wait().unwrap();
        let _ = dual.msm_g2(&g2, &s).unwrap().wait().unwrap();
    }
}

#[test]
fn bases_multiply_the_scalars_from_first_on() {
    let mut rng = rng(4);
    let bases: Vec<G1Affine> = points::<G1Projective>(40, &mut rng);
    let bases2: Vec<G2Affine> = points::<G2Projective>(40, &mut rng);
    let scalars: Vec<Fr> = (0..60).map(|_| Fr::rand(&mut rng)).collect();
    for backend in backends() {
        let s = backend.load(scalars.clone()).unwrap();
        for first in [0, 1, 7, 20] {
            let b = backend.prepare_g1(bases.clone(), first).unwrap();
            assert_eq!(b.len(), first + 40);
            let sum = backend.msm_g1(&b, &s).unwrap().wait().unwrap();
            assert_eq!(sum, naive(&bases, &scalars[first..first + 40]), "{} from {first}", backend.name());
            let b = backend.prepare_g2(bases2.clone(), first).unwrap();
            let sum = backend.msm_g2(&b, &s).unwrap().wait().unwrap();
            assert_eq!(sum, naive(&bases2, &scalars[first..first + 40]), "{} from {first}", backend.name());
        }
    }
}

#[test]
fn bases_past_the_scalars_are_refused() {
    let mut rng = rng(5);
    let bases = points::<G1Projective>(4, &mut rng);
    let bases2 = points::<G2Projective>(4, &mut rng);
    for backend in backends() {
        let s = backend.load(vec![Fr::ONE; 6]).unwrap();
        let expected = Error::SpanPastScalars { span: 7, scalars: 6 };
        let b = backend.prepare_g1(bases.clone(), 3).unwrap();
        assert_eq!(backend.msm_g1(&b, &s).unwrap_err(), expected, "{}", backend.name());
        let b = backend.prepare_g2(bases2.clone(), 3).unwrap();
        assert_eq!(backend.msm_g2(&b, &s).unwrap_err(), expected, "{}", backend.name());
    }
}

#[test]
fn more_points_than_the_limit_are_refused() {
    for backend in backends() {
        let max = backend.limits().max_points;
        let expected = |what| Error::TooLarge { what, len: max + 1, max };
        let g1 = backend.prepare_g1(vec![G1Affine::identity(); 2], max - 1);
        assert_eq!(g1.unwrap_err(), expected("G1 bases"), "{}", backend.name());
        let g2 = backend.prepare_g2(vec![G2Affine::identity(); 2], max - 1);
        assert_eq!(g2.unwrap_err(), expected("G2 bases"), "{}", backend.name());
    }
}

#[test]
fn handles_of_another_instance_are_refused() {
    let (one, other) = (choose("cpu").unwrap().backend, choose("cpu").unwrap().backend);
    let bases = one.prepare_g1(vec![G1Affine::generator()], 0).unwrap();
    let (mine, foreign) = (one.load(vec![Fr::ONE]).unwrap(), other.load(vec![Fr::ONE]).unwrap());
    assert_eq!(one.msm_g1(&bases, &mine).unwrap().wait().unwrap(), G1Affine::generator());
    assert_eq!(one.msm_g1(&bases, &foreign).unwrap_err(), Error::ForeignHandle { what: "scalars" });
    assert_eq!(other.msm_g1(&bases, &foreign).unwrap_err(), Error::ForeignHandle { what: "G1 bases" });
}

#[test]
fn debug_print_of_a_handle_shows_no_data() {
    let backend = choose("cpu").unwrap().backend;
    let secret = backend.load(vec![Fr::from(1234567u64)]).unwrap();
    assert_eq!(format!("{secret:?}"), "Handle(scalars, len 1)");
}
