//! Number theoretic transforms with cached roots.
//!
//! A transform is a tree: a polynomial modulo `X^2m - w^2` splits into its remainders modulo `X^m - w` and `X^m + w`. The root of
//! the tree is `X^n - 1` for values on the subgroup of order n, `X^n + 1` for values on its odd coset, that of the 2n-th roots of
//! unity that are not n-th ones; the coset costs nothing. Downwards ([`descend`]), coefficients in natural order become values in
//! bit-reversed order; upwards ([`ascend`]), the reverse. All butterflies of a node multiply with the same root.
//!
//! Nodes are numbered so that the children of node k are `2 k` and `2 k + 1`; `X^n - 1` is node 0 (its own first child), and
//! `X^n + 1` node 1. Then the root of a node depends on its number alone, not on n, and one table serves every size.

#[cfg(target_arch = "x86_64")]
use super::vector::{avx2::Avx2Set, ifma::IfmaSet, ntt, InstructionSet, Lanes};
use super::vector::{Constant, Machine, Packed};
use crate::backend::Transform;
use ark_bn254::{Fr, FrConfig};
use ark_ff::{AdditiveGroup, FftField, Field};
use rayon::prelude::*;

/// Below this length a recursion step is not worth a task of its own.
const SERIAL: usize = 1 << 11;

/// Roots of unity for all domains up to 2^log, in the form that the arithmetic multiplies with.
pub struct Roots {
    log: u32,
    machine: Machine,
    // By node. Where there are lanes, only for lengths too short for them.
    nodes: Vec<Fr>,
    // For lanes, see `ntt::Table`.
    packed: Vec<Packed>,
    mirror: [Packed; 16],
    constants: Vec<Constant>,
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Roots(2^{})", self.log)
    }
}

impl Roots {
    /// Roots for domains up to `2^log`: at most 45 bytes times `2^log`.
    pub fn new(machine: Machine, log: u32) -> Self {
        let mut roots =
            Roots { log, machine, nodes: nodes(log), packed: Vec::new(), mirror: [[0; 4]; 16], constants: Vec::new() };
        match machine {
            #[cfg(target_arch = "x86_64")]
            Machine::Ifma => roots.pack::<IfmaSet>(),
            #[cfg(target_arch = "x86_64")]
            Machine::Avx2 => roots.pack::<Avx2Set>(),
            _ => {}
        }
        roots
    }

    #[cfg(target_arch = "x86_64")]
    pub(super) fn pack<I: InstructionSet>(&mut self) {
        if self.log < ntt::MIN_LOG {
            return;
        }
        let pack = <I::Lanes<FrConfig> as Lanes<FrConfig>>::pack;
        self.nodes.par_iter().with_min_len(SERIAL).map(pack).collect_into_vec(&mut self.packed);
        let constant = <I::Lanes<FrConfig> as Lanes<FrConfig>>::constant;
        let upper = &self.nodes[..ntt::upper_nodes(self.log)];
        upper.par_iter().with_min_len(SERIAL).map(constant).collect_into_vec(&mut self.constants);
        for m in 0..4 {
            let count = 1usize << m;
            for i in 0..count {
                let inverse = self.nodes[count - 1 - i].inverse().expect("a root is not zero");
                self.mirror[count + i] = pack(&-inverse);
            }
        }
        self.nodes.truncate(1 << ntt::MIN_LOG);
        self.nodes.shrink_to_fit();
    }

    /// Transforms of 2^log elements in lanes.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn lanes(&self, log: u32) -> ntt::Transform<'_> {
        ntt::Transform::new(ntt::Table { nodes: &self.packed, mirror: &self.mirror, constants: &self.constants }, log)
    }

    /// The arithmetic for vectors of 2^log elements.
    pub(super) fn machine(&self, log: u32) -> Machine {
        #[cfg(target_arch = "x86_64")]
        if log >= ntt::MIN_LOG {
            return self.machine;
        }
        Machine::Portable
    }

    /// log2 of the largest domain.
    pub fn log(&self) -> u32 {
        self.log
    }
}

/// Roots of the nodes below 2^log. Nodes `2^k` to `2^(k+1) - 1` are nodes 0 to `2^k - 1`, times the root of order `2^(k + 2)`: half
/// the angle of a node is `0.b0 b1 b2...` in binary, for a number with the binary digits `... b2 b1 b0`, half a turn being 1.
fn nodes(log: u32) -> Vec<Fr> {
    let mut nodes = Vec::with_capacity(1 << log);
    nodes.push(Fr::ONE);
    for k in 0..log {
        let w = root(k + 2);
        let len = nodes.len();
        nodes.resize(2 * len, Fr::ZERO);
        let (low, high) = nodes.split_at_mut(len);
        high.par_iter_mut().zip(low).with_min_len(SERIAL).for_each(|(h, l)| *h = *l * w);
    }
    nodes
}

/// The node whose root is minus the inverse of that of `node`, which is not 0: between the same powers of two, from the other
/// end.
#[inline(always)]
pub(super) fn mirrored(node: usize) -> usize {
    node ^ ((1 << (usize::BITS - 1 - node.leading_zeros())) - 1)
}

/// The generator of the subgroup of order 2^log.
pub fn root(log: u32) -> Fr {
    Fr::get_root_of_unity(1 << log).expect("2^28 divides r - 1, and domains are smaller")
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Roots `w^i`.
    Forward,
    /// Roots `w^-i`; the caller divides by n.
    Inverse,
}

/// Natural order to bit-reversed order, in place: coefficients modulo the polynomial of `node` to its values. Scalar.
pub(super) fn descend(roots: &Roots, x: &mut [Fr], node: usize) {
    let n = x.len();
    if n < 2 {
        return;
    }
    let (lo, hi) = x.split_at_mut(n / 2);
    let w = roots.nodes[node];
    lo.par_iter_mut().zip(&mut *hi).with_min_len(SERIAL).for_each(|(u, v)| {
        let t = *v * w;
        (*u, *v) = (*u + t, *u - t);
    });
    recurse(lo, hi, node, |x, node| descend(roots, x, node));
}

/// Bit-reversed order to natural order, in place, unscaled. `Inverse` takes values at the zeros of the polynomial of `node`
/// to coefficients; `Forward`, for node 0, coefficients to values. Scalar.
pub(super) fn ascend(roots: &Roots, x: &mut [Fr], node: usize, direction: Direction) {
    let n = x.len();
    if n < 2 {
        return;
    }
    let (lo, hi) = x.split_at_mut(n / 2);
    recurse(lo, hi, node, |x, node| ascend(roots, x, node, direction));
    let w = match direction {
        Direction::Inverse if node > 0 => -roots.nodes[mirrored(node)],
        _ => roots.nodes[node],
    };
    lo.par_iter_mut().zip(hi).with_min_len(SERIAL).for_each(|(u, v)| {
        let difference = *u - *v;
        *u += *v;
        *v = difference * w;
    });
}

fn recurse(lo: &mut [Fr], hi: &mut [Fr], node: usize, f: impl Fn(&mut [Fr], usize) + Sync) {
    if lo.len() >= SERIAL {
        rayon::join(|| f(lo, 2 * node), || f(hi, 2 * node + 1));
    } else {
        f(lo, 2 * node);
        f(hi, 2 * node + 1);
    }
}

/// Swaps every element with the one at its bit-reversed index.
pub(super) fn reverse_bits(x: &mut [Fr]) {
    let log = x.len().trailing_zeros();
    for i in 0..x.len() {
        let j = reversed(i, log);
        if i < j {
            x.swap(i, j);
        }
    }
}

/// `i` with its lowest `log` bits in reverse order.
#[inline(always)]
pub(super) fn reversed(i: usize, log: u32) -> usize {
    if log == 0 {
        0
    } else {
        i.reverse_bits() >> (usize::BITS - log)
    }
}

/// `1 / n` for a domain of n.
pub(super) fn inverse_of(n: usize) -> Fr {
    Fr::from(n as u64).inverse().expect("n is a power of two below r")
}

/// The transform of the seam: natural order in and out, scaled.
pub fn transform(roots: &Roots, x: &mut [Fr], transform: Transform) {
    let (direction, scaled) = match transform {
        Transform::Forward => (Direction::Forward, None),
        Transform::Inverse => (Direction::Inverse, Some(inverse_of(x.len()))),
        Transform::CosetForward(g) => {
            scale(x, Fr::ONE, g);
            (Direction::Forward, None)
        }
        Transform::CosetInverse(_) => (Direction::Inverse, None),
    };
    let log = x.len().trailing_zeros();
    match roots.machine(log) {
        #[cfg(target_arch = "x86_64")]
        Machine::Ifma => roots.lanes(log).plain::<IfmaSet>(x, direction, scaled.map(|k| pack::<IfmaSet>(&k))),
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2 => roots.lanes(log).plain::<Avx2Set>(x, direction, scaled.map(|k| pack::<Avx2Set>(&k))),
        _ => {
            reverse_bits(x);
            ascend(roots, x, 0, direction);
            if let Some(k) = scaled {
                x.par_iter_mut().with_min_len(SERIAL).for_each(|v| *v *= k);
            }
        }
    }
    if let Transform::CosetInverse(g) = transform {
        scale(x, inverse_of(x.len()), g.inverse().expect("the offset was checked"));
    }
}

/// As the lanes of `I` store it.
#[cfg(target_arch = "x86_64")]
pub(super) fn pack<I: InstructionSet>(x: &Fr) -> Packed {
    <I::Lanes<FrConfig> as Lanes<FrConfig>>::pack(x)
}
