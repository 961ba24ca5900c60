//! The CUDA backend on emulated kernels: single operations, tables of multiples, shortage of memory, failures.

use crate::common::{random_system, rng, ChaCha8Rng};
use crate::emulation::{Emulated, State};
use ark_bn254::{g1, g2, Fq, Fq2, Fr, G1Affine, G1Projective, G2Projective};
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup, VariableBaseMSM};
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField, UniformRand};
use novation_gpu::cuda::{CudaBackend, ALL_TABLES};
use novation_gpu::reference::ReferenceBackend;
use novation_gpu::{Backend, Error, Reduction, Transform};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::Arc;

const PLENTY: usize = 8 << 30;

fn backend(capacity: usize, tables: usize) -> Option<(CudaBackend<Emulated>, Arc<State>)> {
    let (device, state) = Emulated::new(capacity)?;
    Some((CudaBackend::new(device, tables).unwrap(), state))
}

/// A field element as words of memory.
trait Element: Field {
    fn write(&self, out: &mut Vec<u64>);
    fn read(words: &[u64]) -> Self;
    const WORDS: usize;
}

macro_rules! prime {
    ($field:ty) => {
        impl Element for $field {
            const WORDS: usize = 4;
            fn write(&self, out: &mut Vec<u64>) {
                out.extend(self.0 .0);
            }
            fn read(words: &[u64]) -> Self {
                let value = BigInt(words[..4].try_into().unwrap());
                assert!(value < <$field>::MODULUS, "a kernel left a value above the modulus");
                <$field>::new_unchecked(value)
            }
        }
    };
}
prime!(Fq);
prime!(Fr);

impl Element for Fq2 {
    const WORDS: usize = 8;
    fn write(&self, out: &mut Vec<u64>) {
        self.c0.write(out);
        self.c1.write(out);
    }
    fn read(words: &[u64]) -> Self {
        Fq2::new(Fq::read(words), Fq::read(&words[4..]))
    }
}

fn words<'a, F: Element>(values: impl IntoIterator<Item = &'a F>) -> Vec<u64> {
    let mut out = Vec::new();
    values.into_iter().for_each(|v| v.write(&mut out));
    out
}

/// All pairs of extreme and random elements through every operation of a field.
fn field_operations<F: Element>(kernel: &str, extremes: Vec<F>) {
    let Some((device, _)) = Emulated::new(PLENTY) else { return };
    let mut rng = rng(1);
    let mut all = extremes;
    all.extend((0..30).map(|_| F::rand(&mut rng)));
    let pairs: Vec<(F, F)> = all.iter().flat_map(|a| all.iter().map(|b| (*a, *b))).collect();
    let (a, b) = (words(pairs.iter().map(|p| &p.0)), words(pairs.iter().map(|p| &p.1)));
    type Operation<F> = (&'static str, fn(F, F) -> F);
    let operations: [Operation<F>; 7] = [
        ("add", |a, b| a + b),
        ("subtract", |a, b| a - b),
        ("multiply", |a, b| a * b),
        ("square", |a, _| a.square()),
        ("negate", |a, _| -a),
        ("double", |a, _| a.double()),
        ("invert", |a, _| a.inverse().unwrap_or(F::ZERO)),
    ];
    for (number, (name, expected)) in operations.into_iter().enumerate() {
        let mut out = vec![0; a.len()];
        device.probe(kernel, number as u32, [&a, &b], &mut out, pairs.len() as u32, None);
        for ((x, y), got) in pairs.iter().zip(out.chunks(F::WORDS)) {
            assert_eq!(F::read(got), expected(*x, *y), "{name} of {x} and {y}");
        }
    }
}

/// Elements whose Montgomery form, or whose value, is at an end of a range or full of ones.
fn extremes<F: PrimeField<BigInt = BigInt<4>>>(raw: fn(BigInt<4>) -> F) -> Vec<F> {
    let mut all = vec![F::ZERO, F::ONE, -F::ONE, F::from(2u64).inverse().unwrap(), F::from(u64::MAX)];
    let mut top = F::MODULUS;
    top.0[0] -= 1;
    all.extend([raw(BigInt::from(1u64)), raw(top), raw(F::MODULUS_MINUS_ONE_DIV_TWO)]);
    for limb in 0..4 {
        let mut value = [0; 4];
        value[limb] = if limb == 3 { u64::MAX >> 3 } else { u64::MAX };
        all.push(raw(BigInt(value)));
    }
    all.push(raw(BigInt([u64::MAX, u64::MAX, u64::MAX, u64::MAX >> 3])));
    all
}

#[test]
fn base_field_operations_equal_those_of_arkworks() {
    field_operations::<Fq>("probe_fp", extremes(Fq::new_unchecked));
}

#[test]
fn scalar_field_operations_equal_those_of_arkworks() {
    field_operations::<Fr>("probe_fr", extremes(Fr::new_unchecked));
}

#[test]
fn quadratic_field_operations_equal_those_of_arkworks() {
    let base = extremes(Fq::new_unchecked);
    let pairs = base.iter().flat_map(|a| base.iter().map(|b| Fq2::new(*a, *b)));
    field_operations::<Fq2>("probe_fp2", pairs.step_by(7).collect());
}

fn curve_operations<G: SWCurveConfig<ScalarField = Fr>>(kernel: &str)
where
    G::BaseField: Element,
{
    let Some((device, _)) = Emulated::new(PLENTY) else { return };
    let mut rng = rng(2);
    let some: Vec<Affine<G>> = (0..3).map(|_| Projective::<G>::rand(&mut rng).into_affine()).collect();
    // Equal, opposite, and such that 3a = b, 3a = -b, 3a = 3b and 3a = -3b occur.
    let triple = |p: &Affine<G>| (p.into_group().double() + p).into_affine();
    let mut pairs = Vec::new();
    for p in &some {
        pairs.extend([(*p, *p), (*p, -*p), (*p, triple(p)), (*p, -triple(p))]);
        pairs.extend(some.iter().map(|q| (*p, *q)));
    }
    let coordinates = |points: Vec<Affine<G>>| words(points.iter().flat_map(|p| [&p.x, &p.y]));
    let a = coordinates(pairs.iter().map(|p| p.0).collect());
    let b = coordinates(pairs.iter().map(|p| p.1).collect());
    type Operation<G> = (&'static str, fn(Projective<G>, Projective<G>, bool) -> Projective<G>);
    let operations: [Operation<G>; 7] = [
        ("affine + affine", |a, b, _| a + b),
        ("2 affine", |a, _, _| a.double()),
        ("3a + 3b", |a, b, _| (a + b) * Fr::from(3)),
        ("3a + affine", |a, b, _| a * Fr::from(3) + b),
        ("2 * 3a", |a, _, _| a * Fr::from(6)),
        ("3b + 3a in memory", |a, b, twice| b * Fr::from(if twice { 6 } else { 3 }) + a * Fr::from(3)),
        ("3a made affine", |a, _, _| a * Fr::from(3)),
    ];
    let n = G::BaseField::WORDS;
    for (number, (name, expected)) in operations.into_iter().enumerate() {
        for twice in [false, true] {
            let mut out = vec![0; pairs.len() * 4 * n];
            device.probe(kernel, number as u32, [&a, &b], &mut out, pairs.len() as u32, Some(u32::from(twice)));
            for ((p, q), got) in pairs.iter().zip(out.chunks(4 * n)) {
                let [x, y, zz, zzz] = [0, 1, 2, 3].map(|i| G::BaseField::read(&got[i * n..(i + 1) * n]));
                assert_eq!(zz.square() * zz, zzz.square(), "{name}: the denominators do not belong together");
                let got = match (zz.inverse(), zzz.inverse()) {
                    (Some(i), Some(j)) => Affine::new_unchecked(x * i, y * j),
                    _ => Affine::identity(),
                };
                assert_eq!(got, expected((*p).into(), (*q).into(), twice).into_affine(), "{name} of {p} and {q}");
            }
        }
    }
}

#[test]
fn g1_operations_equal_those_of_arkworks() {
    curve_operations::<g1::Config>("probe_g1");
}

#[test]
fn g2_operations_equal_those_of_arkworks() {
    curve_operations::<g2::Config>("probe_g2");
}

#[test]
fn emulation_fails_where_barriers_diverge_or_shared_memory_is_read_unwritten() {
    let Some((device, _)) = Emulated::new(PLENTY) else { return };
    let says = |which: u32| device.misbehave("probe_divergent", Some(which)).0.unwrap_err();
    assert!(says(0).starts_with("a barrier that not all threads reach"), "{}", says(0));
    assert!(says(1).starts_with("threads of a block meet at different barriers"), "{}", says(1));
    assert!(says(2).starts_with("a barrier that not all threads reach"), "{}", says(2));
    assert_eq!(device.misbehave("probe_divergent", Some(3)), (Ok(()), 0xa5a5_a5a5));
    let undeclared = device.misbehave("probe_undeclared", None).0.unwrap_err();
    assert!(undeclared.starts_with("a barrier in a kernel declared without"), "{undeclared}");
}

fn multiples<G: CurveGroup>(n: usize, rng: &mut ChaCha8Rng) -> Vec<G::Affine> {
    let step = G::rand(rng);
    let mut at = G::rand(rng);
    let all: Vec<G> = (0..n)
        .map(|_| {
            at += step;
            at
        })
        .collect();
    G::normalize_batch(&all)
}

/// Scalars of every class at once.
fn mixed(n: usize, rng: &mut ChaCha8Rng) -> Vec<Fr> {
    let kinds = [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(77u64), -Fr::from(u64::MAX), Fr::from(u64::MAX) + Fr::ONE];
    (0..n).map(|i| kinds.get(i % 9).copied().unwrap_or_else(|| Fr::rand(rng))).collect()
}

#[test]
fn sums_of_every_small_size_equal_those_of_arkworks() {
    let Some((cuda, _)) = backend(PLENTY, 1) else { return };
    let mut rng = rng(3);
    let (g1, g2) = (multiples::<G1Projective>(70, &mut rng), multiples::<G2Projective>(70, &mut rng));
    let scalars = mixed(70, &mut rng);
    for n in 0..=70 {
        let s = cuda.load(scalars[..n].to_vec()).unwrap();
        let b = cuda.prepare_g1(g1[..n].to_vec(), 0).unwrap();
        let got = cuda.msm_g1(&b, &s).unwrap().wait().unwrap();
        assert_eq!(got, G1Projective::msm_unchecked(&g1[..n], &scalars[..n]), "G1, {n}");
        if n % 5 == 0 {
            let b = cuda.prepare_g2(g2[..n].to_vec(), 0).unwrap();
            let got = cuda.msm_g2(&b, &s).unwrap().wait().unwrap();
            assert_eq!(got, G2Projective::msm_unchecked(&g2[..n], &scalars[..n]), "G2, {n}");
        }
    }
}

/// Sizes at which there are several tiles to a sort, several levels of partial sums, and two and more passes of digits.
#[test]
fn large_sums_equal_those_of_arkworks() {
    let Some((cuda, _)) = backend(PLENTY, 1) else { return };
    let mut rng = rng(4);
    let n = (1 << 12) + 1;
    let points = multiples::<G1Projective>(n, &mut rng);
    let b = cuda.prepare_g1(points.clone(), 0).unwrap();
    let dense: Vec<Fr> = (0..n).map(|_| Fr::rand(&mut rng)).collect();
    for scalars in [dense.clone(), mixed(n, &mut rng), vec![dense[0]; n], vec![Fr::ONE; n]] {
        let s = cuda.load(scalars.clone()).unwrap();
        let got = cuda.msm_g1(&b, &s).unwrap().wait().unwrap();
        assert_eq!(got, G1Projective::msm_unchecked(&points, &scalars));
    }
    let n = (1 << 9) + 3;
    let points = multiples::<G2Projective>(n, &mut rng);
    let b = cuda.prepare_g2(points.clone(), 0).unwrap();
    let scalars = mixed(n, &mut rng);
    let s = cuda.load(scalars.clone()).unwrap();
    let got = cuda.msm_g2(&b, &s).unwrap().wait().unwrap();
    assert_eq!(got, G2Projective::msm_unchecked(&points, &scalars));
}

/// One sort serves bases with and without infinities, at an offset, and in the other group; another plan gets its own.
#[test]
fn precomputed_multiples_change_no_sum() {
    let mut rng = rng(5);
    let n = 60;
    let mut points = multiples::<G1Projective>(n, &mut rng);
    let points2 = multiples::<G2Projective>(n, &mut rng);
    points[7] = G1Affine::identity();
    points[8] = G1Affine::identity();
    let scalars = mixed(n + 5, &mut rng);
    for tables in [2, 5, ALL_TABLES] {
        let Some((cuda, _)) = backend(PLENTY, tables) else { return };
        let s = cuda.load(scalars.clone()).unwrap();
        for first in [0, 5] {
            let b = cuda.prepare_g1(points.clone(), first).unwrap();
            let kept = cuda.tables(&b).unwrap();
            assert!(kept > 1 && kept <= tables, "{kept} of {tables}");
            let got = cuda.msm_g1(&b, &s).unwrap().wait().unwrap();
            assert_eq!(got, G1Projective::msm_unchecked(&points, &scalars[first..first + n]), "{tables} from {first}");
        }
        let b = cuda.prepare_g2(points2.clone(), 3).unwrap();
        let got = cuda.msm_g2(&b, &s).unwrap().wait().unwrap();
        assert_eq!(got, G2Projective::msm_unchecked(&points2, &scalars[3..3 + n]), "{tables}");
    }
}

#[test]
fn transforms_of_every_size_equal_those_of_arkworks() {
    let Some((cuda, _)) = backend(PLENTY, 1) else { return };
    let reference = ReferenceBackend::new();
    let mut rng = rng(6);
    // 10 is the last size in one pass, 16 the last in two.
    for log in (0..=12).chain([17]) {
        let values: Vec<Fr> = (0..1 << log).map(|_| Fr::rand(&mut rng)).collect();
        let g = Fr::rand(&mut rng);
        let all = [Transform::Forward, Transform::Inverse, Transform::CosetForward(g), Transform::CosetInverse(g)];
        for transform in if log == 17 { &all[2..] } else { &all[..] } {
            let (mut got, mut expected) = (values.clone(), values.clone());
            cuda.ntt(&mut got, *transform).unwrap();
            reference.ntt(&mut expected, *transform).unwrap();
            assert!(got == expected, "2^{log} {transform:?}");
        }
    }
}

/// Everything a proof asks of a backend, once.
fn prove_once(cuda: &CudaBackend<Emulated>, seed: u64) -> Result<(G1Projective, Vec<Fr>), Error> {
    let mut rng = rng(seed);
    let (m, w) = random_system(&mut rng, 40, 3);
    let points = vec![G1Projective::generator().into_affine(); w.len()];
    let system = cuda.prepare_system(m)?;
    let bases = cuda.prepare_g1(points, 0)?;
    let s = cuda.load(w)?;
    let rows = cuda.rows(&system, &s)?;
    let sum = cuda.msm_g1(&bases, &s)?;
    let h = cuda.quotient(rows, Reduction::Coefficients)?;
    let h = cuda.read(&h)?;
    Ok((sum.wait()?, h))
}

#[test]
fn a_failure_at_any_launch_is_reported_and_leaks_nothing() {
    let Some((cuda, state)) = backend(PLENTY, 2) else { return };
    let idle = state.used.load(SeqCst);
    let expected = prove_once(&cuda, 7).unwrap();
    assert_eq!(state.used.load(SeqCst), idle, "a proof leaks");
    for launches in 0.. {
        state.launches.store(launches, SeqCst);
        match prove_once(&cuda, 7) {
            Err(Error::Device { message, .. }) => assert_eq!(message, "told to fail"),
            Err(other) => panic!("{other}"),
            Ok(proof) => {
                assert!(launches > 20, "a proof of {launches} launches");
                assert_eq!(proof, expected);
                break;
            }
        }
        assert_eq!(state.used.load(SeqCst), idle, "a failure at launch {launches} leaks");
    }
    // A ticket that nobody waits for leaks nothing either.
    state.launches.store(usize::MAX, SeqCst);
    let bases = cuda.prepare_g1(vec![G1Projective::generator().into_affine(); 9], 0).unwrap();
    let s = cuda.load(vec![Fr::from(5u64); 9]).unwrap();
    drop(cuda.msm_g1(&bases, &s).unwrap());
    drop((bases, s));
    assert_eq!(state.used.load(SeqCst), idle);
}

#[test]
fn short_memory_means_fewer_tables_and_then_an_error_that_says_what_fits() {
    let mut rng = rng(8);
    let points = multiples::<G1Projective>(1000, &mut rng);
    // The tables of roots take 384 KiB.
    let roots = 32 * ((1 << 13) + (1 << 12));
    let free = 10_000_000;
    let Some((cuda, _)) = backend(roots + free, ALL_TABLES) else { return };
    let bases = cuda.prepare_g1(points.clone(), 0).unwrap();
    let kept = cuda.tables(&bases).unwrap();
    assert!((2..=9).contains(&kept), "{kept}");

    let (cuda, state) = backend(roots + 40_000, ALL_TABLES).unwrap();
    let too_large = |what, len, max| Error::TooLarge { what, len, max };
    assert_eq!(cuda.prepare_g1(points, 0).unwrap_err(), too_large("G1 bases", 1000, 625));
    assert_eq!(cuda.load(vec![Fr::ONE; 2000]).unwrap_err(), too_large("scalars", 2000, 1250));
    assert_eq!(cuda.ntt(&mut vec![Fr::ONE; 2048], Transform::Forward).unwrap_err(), too_large("NTT", 2048, 1250));
    assert_eq!(state.used.load(SeqCst), roots, "a refusal leaks");
}
