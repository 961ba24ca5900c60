//! Multiplication of a variable point, on the Montgomery form.
//!
//! Six constraints a bit: digits are +1 or -1, and `2P + D` is computed as `(P + D) + P`, whose second addition needs no
//! v-coordinate of the first.
//!
//! **Digits.** For K odd with bits K_i and top bit K_(n-1) in any state, `K = sum d_i 2^i` with `d_(n-1) = 1`, `d_i = 2 K_(i+1) - 1`. After the
//! digit d_i the accumulator is `M_i * Q`, `M_i = 2 (K >> (i+1)) + 1`. An even K is treated as K + 1, and Q subtracted at the end.

use super::scalar::Challenge;
use super::{quotient, CurvePoint, SubgroupPoint};
use crate::cs::{Bit, Cs, Lc, Mode};
use ark_bn254::Fr;
use ark_ec::CurveGroup;
use ark_ed_on_bn254::EdwardsProjective;
use ark_ff::{batch_inversion, Field, MontFp, One};
use novation_state::crypto::babyjub::{from_ark, to_ark, Point};
use novation_state::crypto::viewing::EPHEMERAL_BITS;

/// Coefficient A of the Montgomery form; B is 1.
pub(super) const MONTGOMERY_A: Fr = MontFp!("168698");

/// A point of the Montgomery form, in the prime subgroup and not the identity (which has no coordinates here).
#[derive(Clone, Debug)]
pub(super) struct Affine {
    pub(super) u: Lc,
    pub(super) v: Lc,
}

/// A point of the prime subgroup other than the identity, in both forms: what a variable multiplication starts from.
#[derive(Clone, Debug)]
pub struct Base {
    edwards: SubgroupPoint,
    affine: Affine,
}

impl Base {
    /// Proves that a subgroup point is not the identity, and maps it. 2 constraints: `base.u`, `base.v`.
    ///
    /// SOUND: y = 1 only at the identity, and then `base.u` reads `u * 0 = 2`: nothing satisfies it. x = 0 at (0, 1) and (0, -1) only,
    /// the latter of order 2 and not in the subgroup, so `base.v` determines v.
    pub fn new(cs: &mut Cs, p: &SubgroupPoint) -> Base {
        let (x, y) = (p.curve().x(), p.curve().y());
        let u = quotient(cs, "base.u", &(Lc::one() + y), &(Lc::one() - y));
        let v = quotient(cs, "base.v", &u, x);
        Base { edwards: p.clone(), affine: Affine { u, v } }
    }
}

impl Affine {
    /// Back to the Edwards form. 2 constraints: `edwards.x`, `edwards.y`.
    ///
    /// SOUND: v = 0 only at (0, 0), of order 2 (u^2 + Au + 1 has no root: A^2 - 4 = a d is no square); u = -1 would need v^2 = A - 2 = d, no
    /// square either. So both denominators are nonzero in the subgroup.
    pub(super) fn to_edwards(&self, cs: &mut Cs) -> CurvePoint {
        let x = quotient(cs, "edwards.x", &self.u, &self.v);
        let y = quotient(cs, "edwards.y", &(&self.u - Lc::one()), &(&self.u + Lc::one()));
        // SOUND: the map is an isomorphism outside the exceptions above.
        CurvePoint::unchecked(x, y)
    }

    /// Twice the point. 4 constraints named `mont_double.*`. SOUND: v = 0 only at the point of order 2.
    fn double(&self, cs: &mut Cs) -> Affine {
        let u2 = cs.square("mont_double.u2", &self.u);
        let slope = u2 * Fr::from(3u64) + &self.u * (MONTGOMERY_A + MONTGOMERY_A) + Lc::one();
        let lambda = quotient(cs, "mont_double.lambda", &slope, &(&self.v * Fr::from(2u64)));
        let u = third(cs, "mont_double.u", &lambda, &self.u, &self.u);
        let v = height(cs, "mont_double.v", &lambda, self, &u);
        Affine { u, v }
    }

    /// The sum. 3 constraints named `mont_add.*`. SOUND only if the points are neither equal nor opposite: then
    /// `u1 != u2` and lambda is determined. The caller says why.
    pub(super) fn add(&self, cs: &mut Cs, other: &Affine, inverses: &mut Inverses) -> Affine {
        let d = &other.u - &self.u;
        let n = &other.v - &self.v;
        let (dv, nv) = (d.value(), n.value());
        let lambda = cs.alloc("mont_add.lambda", || nv * inverses.of(dv));
        cs.enforce("mont_add.lambda", &lambda, &d, &n);
        let u = third(cs, "mont_add.u", &lambda, &self.u, &other.u);
        let v = height(cs, "mont_add.v", &lambda, self, &u);
        Affine { u, v }
    }

    fn neg_if(&self, cs: &mut Cs, positive: &Bit) -> Affine {
        Affine { u: self.u.clone(), v: cs.mul("ladder.signed", &sign(positive), &self.v) }
    }

    /// `2 self + d q`, where d is 1 if `positive` and else -1. 6 constraints named `ladder.*`.
    ///
    /// SOUND only if self is neither q nor -q: then `ladder.lambda1` determines its wire. `ladder.lambda2` never has an exception: where
    /// self + d q has the u of self (so 2 self + d q = 0 or q = 0), it demands v = 0, which no point of the subgroup has.
    fn double_add(&self, cs: &mut Cs, q: &Affine, positive: &Bit, inverses: &mut Inverses) -> Affine {
        let dq = q.neg_if(cs, positive);
        let (d1, n1) = (&dq.u - &self.u, &dq.v - &self.v);
        let (dv, nv) = (d1.value(), n1.value());
        let lambda1 = cs.alloc("ladder.lambda1", || nv * inverses.of(dv));
        cs.enforce("ladder.lambda1", &lambda1, &d1, &n1);
        let sum_u = third(cs, "ladder.sum_u", &lambda1, &self.u, &dq.u);
        // The slope through self and self + d q is 2v / (u - sum_u) - lambda1.
        let (d2, n2) = (&self.u - &sum_u, &self.v * Fr::from(2u64));
        let (dv, nv, l1) = (d2.value(), n2.value(), lambda1.value());
        let lambda2 = cs.alloc("ladder.lambda2", || nv * inverses.of(dv) - l1);
        cs.enforce("ladder.lambda2", &(&lambda1 + &lambda2), &d2, &n2);
        let u = third(cs, "ladder.u", &lambda2, &sum_u, &self.u);
        let v = height(cs, "ladder.v", &lambda2, self, &u);
        Affine { u, v }
    }
}

/// `lambda^2 = u3 + A + u1 + u2`.
fn third(cs: &mut Cs, name: &'static str, lambda: &Lc, u1: &Lc, u2: &Lc) -> Lc {
    let rest = u1 + u2 + Lc::constant(MONTGOMERY_A);
    let (l, r) = (lambda.value(), rest.value());
    let u3 = cs.alloc(name, || l * l - r);
    cs.enforce(name, lambda, lambda, &(&u3 + rest));
    u3
}

/// `lambda (u1 - u3) = v3 + v1`.
fn height(cs: &mut Cs, name: &'static str, lambda: &Lc, p: &Affine, u3: &Lc) -> Lc {
    let run = &p.u - u3;
    let (l, r, v1) = (lambda.value(), run.value(), p.v.value());
    let v3 = cs.alloc(name, || l * r - v1);
    cs.enforce(name, lambda, &run, &(&v3 + &p.v));
    v3
}

/// 1 or -1.
pub(super) fn sign(positive: &Bit) -> Lc {
    positive.lc() * Fr::from(2u64) - Lc::one()
}

/// `h * base` for a challenge h, canonical as [`Challenge`] proves it. 1,516 constraints.
///
/// SOUND: with K in [2^249, l) the accumulator's multiples M, as integers, are: 1 or 3 before the first doubling, 3 to 7 after the
/// first two digits, and before each later step `3 <= M <= (l-1)/2 + 1`. So M is neither 1 nor -1 modulo l where `ladder.lambda1` needs it,
/// and 2M, which is 2 or 6, is neither where `mont_add` needs it. The last M is `K | 1 <= l`; K = l - 1 makes it l, the identity, where
/// `ladder.lambda2` cannot be satisfied: unprovable, with probability 2^-250, and never wrongly proven.
pub fn mul_challenge(cs: &mut Cs, base: &Base, h: &Challenge) -> CurvePoint {
    let bits = h.magnitude.bits();
    let n = bits.len();
    let q = &base.affine;
    let triple = triple(cs, q);
    // Digits n-1 (always 1) and n-2 leave 3Q or Q.
    let top = &bits[n - 1];
    let first = Affine {
        u: cs.select("ladder.first", top, &triple.u, &q.u),
        v: cs.select("ladder.first", top, &triple.v, &q.v),
    };
    let twice = first.double(cs);
    let second = q.neg_if(cs, &bits[n - 2]);
    let start = twice.add(cs, &second, &mut Inverses::none());
    let product = ladder(cs, base, start, &bits[..n - 2]);
    let x = cs.mul("challenge.signed", &sign(&h.positive), product.x());
    // SOUND: (x, y) or (-x, y), both on the curve.
    CurvePoint::unchecked(x, product.y().clone())
}

/// `e * base` for `e = 2^249 + sum low_i 2^i`, the form of ephemeral scalars. 1,505 constraints.
///
/// SOUND: e has its leading one at bit 249, so digits 249 and 248 leave 3Q; before each step `3 <= M <= 2^249 + 1 < (l-1)/2`, and
/// the last M is below 2^250 < l. No exception for any bits.
///
/// # Panics
/// If there are not [`EPHEMERAL_BITS`] bits.
pub fn mul_ephemeral(cs: &mut Cs, base: &Base, low: &[Bit]) -> CurvePoint {
    assert_eq!(low.len(), EPHEMERAL_BITS, "bits of an ephemeral scalar");
    let start = triple(cs, &base.affine);
    ladder(cs, base, start, low)
}

/// 3Q, from 2Q and Q: different and not opposite, for the order is a prime above 3.
fn triple(cs: &mut Cs, q: &Affine) -> Affine {
    let twice = q.double(cs);
    twice.add(cs, q, &mut Inverses::none())
}

/// From `start = M Q`, consumes `bits` (least significant first) from the top down to bit 1, and corrects for bit 0. The caller argues
/// that no M on the way is 1 or -1 modulo l.
fn ladder(cs: &mut Cs, base: &Base, start: Affine, bits: &[Bit]) -> CurvePoint {
    let (lowest, upper) = bits.split_first().expect("a scalar has bits");
    let mut inverses = match cs.mode() {
        Mode::Shape => Inverses::none(),
        _ => Inverses::of_ladder(&start, &base.affine, upper),
    };
    let mut acc = start;
    for bit in upper.iter().rev() {
        acc = acc.double_add(cs, &base.affine, bit, &mut inverses);
    }
    let odd = acc.to_edwards(cs);
    let q = base.edwards.curve();
    let even = lowest.not();
    let x = -cs.mul("ladder.even", even.lc(), q.x());
    let y = Lc::one() + cs.mul("ladder.even", even.lc(), &(q.y() - Lc::one()));
    // SOUND: -Q or (0, 1), both on the curve.
    odd.add(cs, &CurvePoint::unchecked(x, y))
}

/// Inverses that hints will need, computed together: one field inversion costs as much as 150 multiplications, and a
/// multiplication by a scalar would need 500. Each is looked up by its argument, so a hint that departs from the plan (a test that
/// lies) still gets the inverse it asks for.
pub(super) struct Inverses(std::vec::IntoIter<(Fr, Fr)>);

impl Inverses {
    pub(super) fn none() -> Inverses {
        Inverses(Vec::new().into_iter())
    }

    pub(super) fn new(arguments: Vec<Fr>) -> Inverses {
        let mut inverses = arguments.clone();
        batch_inversion(&mut inverses);
        Inverses(arguments.into_iter().zip(inverses).collect::<Vec<_>>().into_iter())
    }

    /// 1/x, or 0 for 0.
    pub(super) fn of(&mut self, x: Fr) -> Fr {
        match self.0.next() {
            Some((argument, inverse)) if argument == x => inverse,
            _ => x.inverse().unwrap_or_default(),
        }
    }

    fn of_ladder(start: &Affine, q: &Affine, upper: &[Bit]) -> Inverses {
        let (uq, vq) = (q.u.value(), q.v.value());
        let base = edwards(uq, vq);
        let mut acc: EdwardsProjective = to_ark(&edwards(start.u.value(), start.v.value())).into();
        let (plus, minus) = (to_ark(&base), to_ark(&base.neg()));
        let mut before = Vec::with_capacity(upper.len());
        for bit in upper.iter().rev() {
            before.push(acc);
            acc += acc;
            acc += if bit.value() { plus } else { minus };
        }
        let points = to_montgomery(&before);
        let d1: Vec<Fr> = points.iter().map(|(u, _)| uq - u).collect();
        let mut i1 = d1.clone();
        batch_inversion(&mut i1);
        let d2: Vec<Fr> = points
            .iter()
            .zip(upper.iter().rev())
            .zip(&i1)
            .map(|(((u, v), bit), inverse)| {
                let signed = if bit.value() { vq } else { -vq };
                let lambda = (signed - v) * inverse;
                let sum_u = lambda.square() - MONTGOMERY_A - u - uq;
                *u - sum_u
            })
            .collect();
        let mut i2 = d2.clone();
        batch_inversion(&mut i2);
        let first = d1.into_iter().zip(i1);
        let second = d2.into_iter().zip(i2);
        Inverses(first.zip(second).flat_map(|(a, b)| [a, b]).collect::<Vec<_>>().into_iter())
    }
}

/// (u, v) of every point; rubbish, but no panic, where it has none.
pub(super) fn to_montgomery(points: &[EdwardsProjective]) -> Vec<(Fr, Fr)> {
    let points: Vec<Point> = EdwardsProjective::normalize_batch(points).into_iter().map(from_ark).collect();
    let mut inverses: Vec<Fr> = points.iter().map(|p| (Fr::one() - p.y) * p.x).collect();
    batch_inversion(&mut inverses);
    let map = |(p, i): (&Point, &Fr)| {
        let v = (Fr::one() + p.y) * i;
        (v * p.x, v)
    };
    points.iter().zip(&inverses).map(map).collect()
}

fn edwards(u: Fr, v: Fr) -> Point {
    let mut d = [v, u + Fr::one()];
    batch_inversion(&mut d);
    Point { x: u * d[0], y: (u - Fr::one()) * d[1] }
}
