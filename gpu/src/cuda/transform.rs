//! Transforms and the quotient. The kernels are described in `cuda/{ntt,rows}.cuh`.

// Launches of kernels: each block says why its arguments are right.
#![allow(unsafe_code)]

use super::curve;
use super::device::{Arguments, Buffer, Device, Work};
use crate::backend::{Reduction, Transform};
use crate::error::Error;
use ark_bn254::Fr;
use ark_ff::{FftField, Field};
use std::sync::Arc;

/// Bytes of an element.
const ELEMENT: usize = 32;
/// As in `cuda/ntt.cuh`: order of the root whose powers are kept, split of its exponent, elements of a tile.
const ROOT_LOG: u32 = 25;
const LOW_LOG: u32 = 13;
const TILE_LOG: u32 = 10;
/// Largest radix, as log2, of a transform in several passes: then a tile has four columns, 128 bytes in a piece.
const PASS_LOG: u32 = 8;
const BLOCK: u32 = 256;

/// Powers of an element in two tables.
pub(super) struct Powers<D: Device> {
    low: Arc<Buffer<D>>,
    high: Arc<Buffer<D>>,
    high_count: usize,
}

/// Factors of a vector, by index: `factor * base^(i << shift)`, each if it is there.
struct Scale<'a, D: Device> {
    factor: Option<Fr>,
    powers: Option<(&'a Powers<D>, u32, bool)>,
}

impl<D: Device> Scale<'_, D> {
    const NONE: Self = Scale { factor: None, powers: None };

    fn append<'b>(&self, arguments: Arguments<'b, D>) -> Arguments<'b, D> {
        arguments.structure(16, |s| {
            let s = s.limbs(self.factor.map_or([0; 4], |f| f.0 .0));
            let (s, shift, inverse) = match self.powers {
                Some((powers, shift, inverse)) => (powers.append(s), shift, inverse),
                None => (s.null().null(), 0, false),
            };
            let flags = [self.factor.is_some(), self.powers.is_some(), inverse].map(usize::from);
            s.word(shift as usize).word(flags[0]).word(flags[1]).word(flags[2])
        })
    }
}

impl<D: Device> Powers<D> {
    /// Powers of `base` with exponents below `count`.
    fn new(work: &mut Work<D>, base: Fr, count: usize) -> Result<Self, Error> {
        let high_count = count.div_ceil(1 << LOW_LOG).max(1);
        let low = work.allocate("powers", 1 << LOW_LOG, ELEMENT)?;
        let high = work.allocate("powers", high_count, ELEMENT)?;
        let list = work.arguments().structure(16, |s| s.limbs(base.0 .0)).word(high_count);
        let list = list.buffer(&low, ELEMENT << LOW_LOG).buffer(&high, high_count * ELEMENT);
        let threads = high_count.max(1 << LOW_LOG);
        // SAFETY: as `powers` is declared.
        unsafe { work.launch("powers", threads.div_ceil(BLOCK as usize), BLOCK, list)? };
        Ok(Powers { low, high, high_count })
    }

    /// Powers of the root of unity of order `2^ROOT_LOG`, which all transforms and the odd coset use.
    pub(super) fn roots(work: &mut Work<D>) -> Result<Self, Error> {
        let root = Fr::get_root_of_unity(1 << ROOT_LOG).expect("2^28 divides r - 1");
        Powers::new(work, root, 1 << ROOT_LOG)
    }

    fn append<'a>(&self, arguments: Arguments<'a, D>) -> Arguments<'a, D> {
        arguments.buffer(&self.low, ELEMENT << LOW_LOG).buffer(&self.high, self.high_count * ELEMENT)
    }
}

/// log2 of the radices of the passes.
fn passes(log: u32) -> Vec<u32> {
    if log <= TILE_LOG {
        return vec![log];
    }
    let count = log.div_ceil(PASS_LOG);
    (0..count).map(|i| (log + i) / count).collect()
}

/// Two buffers to compute in. What a transform reads may be the second one of them, not the first.
type Spare<D> = [Arc<Buffer<D>>; 2];

fn spare<D: Device>(work: &mut Work<D>, log: u32) -> Result<Spare<D>, Error> {
    Ok([work.allocate("NTT", 1 << log, ELEMENT)?, work.allocate("NTT", 1 << log, ELEMENT)?])
}

/// Transforms 2^log elements from `input`, which stays as it is unless it is the second spare. Returns the spare with the
/// result first.
fn run<D: Device>(
    work: &mut Work<D>,
    roots: &Powers<D>,
    log: u32,
    inverse: bool,
    input: &Arc<Buffer<D>>,
    spare: Spare<D>,
    [before, after]: [Scale<D>; 2],
) -> Result<Spare<D>, Error> {
    let bytes = ELEMENT << log;
    let radices = passes(log);
    let (mut from, [mut to, mut other]) = (input.clone(), spare);
    let mut done = 0;
    for (i, &radix) in radices.iter().enumerate() {
        let list = work.arguments().buffer(&from, bytes).buffer(&to, bytes);
        let list = list.word(log as usize).word(done as usize).word(radix as usize);
        let list = list.structure(8, |s| roots.append(s)).word(usize::from(inverse));
        let list = if i == 0 { before.append(list) } else { Scale::NONE.append(list) };
        let list = if i + 1 == radices.len() { after.append(list) } else { Scale::NONE.append(list) };
        // SAFETY: as `ntt_pass` is declared: `from` and `to` differ, and both have 2^log elements.
        unsafe { work.launch("ntt_pass", 1 << log.saturating_sub(TILE_LOG), BLOCK, list)? };
        done += radix;
        from = to.clone();
        std::mem::swap(&mut to, &mut other);
    }
    Ok([other, to])
}

fn n_inverse(log: u32) -> Fr {
    Fr::from(1u64 << log).inverse().expect("n is a power of two below r")
}

/// The transform of the seam.
pub(super) fn transform<D: Device>(
    work: &mut Work<D>,
    roots: &Powers<D>,
    values: &mut [Fr],
    transform: Transform,
) -> Result<(), Error> {
    let log = values.len().trailing_zeros();
    let [x, y] = spare(work, log)?;
    work.upload(&y, values.len() * ELEMENT / 8, &mut curve::write_scalars(values))?;
    let (inverse, offset) = match transform {
        Transform::Forward => (false, None),
        Transform::Inverse => (true, None),
        Transform::CosetForward(g) => (false, Some(g)),
        Transform::CosetInverse(g) => (true, Some(g.inverse().expect("the offset was checked"))),
    };
    let powers = offset.map(|base| Powers::new(work, base, values.len())).transpose()?;
    let scale = Scale { factor: inverse.then(|| n_inverse(log)), powers: powers.as_ref().map(|p| (p, 0, false)) };
    let scales = if inverse { [Scale::NONE, scale] } else { [scale, Scale::NONE] };
    let [result, _] = run(work, roots, log, inverse, &y.clone(), [x, y], scales)?;
    values.copy_from_slice(&curve::scalars(&work.read(&result, 4 * values.len())?));
    work.finish()
}

/// The scalars of the quotient sum, by the transforms that `cpu::quotient` derives. On the coset `g` of odd 2n-th roots,
/// where `Z = -2`, `a b` interpolates to `p` with `h = (c - p) / 2`.
pub(super) fn quotient<D: Device>(
    work: &mut Work<D>,
    roots: &Powers<D>,
    log: u32,
    [a, b, c]: [&Arc<Buffer<D>>; 3],
    reduction: Reduction,
) -> Result<Arc<Buffer<D>>, Error> {
    let bytes = ELEMENT << log;
    let grid = (1usize << log).div_ceil(BLOCK as usize);
    let scaled = || Scale { factor: Some(n_inverse(log)), powers: None };
    // g has order 2^(log + 1): as a power of the root of order 2^ROOT_LOG.
    let coset = |inverse| Scale { factor: Some(n_inverse(log)), powers: Some((roots, ROOT_LOG - 1 - log, inverse)) };
    let on_coset = |work: &mut Work<D>, x: &Arc<Buffer<D>>, room: Spare<D>| {
        let room = run(work, roots, log, true, x, room, [Scale::NONE, coset(false)])?;
        let [x, y] = room;
        run(work, roots, log, false, &x.clone(), [y, x], [Scale::NONE, Scale::NONE])
    };
    let room = spare(work, log)?;
    let [p, p_spare] = on_coset(work, a, room)?;
    let room = spare(work, log)?;
    let [q, q_spare] = on_coset(work, b, room)?;
    let multiply = |work: &mut Work<D>, minus: Option<&Arc<Buffer<D>>>| {
        let list = work.arguments().buffer(&p, bytes).buffer(&q, bytes);
        let list = match minus {
            Some(c) => list.buffer(c, bytes),
            None => list.null(),
        };
        // SAFETY: as `multiply` is declared; a thread an element.
        unsafe { work.launch("multiply", grid, BLOCK, list.word(1 << log)) }
    };
    match reduction {
        Reduction::OddCoset => {
            let [c, _] = on_coset(work, c, [q_spare, p_spare])?;
            multiply(work, Some(&c))?;
            Ok(p)
        }
        Reduction::Product => {
            multiply(work, None)?;
            Ok(p)
        }
        Reduction::Coefficients => {
            multiply(work, None)?;
            let [p, _] = run(work, roots, log, true, &p.clone(), [p_spare, p], [Scale::NONE, coset(true)])?;
            let [c, _] = run(work, roots, log, true, c, [q_spare, q], [Scale::NONE, scaled()])?;
            let half = Fr::from(2u64).inverse().expect("r is odd");
            let list = work.arguments().buffer(&p, bytes).buffer(&c, bytes).structure(16, |s| s.limbs(half.0 .0));
            // SAFETY: as `subtract_from` is declared; a thread an element.
            unsafe { work.launch("subtract_from", grid, BLOCK, list.word(1 << log))? };
            Ok(p)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_make_up_the_transform_and_fit_a_tile() {
        for log in 0..=24 {
            let radices = passes(log);
            assert_eq!(radices.iter().sum::<u32>(), log);
            assert!(radices.len() <= 3);
            assert!(radices.iter().all(|r| *r <= if radices.len() == 1 { TILE_LOG } else { PASS_LOG }), "{radices:?}");
        }
    }
}
