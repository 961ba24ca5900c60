//! Inversion in a prime field by binary division on approximations: Pornin, "Optimized Binary GCD for Modular Inversion"
//! (ePrint 2020/972), algorithm 2.
//!
//! What makes x and p their greatest common divisor, done to 1 and 0, makes these 1/x. Which of subtraction and halving comes next
//! depends on the lowest bits, exactly, and on which number is larger, nearly. So 31 steps at a time are decided on single words
//! that hold the 31 lowest and the 33 highest bits, and reach the long numbers as four factors. A wrong comparison makes a
//! number negative, which is repaired.

use super::vector::Element;
use ark_ff::{BigInt, MontConfig};

/// Steps that words decide.
const STEPS: u32 = 31;
const LOW: u64 = (1 << STEPS) - 1;

/// `1 / x`; nothing for zero. Takes time that depends on `x`.
pub fn inverse<M: MontConfig<4>>(x: &Element<M>) -> Option<Element<M>> {
    // `a = u x` and `b = v x` modulo p; b is odd, u and v are at least 0 and below p.
    let (mut a, mut b) = (x.0 .0, M::MODULUS.0);
    let (mut u, mut v) = ([1, 0, 0, 0], [0; 4]);
    while a != [0; 4] {
        let [f, g] = steps(approximations(&a, &b));
        let (next_a, f) = combine(&a, &b, f);
        let (next_b, g) = combine(&a, &b, g);
        (a, b, u, v) = (next_a, next_b, combine_modulo::<M>(&u, &v, f), combine_modulo::<M>(&u, &v, g));
    }
    // The words of x are x R, so v is 1 / (x R); times R^3 in Montgomery's product, that is R / x.
    let r2 = Element::<M>::new_unchecked(M::R2);
    (b == [1, 0, 0, 0]).then(|| Element::<M>::new_unchecked(BigInt(v)) * (r2 * r2))
}

/// The lowest 31 and the highest 33 bits of both, counted from the longer one's highest; the numbers themselves if they fit.
fn approximations(a: &[u64; 4], b: &[u64; 4]) -> [u64; 2] {
    let top = (0..4).rev().find(|&i| a[i] | b[i] != 0).unwrap_or(0);
    if top == 0 {
        return [a[0], b[0]];
    }
    let shift = (a[top] | b[top]).leading_zeros();
    [a, b].map(|x| {
        let high = ((u128::from(x[top]) << 64 | u128::from(x[top - 1])) << shift >> 64) as u64;
        high >> STEPS << STEPS | x[0] & LOW
    })
}

/// 31 steps on `[a, b]`: factors of both that give `2^31 a` and `2^31 b` after them. Of each row, magnitudes add up to at most
/// 2^31.
fn steps([mut a, mut b]: [u64; 2]) -> [[i64; 2]; 2] {
    let (mut f, mut g) = ([1, 0], [0, 1]);
    let mut left = STEPS;
    loop {
        let zeros = a.trailing_zeros().min(left);
        a >>= zeros;
        g = g.map(|factor| factor << zeros);
        left -= zeros;
        if left == 0 {
            return [f, g];
        }
        // Both are odd. As selections: which is larger, nobody predicts.
        let swap = a < b;
        let (larger, smaller) = if swap { (b, a) } else { (a, b) };
        let (of_larger, of_smaller) = if swap { (g, f) } else { (f, g) };
        (a, b) = (larger - smaller, smaller);
        (f, g) = ([of_larger[0] - of_smaller[0], of_larger[1] - of_smaller[1]], of_smaller);
    }
}

/// `|a f0 + b f1| / 2^31`, which is exact, and the factors with the sign that makes it positive. The sum is below 2^31 times the
/// larger of a and b, below 2^287: five words.
fn combine(a: &[u64; 4], b: &[u64; 4], f: [i64; 2]) -> ([u64; 4], [i64; 2]) {
    let (words, high) = linear([a, b], f.map(i128::from));
    if high >= 0 {
        return (shifted(&words, high), f);
    }
    let (words, high) = linear([a, b], f.map(|factor| -i128::from(factor)));
    (shifted(&words, high), f.map(|factor| -factor))
}

/// `(u f0 + v f1) / 2^31` modulo p: a multiple of p below `2^31 p` makes it exact, in the manner of Montgomery. Before the last step
/// it is above -p and below 2p.
fn combine_modulo<M: MontConfig<4>>(u: &[u64; 4], v: &[u64; 4], f: [i64; 2]) -> [u64; 4] {
    let lowest = u[0].wrapping_mul(f[0] as u64).wrapping_add(v[0].wrapping_mul(f[1] as u64));
    let multiple = lowest.wrapping_mul(M::INV) & LOW;
    let p = &M::MODULUS.0;
    let (words, high) = linear([u, v, p], [f[0].into(), f[1].into(), multiple.into()]);
    let sum = shifted(&words, high);
    if high < 0 {
        return linear([&sum, p], [1, 1]).0;
    }
    let (less, high) = linear([&sum, p], [1, -1]);
    if high < 0 {
        sum
    } else {
        less
    }
}

/// `sum numbers[i] factors[i]` in four words and what is above them. Factors of at most 2^31: three products below 2^95, and a
/// carry.
#[inline(always)]
fn linear<const N: usize>(numbers: [&[u64; 4]; N], factors: [i128; N]) -> ([u64; 4], i64) {
    let (mut words, mut carry) = ([0; 4], 0i128);
    for i in 0..4 {
        for n in 0..N {
            carry += i128::from(numbers[n][i]) * factors[n];
        }
        words[i] = carry as u64;
        carry >>= 64;
    }
    (words, carry as i64)
}

/// Shifted right by [`STEPS`].
#[inline(always)]
fn shifted(words: &[u64; 4], high: i64) -> [u64; 4] {
    let above = [words[1], words[2], words[3], high as u64];
    std::array::from_fn(|i| words[i] >> STEPS | above[i] << (64 - STEPS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{FqConfig, FrConfig};
    use ark_ff::{AdditiveGroup, Field, UniformRand};
    use rand_chacha::rand_core::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn matches_arkworks<M: MontConfig<4>>() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let two = Element::<M>::ONE.double();
        let powers = (0..300u64).map(|e| two.pow([e]));
        // Short numbers and long ones with short words: what is inverted is the words in memory.
        let words = (0..256).map(|bit| {
            let mut words = [0; 4];
            words[bit / 64] = 1 << (bit % 64);
            BigInt(words)
        });
        let words = words.filter(|words| *words < M::MODULUS).map(Element::<M>::new_unchecked);
        let random = (0..2000).map(|_| Element::<M>::rand(&mut rng));
        for x in powers.chain(words).chain(random) {
            for x in [x, -x, x - Element::<M>::ONE] {
                assert_eq!(inverse(&x), x.inverse(), "{x}");
            }
        }
        assert_eq!(inverse(&Element::<M>::ZERO), None);
    }

    #[test]
    fn inverses_match_arkworks() {
        matches_arkworks::<FqConfig>();
        matches_arkworks::<FrConfig>();
    }
}
