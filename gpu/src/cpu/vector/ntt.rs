//! Transforms in lanes: sixteen vectors of sixteen elements go through four levels at a time.
//!
//! # Passes
//! The lowest four levels combine sixteen neighbours: there, lanes are different blocks of sixteen, each with roots of its own. On
//! levels above, lanes are neighbours, and all of them have the same root, which is prepared ([`Constant`]). Each pass reads a vector once and writes it once, in
//! stored form; only the last one reduces numbers fully.

mod passes;

use super::{Constant, InstructionSet, Lanes, Packed, Parts, Work, LANES};
use crate::cpu::ntt::{reversed, Direction};
use ark_bn254::{Fr, FrConfig};
use passes::{Lowest, Upper};
use rayon::prelude::*;
use std::marker::PhantomData;
use std::ops::Range;

/// log2 of the shortest vector with enough blocks for all lanes.
pub const MIN_LOG: u32 = 8;

/// Levels of a pass at most.
const LEVELS: u32 = 4;

/// log2 of the elements that a thread takes through several passes: 128 KiB, a share of any second-level cache.
const LOCAL: u32 = 12;

/// Groups of a task, of 2^8 elements for four levels.
const GROUPS: usize = 8;

/// Roots as the passes read them.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    /// Roots of the nodes above the lowest four levels, prepared: [`upper_nodes`].
    pub constants: &'a [Constant],
    /// Packed roots by node, see [`crate::cpu::ntt::Roots`].
    pub nodes: &'a [Packed],
    /// Minus the inverse roots below node 0, which has no mirror image: `2^m + i` for node `2^m - 1 - i` of 2^m, `m < 4`.
    pub mirror: &'a [Packed; 16],
}

/// Where a pass reads.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// The vector itself.
    Here,
    /// As many elements in arkworks' form in natural order; the vector's order is bit-reversed. Not a slice: a later pass may
    /// write there.
    Reversed(*const Fr),
    /// The vector times another one.
    Times(&'a [Packed]),
}

/// Where a pass writes.
#[derive(Clone, Copy)]
enum Target<'a> {
    /// The vector itself.
    Here,
    /// Elsewhere, fully reduced.
    Plain(*mut Fr),
    /// The same, times a factor.
    Scaled(*mut Fr, Packed),
    /// The same, times a factor, plus another vector times another factor.
    Sum(*mut Fr, Packed, &'a [Packed], Packed),
}

/// Some neighbouring levels of a transform.
#[derive(Clone, Copy)]
struct Pass<'a> {
    table: Table<'a>,
    direction: Direction,
    data: *mut Packed,
    log: u32,
    /// Node of the whole vector.
    top: usize,
    /// Number of the first level: blocks that are worked on have 2^(log - level) elements.
    level: u32,
    levels: u32,
    source: Source<'a>,
    target: Target<'a>,
}

// SAFETY: tasks work on different groups, whose elements are disjoint, in `data` as in the target.
unsafe impl Send for Pass<'_> {}
unsafe impl Sync for Pass<'_> {}

impl Pass<'_> {
    /// The same for other levels.
    fn levels(&self, level: u32, levels: u32) -> Self {
        Pass { level, levels, ..*self }
    }

    fn groups(&self) -> usize {
        1 << (self.log - self.levels) >> LANES.trailing_zeros()
    }

    fn run<I: InstructionSet, const UP: bool>(self, range: Range<usize>) {
        // SAFETY: the machine was asked before, lengths compared by `Transform`, and so all addresses are within the vectors.
        unsafe {
            if self.level + LEVELS == self.log {
                I::call(Lowest::<I, UP>(self, range, PhantomData))
            } else {
                I::call(Upper::<I, UP>(self, range, PhantomData))
            }
        }
    }

    /// All groups, on all threads.
    fn run_all<I: InstructionSet, const UP: bool>(self) {
        let groups = self.groups();
        (0..groups.div_ceil(GROUPS)).into_par_iter().for_each(|task| {
            self.run::<I, UP>(task * GROUPS..groups.min((task + 1) * GROUPS));
        });
    }

    /// The groups within block `block` of 2^`blocks`.
    fn run_block<I: InstructionSet, const UP: bool>(self, block: usize, blocks: u32) {
        let groups = self.groups() >> blocks;
        self.run::<I, UP>(block * groups..(block + 1) * groups);
    }
}

/// Nodes above the lowest four levels of transforms of 2^log elements.
pub fn upper_nodes(log: u32) -> usize {
    1 << log.saturating_sub(LEVELS)
}

/// Levels `first..end` in passes, the largest blocks first: first level and their number.
fn split(first: u32, end: u32) -> impl DoubleEndedIterator<Item = (u32, u32)> + Clone {
    let count = (end - first).div_ceil(LEVELS);
    let begin = move |i: u32| first + (end - first) * i / count;
    (0..count).map(move |i| (begin(i), begin(i + 1) - begin(i)))
}

/// A vector on its way through transforms.
pub struct Transform<'a> {
    table: Table<'a>,
    log: u32,
}

impl<'a> Transform<'a> {
    /// Transforms of 2^log elements.
    ///
    /// # Panics
    /// If the vector is too short for lanes, or the roots are too few.
    pub fn new(table: Table<'a>, log: u32) -> Self {
        assert!(log >= MIN_LOG && table.nodes.len() >> log > 0, "a vector for lanes, and its roots");
        Transform { table, log }
    }

    fn pass(&self, data: &mut [Packed], node: usize, direction: Direction) -> Pass<'a> {
        assert!(data.len() == 1 << self.log && node < 2);
        Pass {
            table: self.table,
            direction,
            data: data.as_mut_ptr(),
            log: self.log,
            top: node,
            level: 0,
            levels: 0,
            source: Source::Here,
            target: Target::Here,
        }
    }

    /// Levels above this one are passes over the whole vector; what is below, but for the lowest four, over a block at a time.
    fn local(&self) -> u32 {
        let upper = self.log - LEVELS;
        if upper < 2 * LEVELS {
            upper
        } else {
            LEVELS.max(self.log.saturating_sub(LOCAL))
        }
    }

    /// Coefficients in natural order to values on the odd coset in bit-reversed order; stored, in place.
    pub fn descend<I: InstructionSet>(&self, data: &mut [Packed]) {
        assert!(I::MACHINE.is_here());
        let (pass, upper, local) = (self.pass(data, 1, Direction::Forward), self.log - LEVELS, self.local());
        for (level, levels) in split(0, local) {
            pass.levels(level, levels).run_all::<I, false>();
        }
        let lowest = pass.levels(upper, LEVELS);
        if local == upper {
            lowest.run_all::<I, false>();
        } else {
            (0..1usize << local).into_par_iter().for_each(|block| {
                for (level, levels) in split(local, upper) {
                    pass.levels(level, levels).run_block::<I, false>(block, local);
                }
                lowest.run_block::<I, false>(block, local);
            });
        }
    }

    fn ascend<I: InstructionSet>(&self, pass: Pass<'a>, source: Source<'a>, target: Target<'a>) {
        assert!(I::MACHINE.is_here());
        let (upper, local) = (self.log - LEVELS, self.local());
        Pass { source, ..pass.levels(upper, LEVELS) }.run_all::<I, true>();
        if local < upper {
            (0..1usize << local).into_par_iter().for_each(|block| {
                for (level, levels) in split(local, upper).rev() {
                    pass.levels(level, levels).run_block::<I, true>(block, local);
                }
            });
        }
        for (level, levels) in split(0, local).rev() {
            let target = if level == 0 { target } else { Target::Here };
            Pass { target, ..pass.levels(level, levels) }.run_all::<I, true>();
        }
    }

    /// `x` transformed, stored, in natural order; unscaled.
    pub fn stored<I: InstructionSet>(&self, x: &[Fr], direction: Direction) -> Vec<Packed> {
        assert_eq!(x.len(), 1 << self.log);
        let mut data = vec![[0; 4]; x.len()];
        let pass = self.pass(&mut data, 0, direction);
        self.ascend::<I>(pass, Source::Reversed(x.as_ptr()), Target::Here);
        data
    }

    /// `x` transformed, times a packed factor if there is one, natural order in and out.
    pub fn plain<I: InstructionSet>(&self, x: &mut [Fr], direction: Direction, factor: Option<Packed>) {
        assert_eq!(x.len(), 1 << self.log);
        let mut data = vec![[0; 4]; x.len()];
        let pass = self.pass(&mut data, 0, direction);
        let out = x.as_mut_ptr();
        let target = factor.map_or(Target::Plain(out), |k| Target::Scaled(out, k));
        // The first pass is the only one that reads `x`, the last one the only one that writes it.
        self.ascend::<I>(pass, Source::Reversed(out), target);
    }

    /// `factor` times the coefficients (unscaled) of a polynomial whose values on the odd coset are `a b`, in bit-reversed order,
    /// plus `c` times another factor.
    pub fn product<I: InstructionSet>(
        &self,
        a: &mut [Packed],
        b: &[Packed],
        factor: Packed,
        c: &[Packed],
        c_factor: Packed,
    ) -> Vec<Fr> {
        assert!(b.len() == a.len() && c.len() == a.len());
        let mut out = vec![Fr::from(0u64); a.len()];
        let pass = self.pass(a, 1, Direction::Inverse);
        self.ascend::<I>(pass, Source::Times(b), Target::Sum(out.as_mut_ptr(), factor, c, c_factor));
        out
    }
}

/// Combines values in bit-reversed order: `a b` times a factor plus, if it is given, `c` times another, in natural order.
pub fn combine<I: InstructionSet>(
    a: &[Packed],
    b: &[Packed],
    factor: Packed,
    rest: Option<(&[Packed], Packed)>,
) -> Vec<Fr> {
    let n = a.len();
    assert!(I::MACHINE.is_here() && n.is_power_of_two() && n >= LANES && b.len() == n);
    assert!(rest.is_none_or(|(c, _)| c.len() == n));
    let mut out = vec![Fr::from(0u64); n];
    out.par_chunks_mut(n.min(1 << 10)).enumerate().for_each(|(k, out)| {
        let work = Combination::<I> { vectors: [a, b], factor: &factor, rest, begin: k << 10, out, set: PhantomData };
        // SAFETY: the machine was asked, lengths compared; chunks have multiples of LANES.
        unsafe { I::call(work) }
    });
    out
}

struct Combination<'a, I> {
    vectors: [&'a [Packed]; 2],
    factor: &'a Packed,
    rest: Option<(&'a [Packed], Packed)>,
    begin: usize,
    out: &'a mut [Fr],
    set: PhantomData<I>,
}

impl<I: InstructionSet> Work for Combination<'_, I> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        let Combination { vectors: [a, b], factor, rest, begin, out, .. } = self;
        let log = a.len().trailing_zeros();
        let k = I::Lanes::<FrConfig>::splat(factor);
        let rest = rest.map(|(c, factor)| (c.as_ptr(), I::Lanes::<FrConfig>::splat(&factor)));
        let mut i = 0;
        while i < out.len() {
            let places: [usize; LANES] = std::array::from_fn(|lane| reversed(begin + i + lane, log));
            let at = |x: *const Packed| places.map(|place| x.wrapping_add(place).cast::<u8>());
            let to = std::array::from_fn(|lane| out.as_mut_ptr().wrapping_add(i + lane).cast::<u8>());
            let mut a = I::Lanes::<FrConfig>::gather(&at(a.as_ptr()), 0);
            let b = I::Lanes::<FrConfig>::gather(&at(b.as_ptr()), 0);
            let product = &raw mut a;
            I::Lanes::<FrConfig>::mul_to(product, product, &b);
            if let Some((c, k_c)) = &rest {
                let c = I::Lanes::<FrConfig>::gather(&at(*c), 0);
                I::Lanes::<FrConfig>::sum_of_products_to(product, product, &k, &c, k_c);
            } else {
                I::Lanes::<FrConfig>::mul_to(product, product, &k);
            }
            a.scatter_plain(&to, 0);
            i += LANES;
        }
    }
}

#[cfg(test)]
mod tests;
