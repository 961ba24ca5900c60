//! Inside gadgets: wires that are no bits and yet add up to the same number, squares that put a point on the curve. An idle order's
//! equation is switched off, so what stands against such wires there stands alone.

use crate::kit::*;
use crate::named_attacks::decoys;
use ark_bn254::Fr;
use ark_ff::{Field, One, PrimeField, Zero};
use novation_circuits::cs::Lie;
use novation_state::crypto::babyjub::{Scalar, A, D};
use novation_state::public_data::PublicData;
use novation_state::trace::BatchTrace;
use novation_state::transition::BatchInput;

/// An idle order.
const IDLE: usize = 1;

/// What an honest prover chooses under this name there, in order.
fn honest(trace: &BatchTrace, name: &str) -> Vec<Fr> {
    let run = Run::of(trace, &PublicData::of(trace), &[]);
    run.hints.iter().filter(|h| (h.lane, h.index, h.name) == ("orders", IDLE, name)).map(|h| h.value).collect()
}

/// The lowest bit is 2 more, the next 1 less: the same number.
fn carried(trace: &BatchTrace, name: &'static str) -> [Lie; 2] {
    let bits = honest(trace, name);
    [lie("orders", IDLE, name, 0, bits[0] + Fr::from(2u64)), lie("orders", IDLE, name, 1, bits[1] - Fr::one())]
}

/// A deposit of a viewing key off the curve; its square of that name is said to be what `square` makes of the other.
fn off_the_curve(name: &'static str, square: fn(Fr, Fr) -> Fr) -> Names {
    let mut world = stage();
    let mut deposit = world.deposit(0, 1);
    deposit.viewing_eighth.x += Fr::one();
    let point = deposit.viewing_eighth;
    let input = BatchInput { deposits: vec![deposit], ..world.input() };
    let (trace, _) = lenient(&world, input);
    // The first of that name is the owner's.
    strongest(&trace, &[lie("deposits", 0, name, 1, square(point.x.square(), point.y.square()))])
}

attacks! {
    a_square_of_x_that_puts_a_point_on_the_curve: ["point.x2"], || {
        off_the_curve("point.x2", |_, y2| (y2 - Fr::one()) * (D * y2 - A).inverse().unwrap())
    };
    a_square_of_y_that_puts_a_point_on_the_curve: ["point.y2"], || {
        off_the_curve("point.y2", |x2, _| (A * x2 - Fr::one()) * (D * x2 - Fr::one()).inverse().unwrap())
    };
    a_scalar_of_no_bits: ["scalar.bits"], || {
        let (_, _, trace) = decoys();
        strongest(&trace, &carried(&trace, "scalar.bits"))
    };
    a_challenge_of_no_bits: ["challenge.bits"], || {
        let (_, _, trace) = decoys();
        strongest(&trace, &carried(&trace, "challenge.bits"))
    };
    a_quotient_of_no_bits: ["challenge.quotient"], || {
        let (_, _, trace) = decoys();
        strongest(&trace, &carried(&trace, "challenge.quotient"))
    };
    /// For any quotient there is a sign that makes the value right: no bit, but for one.
    a_sign_that_is_none: ["challenge.sign"], || {
        let (_, _, trace) = decoys();
        let (bits, quotient) = (honest(&trace, "challenge.bits"), honest(&trace, "challenge.quotient"));
        let sum = |bits: &[Fr]| bits.iter().rev().fold(Fr::zero(), |sum, bit| sum + sum + bit);
        let (magnitude, q) = (sum(&bits), sum(&quotient));
        let order = Fr::from_bigint(Scalar::MODULUS).unwrap();
        let positive = honest(&trace, "challenge.sign")[0];
        let value = (positive + positive - Fr::one()) * magnitude + (q + Fr::one() - positive) * order;
        let flipped = Fr::one() - quotient[0];
        let other = q + flipped - quotient[0];
        let sign = (value + magnitude - (other + Fr::one()) * order) * (magnitude + magnitude - order).inverse().unwrap();
        // What is counted for uniqueness changes with sign and quotient, and still has an inverse.
        let count = honest(&trace, "challenge.unique")[0].inverse().unwrap() + positive - sign + quotient[0] - flipped;
        let lies = [
            lie("orders", IDLE, "challenge.quotient", 0, flipped),
            lie("orders", IDLE, "challenge.sign", 0, sign),
            lie("orders", IDLE, "challenge.unique", 0, count.inverse().unwrap()),
        ];
        strongest(&trace, &lies)
    };
}
