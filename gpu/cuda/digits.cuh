// Scalars as signed digits: the entries that a multi-scalar multiplication sorts into buckets.
//
// A scalar s and r - s differ only by the sign of a point, so the smaller is kept as magnitude, at most 253 bits. It is cut
// into windows of `width` bits with digits in [-2^(width-1), 2^(width-1)]: a bias of 2^(width-1) at every window but the
// top one turns each digit into a plain bit field. Classes: zeros are left out; magnitudes below 2^64 ("small": bits,
// amounts, differences) come first and have entries in their lowest windows only; the rest is "dense".
//
// With precomputed multiples, window w = table * groups + group reads table `table` and fills the buckets of `group`.
#pragma once

#include "field.cuh"
#include "sort.cuh"

// Bits of a term's value: scalar index, table of multiples, sign.
constexpr u32 INDEX_BITS = 24;
constexpr u32 TABLE_BITS = 7;
constexpr u32 NEGATIVE = 1u << 31;
static_assert(INDEX_BITS + TABLE_BITS == 31, "index, table and sign fill a word");

// How scalars are cut. Filled by the host, which keeps the invariants: 2 <= width <= 24; windows = ceil(254 / width);
// tables = ceil(windows / groups) <= 2^TABLE_BITS; groups * 2^(width-1) < 2^32 - 1.
struct Cut {
    Words bias;
    u32 width, windows, groups;
    // Windows from this one on are empty for small magnitudes.
    u32 small_windows;
};

// Sign of a magnitude: its top bit, which the magnitude itself cannot reach.
constexpr u32 MAGNITUDE_NEGATIVE = 1u << 31;

// (r - 1) / 2, the largest magnitude.
HOT constexpr u32 half_modulus(int i) {
    constexpr u32 words[8] = {0xf8000000, 0xa1f0fac9, 0x3cdcb848, 0x9419f424,
                              0x40c0ac2e, 0xdc2822db, 0x7098d014, 0x18322739};
    return words[i];
}

// Grid: a thread a scalar. Magnitudes with signs; entries (class, index) with class 0 small, 1 dense, NO_KEY zero;
// counts[class] += scalars of that class.
HOT void classify_body(const Words* scalars, u32 count, Words* magnitudes, u64* entries, u32* counts) {
    const u32 i = thread_in_grid();
    u32 kind = NO_KEY;
    if (i < count) {
        Words m = Fr::from(scalars[i]).plain();
        Carry c;
        sub_cc(c, half_modulus(0), m.l[0]);
        UNROLL for (int k = 1; k < 8; k++) subc_cc(c, half_modulus(k), m.l[k]);
        if (subc(c, 0, 0)) {
            m.l[0] = sub_cc(c, FrParams::modulus(0), m.l[0]);
            UNROLL for (int k = 1; k < 7; k++) m.l[k] = subc_cc(c, FrParams::modulus(k), m.l[k]);
            m.l[7] = subc(c, FrParams::modulus(7), m.l[7]) | MAGNITUDE_NEGATIVE;
        }
        const u32 high = m.l[2] | m.l[3] | m.l[4] | m.l[5] | m.l[6] | (m.l[7] & ~MAGNITUDE_NEGATIVE);
        if (high) {
            kind = 1;
        } else if (m.l[0] | m.l[1]) {
            kind = 0;
        }
        magnitudes[i] = m;
        entries[i] = make_entry(kind, i);
    }
    UNROLL for (u32 k = 0; k < 2; k++) {
        const u32 n = __syncthreads_count(kind == k);
        if (threadIdx.x == 0 && n) atomicAdd(&counts[k], n);
    }
}

// Grid: a thread a term; `order` holds the terms, `small` small ones and then dense ones. Entries (bucket, term), window by
// window: `terms` entries for each of the lowest small_windows windows, then terms - small for each of the others.
HOT void digits_body(const Words* magnitudes, const u64* order, u32 terms, u32 small, const Cut& cut, u64* entries) {
    const u32 t = thread_in_grid();
    if (t >= terms) return;
    const u32 index = value_of(order[t]);
    Words m = magnitudes[index];
    const u32 sign = m.l[7] & MAGNITUDE_NEGATIVE;
    m.l[7] ^= sign;
    Carry c;
    m.l[0] = add_cc(c, m.l[0], cut.bias.l[0]);
    UNROLL for (int k = 1; k < 7; k++) m.l[k] = addc_cc(c, m.l[k], cut.bias.l[k]);
    m.l[7] = addc(c, m.l[7], cut.bias.l[7]);

    const u32 width = cut.width, half = 1u << (width - 1);
    const u32 windows = t < small ? cut.small_windows : cut.windows;
    u32 table = 0, group = 0;
    for (u32 w = 0; w < windows; w++) {
        const u32 raw = m.l[0] & ((1u << width) - 1);
        UNROLL for (int k = 0; k < 7; k++) m.l[k] = m.l[k] >> width | m.l[k + 1] << (32 - width);
        m.l[7] >>= width;
        u32 magnitude = raw, flip = 0;
        if (w + 1 < cut.windows) {
            flip = raw < half ? NEGATIVE : 0;
            magnitude = flip ? half - raw : raw - half;
        }
        const u64 at = w < cut.small_windows
                           ? u64(w) * terms + t
                           : u64(cut.small_windows) * terms + u64(w - cut.small_windows) * (terms - small) + (t - small);
        const u32 key = magnitude ? group * half + magnitude - 1 : NO_KEY;
        entries[at] = make_entry(key, index | table << INDEX_BITS | (sign ^ flip));
        if (++group == cut.groups) {
            group = 0;
            table++;
        }
    }
}
