//! The passes of a transform: some groups of vectors through a few levels, elements in limbs all the way.
//!
//! # Ranges
//! Bounds in units of p, and of 2^50 for limbs (AVX2), between the levels of a pass. A product with a stored root is at most
//! `0.194 |x| + 0.5` with limbs of at most 1 (AVX2), and below `0.012 |x| + 1` (IFMA, where the second factor may be 16); one with
//! a prepared root, above the lowest levels, at most 0.51 and 1.1. Where the root is 1, the difference is tightened instead.
//!
//! Downwards, `u + w v` and `u - w v`, from stored elements:
//!
//! | after level | AVX2 value | AVX2 limbs | IFMA value (differences are raised by 4) |
//! |---|---|---|---|
//! | 0 | 0.51 | 1 | 1.1 |
//! | 1 | 1.11 | 2 | 5.1 |
//! | 2 | 1.83 | 3 | 9.1 |
//! | 3 | 2.69 | 4 | 13.1 |
//! | 4 | 3.71 | 5 | 17.1 |
//!
//! Upwards, `u + v` and `w (u - v)`, with sums brought back to stored ones after the second level:
//!
//! | after level | AVX2 sum, limbs | AVX2 product | IFMA sum | IFMA product (of at most) |
//! |---|---|---|---|---|
//! | 0 | 0.61, 1 | | 1.1 | |
//! | 1 | 1.22, 2 | 0.74 | 2.2 | 1.1 (5.1) |
//! | 2 | 0.51, 1 | 0.98 | 1.1 | 1.1 (6.2) |
//! | 3 | 1.96, 2 | 0.89 | 2.2 | 1.1 (5.1) |
//! | 4 | 3.92, 4 | 1.27 | 4.4 | 1.1 (6.2) |
//!
//! Everything stays within what products (16 for IFMA; limbs of 4 with values far from any limit for AVX2) and
//! [`Part::tighten`] take, and what IFMA subtracts stays below 4.

#![allow(clippy::needless_range_loop)] // lanes and vectors are indices of several arrays

#[cfg(test)]
use super::tests;
use super::{Pass, Source, Target, LEVELS};
use crate::cpu::ntt::{mirrored, reversed, Direction};
use crate::cpu::vector::{InstructionSet, Lanes, Packed, Part, Parts, PlainPart, Work, LANES};
use ark_bn254::FrConfig;
use std::marker::PhantomData;
use std::ops::Range;

const BYTES: usize = size_of::<Packed>();

/// The lowest four levels: lanes are blocks of sixteen. `UP`: levels follow each other from small blocks to large.
pub(super) struct Lowest<'a, I, const UP: bool>(pub Pass<'a>, pub Range<usize>, pub PhantomData<I>);

impl<I: InstructionSet, const UP: bool> Work for Lowest<'_, I, UP> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        let Lowest(pass, range, _) = self;
        let Pass { table, direction, data, top, level, source, .. } = pass;
        let inverse = direction == Direction::Inverse;
        let zero = I::Lanes::<FrConfig>::zero();
        let (mut x, mut w) = ([zero; 16], [zero; 16]);
        let mut group = range.start;
        while group < range.end {
            let (mut at, mut from, mut node) = ([data.cast::<u8>(); LANES], [0usize; LANES], [0usize; LANES]);
            for lane in 0..LANES {
                from[lane] = group * LANES + lane;
                let block = match source {
                    Source::Reversed(_) => reversed(from[lane], level),
                    _ => from[lane],
                };
                at[lane] = data.wrapping_add(block * 16).cast::<u8>();
                node[lane] = (top << level) + block;
            }
            for m in 0..LEVELS {
                let count = 1usize << m;
                let mut root_at = [std::ptr::null(); LANES];
                for lane in 0..LANES {
                    root_at[lane] = if !inverse {
                        table.nodes.as_ptr().wrapping_add(node[lane] << m)
                    } else if node[lane] == 0 {
                        table.mirror.as_ptr().wrapping_add(count)
                    } else {
                        table.nodes.as_ptr().wrapping_add(mirrored(node[lane]) << m)
                    }
                    .cast::<u8>();
                }
                for j in 0..count {
                    let offset = if inverse { count - 1 - j } else { j };
                    w[(count + j) & 15] = I::Lanes::<FrConfig>::gather(&root_at, offset * BYTES);
                }
            }
            let here = at.map(|x| x.cast_const());
            match source {
                Source::Here => {
                    for k in 0..16 {
                        x[k] = I::Lanes::<FrConfig>::gather(&here, k * BYTES);
                    }
                }
                Source::Reversed(values) => {
                    let mut value_at = [std::ptr::null(); LANES];
                    for lane in 0..LANES {
                        value_at[lane] = values.wrapping_add(from[lane]).cast::<u8>();
                    }
                    for k in 0..16 {
                        let offset = reversed(k, LEVELS) << level;
                        x[k] = I::Lanes::<FrConfig>::gather_plain(&value_at, offset * BYTES);
                        x[k].tighten();
                    }
                }
                Source::Times(values) => {
                    let mut value_at = [std::ptr::null(); LANES];
                    for lane in 0..LANES {
                        value_at[lane] = values.as_ptr().wrapping_add(from[lane] * 16).cast::<u8>();
                    }
                    for k in 0..16 {
                        let a = I::Lanes::<FrConfig>::gather(&here, k * BYTES);
                        let b = I::Lanes::<FrConfig>::gather(&value_at, k * BYTES);
                        I::Lanes::<FrConfig>::mul_to(&mut x[k], &a, &b);
                    }
                }
            }
            #[cfg(test)]
            tests::check_ranges::<I>(UP, 0, &x);

            for number in 0..LEVELS {
                let m = if UP { LEVELS - 1 - number } else { number };
                let (count, half) = (1usize << m, 8usize >> m);
                for pair in 0..8 {
                    let (j, i) = (pair / half, pair % half);
                    let w = &w[(count + j) & 15];
                    let (u, v) = ((2 * j * half + i) & 15, (2 * j * half + half + i) & 15);
                    if !UP {
                        I::Lanes::<FrConfig>::mul_to(&raw mut x[v], w, &raw const x[v]);
                    }
                    for n in 0..I::Lanes::<FrConfig>::PARTS {
                        let (a, b) = (x[u].part(n), x[v].part(n));
                        let sum = Part::add(a, b);
                        // Minus the inverse root is that of the mirror image: the difference is taken the other way round.
                        let difference = if UP && inverse { Part::sub(b, a) } else { Part::sub(a, b) };
                        x[u].set(n, if UP && number == 1 { sum.tighten() } else { sum.settle() });
                        x[v].set(n, difference.settle());
                    }
                    if UP {
                        I::Lanes::<FrConfig>::mul_to(&raw mut x[v], w, &raw const x[v]);
                    }
                }
                #[cfg(test)]
                tests::check_ranges::<I>(UP, number + 1, &x);
            }
            for k in 0..16 {
                x[k].tighten();
                x[k].scatter(&at, k * BYTES);
            }
            group += 1;
        }
    }
}

/// Levels above: lanes are neighbours.
pub(super) struct Upper<'a, I, const UP: bool>(pub Pass<'a>, pub Range<usize>, pub PhantomData<I>);

impl<I: InstructionSet, const UP: bool> Work for Upper<'_, I, UP> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        let Upper(pass, range, _) = self;
        let Pass { table, direction, data, log, top, level, levels, target, .. } = pass;
        let inverse = direction == Direction::Inverse;
        let (size, step) = (1usize << levels, 1usize << (log - level - levels));
        let zero = I::Lanes::<FrConfig>::zero();
        let mut x = [zero; 16];
        let (mut factor, mut other_factor) = (zero, zero);
        match &target {
            Target::Scaled(_, k) => factor = I::Lanes::<FrConfig>::splat(k),
            Target::Sum(_, k, _, other) => {
                factor = I::Lanes::<FrConfig>::splat(k);
                other_factor = I::Lanes::<FrConfig>::splat(other);
            }
            _ => {}
        }
        let mut group = range.start;
        while group < range.end {
            let block = group * LANES / step;
            let place = block * size * step + group * LANES % step;
            let node = (top << level) + block;
            let mut at = [std::ptr::null_mut(); LANES];
            for lane in 0..LANES {
                at[lane] = data.wrapping_add(place + lane).cast::<u8>();
            }
            let here = at.map(|x| x.cast_const());
            for k in 0..size {
                x[k & 15] = I::Lanes::<FrConfig>::gather(&here, k * step * BYTES);
            }
            #[cfg(test)]
            tests::check_ranges::<I>(UP, 0, &x[..size]);

            for number in 0..levels {
                let m = if UP { levels - 1 - number } else { number };
                let half = size >> (m + 1);
                for j in 0..1usize << m {
                    let child = (node << m) + j;
                    let w = &table.constants[if inverse && child > 0 { mirrored(child) } else { child }];
                    for i in 0..half {
                        let (u, v) = ((2 * j * half + i) & 15, (2 * j * half + half + i) & 15);
                        for n in 0..I::Lanes::<FrConfig>::PARTS {
                            let (a, b) = (x[u].part(n), x[v].part(n));
                            if !UP {
                                let b = b.mul_constant(w);
                                x[u].set(n, Part::add(a, b).settle());
                                x[v].set(n, Part::sub(a, b).settle());
                                continue;
                            }
                            let sum = Part::add(a, b);
                            x[u].set(n, if number == 1 { sum.tighten() } else { sum.settle() });
                            let difference = match child {
                                // The root is 1.
                                0 => Part::sub(a, b).tighten(),
                                _ if inverse => Part::sub(b, a).settle().mul_constant(w),
                                _ => Part::sub(a, b).settle().mul_constant(w),
                            };
                            x[v].set(n, difference);
                        }
                    }
                }
                #[cfg(test)]
                tests::check_ranges::<I>(UP, number + 1, &x[..size]);
            }

            if matches!(target, Target::Here) {
                for k in 0..size {
                    x[k & 15].tighten();
                    x[k & 15].scatter(&at, k * step * BYTES);
                }
            } else {
                let (Target::Plain(out) | Target::Scaled(out, _) | Target::Sum(out, ..)) = target else { return };
                let mut other_at = [std::ptr::null(); LANES];
                for lane in 0..LANES {
                    at[lane] = out.wrapping_add(place + lane).cast::<u8>();
                    if let Target::Sum(_, _, other, _) = target {
                        other_at[lane] = other.as_ptr().wrapping_add(place + lane).cast::<u8>();
                    }
                }
                for k in 0..size {
                    let value = &raw mut x[k & 15];
                    match target {
                        Target::Sum(..) => {
                            let other = I::Lanes::<FrConfig>::gather(&other_at, k * step * BYTES);
                            I::Lanes::<FrConfig>::sum_of_products_to(value, &factor, value, &other_factor, &other);
                        }
                        Target::Scaled(..) => I::Lanes::<FrConfig>::mul_to(value, &factor, value),
                        _ => {}
                    }
                    x[k & 15].scatter_plain(&at, k * step * BYTES);
                }
            }
            group += 1;
        }
    }
}
