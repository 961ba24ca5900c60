use super::*;
use crate::cs::{Bit, Failure, Lie, Matrices, Mode};
use ark_ff::{One, PrimeField, UniformRand, Zero};
use ark_std::rand::{rngs::StdRng, SeedableRng};
use novation_state::crypto::babyjub::{Scalar, BASE8};
use novation_state::crypto::viewing::{EphemeralKey, EPHEMERAL_BITS};

/// Runs a circuit honestly in all three modes, which must agree, and gives matrices and assignment.
pub(super) fn honest(circuit: &dyn Fn(&mut Cs)) -> (Matrices, Vec<Fr>) {
    let run = |mode| {
        let mut cs = Cs::new(mode, &[]);
        cs.scope("test", 0);
        circuit(&mut cs);
        cs
    };
    let check = run(Mode::Check);
    assert_eq!(check.failures(), []);
    let matrices = run(Mode::Shape).into_matrices();
    let assignment = run(Mode::Witness).into_assignment();
    assert_eq!(assignment, check.into_assignment());
    assert_eq!(matrices.unsatisfied(&assignment), []);
    (matrices, assignment)
}

pub(super) fn failures(circuit: &dyn Fn(&mut Cs), lies: &[Lie]) -> Vec<&'static str> {
    let mut cs = Cs::new(Mode::Check, lies);
    cs.scope("test", 0);
    circuit(&mut cs);
    cs.failures().iter().map(|f: &Failure| f.name).collect()
}

pub(super) fn lie(name: &'static str, nth: usize, value: Fr) -> Lie {
    Lie { lane: "test", index: 0, name, nth, value }
}

fn point(cs: &mut Cs, p: Point) -> (Lc, Lc) {
    (cs.alloc("input.x", || p.x), cs.alloc("input.y", || p.y))
}

fn curve(cs: &mut Cs, p: Point) -> CurvePoint {
    let (x, y) = point(cs, p);
    CurvePoint::unchecked(x, y)
}

fn expect(cs: &mut Cs, p: &CurvePoint, expected: Point) {
    cs.enforce_eq("result", p.x(), &Lc::constant(expected.x));
    cs.enforce_eq("result", p.y(), &Lc::constant(expected.y));
}

fn some_point(k: u64) -> Point {
    Point::mul_base8(&Scalar::from(k))
}

fn order_two() -> Point {
    Point { x: Fr::zero(), y: -Fr::one() }
}

/// A generator of the whole curve, of order 8l.
fn generator() -> Point {
    let decimal = |s: &str| s.parse::<Fr>().expect("decimal");
    Point {
        x: decimal("995203441582195749578291179787384436505546430278305826713579947235728471134"),
        y: decimal("5472060717959818805561601436314318772137091100104008585924551046643952123905"),
    }
}

fn total(m: &Matrices) -> usize {
    m.num_constraints()
}

#[test]
fn sums_and_doublings_equal_native_ones_on_all_pairs() {
    let points = [Point::identity(), order_two(), BASE8, some_point(5), BASE8.neg(), generator()];
    for p in points {
        for q in points {
            honest(&|cs| {
                let (a, b) = (curve(cs, p), curve(cs, q));
                let sum = a.add(cs, &b);
                expect(cs, &sum, p.add(&q));
            });
        }
        honest(&|cs| {
            let a = curve(cs, p);
            let twice = a.double(cs);
            expect(cs, &twice, p.double());
        });
    }
}

#[test]
fn points_of_the_curve_pass_and_others_fail_on_curve() {
    let circuit = |p: Point| {
        move |cs: &mut Cs| {
            let (x, y) = point(cs, p);
            CurvePoint::new(cs, &x, &y);
        }
    };
    for p in [Point::identity(), order_two(), BASE8, generator()] {
        honest(&circuit(p));
    }
    let off = Point { x: BASE8.x + Fr::one(), y: BASE8.y };
    assert_eq!(failures(&circuit(off), &[]), ["point.on_curve"]);
    assert_eq!(failures(&circuit(BASE8), &[lie("point.x2", 0, Fr::one())]), ["point.x2", "point.on_curve"]);
    assert_eq!(failures(&circuit(BASE8), &[lie("point.y2", 0, Fr::one())]), ["point.y2", "point.on_curve"]);
}

#[test]
fn a_lie_in_a_sum_fails_under_its_name() {
    let circuit = |cs: &mut Cs| {
        let (a, b) = (curve(cs, BASE8), curve(cs, some_point(9)));
        a.add(cs, &b);
    };
    for name in ["add.x1_y2", "add.y1_x2", "add.cross", "add.product", "add.x", "add.y"] {
        assert_eq!(failures(&circuit, &[lie(name, 0, Fr::from(77u64))]), [name]);
    }
    let circuit = |cs: &mut Cs| {
        let a = curve(cs, BASE8);
        a.double(cs);
    };
    for name in ["double.x2", "double.y2", "double.xy", "double.x", "double.y"] {
        assert_eq!(failures(&circuit, &[lie(name, 0, Fr::from(77u64))]), [name]);
    }
}

#[test]
fn mul8_equals_native_and_costs_16() {
    for p in [Point::identity(), order_two(), BASE8, generator()] {
        let (m, _) = honest(&|cs| {
            let (x, y) = point(cs, p);
            let out = SubgroupPoint::mul8(cs, &x, &y);
            expect(cs, out.curve(), p.mul8());
        });
        assert_eq!(total(&m), 16 + 2);
    }
    let off = Point { x: BASE8.x + Fr::one(), y: BASE8.y };
    let circuit = |cs: &mut Cs| {
        let (x, y) = point(cs, off);
        SubgroupPoint::mul8(cs, &x, &y);
    };
    assert_eq!(failures(&circuit, &[]), ["point.on_curve"]);
}

#[test]
fn only_subgroup_points_are_proven_to_be_in_the_subgroup() {
    let circuit = |p: Point| {
        move |cs: &mut Cs| {
            let (x, y) = point(cs, p);
            SubgroupPoint::prove(cs, &x, &y);
        }
    };
    for p in [Point::identity(), BASE8, some_point(3)] {
        let (m, _) = honest(&circuit(p));
        assert_eq!(total(&m), 18);
    }
    for p in [order_two(), generator(), BASE8.add(&order_two())] {
        assert!(failures(&circuit(p), &[]).iter().all(|n| *n == "point.eighth"));
        assert!(!failures(&circuit(p), &[]).is_empty());
    }
    let lies = [lie("point.eighth", 0, generator().x), lie("point.eighth", 1, generator().y)];
    assert_eq!(failures(&circuit(BASE8), &lies), [] as [&str; 0], "the generator is an eighth of BASE8 too");
    let lies = [lie("point.eighth", 0, BASE8.x), lie("point.eighth", 1, BASE8.y)];
    assert_eq!(failures(&circuit(BASE8), &lies), ["point.eighth", "point.eighth"]);
}

#[test]
fn identity_cannot_be_a_base() {
    let circuit = |p: Point| {
        move |cs: &mut Cs| {
            let (x, y) = point(cs, p);
            let p = SubgroupPoint::mul8(cs, &x, &y);
            Base::new(cs, &p);
        }
    };
    let (m, _) = honest(&circuit(BASE8));
    assert_eq!(total(&m), 18);
    for p in [Point::identity(), order_two()] {
        assert_eq!(failures(&circuit(p), &[])[0], "base.u");
        // No other claim helps: the equation reads u * 0 = 2.
        for claim in [0u64, 1, 2, 168_698] {
            assert_eq!(failures(&circuit(p), &[lie("base.u", 0, Fr::from(claim))])[0], "base.u");
        }
    }
    for name in ["base.u", "base.v"] {
        assert_eq!(failures(&circuit(BASE8), &[lie(name, 0, Fr::from(3u64))]), [name]);
    }
}

pub(super) fn bits(cs: &mut Cs, values: impl IntoIterator<Item = bool>) -> Vec<Bit> {
    values.into_iter().map(|b| cs.bit("input.bit", || b)).collect()
}

#[test]
fn fixed_base_equals_native_at_every_kind_of_length() {
    let mut rng = StdRng::seed_from_u64(11);
    for (n, count) in
        [(3, 1 + 2 + 6), (4, 1 + 2 + 7), (5, 5 + 2 + 6), (249, 493 + 8), (250, 493 + 2 + 7), (251, 497 + 8)]
    {
        let extremes = [vec![false; n], vec![true; n]];
        let random: Vec<Vec<bool>> = (0..3).map(|_| (0..n).map(|_| bool::rand(&mut rng)).collect()).collect();
        for value in extremes.into_iter().chain(random) {
            let offset = Scalar::rand(&mut rng);
            let two = Scalar::from(2u64);
            let k = value.iter().rev().fold(Scalar::zero(), |k, b| k * two + Scalar::from(u64::from(*b)));
            let (m, _) = honest(&|cs| {
                let bits = bits(cs, value.iter().copied());
                let p = mul_base8(cs, &bits, &offset);
                expect(cs, &p, Point::mul_base8(&(k + offset)));
            });
            assert_eq!(total(&m) - n - 2, count, "{n} bits");
        }
    }
}

#[test]
fn a_lie_in_the_fixed_base_fails_under_its_name() {
    let circuit = |n: usize| {
        move |cs: &mut Cs| {
            let bits = bits(cs, (0..n).map(|i| i % 3 == 0));
            mul_base8(cs, &bits, &Scalar::zero());
        }
    };
    for name in ["fixed.same_sign", "mont_add.lambda", "mont_add.u", "mont_add.v", "edwards.x", "edwards.y"] {
        assert_eq!(failures(&circuit(11), &[lie(name, 0, Fr::from(5u64))]), [name]);
    }
    assert_eq!(failures(&circuit(10), &[lie("fixed.both", 0, Fr::from(5u64))]), ["fixed.both"]);
}

#[test]
fn ephemeral_multiplication_equals_native_for_extreme_and_random_scalars() {
    let mut cases = vec![vec![false; EPHEMERAL_BITS], vec![true; EPHEMERAL_BITS]];
    cases.extend((0..4u8).map(|i| EphemeralKey::derive(&[i; 32], &[]).low_bits()));
    for low in cases {
        let mut e = Scalar::one();
        for bit in low.iter().rev() {
            e = e + e + Scalar::from(u64::from(*bit));
        }
        let v = some_point(31);
        let (m, _) = honest(&|cs| {
            let low = bits(cs, low.iter().copied());
            let (x, y) = point(cs, v);
            let base = Base::new(cs, &SubgroupPoint::unchecked(x, y));
            let p = mul_ephemeral(cs, &base, &low);
            expect(cs, &p, v.mul(&e));
        });
        assert_eq!(total(&m), EPHEMERAL_BITS + 2 + 1_505 + 2);
    }
}

fn challenge_circuit(h: Fr, q: Point) -> impl Fn(&mut Cs) {
    move |cs: &mut Cs| {
        let h_wire = cs.alloc("input.h", || h);
        let (x, y) = point(cs, q);
        let base = Base::new(cs, &SubgroupPoint::unchecked(x, y));
        let h_bits = Challenge::new(cs, &h_wire);
        let p = mul_challenge(cs, &base, &h_bits);
        expect(cs, &p, q.mul_bits(h.into_bigint().as_ref()));
    }
}

#[test]
fn multiplication_by_a_challenge_equals_native() {
    let mut rng = StdRng::seed_from_u64(12);
    let order = Fr::from_bigint(Scalar::MODULUS).expect("l is below r");
    let two = Fr::from(2u64);
    let mut cases: Vec<Fr> = (0..12).map(|_| Fr::rand(&mut rng)).collect();
    // Around multiples of l, around l/2, powers of two: the corners of the reduction.
    for k in 0..8u64 {
        let multiple = order * Fr::from(k);
        cases.extend([multiple + two, multiple - two, multiple + order * two.inverse().expect("odd")]);
    }
    cases.retain(|h| *h != -two && *h != order * Fr::from(8u64) - two);
    cases.extend((2..253).step_by(31).map(|i| two.pow([i])));
    for h in cases {
        let (m, _) = honest(&challenge_circuit(h, some_point(1_000)));
        assert_eq!(total(&m), 2 + 318 + 1_516 + 2);
    }
}

#[test]
fn a_lie_in_the_ladder_fails_under_its_name() {
    let circuit = |cs: &mut Cs| {
        let h = cs.alloc("input.h", || Fr::from(0xabcd_ef01_2345u64).square().square().square());
        let (x, y) = point(cs, BASE8);
        let base = Base::new(cs, &SubgroupPoint::unchecked(x, y));
        let h = Challenge::new(cs, &h);
        mul_challenge(cs, &base, &h);
    };
    let names = [
        ("mont_double.u2", 2),
        ("mont_double.lambda", 2),
        ("mont_double.u", 2),
        ("mont_double.v", 2),
        ("mont_add.lambda", 2),
        ("mont_add.u", 2),
        ("mont_add.v", 2),
        ("ladder.first", 2),
        ("ladder.signed", 249),
        ("ladder.lambda1", 248),
        ("ladder.sum_u", 248),
        ("ladder.lambda2", 248),
        ("ladder.u", 248),
        ("ladder.v", 248),
        ("ladder.even", 2),
        ("challenge.signed", 1),
        ("edwards.x", 1),
        ("edwards.y", 1),
    ];
    for (name, count) in names {
        for nth in [0, count / 2, count - 1] {
            assert_eq!(failures(&circuit, &[lie(name, nth, Fr::from(424_242u64))]), [name], "{nth}");
        }
        let beyond = failures(&circuit, &[lie(name, count, Fr::from(424_242u64))]);
        assert_eq!(beyond, [] as [&str; 0], "{name} occurs {count} times");
    }
}

/// The multiple l - 1 would end at the identity: whatever the prover claims for the slope, nothing satisfies it.
#[test]
fn the_exception_of_the_ladder_cannot_be_proven() {
    let h = -Fr::one() + Fr::from_bigint(Scalar::MODULUS).expect("l is below r");
    for claim in [0u64, 1, 5] {
        let lies = [lie("ladder.lambda2", 247, Fr::from(claim))];
        assert_eq!(failures(&challenge_circuit(h, BASE8), &lies)[0], "ladder.lambda2");
    }
}

#[test]
#[should_panic(expected = "3 to 251 bits, not 252")]
fn fixed_base_with_too_many_bits_panics() {
    let mut cs = Cs::new(Mode::Shape, &[]);
    mul_base8(&mut cs, &vec![Bit::constant(true); 252], &Scalar::zero());
}

#[test]
#[should_panic(expected = "bits of an ephemeral scalar")]
fn ephemeral_multiplication_with_a_bit_missing_panics() {
    let mut cs = Cs::new(Mode::Shape, &[]);
    let base = Base::new(&mut cs, &SubgroupPoint::unchecked(Lc::zero(), Lc::zero()));
    mul_ephemeral(&mut cs, &base, &vec![Bit::constant(true); EPHEMERAL_BITS - 1]);
}

/// A second implementation beside ours: arkworks' complete double-and-add, on its own form of the curve.
#[test]
fn arkworks_gadget_gives_the_same_multiple() {
    use ark_ed_on_bn254::{EdwardsAffine, EdwardsConfig};
    use ark_r1cs_std::alloc::AllocVar;
    use ark_r1cs_std::fields::fp::FpVar;
    use ark_r1cs_std::groups::{curves::twisted_edwards::AffineVar, CurveVar};
    use ark_r1cs_std::{boolean::Boolean, GR1CSVar};
    use ark_relations::gr1cs::ConstraintSystem;
    use novation_state::crypto::babyjub::{from_ark, to_ark};

    let h = Fr::rand(&mut StdRng::seed_from_u64(13));
    let q = some_point(77);
    let theirs = ConstraintSystem::<Fr>::new_ref();
    let base = AffineVar::<EdwardsConfig, FpVar<Fr>>::new_witness(theirs.clone(), || Ok(to_ark(&q))).unwrap();
    let h_bits: Vec<bool> = ark_ff::BigInteger::to_bits_le(&h.into_bigint());
    let h_bits: Vec<Boolean<Fr>> =
        h_bits[..254].iter().map(|b| Boolean::new_witness(theirs.clone(), || Ok(*b)).unwrap()).collect();
    let product = base.scalar_mul_le(h_bits.iter()).unwrap();
    assert!(theirs.is_satisfied().unwrap());
    let product = from_ark(EdwardsAffine::new_unchecked(product.x.value().unwrap(), product.y.value().unwrap()));

    assert_eq!(product, q.mul_bits(h.into_bigint().as_ref()));
    honest(&|cs| {
        let wire = cs.alloc("input.h", || h);
        let (x, y) = point(cs, q);
        let base = Base::new(cs, &SubgroupPoint::unchecked(x, y));
        let h = Challenge::new(cs, &wire);
        let ours = mul_challenge(cs, &base, &h);
        expect(cs, &ours, product);
    });
    println!("arkworks: {} constraints for bits and multiplication; here 318 + 1,516", theirs.num_constraints());
}
