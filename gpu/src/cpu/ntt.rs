//! Number theoretic transforms with cached roots.
//!
//! Decimation in frequency takes natural order to bit-reversed order, decimation in time the reverse, so a transform and
//! its inverse in sequence need no permutation; only the public [`transform`] pays for one.

#[cfg(target_arch = "x86_64")]
use super::vector::{avx2::Avx2Set, ifma::IfmaSet, InstructionSet, Lanes, LANES};
use super::vector::{Machine, Packed};
use crate::backend::Transform;
use ark_bn254::{Fr, FrConfig};
use ark_ff::{FftField, Field, One};
use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
type Ifma = <IfmaSet as InstructionSet>::Lanes<FrConfig>;
#[cfg(target_arch = "x86_64")]
type Avx2 = <Avx2Set as InstructionSet>::Lanes<FrConfig>;

/// Below this length a recursion step is not worth a task of its own.
const SERIAL: usize = 1 << 11;

/// Roots of unity for all domains up to 2^log, in the form that the arithmetic multiplies with.
pub struct Roots {
    log: u32,
    machine: Machine,
    // roots[m/2 + i] = w_m^i for i < m/2: each level of a transform reads one contiguous piece. Inverse roots are the same
    // piece read backwards: w_m^-i = -w_m^(m/2 - i). Where there are lanes, only levels too short for them.
    roots: Vec<Fr>,
    // The same for all levels, packed; the first place, which no level uses, holds -1.
    packed: Vec<Packed>,
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Roots(2^{})", self.log)
    }
}

impl Roots {
    /// Roots for domains up to `2^log`: 32 bytes times `2^log`.
    pub fn new(machine: Machine, log: u32) -> Self {
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
        let pack: Option<fn(&Fr) -> Packed> = match machine {
            #[cfg(target_arch = "x86_64")]
            Machine::Ifma => Some(<Ifma as Lanes<FrConfig>>::pack),
            #[cfg(target_arch = "x86_64")]
            Machine::Avx2 => Some(<Avx2 as Lanes<FrConfig>>::pack),
            _ => None,
        };
        let mut packed = Vec::new();
        if let Some(pack) = pack {
            roots[0] = -Fr::one();
            roots.par_iter().with_min_len(SERIAL).map(pack).collect_into_vec(&mut packed);
            roots.truncate(2 * LANES);
        }
        Roots { log, machine, roots, packed }
    }

    /// log2 of the largest domain.
    pub fn log(&self) -> u32 {
        self.log
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
    butterflies::<true>(roots, lo, hi, direction);
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
    butterflies::<false>(roots, lo, hi, direction);
}

fn recurse(lo: &mut [Fr], hi: &mut [Fr], f: impl Fn(&mut [Fr]) + Sync) {
    if lo.len() >= SERIAL {
        rayon::join(|| f(lo), || f(hi));
    } else {
        f(lo);
        f(hi);
    }
}

/// All butterflies of a level: `(u, v)` to `(u + v, (u - v) w)` in `FREQUENCY`, to `(u + v w, u - v w)` in time.
fn butterflies<const FREQUENCY: bool>(roots: &Roots, lo: &mut [Fr], hi: &mut [Fr], direction: Direction) {
    let half = lo.len();
    let run = |begin: usize, lo: &mut [Fr], hi: &mut [Fr]| match roots.machine {
        #[cfg(target_arch = "x86_64")]
        Machine::Ifma if half >= LANES => {
            lanes::butterflies::<IfmaSet, FREQUENCY>(&roots.packed, half, begin, lo, hi, direction)
        }
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2 if half >= LANES => {
            lanes::butterflies::<Avx2Set, FREQUENCY>(&roots.packed, half, begin, lo, hi, direction)
        }
        _ => scalar_butterflies::<FREQUENCY>(&roots.roots[half..2 * half], begin, lo, hi, direction),
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

/// Those from `begin` on, one after the other; `level` holds `w^i` for the whole level.
fn scalar_butterflies<const FREQUENCY: bool>(
    level: &[Fr],
    begin: usize,
    lo: &mut [Fr],
    hi: &mut [Fr],
    direction: Direction,
) {
    for (i, (u, v)) in lo.iter_mut().zip(hi).enumerate().map(|(i, pair)| (begin + i, pair)) {
        let w = match direction {
            Direction::Inverse if i > 0 => -level[level.len() - i],
            _ => level[i],
        };
        if FREQUENCY {
            let difference = *u - *v;
            *u += *v;
            *v = difference * w;
        } else {
            let t = *v * w;
            (*u, *v) = (*u + t, *u - t);
        }
    }
}

/// Sixteen butterflies at once.
#[cfg(target_arch = "x86_64")]
mod lanes {
    // Vector instructions are unsafe to call: see `super::vector`.
    #![allow(unsafe_code)]

    use super::super::vector::{InstructionSet, Lanes, Packed, Work, LANES};
    use super::Direction;
    use ark_bn254::{Fr, FrConfig};

    struct Level<'a, I: InstructionSet, const FREQUENCY: bool> {
        packed: &'a [Packed],
        half: usize,
        begin: usize,
        lo: &'a mut [Fr],
        hi: &'a mut [Fr],
        direction: Direction,
        set: std::marker::PhantomData<I>,
    }

    /// As [`super::scalar_butterflies`], for a length that is a multiple of [`LANES`].
    pub fn butterflies<I: InstructionSet, const FREQUENCY: bool>(
        packed: &[Packed],
        half: usize,
        begin: usize,
        lo: &mut [Fr],
        hi: &mut [Fr],
        direction: Direction,
    ) {
        assert!(I::MACHINE.is_here() && lo.len() == hi.len() && lo.len().is_multiple_of(LANES));
        assert!(begin + lo.len() <= half && 2 * half <= packed.len());
        let set = std::marker::PhantomData;
        // SAFETY: the machine was asked; lengths were compared, and roots have indices below 2 half.
        unsafe { I::call(Level::<I, FREQUENCY> { packed, half, begin, lo, hi, direction, set }) }
    }

    impl<I: InstructionSet, const FREQUENCY: bool> Work for Level<'_, I, FREQUENCY> {
        type Output = ();

        #[inline(always)]
        unsafe fn run(self) {
            let Level { packed, half, begin, lo, hi, direction, .. } = self;
            let mut at = 0;
            while at < lo.len() {
                let (mut u_at, mut v_at, mut w_at) =
                    ([std::ptr::null_mut(); LANES], [std::ptr::null_mut(); LANES], [std::ptr::null(); LANES]);
                for lane in 0..LANES {
                    u_at[lane] = lo.as_mut_ptr().wrapping_add(at + lane).cast::<u8>();
                    v_at[lane] = hi.as_mut_ptr().wrapping_add(at + lane).cast::<u8>();
                    let i = begin + at + lane;
                    // Backwards the roots come out negated, which the order of the difference undoes; -1 serves for the first.
                    let place = match direction {
                        Direction::Forward => half + i,
                        Direction::Inverse if i == 0 => 0,
                        Direction::Inverse => 2 * half - i,
                    };
                    w_at[lane] = packed.as_ptr().wrapping_add(place).cast::<u8>();
                }
                let u = I::Lanes::<FrConfig>::gather_plain(&u_at.map(|x| x.cast_const()));
                let v = I::Lanes::<FrConfig>::gather_plain(&v_at.map(|x| x.cast_const()));
                let w = I::Lanes::<FrConfig>::gather(&w_at, 0);
                let (sum, difference);
                if FREQUENCY {
                    sum = I::Lanes::<FrConfig>::add(&u, &v);
                    let d = match direction {
                        Direction::Forward => I::Lanes::<FrConfig>::sub(&u, &v),
                        Direction::Inverse => I::Lanes::<FrConfig>::sub(&v, &u),
                    };
                    difference = I::Lanes::<FrConfig>::mul(&w, &d);
                } else {
                    let t = I::Lanes::<FrConfig>::mul(&w, &v);
                    (sum, difference) = match direction {
                        Direction::Forward => (I::Lanes::<FrConfig>::add(&u, &t), I::Lanes::<FrConfig>::sub(&u, &t)),
                        Direction::Inverse => (I::Lanes::<FrConfig>::sub(&u, &t), I::Lanes::<FrConfig>::add(&u, &t)),
                    };
                }
                sum.scatter_plain(&u_at);
                difference.scatter_plain(&v_at);
                at += LANES;
            }
        }
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

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::super::vector::emulated::EmulatedSet;
    use super::*;
    use ark_ff::UniformRand;
    use rand_chacha::rand_core::SeedableRng;

    /// Every set against the scalar butterflies, whole levels and parts of them.
    fn lanes_match_scalars<I: InstructionSet, const FREQUENCY: bool>(direction: Direction) {
        if !I::MACHINE.is_here() {
            return;
        }
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let mut roots = Roots::new(Machine::Portable, 8).roots;
        for half in [16, 32, 128] {
            for (begin, len) in [(0, half), (0, 16), (half - 16, 16)] {
                let u: Vec<Fr> = (0..len).map(|i| if i == 3 { -Fr::one() } else { Fr::rand(&mut rng) }).collect();
                let v: Vec<Fr> = (0..len).map(|i| if i % 5 == 3 { u[i] } else { Fr::rand(&mut rng) }).collect();
                let (mut u1, mut v1, mut u2, mut v2) = (u.clone(), v.clone(), u, v);
                scalar_butterflies::<FREQUENCY>(&roots[half..2 * half], begin, &mut u1, &mut v1, direction);
                let one = std::mem::replace(&mut roots[0], -Fr::one());
                let packed: Vec<Packed> = roots.iter().map(<I::Lanes<FrConfig> as Lanes<FrConfig>>::pack).collect();
                roots[0] = one;
                lanes::butterflies::<I, FREQUENCY>(&packed, half, begin, &mut u2, &mut v2, direction);
                assert_eq!((u1, v1), (u2, v2), "{:?}, level {half}, {begin} and {len} on", I::MACHINE);
            }
        }
    }

    #[test]
    fn butterflies_of_all_sets_match_scalar_ones() {
        for direction in [Direction::Forward, Direction::Inverse] {
            lanes_match_scalars::<EmulatedSet, true>(direction);
            lanes_match_scalars::<EmulatedSet, false>(direction);
            lanes_match_scalars::<Avx2Set, true>(direction);
            lanes_match_scalars::<Avx2Set, false>(direction);
            lanes_match_scalars::<IfmaSet, true>(direction);
            lanes_match_scalars::<IfmaSet, false>(direction);
        }
    }
}
