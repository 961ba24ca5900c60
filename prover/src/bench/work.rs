//! How many field products each stage of a proof needs at least, the yardstick of every measured stage.
//!
//! With M a product in the field (254 bits; Fq or Fr alike), by stage:
//!
//! ```text
//! load      wires * M                              out of Montgomery form, once a scalar
//! rows      (entries that are not +-1 + constraints) * M
//! quotient  t * (n / 2) * log2 n * M               transforms of the domain's n elements: 4 or 6, by the key's form
//! sum, G1   additions * 6 M                        A, and L with H: affine addition, 5 M and a square,
//!                                                  the inversion shared by a batch (Montgomery's trick)
//! sum, G2   additions * 17 M                       the same over Fq2: a product 3 M (Karatsuba), a square 2 M
//! check     not counted                            a constant few milliseconds of pairings
//! ```
//!
//! A sum takes scalars as numbers of Z[ω] with coordinates of half their length ([`novation_gpu::cpu::digits`]). With windows of `k` bits
//! of each coordinate it takes, over the points that are not infinity,
//!
//! ```text
//! additions(k) = sum ceil((bits of the longer coordinate + 1) / k) + 2 * 4^k / 6
//! ```
//!
//! one for each digit (a further bit for the last carry) and two for each bucket: units turn digits into a sixth of the plane. All
//! windows share one set of buckets, as they can when the key holds every point's shifted multiples. `k` from 2 to 12 is the
//! best for that sum. A dense point thus takes `ceil(127 / k)` additions, a bit that is one takes one, zero none. The H
//! query meets quotients, which are full-width whatever the witness.
//!
//! These are counts of the algorithm, so no stage of it can be below 1 with arkworks' product; with a faster one it can.

use crate::key::ProvingKey;
use ark_bn254::{Fq, Fr};
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ec::AffineRepr;
use ark_ff::UniformRand;
use novation_gpu::cpu::digits::Short;
use novation_gpu::{Matrices, Reduction};
use rand::rngs::StdRng;
use rand::SeedableRng;
use std::hint::black_box;
use std::time::Instant;

/// Field products of an affine addition in G1.
pub const G1_ADDITION: u64 = 5 + 1;
/// Field products of an affine addition in G2.
pub const G2_ADDITION: u64 = 5 * 3 + 2;
/// Bits of the longest coordinate.
const MAX_BITS: usize = 126;

/// The scalars of a sum, counted by their bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalars([u64; MAX_BITS + 1]);

impl Scalars {
    /// The scalars, given by the bits of their longer coordinates, whose points are not infinity.
    pub fn of<P: SWCurveConfig>(points: &[Affine<P>], bits: &[u8]) -> Self {
        let mut counts = [0; MAX_BITS + 1];
        for (_, bits) in points.iter().zip(bits).filter(|(point, _)| !point.is_zero()) {
            counts[usize::from(*bits)] += 1;
        }
        Scalars(counts)
    }

    /// Additions with windows of `width` bits.
    fn additions_of(&self, width: u32) -> u64 {
        let digits: u64 =
            (1u64..).zip(&self.0[1..]).map(|(bits, count)| count * (bits + 1).div_ceil(width.into())).sum();
        digits + (1 << (2 * width)) / 3
    }

    /// Additions at the best width; none for no scalars.
    pub fn additions(&self) -> u64 {
        if self.0[1..].iter().all(|count| *count == 0) {
            return 0;
        }
        (2..=12).map(|width| self.additions_of(width)).min().expect("a width")
    }
}

/// Field products of one proof, by stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Scalars to the backend.
    pub load: u64,
    /// Row products.
    pub rows: u64,
    /// The quotient's transforms.
    pub quotient: u64,
    /// The two sums in G1: A, and L with H.
    pub g1: u64,
    /// The sum in G2.
    pub g2: u64,
}

impl Work {
    /// Counts a proof. Key and assignment fit the matrices ([`ProvingKey::check_shape`], [`Matrices::check_shape`]).
    pub fn count(m: &Matrices, key: &ProvingKey, assignment: &[Fr]) -> Self {
        let bits: Vec<u8> = assignment.iter().map(|s| Short::new(s).bits() as u8).collect();
        // The table begins with 1 and -1.
        let products =
            |entries: &[(u32, u32)]| entries.iter().filter(|(_, coefficient)| *coefficient > 1).count() as u64;
        let entries: u64 = m.abc().into_iter().map(|matrix| products(matrix.parts().1)).sum();
        let mut c = Scalars::of(&key.l, &bits[m.num_wires() - key.l.len()..]);
        c.0[MAX_BITS] += key.h.len() as u64;
        let g1 = [Scalars::of(&key.a, &bits), c];
        Work {
            load: assignment.len() as u64,
            rows: entries + m.num_constraints() as u64,
            quotient: transforms(key.reduction, m.log_domain()),
            g1: g1.iter().map(Scalars::additions).sum::<u64>() * G1_ADDITION,
            g2: Scalars::of(&key.b_g2, &bits).additions() * G2_ADDITION,
        }
    }
}

/// Field products of a quotient over a domain of 2^log.
pub fn transforms(reduction: Reduction, log: u32) -> u64 {
    let count = match reduction {
        Reduction::Coefficients | Reduction::OddCoset => 6,
        Reduction::Product => 4,
    };
    count * (1u64 << log) / 2 * u64::from(log)
}

/// Seconds of one product of arkworks in Fq on this machine, one thread: the least of many short runs of independent
/// products, so that throughput and not latency is measured, and no interruption.
pub fn product_seconds() -> f64 {
    const VALUES: usize = 512;
    const RUNS: usize = 4_000;
    let mut rng = StdRng::seed_from_u64(0);
    let mut values: Vec<Fq> = (0..VALUES).map(|_| Fq::rand(&mut rng)).collect();
    let factor = black_box(Fq::rand(&mut rng));
    let run = |_| {
        let begin = Instant::now();
        for value in black_box(&mut values) {
            *value *= &factor;
        }
        begin.elapsed().as_secs_f64()
    };
    (0..RUNS).map(run).fold(f64::INFINITY, f64::min) / VALUES as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::mix::mix;
    use ark_bn254::G1Affine;
    use ark_ff::Field;

    /// By hand: 2^16 dense points at 8 bits take ceil(127 / 8) = 16 digits each and 2 * 2^16 / 6 bucket additions; at 7 bits 19
    /// digits and a quarter of that, at 9 bits 15 and four times as many, at 10 bits 13 and 16 times.
    #[test]
    fn dense_sum_counts_digits_and_buckets_at_the_best_width() {
        let dense = |n| {
            let mut counts = [0; MAX_BITS + 1];
            counts[MAX_BITS] = n;
            Scalars(counts)
        };
        let many = dense(1 << 16);
        let expected =
            [(19, 5_461), (16, 21_845), (15, 87_381), (13, 349_525)].map(|(digits, buckets)| (digits << 16) + buckets);
        assert_eq!([7, 8, 9, 10].map(|k| many.additions_of(k)), expected);
        assert_eq!(many.additions(), expected[1]);
        assert_eq!(dense(0).additions(), 0);
        // One point: 64 digits of two bits and 5 for the buckets, or 43 + 21, 32 + 85.
        assert_eq!(dense(1).additions(), 64);
    }

    #[test]
    fn bits_take_one_addition_and_zero_and_infinity_none() {
        let (point, infinity) = (G1Affine::generator(), G1Affine::identity());
        let scalars = Scalars::of(&[point, point, point, infinity, point], &[1, 0, 1, 126, 64]);
        // At 2 bits 2 + 33 digits and 5 for the buckets, at 3 bits 2 + 22 + 21, at 4 bits 2 + 17 + 85.
        assert_eq!([2, 3, 4].map(|k| scalars.additions_of(k)), [40, 45, 104]);
        assert_eq!(scalars.additions(), 40);
    }

    #[test]
    fn transforms_are_four_or_six_of_half_n_log_n() {
        for (reduction, count) in [(Reduction::Product, 4), (Reduction::OddCoset, 6), (Reduction::Coefficients, 6)] {
            let expected = [1, 512 * 10, 65_536 * 17].map(|one| count * one);
            assert_eq!([1, 10, 17].map(|log| transforms(reduction, log)), expected);
        }
    }

    /// a * b = c, b * c * 3 = d over one public wire (c) and the witness a, b, d; only a is a bit.
    #[test]
    fn work_of_a_small_circuit_is_the_one_counted_by_hand() {
        let mut builder = novation_gpu::MatricesBuilder::new(2, 5);
        let (c, a, b, d) = (1, 2, 3, 4);
        builder.push([(a, Fr::ONE)], [(b, Fr::ONE)], [(c, Fr::ONE)]).unwrap();
        builder.push([(b, Fr::ONE)], [(c, Fr::from(3u64))], [(d, Fr::ONE)]).unwrap();
        let r1cs = crate::R1cs::new(builder.finish().unwrap());
        let key = crate::setup::generate(&r1cs, &()).unwrap();
        let y = Fr::from(2u64).pow([125]);
        let w = [Fr::ONE, y, Fr::ONE, y, y * y * Fr::from(3u64)];
        assert_eq!(r1cs.check(&w), Ok(()));
        let d_digits = |k: u32| u64::from(Short::new(&w[4]).bits() + 1).div_ceil(k.into());
        // A: the public wires (1, c; each has a row) and a, b. B: b and c. L: c (its own row's share of C), a, b, d. H: a domain of 4.
        let best = |digits: &dyn Fn(u32) -> u64| (2..=12).map(|k| digits(k) + (1 << (2 * k)) / 3).min().unwrap();
        let dense = |k: u32| 127u64.div_ceil(k.into());
        let g1 = best(&|k| 2 + 2 * dense(k)) + best(&|k| 1 + 2 * dense(k) + d_digits(k) + 4 * dense(k));
        let expected = Work { load: 5, rows: 1 + 2, quotient: 4 * 2 * 2, g1: 6 * g1, g2: 17 * best(&|k| 2 * dense(k)) };
        assert_eq!(Work::count(r1cs.matrices(), &key, &w), expected);
    }

    #[test]
    fn a_product_takes_some_time() {
        let seconds = product_seconds();
        assert!(seconds > 0.0 && seconds.is_finite(), "{seconds}");
    }

    #[test]
    fn more_rows_are_more_work() {
        let count = |log| {
            let subject = mix(log);
            let key = crate::setup::generate(&subject.r1cs, &()).unwrap();
            Work::count(subject.r1cs.matrices(), &key, &subject.assignment)
        };
        let (small, large) = (count(8), count(9));
        assert!(small.g1 < large.g1 && small.g2 < large.g2 && small.rows < large.rows);
        assert_eq!((small.load, large.load), (mix(8).assignment.len() as u64, mix(9).assignment.len() as u64));
    }
}
