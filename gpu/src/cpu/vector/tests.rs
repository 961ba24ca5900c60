//! Every operation of every instruction set that this machine has, against arkworks, in both fields.

use super::*;
use ark_bn254::{FqConfig, FrConfig};
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField, UniformRand};
use rand_chacha::rand_core::SeedableRng;
use std::marker::PhantomData;

/// Values around which limbs, signs and roundings change.
fn edges<M: MontConfig<4>>() -> Vec<Element<M>> {
    let two = Element::<M>::from(2u64);
    let mut all = vec![Element::<M>::ZERO, Element::<M>::ONE];
    for k in [1u64, 13, 49, 50, 51, 52, 101, 102, 152, 153, 203, 204, 252, 253] {
        all.extend([two.pow([k]), two.pow([k]) - Element::<M>::ONE, two.pow([k]) + Element::<M>::ONE]);
    }
    // Values whose stored form has such limbs: forms differ by the Montgomery factor, so both directions are tried.
    let factors = [255u64, 256, 260].map(|r| two.pow([r]));
    let mut scaled: Vec<Element<M>> =
        factors.iter().flat_map(|r| all.iter().map(|x| *x / r).collect::<Vec<_>>()).collect();
    all.append(&mut scaled);
    all.push(Element::<M>::from(Element::<M>::MODULUS_MINUS_ONE_DIV_TWO));
    let negated: Vec<Element<M>> = all.iter().map(|x| -*x).collect();
    all.extend(negated);
    all
}

/// Lanes that are negated, and those that are negated after that.
const NEGATED: u16 = 0b1010_0110_0000_1111;
const TWICE_NEGATED: u16 = 0b0110_0101_1010_1100;

/// Packed operands, and the first as arkworks holds it.
struct Check<'a, L, M: MontConfig<4>>(&'a [[Packed; LANES]; 4], [Packed; LANES], PhantomData<(L, M)>);

impl<L: Lanes<M>, M: MontConfig<4>> Work for Check<'_, L, M> {
    type Output = Vec<(&'static str, [Packed; LANES])>;

    #[inline(always)]
    unsafe fn run(self) -> Self::Output {
        let load = |x: &[Packed; LANES]| L::gather(&x.each_ref().map(|x| x.as_ptr().cast()), 0);
        let [a, b, c, d] = self.0.each_ref().map(load);
        let store = |x: L| {
            let mut out = [[0; 4]; LANES];
            x.scatter(&out.each_mut().map(|x| x.as_mut_ptr().cast()), 0);
            out
        };
        let store_plain = |x: L| {
            let mut out = [[0; 4]; LANES];
            x.scatter_plain(&out.each_mut().map(|x| x.as_mut_ptr().cast()), 0);
            out
        };
        let tightened = |mut x: L| {
            x.tighten();
            store(x)
        };
        // In place, as a result may be.
        let mul = |mut a: L, b: L| {
            let out = &raw mut a;
            L::mul_to(out, out, &b);
            a
        };
        let square = |mut a: L| {
            let out = &raw mut a;
            L::mul_to(out, out, out);
            a
        };
        let sum = |a: L, mut b: L, c: L, d: L| {
            let out = &raw mut b;
            L::sum_of_products_to(out, &a, out, &c, &d);
            b
        };
        let difference = |a: L, b: L, c: L, mut d: L| {
            let out = &raw mut d;
            L::difference_of_products_to(out, &a, &b, &c, out);
            d
        };
        let plain = L::gather_plain(&self.1.each_ref().map(|x| x.as_ptr().cast()), 0);
        let mut addresses = self.1.each_ref().map(|x| x.as_ptr().cast());
        addresses.reverse();
        let backwards = L::gather_plain(&addresses, 0);
        // What the ranges allow at most: a tight factor, and a difference of two stored ones.
        let tight = mul(a, L::sub(&b, &c));
        let (mut negated, mut twice_negated) = (a, a);
        let signs: [u64; LANES] = std::array::from_fn(|lane| {
            let (low, high) = (NEGATED >> lane & 1, TWICE_NEGATED >> lane & 1);
            u64::from(low) << 31 | u64::from(high) << 63 | 0x5555_5555_5555_5555
        });
        for n in 0..L::PARTS {
            negated.set(n, a.part(n).negate_if::<31>(&raw const signs[n * L::WIDTH]));
            twice_negated.set(n, negated.part(n).tighten().negate_if::<63>(&raw const signs[n * L::WIDTH]));
        }
        let factor = L::constant(&L::unpack(&self.0[1][0]));
        let (mut constant, mut plain_constant) = (L::sub(&L::sub(&L::sub(&a, &b), &c), &d), plain);
        for n in 0..L::PARTS {
            constant.set(n, constant.part(n).mul_constant(&factor));
            plain_constant.set(n, plain_constant.part(n).mul_constant(&factor));
        }
        vec![
            ("constant", tightened(constant)),
            ("plain constant", store_plain(plain_constant)),
            ("gather", store(a)),
            ("splat", store(L::splat(&self.0[1][0]))),
            ("mul", tightened(mul(a, b))),
            ("mul loose", tightened(mul(tight, L::sub(&c, &d)))),
            ("mul sums", tightened(mul(L::add(&tight, &a), L::sub(&tight, &d)))),
            ("square", tightened(square(tight))),
            ("sum", tightened(sum(tight, L::sub(&c, &d), a, b))),
            ("difference", tightened(difference(tight, L::sub(&c, &d), a, b))),
            ("sub", tightened(L::sub(&L::sub(&tight, &b), &c))),
            ("double", tightened(mul(a, L::add(&tight, &tight)))),
            ("negate", tightened(negated)),
            ("negate twice", tightened(twice_negated)),
            ("tighten", tightened(a)),
            ("plain", store_plain(plain)),
            ("plain mul", store_plain(mul(b, plain))),
            ("plain sum", store_plain(L::add(&plain, &plain))),
            ("plain difference", store_plain(mul(b, L::sub(&plain, &backwards)))),
            ("plain zero", store_plain(L::sub(&plain, &plain))),
        ]
    }
}

fn all_operations_match_arkworks<I: InstructionSet, M: MontConfig<4>>() {
    if !I::MACHINE.is_here() {
        return;
    }
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(23);
    let mut values = edges::<M>();
    let edges = values.len();
    values.extend((0..100).map(|_| Element::<M>::rand(&mut rng)));
    for round in 0..300 {
        let pick = |k: usize| -> [Element<M>; LANES] {
            std::array::from_fn(|lane| match k {
                // Every edge meets every edge in the first two operands.
                0 => values[(round * LANES + lane) % values.len()],
                1 => values[(round / 7 + lane * 3) % edges],
                _ => values[(round * (5 + 2 * k) + lane * k) % values.len()],
            })
        };
        let operands: [[Element<M>; LANES]; 4] = std::array::from_fn(pick);
        let packed = operands.map(|x| x.map(|x| I::Lanes::<M>::pack(&x)));
        // SAFETY: the machine was asked.
        let results = unsafe { I::call(Check::<I::Lanes<M>, M>(&packed, operands[0].map(|x| x.0 .0), PhantomData)) };
        for (name, lanes) in results {
            for (lane, got) in lanes.iter().enumerate() {
                let [a, b, c, d] = operands.map(|x| x[lane]);
                let tight = a * (b - c);
                let expected = match name {
                    "gather" | "tighten" => a,
                    "splat" => operands[1][0],
                    "constant" => (a - b - c - d) * operands[1][0],
                    "mul" => a * b,
                    "mul loose" => tight * (c - d),
                    "mul sums" => (tight + a) * (tight - d),
                    "square" => tight.square(),
                    "sum" => tight * (c - d) + a * b,
                    "difference" => tight * (c - d) - a * b,
                    "sub" => tight - b - c,
                    "double" => a * tight.double(),
                    "negate" if NEGATED >> lane & 1 == 1 => -a,
                    "negate twice" if (NEGATED ^ TWICE_NEGATED) >> lane & 1 == 1 => -a,
                    _ => a,
                };
                if let Some(plain) = name.strip_prefix("plain") {
                    let expected = match plain {
                        " mul" => a * b,
                        " constant" => a * operands[1][0],
                        " sum" => a.double(),
                        " difference" => (a - operands[0][LANES - 1 - lane]) * b,
                        " zero" => Element::<M>::ZERO,
                        _ => a,
                    };
                    // Not only the same element: the integer below p.
                    assert_eq!(*got, expected.0 .0, "{:?} {name}, round {round}, lane {lane}", I::MACHINE);
                    continue;
                }
                assert_eq!(I::Lanes::<M>::unpack(got), expected, "{:?} {name}, round {round}, lane {lane}", I::MACHINE);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn avx2_matches_arkworks() {
    all_operations_match_arkworks::<avx2::Avx2Set, FqConfig>();
    all_operations_match_arkworks::<avx2::Avx2Set, FrConfig>();
}

#[cfg(target_arch = "x86_64")]
#[test]
fn ifma_matches_arkworks() {
    all_operations_match_arkworks::<ifma::IfmaSet, FqConfig>();
    all_operations_match_arkworks::<ifma::IfmaSet, FrConfig>();
}

#[cfg(target_arch = "x86_64")]
#[test]
fn emulated_ifma_matches_arkworks() {
    all_operations_match_arkworks::<emulated::EmulatedSet, FqConfig>();
    all_operations_match_arkworks::<emulated::EmulatedSet, FrConfig>();
}

/// Low limbs of exactly half a unit: the tie that the carry of the reduction relies on.
#[cfg(target_arch = "x86_64")]
#[test]
fn avx2_rounds_ties_as_its_carry_assumes() {
    fn check<M: MontConfig<4>>() {
        if !Machine::Avx2.is_here() {
            return;
        }
        // In stored form: 1, so that the product's columns are the other factor's limbs, each with -2^50 in one limb or all.
        let raw = |words: [u64; 4]| Element::<M>::new_unchecked(BigInt(words)).double();
        let mut low_halves = vec![];
        for limbs in 1..32u64 {
            let mut words = [0u64; 4];
            for limb in (0..5).filter(|i| limbs >> i & 1 == 1) {
                let bit = if limb < 4 { 51 * limb + 50 } else { 51 * limb + 40 };
                words[bit / 64] |= 1 << (bit % 64);
            }
            low_halves.push(-raw(words));
        }
        let one = raw([1, 0, 0, 0]);
        let two_to_255 = Element::<M>::from(2u64).pow([255]);
        for chunk in low_halves.chunks(LANES) {
            let a: [Element<M>; LANES] = std::array::from_fn(|i| chunk[i % chunk.len()]);
            let packed = [a, [one; LANES], a, a].map(|x| x.map(|x| avx2::Avx2::<M>::pack(&x)));
            // SAFETY: the machine was asked.
            let results =
                unsafe { avx2::Avx2Set::call(Check::<avx2::Avx2<M>, M>(&packed, a.map(|x| x.0 .0), PhantomData)) };
            for (lane, got) in
                results.iter().find(|(name, _)| *name == "mul").expect("products are checked").1.iter().enumerate()
            {
                assert_eq!(avx2::Avx2::<M>::unpack(got), a[lane] * one);
                assert_eq!(one * two_to_255, Element::<M>::ONE);
            }
        }
    }
    check::<FqConfig>();
    check::<FrConfig>();
}
