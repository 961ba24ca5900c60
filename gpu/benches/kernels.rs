//! Single kernels, by instruction set: products, affine additions, multi-scalar multiplication, NTT.
//!
//! ```text
//! cargo bench -p novation-gpu -- [LOG]           # default: 16
//! ```
//!
//! CPU time of the process, least of several rounds.

// Calling lanes directly is what is measured.
#![allow(unsafe_code)]

use ark_bn254::{g1, g2, Fq, FqConfig, Fr};
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ec::{CurveGroup, PrimeGroup};
use ark_ff::{AdditiveGroup, UniformRand};
use cpu_time::ProcessTime;
use novation_gpu::cpu::adder::{Adder, Job, Scalar, Sources};
use novation_gpu::cpu::vector::adder::{Curve, Vectorised};
use novation_gpu::cpu::vector::{InstructionSet, Lanes, Machine, Work, LANES};
use novation_gpu::cpu::CpuBackend;
use novation_gpu::{Backend, Transform};
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::hint::black_box;
use std::marker::PhantomData;

/// Least CPU nanoseconds of `rounds` runs, over `count`.
fn least(rounds: usize, count: usize, mut run: impl FnMut()) -> f64 {
    let times = (0..rounds).map(|_| {
        let start = ProcessTime::now();
        run();
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::MAX, f64::min) * 1e9 / count as f64
}

/// Four chains of products in all lanes.
struct Chains<L>(usize, PhantomData<L>);

impl<L: Lanes<FqConfig>> Work for Chains<L> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        let x = L::splat(&L::pack(&Fq::from(3u64)));
        let mut chains = [x; 4];
        for _ in 0..self.0 {
            for chain in &mut chains {
                L::mul_to(chain, chain, &x);
            }
        }
        black_box(chains.map(|mut x| {
            let mut out = [[0u64; 4]; LANES];
            x.tighten();
            x.scatter(&out.each_mut().map(|x| x.as_mut_ptr().cast()), 0);
            out
        }));
    }
}

/// Nanoseconds of a product in the base field.
fn product(machine: Machine) -> f64 {
    const COUNT: usize = 20_000;
    #[cfg(target_arch = "x86_64")]
    fn vector<I: InstructionSet>() -> f64 {
        // SAFETY: the machine was asked.
        least(50, 4 * COUNT * LANES, || unsafe { I::call(Chains::<I::Lanes<FqConfig>>(COUNT, PhantomData)) })
    }
    match machine {
        #[cfg(target_arch = "x86_64")]
        Machine::Ifma => vector::<novation_gpu::cpu::vector::ifma::IfmaSet>(),
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2 => vector::<novation_gpu::cpu::vector::avx2::Avx2Set>(),
        _ => {
            let mut chains = [Fq::from(3u64); 4];
            let x = chains[0];
            let ns = least(50, 4 * COUNT, || (0..COUNT).for_each(|_| chains.iter_mut().for_each(|c| *c *= x)));
            black_box(chains);
            ns
        }
    }
}

/// Nanoseconds of an affine addition, summands in a row.
fn addition<P: SWCurveConfig, A: Adder<P>>() -> f64 {
    const COUNT: usize = 1 << 12;
    let mut point = Projective::<P>::generator();
    let points: Vec<A::Point> = (0..2 * COUNT)
        .map(|_| {
            point.double_in_place();
            A::pack(&point.into_affine())
        })
        .collect();
    let jobs: Vec<Job> = (0..COUNT as u32).map(|i| Job { a: 2 * i, b: 2 * i + 1 }).collect();
    let mut out = vec![A::INFINITY; COUNT];
    let mut adder = A::default();
    least(20, COUNT, || adder.add_pairs(Sources::points(&points), &jobs, black_box(&mut out)))
}

fn additions<P: Curve>(machine: Machine) -> f64 {
    match machine {
        #[cfg(target_arch = "x86_64")]
        Machine::Ifma => addition::<P, Vectorised<P, novation_gpu::cpu::vector::ifma::IfmaSet>>(),
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2 => addition::<P, Vectorised<P, novation_gpu::cpu::vector::avx2::Avx2Set>>(),
        _ => addition::<P, Scalar<P>>(),
    }
}

/// Distinct points without the cost of random ones.
fn points<P: SWCurveConfig>(count: usize) -> Vec<Affine<P>> {
    let g = Projective::<P>::generator();
    let mut point = g;
    let all: Vec<_> = (0..count)
        .map(|_| {
            point = point.double() + g;
            point
        })
        .collect();
    Projective::normalize_batch(&all)
}

fn main() {
    let log: u32 = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(16);
    let n = 1usize << log;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let scalars: Vec<Fr> = (0..n).map(|_| Fr::rand(&mut rng)).collect();
    let (p1, p2) = (points::<g1::Config>(n), points::<g2::Config>(n));
    println!("CPU nanoseconds; sums and transforms of 2^{log}");
    println!(
        "{:10} {:>9} {:>9} {:>9} {:>12} {:>12} {:>14}",
        "", "product", "add G1", "add G2", "G1 / point", "G2 / point", "NTT / element"
    );
    for machine in Machine::ALL.into_iter().filter(|m| m.is_here()) {
        let backend = CpuBackend::on(machine).expect("it is here");
        let scalars = backend.load(scalars.clone()).expect("small");
        let (b1, b2) =
            (backend.prepare_g1(p1.clone(), 0).expect("small"), backend.prepare_g2(p2.clone(), 0).expect("small"));
        let g1 = least(3, n, || drop(black_box(backend.msm_g1(&b1, &scalars).and_then(|t| t.wait()))));
        let g2 = least(3, n, || drop(black_box(backend.msm_g2(&b2, &scalars).and_then(|t| t.wait()))));
        let mut values = backend.read(&scalars).expect("own");
        let ntt = least(5, n, || backend.ntt(&mut values, Transform::Forward).expect("small"));
        println!(
            "{:10} {:9.1} {:9.1} {:9.1} {:12.1} {:12.1} {:14.1}",
            format!("{machine:?}"),
            product(machine),
            additions::<g1::Config>(machine),
            additions::<g2::Config>(machine),
            g1,
            g2,
            ntt
        );
    }
}
