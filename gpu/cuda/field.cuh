// The prime fields of BN254: base field Fp (coordinates) and scalar field Fr.
//
// Form: Montgomery with R = 2^256, eight 32-bit limbs, little endian, always below the modulus. That is bit for bit what
// arkworks keeps in memory (four 64-bit limbs), so vectors cross between host and card unchanged.
//
// Both moduli are below 2^254. Sums of two elements therefore fit 255 bits, and a Montgomery product of elements below the
// modulus is below twice the modulus: one conditional subtraction brings either back.
#pragma once

#include "carry.cuh"

struct FpParams {
    HOT static constexpr u32 modulus(int i) {
        constexpr u32 words[8] = {0xd87cfd47, 0x3c208c16, 0x6871ca8d, 0x97816a91,
                                  0x8181585d, 0xb85045b6, 0xe131a029, 0x30644e72};
        return words[i];
    }
    // 2^256 modulo the modulus: the element 1.
    HOT static constexpr u32 one(int i) {
        constexpr u32 words[8] = {0xc58f0d9d, 0xd35d438d, 0xf5c70b3d, 0x0a78eb28,
                                  0x7879462c, 0x666ea36f, 0x9a07df2f, 0x0e0a77c1};
        return words[i];
    }
    // -1 / modulus modulo 2^32.
    static constexpr u32 NEGATED_INVERSE = 0xe4866389;
};

struct FrParams {
    HOT static constexpr u32 modulus(int i) {
        constexpr u32 words[8] = {0xf0000001, 0x43e1f593, 0x79b97091, 0x2833e848,
                                  0x8181585d, 0xb85045b6, 0xe131a029, 0x30644e72};
        return words[i];
    }
    HOT static constexpr u32 one(int i) {
        constexpr u32 words[8] = {0x4ffffffb, 0xac96341c, 0x9f60cd29, 0x36fc7695,
                                  0x7879462e, 0x666ea36f, 0x9a07df2f, 0x0e0a77c1};
        return words[i];
    }
    static constexpr u32 NEGATED_INVERSE = 0xefffffff;
};

// Words of an element as they lie in memory. 16-byte alignment makes loads and stores 128 bits wide.
struct alignas(16) Words {
    u32 l[8];
};

// One row of a Montgomery multiplication: adds m p, with m chosen so that the lowest word of `even` becomes 0.
//
// The running value is `even + odd 2^32`. Each multiply-addition then hits an aligned pair of one of the two, and each
// array is one unbroken carry chain. The carry out of `odd` is always 0: with a, b, p below 2^254 the running value stays
// below 2^(254 + 32 + 1).
template <class P>
HOT void montgomery_reduce_row(u32 (&even)[8], u32 (&odd)[8]) {
    Carry c;
    const u32 m = even[0] * P::NEGATED_INVERSE;
    mad_wide_cc(c, odd[0], odd[1], P::modulus(1), m, odd[0], odd[1]);
    UNROLL for (int j = 2; j < 8; j += 2) madc_wide_cc(c, odd[j], odd[j + 1], P::modulus(j + 1), m, odd[j], odd[j + 1]);
    mad_wide_cc(c, even[0], even[1], P::modulus(0), m, even[0], even[1]);
    UNROLL for (int j = 2; j < 8; j += 2) madc_wide_cc(c, even[j], even[j + 1], P::modulus(j), m, even[j], even[j + 1]);
    odd[7] = addc(c, odd[7], 0);
}

// Divides the running value by 2^32 and adds a b. Dividing swaps the roles: what was `odd` becomes `even` as it is, what
// was `even` (whose lowest word is 0) moves down two words as `odd`, and its word 1 is added to the new lowest word.
template <class P>
HOT void montgomery_row(u32 (&even)[8], u32 (&odd)[8], const u32 (&a)[8], u32 b) {
    Carry c;
    even[0] = add_cc(c, even[0], odd[1]);
    UNROLL for (int j = 0; j < 6; j += 2) madc_wide_cc(c, odd[j], odd[j + 1], a[j + 1], b, odd[j + 2], odd[j + 3]);
    madc_wide_cc(c, odd[6], odd[7], a[7], b, 0, 0);
    mad_wide_cc(c, even[0], even[1], a[0], b, even[0], even[1]);
    UNROLL for (int j = 2; j < 8; j += 2) madc_wide_cc(c, even[j], even[j + 1], a[j], b, even[j], even[j + 1]);
    odd[7] = addc(c, odd[7], 0);
    montgomery_reduce_row<P>(even, odd);
}

// An element. With CALL, products are calls of one function, for kernels where code size and compile time matter more than
// the call; the layout does not depend on it.
template <class P, bool CALL>
struct alignas(16) Prime {
    u32 l[8];

    HOT static Prime zero() {
        Prime r;
        UNROLL for (int i = 0; i < 8; i++) r.l[i] = 0;
        return r;
    }
    HOT static Prime one() {
        Prime r;
        UNROLL for (int i = 0; i < 8; i++) r.l[i] = P::one(i);
        return r;
    }
    HOT static Prime from(const Words& w) {
        Prime r;
        UNROLL for (int i = 0; i < 8; i++) r.l[i] = w.l[i];
        return r;
    }
    HOT Words words() const {
        Words r;
        UNROLL for (int i = 0; i < 8; i++) r.l[i] = l[i];
        return r;
    }
    HOT bool is_zero() const { return (l[0] | l[1] | l[2] | l[3] | l[4] | l[5] | l[6] | l[7]) == 0; }
    HOT bool operator==(const Prime& b) const {
        u32 differ = 0;
        UNROLL for (int i = 0; i < 8; i++) differ |= l[i] ^ b.l[i];
        return differ == 0;
    }

    // Takes a value below twice the modulus below the modulus.
    HOT void reduce_once() {
        Carry c;
        u32 t[8];
        t[0] = sub_cc(c, l[0], P::modulus(0));
        UNROLL for (int i = 1; i < 8; i++) t[i] = subc_cc(c, l[i], P::modulus(i));
        const u32 borrow = subc(c, 0, 0);
        UNROLL for (int i = 0; i < 8; i++) l[i] = borrow ? l[i] : t[i];
    }

    HOT friend Prime operator+(const Prime& a, const Prime& b) {
        Carry c;
        Prime r;
        r.l[0] = add_cc(c, a.l[0], b.l[0]);
        UNROLL for (int i = 1; i < 7; i++) r.l[i] = addc_cc(c, a.l[i], b.l[i]);
        r.l[7] = addc(c, a.l[7], b.l[7]);
        r.reduce_once();
        return r;
    }
    HOT friend Prime operator-(const Prime& a, const Prime& b) {
        Carry c;
        Prime r;
        r.l[0] = sub_cc(c, a.l[0], b.l[0]);
        UNROLL for (int i = 1; i < 8; i++) r.l[i] = subc_cc(c, a.l[i], b.l[i]);
        const u32 borrow = subc(c, 0, 0);
        r.l[0] = add_cc(c, r.l[0], P::modulus(0) & borrow);
        UNROLL for (int i = 1; i < 7; i++) r.l[i] = addc_cc(c, r.l[i], P::modulus(i) & borrow);
        r.l[7] = addc(c, r.l[7], P::modulus(7) & borrow);
        return r;
    }
    HOT Prime negated() const { return zero() - *this; }
    HOT Prime doubled() const { return *this + *this; }

    HOT static Prime product(const Prime& a, const Prime& b) {
        u32 even[8], odd[8];
        UNROLL for (int j = 0; j < 8; j += 2) {
            mul_wide(even[j], even[j + 1], a.l[j], b.l[0]);
            mul_wide(odd[j], odd[j + 1], a.l[j + 1], b.l[0]);
        }
        montgomery_reduce_row<P>(even, odd);
        UNROLL for (int i = 1; i < 7; i += 2) {
            montgomery_row<P>(odd, even, a.l, b.l[i]);
            montgomery_row<P>(even, odd, a.l, b.l[i + 1]);
        }
        montgomery_row<P>(odd, even, a.l, b.l[7]);
        // The lowest word of `odd` is 0: drop it, and put the two arrays together.
        Carry c;
        Prime r;
        r.l[0] = add_cc(c, even[0], odd[1]);
        UNROLL for (int i = 1; i < 7; i++) r.l[i] = addc_cc(c, even[i], odd[i + 1]);
        r.l[7] = addc(c, even[7], 0);
        r.reduce_once();
        return r;
    }
    CALLED static Prime product_called(Prime a, Prime b) { return product(a, b); }

    HOT friend Prime operator*(const Prime& a, const Prime& b) { return CALL ? product_called(a, b) : product(a, b); }
    HOT Prime squared() const { return *this * *this; }

    // Out of Montgomery form: the plain integer.
    HOT Words plain() const {
        Prime unit = zero();
        unit.l[0] = 1;
        return (*this * unit).words();
    }

    // base^exponent, by squaring.
    HOT static Prime power(const Prime& base, u32 exponent) {
        Prime result = one();
        ROLLED for (int bit = 31 - (exponent ? leading_zeros(exponent) : 31); bit >= 0; bit--) {
            result = result.squared();
            if (exponent >> bit & 1) result = result * base;
        }
        return result;
    }

    // base^(p - 2) = 1 / base, and 0 for 0. The modulus is odd and above 2, so p - 2 differs from p in the lowest word only.
    HOT Prime inverse() const {
        Prime result = one();
        ROLLED for (int bit = 253; bit >= 0; bit--) {
            const int word = bit / 32;
            u32 exponent = 0;
            UNROLL for (int i = 0; i < 8; i++) exponent = i == word ? P::modulus(i) - (i == 0 ? 2 : 0) : exponent;
            result = result.squared();
            if (exponent >> (bit % 32) & 1) result = result * *this;
        }
        return result;
    }

    HOT static int leading_zeros(u32 x) {
#ifdef __CUDACC__
        return __clz(x);
#else
        return __builtin_clz(x);
#endif
    }
};

// Coordinates in the kernel that adds most, products inlined; coordinates elsewhere; scalars.
typedef Prime<FpParams, false> FpInline;
typedef Prime<FpParams, true> Fp;
typedef Prime<FrParams, false> Fr;

// Fp[u] / (u^2 + 1), coordinates of G2. Products are calls whichever base is chosen: inlined three times over they would
// push the additions of G2 past the instruction cache.
template <class B>
struct Quadratic {
    B c0, c1;

    HOT static Quadratic zero() { return {B::zero(), B::zero()}; }
    HOT static Quadratic one() { return {B::one(), B::zero()}; }
    HOT bool is_zero() const { return c0.is_zero() && c1.is_zero(); }
    HOT bool operator==(const Quadratic& b) const { return c0 == b.c0 && c1 == b.c1; }
    HOT friend Quadratic operator+(const Quadratic& a, const Quadratic& b) { return {a.c0 + b.c0, a.c1 + b.c1}; }
    HOT friend Quadratic operator-(const Quadratic& a, const Quadratic& b) { return {a.c0 - b.c0, a.c1 - b.c1}; }
    HOT Quadratic negated() const { return {c0.negated(), c1.negated()}; }
    HOT Quadratic doubled() const { return {c0.doubled(), c1.doubled()}; }

    // Karatsuba: three products instead of four. The cross product comes first, while nothing else occupies registers.
    CALLED static Quadratic product(Quadratic a, Quadratic b) {
        const B cross = (a.c0 + a.c1) * (b.c0 + b.c1);
        const B low = a.c0 * b.c0, high = a.c1 * b.c1;
        return {low - high, cross - low - high};
    }
    CALLED static Quadratic square(Quadratic a) {
        const B cross = a.c0 * a.c1;
        return {(a.c0 + a.c1) * (a.c0 - a.c1), cross.doubled()};
    }
    HOT friend Quadratic operator*(const Quadratic& a, const Quadratic& b) { return product(a, b); }
    HOT Quadratic squared() const { return square(*this); }

    // The conjugate over the norm.
    HOT Quadratic inverse() const {
        const B scale = (c0.squared() + c1.squared()).inverse();
        return {c0 * scale, c1.negated() * scale};
    }
};

typedef Quadratic<Fp> Fp2;
