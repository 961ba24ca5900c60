use super::super::tests::{bits, failures, honest, lie};
use super::*;
use crate::cs::Lie;
use ark_ff::UniformRand;
use ark_std::rand::{rngs::StdRng, SeedableRng};

#[test]
fn constants_stand_as_the_argument_needs_them() {
    let order = Scalar::MODULUS;
    assert_eq!(ORDER.into_bigint(), order);
    assert_eq!(order.num_bits() as usize, ORDER_BITS);
    // D = 8l - r is 8l in the field.
    let d = (ORDER * Fr::from(8u64)).into_bigint();
    assert_eq!(d.num_bits(), 126);
    let low = BigInt::<4>::new([order.0[0], order.0[1], 0, 0]);
    assert!(low > d, "l - D and l agree above the cut");
    assert_eq!(CUT, 128);
}

#[test]
fn at_most_accepts_exactly_the_numbers_up_to_the_bound() {
    for bound in 0..64u64 {
        for x in 0..64u64 {
            let circuit = move |cs: &mut Cs| {
                let bits = bits(cs, (0..6).map(|i| (x >> i) & 1 == 1));
                at_most(cs, "at_most", &bits, BigInt::from(bound));
            };
            if x <= bound {
                assert_eq!(failures(&circuit, &[]), [] as [&str; 0], "{x} <= {bound}");
            } else {
                assert_eq!(failures(&circuit, &[])[0], "at_most", "{x} > {bound}");
            }
        }
    }
}

#[test]
fn at_most_with_another_hint_does_not_pass() {
    // 5 <= 4: one run of zeros below the leading one, nothing missing above it, one bit too many: 0 * w = 1.
    let circuit = |cs: &mut Cs| {
        let bits = bits(cs, [true, false, true]);
        at_most(cs, "at_most", &bits, BigInt::from(4u64));
    };
    for w in [0u64, 1, 2] {
        assert_eq!(failures(&circuit, &[lie("at_most", 0, Fr::from(w))]), ["at_most"]);
    }
}

#[test]
fn scalars_from_the_order_on_are_refused() {
    let circuit = |x: Fr| {
        move |cs: &mut Cs| {
            let x = cs.alloc("input.x", || x);
            ScalarBits::new(cs, &x);
        }
    };
    let one = Fr::from(1u64);
    for x in [Fr::from(0u64), one, ORDER - one] {
        assert_eq!(honest(&circuit(x)).0.num_constraints(), 311);
    }
    assert_eq!(failures(&circuit(ORDER), &[]), ["scalar.below_order"]);
    assert_eq!(failures(&circuit(ORDER + one), &[]), ["scalar.below_order"]);
    // The greatest number of 251 bits lacks no one of l, so every run of zeros fails.
    let top = Fr::from(2u64);
    let all_ones = (0..ORDER_BITS).fold(Fr::from(1u64), |p, _| p * top) - one;
    assert_eq!(failures(&circuit(all_ones), &[]), ["scalar.below_order"; 60]);
    // 252 bits: the top bit is 2 or 3.
    assert_eq!(failures(&circuit(all_ones + one), &[])[0], "scalar.bits");
    assert_eq!(failures(&circuit(-one), &[])[0], "scalar.bits");
}

#[test]
fn a_wrong_scalar_bit_fails() {
    let circuit = |cs: &mut Cs| {
        let x = cs.alloc("input.x", || Fr::from(6u64));
        ScalarBits::new(cs, &x);
    };
    // Another boolean, and the top bit is no boolean; no boolean, and it fails itself too.
    assert_eq!(failures(&circuit, &[lie("scalar.bits", 0, Fr::from(1u64))])[0], "scalar.bits");
    assert_eq!(failures(&circuit, &[lie("scalar.bits", 0, Fr::from(2u64))])[..2], ["scalar.bits", "scalar.bits"]);
}

fn challenge(h: Fr) -> impl Fn(&mut Cs) {
    move |cs: &mut Cs| {
        let h = cs.alloc("input.h", || h);
        Challenge::new(cs, &h);
    }
}

/// The lies with which a prover claims h = q l + K or (q + 1) l - K.
fn claim(quotient: u64, positive: bool, magnitude: Fr) -> Vec<Lie> {
    let magnitude = magnitude.into_bigint();
    let mut lies: Vec<Lie> =
        (0..ORDER_BITS).map(|i| lie("challenge.bits", i, Fr::from(magnitude.get_bit(i)))).collect();
    lies.extend((0..3).map(|i| lie("challenge.quotient", i, Fr::from((quotient >> i) & 1))));
    lies.push(lie("challenge.sign", 0, Fr::from(positive)));
    lies
}

#[test]
fn challenges_cost_318_and_reduce_to_themselves() {
    let mut rng = StdRng::seed_from_u64(21);
    for _ in 0..8 {
        let h = Fr::rand(&mut rng);
        let (m, _) = honest(&challenge(h));
        assert_eq!(m.num_constraints(), 318);
        let r = Reduced::of(h);
        let k = Fr::from_bigint(r.magnitude).expect("below l");
        let q = Fr::from(r.quotient);
        let back = if r.positive { q * ORDER + k } else { (q + Fr::from(1u64)) * ORDER - k };
        assert_eq!(back, h);
    }
}

/// h + r for a small h: it fits q = 7 and a K below l, all equations hold, and only uniqueness stands against it.
#[test]
fn a_challenge_plus_the_field_modulus_fails_unique() {
    let seven = Fr::from(7u64);
    for h in [Fr::from(2u64), Fr::from(12_345u64)] {
        honest(&challenge(h));
        // h + r - 7l, which in the field is h - 7l.
        assert_eq!(failures(&challenge(h), &claim(7, true, h - ORDER * seven)), ["challenge.unique"]);
        for w in [0u64, 1] {
            let mut lies = claim(7, true, h - ORDER * seven);
            lies.push(lie("challenge.unique", 0, Fr::from(w)));
            assert_eq!(failures(&challenge(h), &lies), ["challenge.unique"]);
        }
    }
}

#[test]
fn a_magnitude_plus_the_order_fails_below_order() {
    // h = 3l + 5 = 2l + (l + 5).
    let five = Fr::from(5u64);
    let h = ORDER * Fr::from(3u64) + five;
    assert_eq!(failures(&challenge(h), &claim(2, true, ORDER + five)), ["challenge.below_order"]);
}

#[test]
fn a_magnitude_without_leading_bit_fails_leading() {
    // The honest prover writes 3l + 5 as 4l - (l - 5).
    let five = Fr::from(5u64);
    let h = ORDER * Fr::from(3u64) + five;
    honest(&challenge(h));
    assert_eq!(failures(&challenge(h), &claim(3, true, five)), ["challenge.leading"]);
}

#[test]
fn another_number_fails_value() {
    let h = ORDER + ORDER - Fr::from(1_000u64);
    let k = ORDER - Fr::from(1_000u64);
    assert_eq!(failures(&challenge(h), &claim(1, true, k)), [] as [&str; 0]);
    assert_eq!(failures(&challenge(h), &claim(2, true, k)), ["challenge.value"]);
    assert_eq!(failures(&challenge(h), &claim(1, false, k)), ["challenge.value"]);
    assert_eq!(failures(&challenge(h), &claim(1, true, k - Fr::from(1u64))), ["challenge.value"]);
}

#[test]
fn what_is_not_boolean_fails_under_its_name() {
    let h = Fr::from(77u64);
    for name in ["challenge.bits", "challenge.quotient", "challenge.sign"] {
        assert!(failures(&challenge(h), &[lie(name, 0, Fr::from(2u64))]).contains(&name));
    }
}

/// The challenges the statement excludes are refused, as its documentation says.
#[test]
fn excluded_challenges_are_unprovable() {
    let one = Fr::from(1u64);
    // k = 0: K would be l itself.
    assert_eq!(failures(&challenge(ORDER), &[]), ["challenge.below_order"]);
    // h = 0 is r = 7l + (l - D).
    assert_eq!(failures(&challenge(Fr::from(0u64)), &[]), ["challenge.below_order"]);
    // Just below r.
    assert_eq!(failures(&challenge(-one), &[]), ["challenge.unique"]);
}
