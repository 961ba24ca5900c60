//! BabyJubJub in constraints. Native twin: [`novation_state::crypto::babyjub`].
//!
//! Three types carry what has been proven, so that no formula meets a point it is not valid for:
//!
//! | type | proven | obtained from |
//! |---|---|---|
//! | [`CurvePoint`] | the curve equation | [`CurvePoint::new`], sums |
//! | [`SubgroupPoint`] | and l times it is the identity | [`SubgroupPoint::mul8`], [`SubgroupPoint::prove`] |
//! | [`Base`] | and it is not the identity | [`Base::new`] |
//!
//! On the Edwards form (`168700 x^2 + y^2 = 1 + 168696 x^2 y^2`) the addition law is complete: denominators `1 +- d x1 x2 y1 y2` of
//! points on the curve are never 0, so a quotient wire is always determined. Multiplications run on the Montgomery form
//! `v^2 = u^3 + 168698 u^2 + u`, `u = (1 + y)/(1 - y)`, `v = u / x`, where an addition costs 3 instead of 6 but is incomplete; beside each
//! stands why its exception cannot occur.

mod fixed;
mod montgomery;
mod scalar;
#[cfg(test)]
mod tests;

pub use fixed::{mul_base8, FixedBase};
pub use montgomery::{mul_challenge, mul_ephemeral, Base};
pub use scalar::{at_most, Challenge, ScalarBits, ORDER_BITS};

use crate::cs::{Cs, Lc, Mode};
use ark_bn254::Fr;
use ark_ff::Field;
use novation_state::crypto::babyjub::{Point, A, D};

/// A point proven to satisfy the curve equation.
#[derive(Clone, Debug)]
pub struct CurvePoint {
    x: Lc,
    y: Lc,
}

/// A point proven to lie in the subgroup of prime order; possibly the identity.
#[derive(Clone, Debug)]
pub struct SubgroupPoint(CurvePoint);

impl CurvePoint {
    /// Proves the curve equation. 3 constraints: `point.x2`, `point.y2`, `point.on_curve`.
    pub fn new(cs: &mut Cs, x: &Lc, y: &Lc) -> CurvePoint {
        let x2 = cs.square("point.x2", x);
        let y2 = cs.square("point.y2", y);
        cs.enforce("point.on_curve", &(&x2 * D), &y2, &(&x2 * A + &y2 - Lc::one()));
        CurvePoint { x: x.clone(), y: y.clone() }
    }

    /// Wraps coordinates that are on the curve for a reason the caller states beside the call.
    pub fn unchecked(x: Lc, y: Lc) -> CurvePoint {
        CurvePoint { x, y }
    }

    /// A constant point.
    pub fn constant(p: Point) -> CurvePoint {
        assert!(p.is_on_curve(), "a constant point off the curve");
        CurvePoint { x: Lc::constant(p.x), y: Lc::constant(p.y) }
    }

    /// First coordinate.
    pub fn x(&self) -> &Lc {
        &self.x
    }

    /// Second coordinate.
    pub fn y(&self) -> &Lc {
        &self.y
    }

    /// The negative, free of cost.
    pub fn neg(&self) -> CurvePoint {
        CurvePoint { x: -&self.x, y: self.y.clone() }
    }

    /// The sum, complete. 6 constraints named `add.*`.
    ///
    /// SOUND: both points are on the curve, a is a square and d is not, so neither denominator is 0.
    pub fn add(&self, cs: &mut Cs, other: &CurvePoint) -> CurvePoint {
        let beta = cs.mul("add.x1_y2", &self.x, &other.y);
        let gamma = cs.mul("add.y1_x2", &self.y, &other.x);
        // (y1 - a x1)(x2 + y2) = y1 y2 - a x1 x2 - a beta + gamma
        let cross = cs.mul("add.cross", &(&self.y - &self.x * A), &(&other.x + &other.y));
        let tau = cs.mul("add.product", &beta, &gamma) * D;
        let x = quotient(cs, "add.x", &(&beta + &gamma), &(Lc::one() + &tau));
        let y = quotient(cs, "add.y", &(cross + &beta * A - gamma), &(Lc::one() - &tau));
        CurvePoint { x, y }
    }

    /// Twice the point, complete. 5 constraints named `double.*`.
    ///
    /// SOUND: `a x^2 + y^2 = 1 + d x^2 y^2` on the curve, and d x^2 y^2 is neither 1 nor -1 as above.
    pub fn double(&self, cs: &mut Cs) -> CurvePoint {
        let x2 = cs.square("double.x2", &self.x);
        let y2 = cs.square("double.y2", &self.y);
        self.double_from_squares(cs, &x2, &y2)
    }

    fn double_from_squares(&self, cs: &mut Cs, x2: &Lc, y2: &Lc) -> CurvePoint {
        let xy = cs.mul("double.xy", &self.x, &self.y);
        let sum = x2 * A + y2;
        let x = quotient(cs, "double.x", &(xy * Fr::from(2u64)), &sum);
        let y = quotient(cs, "double.y", &(y2 - x2 * A), &(Lc::constant(2u64) - &sum));
        CurvePoint { x, y }
    }
}

impl SubgroupPoint {
    /// Proves that `(x, y)` is on the curve and gives 8 times it. 16 constraints: `point.*` and `double.*`.
    pub fn mul8(cs: &mut Cs, x: &Lc, y: &Lc) -> SubgroupPoint {
        let x2 = cs.square("point.x2", x);
        let y2 = cs.square("point.y2", y);
        cs.enforce("point.on_curve", &(&x2 * D), &y2, &(&x2 * A + &y2 - Lc::one()));
        let p = CurvePoint { x: x.clone(), y: y.clone() };
        // SOUND: the group has order 8 l.
        SubgroupPoint(p.double_from_squares(cs, &x2, &y2).double(cs).double(cs))
    }

    /// Proves that `(x, y)` is in the subgroup, by showing the point of which it is 8 times. 18 constraints: those of
    /// [`SubgroupPoint::mul8`] and `point.eighth`. No hint can satisfy them for another point.
    pub fn prove(cs: &mut Cs, x: &Lc, y: &Lc) -> SubgroupPoint {
        let p = Point { x: x.value(), y: y.value() };
        // A point without an eighth cannot be proven; any hint will do.
        let eighth = || p.eighth().unwrap_or(p);
        let (ex, ey) = match cs.mode() {
            Mode::Shape => (p.x, p.y),
            _ => (eighth().x, eighth().y),
        };
        let ex = cs.alloc("point.eighth", || ex);
        let ey = cs.alloc("point.eighth", || ey);
        let out = SubgroupPoint::mul8(cs, &ex, &ey);
        cs.enforce_eq("point.eighth", &out.0.x, x);
        cs.enforce_eq("point.eighth", &out.0.y, y);
        out
    }

    /// Wraps coordinates that are in the subgroup for a reason the caller states beside the call: an account leaf's keys were
    /// proven when they were written.
    pub fn unchecked(x: Lc, y: Lc) -> SubgroupPoint {
        SubgroupPoint(CurvePoint { x, y })
    }

    /// The point as a point of the curve.
    pub fn curve(&self) -> &CurvePoint {
        &self.0
    }
}

/// A wire equal to `numerator / denominator`. SOUND only if the denominator cannot be 0: the caller says why.
fn quotient(cs: &mut Cs, name: &'static str, numerator: &Lc, denominator: &Lc) -> Lc {
    let (n, d) = (numerator.value(), denominator.value());
    let q = cs.alloc(name, || n * d.inverse().unwrap_or_default());
    cs.enforce(name, &q, denominator, numerator);
    q
}
