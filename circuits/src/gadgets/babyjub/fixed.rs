//! Multiples of the constant base point: two bits a window, no doublings, four constraints a window.
//!
//! With G = BASE8 / 2, window i contributes `(s0 + 2 s1) 4^i G` for its bits read as signs s = 2b - 1: a digit from -3, -1, 1, 3. Its u is
//! linear in the product s0 s1 and its v in s0 and s1, so a window costs that product and an addition of three. The sum of n signs
//! weighted 2^i is twice the integer of the bits less (2^n - 1), so the result is off by a constant, which is added last.

use super::montgomery::{sign, to_montgomery, Affine, Inverses};
use super::CurvePoint;
use crate::cs::{Bit, Cs, Lc, Mode};
use ark_bn254::Fr;
use ark_ec::CurveGroup;
use ark_ed_on_bn254::{EdwardsAffine, EdwardsProjective};
use ark_ff::{AdditiveGroup, Field, One};
use novation_state::crypto::babyjub::{to_ark, Point, Scalar, BASE8};
use std::sync::LazyLock;

/// Most windows whose sums meet no exception: see [`FixedBase::mul`].
const MAX_WINDOWS: usize = 125;

struct Window {
    /// 4^i G and 3 * 4^i G, for the hints, with their u.
    one: EdwardsAffine,
    three: EdwardsAffine,
    u_one: Fr,
    u_three: Fr,
    /// Half sums and differences `(3 -+ 1)/2` of their coordinates, for the constraints.
    u_mean: Fr,
    u_spread: Fr,
    v_mean: Fr,
    v_spread: Fr,
}

static WINDOWS: LazyLock<Vec<Window>> = LazyLock::new(|| {
    let half = Scalar::from(2u64).inverse().expect("l is odd");
    let half_fr = Fr::from(2u64).inverse().expect("r is odd");
    let mut power: EdwardsProjective = to_ark(&BASE8.mul(&half)).into();
    (0..MAX_WINDOWS)
        .map(|_| {
            let (one, three) = (power, power + power + power);
            power.double_in_place().double_in_place();
            let [(u_one, v_one), (u_three, v_three)] = to_montgomery(&[one, three])[..] else {
                unreachable!("two points in, two out")
            };
            Window {
                one: one.into_affine(),
                three: three.into_affine(),
                u_one,
                u_three,
                u_mean: (u_three + u_one) * half_fr,
                u_spread: (u_three - u_one) * half_fr,
                v_mean: (v_three + v_one) * half_fr,
                v_spread: (v_three - v_one) * half_fr,
            }
        })
        .collect()
});

/// A multiplication of BASE8 by a number of so many bits, plus a constant: what does not depend on the number, computed once.
pub struct FixedBase {
    bits: usize,
    /// What is added last, by the value of the bits that are in no window.
    last: Vec<Point>,
}

impl FixedBase {
    /// For 3 to 251 bits.
    ///
    /// # Panics
    /// On another number of bits.
    pub fn new(bits: usize, offset: &Scalar) -> FixedBase {
        assert!((3..=2 * MAX_WINDOWS + 1).contains(&bits), "3 to 251 bits, not {bits}");
        let rest = bits - 2 * windows(bits);
        // The windows fall short of their bits by (4^windows - 1)/2 times BASE8.
        let shift = Scalar::from(4u64).pow([windows(bits) as u64]);
        let half = Scalar::from(2u64).inverse().expect("l is odd");
        let constant = *offset + (shift - Scalar::one()) * half;
        let last = (0..1u64 << rest).map(|k| Point::mul_base8(&(constant + shift * Scalar::from(k)))).collect();
        FixedBase { bits, last }
    }

    /// `(sum bits_i 2^i + offset) * BASE8`. 251 bits: 505 constraints; four for every two bits in windows, less 3, and 8 or 9 at
    /// the end.
    ///
    /// SOUND: after window i the sum is m G with m odd and |m| < 4^(i+1), and the next digit's point is m' G with m' odd times 4^(i+1),
    /// |m'| > |m|, |m| + |m'| < 4^(i+2) <= 4^125 = 2^250 < l. So m and m' are never equal or opposite modulo l and `mont_add` meets no
    /// exception, whatever the bits. The last bits and the offset are added by the complete law.
    ///
    /// # Panics
    /// If there are not as many bits as this was made for.
    pub fn mul(&self, cs: &mut Cs, bits: &[Bit]) -> CurvePoint {
        assert_eq!(bits.len(), self.bits, "bits of a fixed-base multiplication");
        let (windowed, rest) = bits.split_at(2 * windows(self.bits));
        let pairs: Vec<(&Bit, &Bit)> = windowed.chunks_exact(2).map(|pair| (&pair[0], &pair[1])).collect();
        let mut inverses = match cs.mode() {
            Mode::Shape => Inverses::none(),
            _ => plan(&pairs),
        };
        let mut acc: Option<Affine> = None;
        for (window, (low, high)) in WINDOWS.iter().zip(&pairs) {
            let (s0, s1) = (sign(low), sign(high));
            let same = cs.mul("fixed.same_sign", &s0, &s1);
            let point = lookup(window, &s0, &s1, &same);
            acc = Some(match acc {
                None => point,
                Some(acc) => acc.add(cs, &point, &mut inverses),
            });
        }
        let sum = acc.expect("at least one window").to_edwards(cs);

        let both = match rest {
            [low, high] => cs.mul("fixed.both", low.lc(), high.lc()),
            _ => Lc::zero(),
        };
        let pick = |p: &dyn Fn(&Point) -> Fr| {
            let p: Vec<Fr> = self.last.iter().map(p).collect();
            let mut out = Lc::constant(p[0]) + rest[0].lc() * (p[1] - p[0]);
            if let [_, high] = rest {
                out = out + high.lc() * (p[2] - p[0]) + &both * (p[3] - p[2] - p[1] + p[0]);
            }
            out
        };
        // SOUND: one of two or four points of the curve, by booleans.
        let last = CurvePoint::unchecked(pick(&|p| p.x), pick(&|p| p.y));
        sum.add(cs, &last)
    }
}

/// One or two bits are left over for the end: a constant is added there anyway, and it may as well depend on them.
fn windows(bits: usize) -> usize {
    (bits - 1) / 2
}

/// `(sum bits_i 2^i + offset) * BASE8`, for a multiplication that occurs once: [`FixedBase`].
///
/// # Panics
/// As [`FixedBase::new`].
pub fn mul_base8(cs: &mut Cs, bits: &[Bit], offset: &Scalar) -> CurvePoint {
    FixedBase::new(bits.len(), offset).mul(cs, bits)
}

/// The digit is 3 or -3 where the signs agree and 1 or -1 where they do not; u does not see the sign, v is odd in both.
fn lookup(w: &Window, s0: &Lc, s1: &Lc, same: &Lc) -> Affine {
    Affine { u: Lc::constant(w.u_mean) + same * w.u_spread, v: s0 * w.v_spread + s1 * w.v_mean }
}

/// Differences of u-coordinates that the additions will divide by.
fn plan(pairs: &[(&Bit, &Bit)]) -> Inverses {
    let mut sums = Vec::with_capacity(pairs.len());
    let mut next = Vec::with_capacity(pairs.len());
    let mut acc = EdwardsProjective::ZERO;
    for (i, (w, (low, high))) in WINDOWS.iter().zip(pairs).enumerate() {
        let same = low.value() == high.value();
        let digit = if same { w.three } else { w.one };
        if i > 0 {
            sums.push(acc);
            next.push(if same { w.u_three } else { w.u_one });
        }
        acc += if high.value() { digit } else { -digit };
    }
    let sums = to_montgomery(&sums);
    Inverses::new(sums.iter().zip(next).map(|((u, _), next)| next - u).collect())
}
