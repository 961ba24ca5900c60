//! Number theoretic transforms with cached roots.
//!
//! Decimation in frequency takes natural order to bit-reversed order, decimation in time the reverse, so a transform and
//! its inverse in sequence need no permutation; only the public [`transform`] pays for one.

use crate::backend::Transform;
use ark_bn254::Fr;
use ark_ff::{FftField, Field, One};
use rayon::prelude::*;

/// Below this length a recursion step is not worth a task of its own.
const SERIAL: usize = 1 << 11;

/// Roots of unity for all domains up to 2^log, and the powers that move a bit-reversed vector to the odd coset.
pub struct Roots {
    log: u32,
    // roots[m/2 + i] = w_m^i for i < m/2: each level of a transform reads one contiguous piece. Inverse roots are the same
    // piece read backwards: w_m^-i = -w_m^(m/2 - i).
    roots: Vec<Fr>,
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Roots(2^{})", self.log)
    }
}

impl Roots {
    /// Roots for domains up to `2^log`: 32 bytes times `2^log`.
    pub fn new(log: u32) -> Self {
        let n = 1usize << log;
        let mut roots = vec![Fr::one(); n];
        // The top level from its generator, then every second element for each level below.
        let half = n / 2;
        if half > 1 {
            let w = root(log);
            powers_into(&mut roots[half..], Fr::one(), w);
            for level in (1..log - 1).rev() {
                let m = 1usize << level;
                let (low, high) = roots.split_at_mut(2 * m);
                let (target, source) = (&mut low[m..2 * m], &high[..2 * m]);
                target.par_iter_mut().enumerate().with_min_len(SERIAL).for_each(|(i, t)| *t = source[2 * i]);
            }
        }
        Roots { log, roots }
    }

    /// log2 of the largest domain.
    pub fn log(&self) -> u32 {
        self.log
    }

    /// `w_m^i` for `i < m/2`, `m` a power of two of at least 2.
    pub fn level(&self, m: usize) -> &[Fr] {
        &self.roots[m / 2..m]
    }
}

/// The generator of the subgroup of order 2^log.
pub fn root(log: u32) -> Fr {
    Fr::get_root_of_unity(1 << log).expect("2^28 divides r - 1, and domains are smaller")
}

/// Fills `out` with `start * base^i`, on all threads.
pub fn powers_into(out: &mut [Fr], start: Fr, base: Fr) {
    out.par_chunks_mut(SERIAL).enumerate().for_each(|(k, chunk)| {
        let mut power = start * base.pow([(k * SERIAL) as u64]);
        for x in chunk {
            *x = power;
            power *= base;
        }
    });
}

/// Multiplies `x[i]` by `start * base^i`, on all threads.
pub fn scale(x: &mut [Fr], start: Fr, base: Fr) {
    x.par_chunks_mut(SERIAL).enumerate().for_each(|(k, chunk)| {
        let mut power = start * base.pow([(k * SERIAL) as u64]);
        for x in chunk {
            *x *= power;
            power *= base;
        }
    });
}

/// Direction of a transform without its scaling.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Roots `w^i`.
    Forward,
    /// Roots `w^-i`; the caller divides by n.
    Inverse,
}

/// Natural order to bit-reversed order, in place, unscaled.
pub fn to_reversed(roots: &Roots, x: &mut [Fr], direction: Direction) {
    let n = x.len();
    if n < 2 {
        return;
    }
    let (lo, hi) = x.split_at_mut(n / 2);
    butterflies(lo, hi, roots.level(n), direction, |u, v, w, sign| {
        let d = if sign { *v - *u } else { *u - *v };
        *u += *v;
        *v = d * w;
    });
    recurse(lo, hi, |x| to_reversed(roots, x, direction));
}

/// Bit-reversed order to natural order, in place, unscaled.
pub fn from_reversed(roots: &Roots, x: &mut [Fr], direction: Direction) {
    let n = x.len();
    if n < 2 {
        return;
    }
    let (lo, hi) = x.split_at_mut(n / 2);
    recurse(lo, hi, |x| from_reversed(roots, x, direction));
    butterflies(lo, hi, roots.level(n), direction, |u, v, w, sign| {
        let t = *v * w;
        (*u, *v) = if sign { (*u - t, *u + t) } else { (*u + t, *u - t) };
    });
}

fn recurse(lo: &mut [Fr], hi: &mut [Fr], f: impl Fn(&mut [Fr]) + Sync) {
    if lo.len() >= SERIAL {
        rayon::join(|| f(lo), || f(hi));
    } else {
        f(lo);
        f(hi);
    }
}

/// Applies `f(u, v, root, negate)` to all pairs of a level, where the twiddle is `root` or, with `negate`, `-root`.
#[inline]
fn butterflies(
    lo: &mut [Fr],
    hi: &mut [Fr],
    level: &[Fr],
    direction: Direction,
    f: impl Fn(&mut Fr, &mut Fr, &Fr, bool) + Sync,
) {
    let half = lo.len();
    let run = |begin: usize, lo: &mut [Fr], hi: &mut [Fr]| match direction {
        Direction::Forward => {
            for ((u, v), w) in lo.iter_mut().zip(hi).zip(&level[begin..]) {
                f(u, v, w, false);
            }
        }
        Direction::Inverse => {
            let (mut lo, mut hi, mut begin) = (lo, hi, begin);
            if begin == 0 {
                f(&mut lo[0], &mut hi[0], &level[0], false);
                (lo, hi, begin) = (&mut lo[1..], &mut hi[1..], 1);
            }
            for ((u, v), w) in lo.iter_mut().zip(hi).zip(level[..half - begin + 1].iter().rev()) {
                f(u, v, w, true);
            }
        }
    };
    if half <= SERIAL {
        run(0, lo, hi);
    } else {
        lo.par_chunks_mut(SERIAL)
            .zip(hi.par_chunks_mut(SERIAL))
            .enumerate()
            .for_each(|(k, (lo, hi))| run(k * SERIAL, lo, hi));
    }
}

/// Swaps every element with the one at its bit-reversed index.
pub fn reverse_bits(x: &mut [Fr]) {
    let log = x.len().trailing_zeros();
    for i in 0..x.len() {
        let j = reversed(i, log);
        if i < j {
            x.swap(i, j);
        }
    }
}

/// `i` with its lowest `log` bits in reverse order.
#[inline]
pub fn reversed(i: usize, log: u32) -> usize {
    if log == 0 {
        0
    } else {
        i.reverse_bits() >> (usize::BITS - log)
    }
}

/// The transform of the seam: natural order in and out, scaled.
pub fn transform(roots: &Roots, x: &mut [Fr], transform: Transform) {
    if let Transform::CosetForward(g) = transform {
        scale(x, Fr::ONE, g);
    }
    let inverse = matches!(transform, Transform::Inverse | Transform::CosetInverse(_));
    to_reversed(roots, x, if inverse { Direction::Inverse } else { Direction::Forward });
    reverse_bits(x);
    let n_inverse = || Fr::from(x.len() as u64).inverse().expect("n is a power of two below r");
    match transform {
        Transform::Inverse => {
            let k = n_inverse();
            x.par_iter_mut().with_min_len(SERIAL).for_each(|v| *v *= k);
        }
        Transform::CosetInverse(g) => {
            let k = n_inverse();
            scale(x, k, g.inverse().expect("the offset was checked"));
        }
        Transform::Forward | Transform::CosetForward(_) => {}
    }
}
