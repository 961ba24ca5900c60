//! BabyJubJub with circomlib's coordinates (ERC-2494): `168700 x^2 + y^2 = 1 + 168696 x^2 y^2` over the BN254 scalar field.
//!
//! The group has order 8*l with l prime; [`BASE8`] generates the subgroup of order l. 168700 is a square and 168696 is not,
//! so the addition law has no exceptions on the curve.
//!
//! Arithmetic runs on the isomorphic curve of `ark-ed-on-bn254`, whose coefficient a is 1: `(x, y) -> (x * sqrt(168700), y)`.

use ark_bn254::Fr;
use ark_ec::CurveGroup;
use ark_ed_on_bn254::{EdwardsAffine, EdwardsProjective};
use ark_ff::{AdditiveGroup, BigInteger, Field, MontFp, One, PrimeField, Zero};
use std::sync::LazyLock;
use thiserror::Error;

/// Integers modulo l, the order of the prime subgroup.
pub use ark_ed_on_bn254::Fr as Scalar;

/// Coefficient a.
pub const A: Fr = MontFp!("168700");
/// Coefficient d.
pub const D: Fr = MontFp!("168696");

/// circomlib's `Base8`, a generator of the prime subgroup.
pub const BASE8: Point = Point {
    x: MontFp!("5299619240641551281634865583518297030282874472190772894086521144482721001553"),
    y: MontFp!("16950150798460657717958625567821834550301663161624707787222815936182638968203"),
};

const SQRT_A: Fr = MontFp!("7214280148105020021932206872019688659210616427216992810330019057549499971851");
const SQRT_A_INV: Fr = MontFp!("2957874849018779266517920829765869116077630550401372566248359756137677864698");
pub(crate) const EIGHTH: Scalar =
    MontFp!("2394026564107420727433200628387514462817212225638746351800188703329891451411");

/// Why coordinates are not an acceptable point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PointError {
    /// The curve equation does not hold.
    #[error("the coordinates do not satisfy the curve equation")]
    NotOnCurve,
    /// The point has a component of order 2, 4 or 8.
    #[error("the point is not in the subgroup of prime order")]
    NotInPrimeSubgroup,
    /// A packed y that is not below the field's modulus, or that no curve point has.
    #[error("the packed bytes name no curve point")]
    BadPacking,
}

/// A pair of coordinates. Freely constructible, hence possibly off the curve: whoever takes one from outside goes
/// through [`Point::new_checked`], [`Point::in_prime_subgroup`] or [`crate::crypto::eddsa::verify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    /// First coordinate.
    pub x: Fr,
    /// Second coordinate.
    pub y: Fr,
}

impl Point {
    /// The neutral element (0, 1).
    pub fn identity() -> Point {
        Point { x: Fr::zero(), y: Fr::one() }
    }

    /// A point on the curve.
    ///
    /// # Errors
    /// [`PointError::NotOnCurve`].
    pub fn new_checked(x: Fr, y: Fr) -> Result<Point, PointError> {
        let point = Point { x, y };
        if point.is_on_curve() {
            Ok(point)
        } else {
            Err(PointError::NotOnCurve)
        }
    }

    /// Whether the curve equation holds.
    pub fn is_on_curve(&self) -> bool {
        let (x2, y2) = (self.x.square(), self.y.square());
        A * x2 + y2 == Fr::one() + D * x2 * y2
    }

    /// Whether the point is on the curve and l times it is the identity.
    pub fn in_prime_subgroup(&self) -> bool {
        self.is_on_curve() && self.mul_bits(Scalar::MODULUS.as_ref()) == Point::identity()
    }

    /// Whether this is (0, 1).
    pub fn is_identity(&self) -> bool {
        *self == Point::identity()
    }

    /// The sum. Both points must be on the curve, otherwise the result means nothing.
    pub fn add(&self, other: &Point) -> Point {
        from_ark((to_ark(self) + to_ark(other)).into_affine())
    }

    /// The negative, (-x, y).
    pub fn neg(&self) -> Point {
        Point { x: -self.x, y: self.y }
    }

    /// Twice the point.
    pub fn double(&self) -> Point {
        self.add(self)
    }

    /// `k` times the point, for the representative of `k` in [0, l). Not constant-time.
    pub fn mul(&self, k: &Scalar) -> Point {
        self.mul_bits(k.into_bigint().as_ref())
    }

    /// The point times an integer in little-endian 64-bit limbs; for points outside the prime subgroup too.
    pub fn mul_bits(&self, limbs: &[u64]) -> Point {
        // Four bits a step, from the top: an addition for every four doublings.
        let mut multiples = [EdwardsProjective::zero(); 1 << WINDOW];
        for i in 1..multiples.len() {
            multiples[i] = multiples[i - 1] + to_ark(self);
        }
        let mut acc = EdwardsProjective::zero();
        for digit in limbs.iter().rev().flat_map(|limb| digits(*limb).rev()) {
            for _ in 0..WINDOW {
                acc.double_in_place();
            }
            if digit != 0 {
                acc += multiples[digit];
            }
        }
        from_ark(acc.into_affine())
    }

    /// `k * BASE8`, from a table of the multiples of the base by every digit in every place.
    pub fn mul_base8(k: &Scalar) -> Point {
        // places[i][d - 1] = d * 16^i * BASE8: 60 kB.
        static PLACES: LazyLock<Vec<Vec<EdwardsAffine>>> = LazyLock::new(|| {
            let mut unit: EdwardsProjective = to_ark(&BASE8).into();
            (0..Scalar::MODULUS_BIT_SIZE as usize)
                .step_by(WINDOW)
                .map(|_| {
                    let mut place = vec![unit];
                    for d in 2..1 << WINDOW {
                        place.push(place[d - 2] + unit);
                    }
                    unit += place[(1 << WINDOW) - 2];
                    EdwardsProjective::normalize_batch(&place)
                })
                .collect()
        });
        let limbs = k.into_bigint();
        let mut acc = EdwardsProjective::zero();
        for (place, digit) in PLACES.iter().zip(limbs.0.iter().flat_map(|limb| digits(*limb))) {
            if digit != 0 {
                acc += place[digit - 1];
            }
        }
        from_ark(acc.into_affine())
    }

    /// Eight times the point: lands in the prime subgroup from anywhere on the curve.
    pub fn mul8(&self) -> Point {
        self.double().double().double()
    }

    /// The point of the prime subgroup whose [`Point::mul8`] is this one. Deposits on L1 carry eighths of keys: the contract
    /// checks only the curve equation, and eight times any curve point is in the prime subgroup.
    ///
    /// # Errors
    /// [`PointError::NotOnCurve`], [`PointError::NotInPrimeSubgroup`].
    pub fn eighth(&self) -> Result<Point, PointError> {
        if !self.is_on_curve() {
            return Err(PointError::NotOnCurve);
        }
        if !self.in_prime_subgroup() {
            return Err(PointError::NotInPrimeSubgroup);
        }
        Ok(self.mul(&EIGHTH))
    }

    /// 32 bytes as circomlibjs packs points: y little-endian, top bit set if x > (r-1)/2.
    pub fn pack(&self) -> [u8; 32] {
        let mut out = le_bytes(&self.y);
        if is_upper_half(&self.x) {
            out[31] |= 0x80;
        }
        out
    }

    /// Reads what [`Point::pack`] writes, and nothing else: y must be below r, and x = 0 has no negative.
    ///
    /// # Errors
    /// [`PointError::BadPacking`].
    pub fn unpack(bytes: &[u8; 32]) -> Result<Point, PointError> {
        let mut y_bytes = *bytes;
        let upper = y_bytes[31] & 0x80 != 0;
        y_bytes[31] &= 0x7f;
        let y = fr_from_le_bytes(&y_bytes).ok_or(PointError::BadPacking)?;
        // a - d*y^2 is never zero: a is a square and d is not.
        let y2 = y.square();
        let x2 = (Fr::one() - y2) * (A - D * y2).inverse().ok_or(PointError::BadPacking)?;
        let root = x2.sqrt().ok_or(PointError::BadPacking)?;
        if root.is_zero() && upper {
            return Err(PointError::BadPacking);
        }
        let x = if is_upper_half(&root) == upper { root } else { -root };
        Ok(Point { x, y })
    }
}

/// 32 little-endian bytes of the representative below r.
pub(crate) fn le_bytes(x: &Fr) -> [u8; 32] {
    let mut out = [0u8; 32];
    out.copy_from_slice(&x.into_bigint().to_bytes_le());
    out
}

/// The field element of 32 little-endian bytes, or None if they are not below r.
pub(crate) fn fr_from_le_bytes(bytes: &[u8; 32]) -> Option<Fr> {
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = u64::from_le_bytes(chunk.try_into().expect("chunks of eight"));
    }
    Fr::from_bigint(ark_ff::BigInt::new(limbs))
}

/// Bits a step of a multiplication takes.
const WINDOW: usize = 4;

fn digits(limb: u64) -> impl DoubleEndedIterator<Item = usize> {
    (0..64usize / WINDOW).map(move |i| (limb >> (WINDOW * i)) as usize & ((1 << WINDOW) - 1))
}

fn is_upper_half(x: &Fr) -> bool {
    x.into_bigint() > Fr::MODULUS_MINUS_ONE_DIV_TWO
}

/// The point on arkworks' isomorphic curve, for those who need its projective arithmetic. Nothing is checked.
pub fn to_ark(p: &Point) -> EdwardsAffine {
    EdwardsAffine::new_unchecked(p.x * SQRT_A, p.y)
}

/// The inverse of [`to_ark`].
pub fn from_ark(p: EdwardsAffine) -> Point {
    Point { x: p.x * SQRT_A_INV, y: p.y }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::twisted_edwards::TECurveConfig;
    use ark_ed_on_bn254::EdwardsConfig;

    #[test]
    fn square_root_of_a_maps_our_curve_to_the_one_computed_on() {
        assert_eq!(SQRT_A.square(), A);
        assert_eq!(SQRT_A * SQRT_A_INV, Fr::one());
        assert_eq!(EdwardsConfig::COEFF_A, Fr::one());
        assert_eq!(EdwardsConfig::COEFF_D * A, D);
        assert_eq!(EIGHTH * Scalar::from(8u64), Scalar::one());
    }

    #[test]
    fn base8_generates_the_prime_subgroup() {
        assert!(BASE8.in_prime_subgroup());
        assert!(!BASE8.is_identity());
    }

    #[test]
    fn a_is_a_square_and_d_is_not_so_addition_has_no_exceptions() {
        assert!(A.legendre().is_qr());
        assert!(D.legendre().is_qnr());
    }

    #[test]
    fn eighth_then_mul8_gives_the_point_back() {
        let p = Point::mul_base8(&Scalar::from(123_456_789u64));
        let e = p.eighth().unwrap();
        assert_eq!(e.mul8(), p);
        assert_ne!(e, p);
    }

    #[test]
    fn eighth_of_a_point_of_order_two_more_is_refused() {
        let order_two = Point { x: Fr::zero(), y: -Fr::one() };
        assert!(order_two.is_on_curve());
        assert_eq!(BASE8.add(&order_two).eighth(), Err(PointError::NotInPrimeSubgroup));
        assert_eq!(order_two.eighth(), Err(PointError::NotInPrimeSubgroup));
        assert_eq!(Point { x: Fr::one(), y: Fr::one() }.eighth(), Err(PointError::NotOnCurve));
    }

    #[test]
    fn off_curve_coordinates_are_refused() {
        assert_eq!(Point::new_checked(Fr::one(), Fr::one()), Err(PointError::NotOnCurve));
        assert_eq!(Point::new_checked(BASE8.x, BASE8.y), Ok(BASE8));
        assert_eq!(Point::new_checked(BASE8.x + Fr::one(), BASE8.y), Err(PointError::NotOnCurve));
    }

    #[test]
    fn packing_with_y_not_below_the_modulus_is_refused() {
        let mut bytes = [0u8; 32];
        bytes.copy_from_slice(&Fr::MODULUS.to_bytes_le());
        assert_eq!(Point::unpack(&bytes), Err(PointError::BadPacking));
        // r + 1 would be read as y = 1, the identity.
        bytes[0] += 1;
        assert_eq!(Point::unpack(&bytes), Err(PointError::BadPacking));
    }

    #[test]
    fn identity_packs_one_way_only() {
        let bytes = Point::identity().pack();
        assert_eq!(Point::unpack(&bytes), Ok(Point::identity()));
        let mut negative = bytes;
        negative[31] |= 0x80;
        assert_eq!(Point::unpack(&negative), Err(PointError::BadPacking));
    }

    #[test]
    fn fixed_base_table_agrees_with_general_multiplication() {
        for k in [0u64, 1, 2, 3, 0xffff_ffff_ffff_ffff] {
            let k = Scalar::from(k);
            assert_eq!(Point::mul_base8(&k), BASE8.mul(&k));
            assert_eq!(Point::mul_base8(&-k), BASE8.mul(&k).neg());
        }
    }
}
