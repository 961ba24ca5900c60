//! Passes of every instruction set against scalar butterflies, and against the table of ranges.

use super::*;
use crate::cpu::ntt::{ascend, descend, reverse_bits, Roots};
use crate::cpu::vector::{avx2::Avx2Set, emulated::EmulatedSet, ifma::IfmaSet, Machine};
use ark_ff::{AdditiveGroup, Field, UniformRand};
use rand_chacha::rand_core::SeedableRng;

/// Largest magnitudes after each level of a pass downwards and upwards: value over p, limb over 2^50 (AVX2; IFMA's limbs are
/// always carried). The module's table.
fn bounds(machine: Machine) -> [[[f64; 2]; 5]; 2] {
    match machine {
        Machine::Avx2 => [
            [[0.51, 1.0], [1.11, 2.0], [1.83, 3.0], [2.69, 4.0], [3.71, 5.0]],
            [[0.61, 1.0], [1.22, 2.0], [0.98, 1.0], [1.96, 2.0], [3.92, 4.0]],
        ],
        _ => [[1.1, 5.1, 9.1, 13.1, 17.1], [1.1, 2.2, 1.1, 2.2, 4.4]].map(|values| values.map(|value| [value, 4.0])),
    }
}

/// Called by passes between levels.
pub(super) fn check_ranges<I: InstructionSet>(up: bool, after: u32, x: &[I::Lanes<FrConfig>]) {
    let [value, limb] = bounds(I::MACHINE)[usize::from(up)][after as usize];
    for x in x {
        let [v, l] = x.magnitude();
        assert!(v <= value && l <= limb, "{:?} up {up}, after {after} levels: {v} p, limb {l} * 2^50", I::MACHINE);
    }
}

fn roots<I: InstructionSet>(log: u32) -> Roots {
    let mut roots = Roots::new(Machine::Portable, log);
    roots.pack::<I>();
    roots
}

fn inputs(log: u32) -> Vec<Vec<Fr>> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
    let n = 1usize << log;
    let (most, half) = (-Fr::ONE, -Fr::from(2u64).inverse().unwrap());
    let mut last = vec![Fr::ZERO; n];
    last[n - 1] = most;
    vec![
        vec![Fr::ZERO; n],
        vec![Fr::ONE; n],
        vec![most; n],
        // Integers in the middle, where representatives change sign; arkworks' form of an integer is an element over 2^256.
        (0..n).map(|i| if i % 3 == 0 { half } else { half + Fr::ONE } / Fr::from(2u64).pow([256])).collect(),
        (0..n).map(|i| if i.count_ones() % 2 == 0 { most } else { Fr::ZERO }).collect(),
        last,
        (0..n).map(|_| Fr::rand(&mut rng)).collect(),
    ]
}

/// A stored element that stands for one in arkworks' form.
fn unpack<I: InstructionSet>(x: &Packed) -> Fr {
    I::Lanes::<FrConfig>::unpack(x) * I::Lanes::<FrConfig>::plain_product()
}

fn passes_match_scalars<I: InstructionSet>(logs: &[u32]) {
    if !I::MACHINE.is_here() {
        return;
    }
    for &log in logs {
        let (scalar, vector) = (Roots::new(Machine::Portable, log), roots::<I>(log));
        let lanes = vector.lanes(log);
        for (case, x) in inputs(log).into_iter().enumerate() {
            for direction in [Direction::Forward, Direction::Inverse] {
                let name = format!("{:?} 2^{log} {direction:?}, input {case}", I::MACHINE);
                let mut expected = x.clone();
                reverse_bits(&mut expected);
                ascend(&scalar, &mut expected, 0, direction);

                let mut stored = lanes.stored::<I>(&x, direction);
                assert_eq!(stored.iter().map(unpack::<I>).collect::<Vec<_>>(), expected, "{name}");
                let mut plain = x.clone();
                lanes.plain::<I>(&mut plain, direction, None);
                assert!(plain == expected, "{name}, plain");
                let mut scaled = x.clone();
                let k = Fr::from(12345u64);
                lanes.plain::<I>(&mut scaled, direction, Some(<I::Lanes<FrConfig> as Lanes<FrConfig>>::pack(&k)));
                assert!(scaled.iter().zip(&expected).all(|(got, x)| *got == k * x), "{name}, scaled");

                lanes.descend::<I>(&mut stored);
                descend(&scalar, &mut expected, 1);
                assert_eq!(stored.iter().map(unpack::<I>).collect::<Vec<_>>(), expected, "{name}, descending");
            }
        }
    }
}

#[test]
fn passes_of_all_sets_match_scalar_butterflies() {
    // From the shortest vector on; at 2^17 more than four levels are passes over the whole vector.
    passes_match_scalars::<EmulatedSet>(&[8, 9, 10, 11, 12, 13]);
    passes_match_scalars::<Avx2Set>(&[8, 9, 10, 11, 12, 13, 14, 17]);
    passes_match_scalars::<IfmaSet>(&[8, 9, 10, 11, 12, 13, 14, 17]);
}

fn products_match_scalars<I: InstructionSet>(logs: Range<u32>) {
    if !I::MACHINE.is_here() {
        return;
    }
    let pack = <I::Lanes<FrConfig> as Lanes<FrConfig>>::pack;
    let missing = I::Lanes::<FrConfig>::plain_product();
    let (k, k_c) = (Fr::from(77u64), -Fr::from(5u64));
    for log in logs {
        let (scalar, vector) = (Roots::new(Machine::Portable, log), roots::<I>(log));
        let lanes = vector.lanes(log);
        let all = inputs(log);
        for (case, a) in all.iter().enumerate() {
            let [a, b, c] = [a, &all[6], &all[(case + 2) % all.len()]];
            // Any vectors will do: those of the values of x, each read as an element in arkworks' form.
            let store = |x: &[Fr]| x.iter().map(|x| pack(&(*x / missing))).collect::<Vec<_>>();
            let mut expected: Vec<Fr> = a.iter().zip(b).map(|(a, b)| *a * b).collect();
            let mut values = expected.clone();
            reverse_bits(&mut values);
            ascend(&scalar, &mut expected, 1, Direction::Inverse);
            expected.iter_mut().zip(c).for_each(|(p, c)| *p = k * *p + k_c * c);
            let (mut packed, name) = (store(a), format!("{:?} 2^{log}, input {case}", I::MACHINE));
            let got = lanes.product::<I>(&mut packed, &store(b), pack(&(k * missing)), &store(c), pack(&k_c));
            assert!(got == expected, "{name}");

            let mut c_values = c.clone();
            reverse_bits(&mut c_values);
            values.iter_mut().for_each(|p| *p *= k);
            let got = combine::<I>(&store(a), &store(b), pack(&(k * missing)), None);
            assert!(got == values, "{name}, multiplied");
            values.iter_mut().zip(&c_values).for_each(|(p, c)| *p += k_c * c);
            let got = combine::<I>(&store(a), &store(b), pack(&(k * missing)), Some((&store(c), pack(&k_c))));
            assert!(got == values, "{name}, combined");
        }
    }
}

#[test]
fn products_of_all_sets_match_scalar_ones() {
    products_match_scalars::<EmulatedSet>(MIN_LOG..12);
    products_match_scalars::<Avx2Set>(MIN_LOG..14);
    products_match_scalars::<IfmaSet>(MIN_LOG..14);
}
