//! Multiples of the constant base point: two bits a window, no doublings, four constraints a window.
//!
//! With G = BASE8 / 2, window i contributes `(s0 + 2 s1) 4^i G` for its bits read as signs s = 2b - 1: a digit from -3, -1, 1, 3. Its u is
//! linear in the product s0 s1 and its v in s0 and s1, so a window costs that product and an addition of three. The sum of n signs
//! weighted 2^i is twice the integer of the bits less (2^n - 1), so the result is off by a constant, which is added last.

use super::montgomery::{sign, to_montgomery, Affine, Inverses};
use super::CurvePoint;
use crate::cs::{Bit, Cs, Lc, Mode};
use ark_bn254::Fr;
use ark_ed_on_bn254::EdwardsProjective;
use ark_ff::{AdditiveGroup, Field, One};
use novation_state::crypto::babyjub::{to_ark, Point, Scalar, BASE8};
use std::sync::LazyLock;

/// Most windows whose sums meet no exception: see [`mul_base8`].
const MAX_WINDOWS: usize = 125;

struct Window {
    /// 4^i G and 3 * 4^i G, projective for the hints and in Montgomery coordinates for the constraints.
    one: EdwardsProjective,
    three: EdwardsProjective,
    one_uv: (Fr, Fr),
    three_uv: (Fr, Fr),
}

static WINDOWS: LazyLock<Vec<Window>> = LazyLock::new(|| {
    let half = Scalar::from(2u64).inverse().expect("l is odd");
    let mut power: EdwardsProjective = to_ark(&BASE8.mul(&half)).into();
    (0..MAX_WINDOWS)
        .map(|_| {
            let (one, three) = (power, power + power + power);
            power.double_in_place().double_in_place();
            let uv = to_montgomery(&[one, three]);
            Window { one, three, one_uv: uv[0], three_uv: uv[1] }
        })
        .collect()
});

/// `(sum bits_i 2^i + offset) * BASE8` for 3 to 251 bits: four constraints for every two of the first 250, less 3, and 8 at the end.
/// 251 bits: 505.
///
/// SOUND: after window i the sum is m G with m odd and |m| < 4^(i+1), and the next digit's point is m' G with m' odd times 4^(i+1), |m'| > |m|,
/// |m| + |m'| < 4^(i+2) <= 4^125 = 2^250 < l. So m and m' are never equal or opposite modulo l and `mont_add` meets no exception,
/// whatever the bits. The last bit and the offset are added by the complete law.
///
/// # Panics
/// On another number of bits.
pub fn mul_base8(cs: &mut Cs, bits: &[Bit], offset: &Scalar) -> CurvePoint {
    assert!((3..=2 * MAX_WINDOWS + 1).contains(&bits.len()), "3 to 251 bits, not {}", bits.len());
    // A bit is left for the end even if the number is even: the constant is there to be added anyway.
    let windows = (bits.len() - 1) / 2;
    let pairs: Vec<(&Bit, &Bit)> = (0..windows).map(|i| (&bits[2 * i], &bits[2 * i + 1])).collect();
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

    let (rest, mut constant) = (&bits[2 * windows..], *offset);
    // What the windows fall short of: (4^windows - 1)/2 times BASE8.
    let half = Scalar::from(2u64).inverse().expect("l is odd");
    let shift = Scalar::from(4u64).pow([windows as u64]);
    constant += (shift - Scalar::one()) * half;
    let last = match rest {
        [bit] => {
            let (p, q) = (Point::mul_base8(&constant), Point::mul_base8(&(constant + shift)));
            let pick = |p: Fr, q: Fr| Lc::constant(p) + bit.lc() * (q - p);
            // SOUND: one of two points of the curve, by a boolean.
            CurvePoint::unchecked(pick(p.x, q.x), pick(p.y, q.y))
        }
        [low, high] => {
            let both = cs.mul("fixed.both", low.lc(), high.lc());
            let points: Vec<Point> =
                (0..4u64).map(|k| Point::mul_base8(&(constant + shift * Scalar::from(k)))).collect();
            let pick = |p: [Fr; 4]| {
                Lc::constant(p[0])
                    + low.lc() * (p[1] - p[0])
                    + high.lc() * (p[2] - p[0])
                    + &both * (p[3] - p[2] - p[1] + p[0])
            };
            let xs: Vec<Fr> = points.iter().map(|p| p.x).collect();
            let ys: Vec<Fr> = points.iter().map(|p| p.y).collect();
            // SOUND: one of four points of the curve, by two booleans.
            CurvePoint::unchecked(pick(xs.try_into().expect("four points")), pick(ys.try_into().expect("four points")))
        }
        _ => unreachable!("one or two bits are left"),
    };
    sum.add(cs, &last)
}

/// The digit is 3 or -3 where the signs agree and 1 or -1 where they do not; u does not see the sign, v is odd in both.
fn lookup(w: &Window, s0: &Lc, s1: &Lc, same: &Lc) -> Affine {
    let half = Fr::from(2u64).inverse().expect("r is odd");
    let ((u1, v1), (u3, v3)) = (w.one_uv, w.three_uv);
    Affine {
        u: Lc::constant((u3 + u1) * half) + same * ((u3 - u1) * half),
        v: s0 * ((v3 - v1) * half) + s1 * ((v3 + v1) * half),
    }
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
            next.push(if same { w.three_uv.0 } else { w.one_uv.0 });
        }
        acc += if high.value() { digit } else { -digit };
    }
    let sums = to_montgomery(&sums);
    Inverses::new(sums.iter().zip(next).map(|((u, _), next)| next - u).collect())
}
