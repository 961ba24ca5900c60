// Number theoretic transforms over Fr, natural order in and out, in one to three passes over memory.
//
// Pass with radix R = 2^log_r after passes that did L = 2^log_l together (Stockham's self-sorting form): for each column
// j < N / R, the R elements x[j + r N / R] are multiplied with w_{RL}^(r k), k = j mod L, transformed, and go to
// y[(j - k) R + k + r L]. A block does a tile of whole columns in shared memory: TILE elements, R of each of TILE / R
// neighbouring columns, so that memory is read in pieces of TILE / R elements. In and out are different buffers.
//
// Coset factors are fused: `before` is applied to x by index in the first pass, `after` to y in the last.
// Roots: powers of the root of unity of order 2^ROOT_LOG in two tables, w^e = low[e mod 2^LOW_LOG] high[e / 2^LOW_LOG];
// within a tile exponents are multiples of 2^LOW_LOG, and one look-up is enough.
// Limits: N up to 2^24, log_r <= 10, one element column at least: R <= TILE.
#pragma once

#include "field.cuh"

constexpr u32 ROOT_LOG = 25;
constexpr u32 LOW_LOG = 13;
constexpr u32 TILE_LOG = 10;
constexpr u32 TILE = 1u << TILE_LOG;
constexpr u32 NTT_THREADS = 256;

// Powers of one element in two tables, as above.
struct Powers {
    const Fr* low;
    const Fr* high;

    HOT Fr get(u32 exponent) const {
        const Fr high_part = high[exponent >> LOW_LOG];
        const u32 rest = exponent & ((1u << LOW_LOG) - 1);
        return rest ? high_part * low[rest] : high_part;
    }
};

// x[i] *= factor * base^(i << shift), each part if its flag is set. With `inverse`, base has order 2^ROOT_LOG and its
// inverse is meant.
struct Scale {
    Words factor;
    Powers base;
    u32 shift, has_factor, has_powers, inverse;

    HOT Fr apply(Fr x, u32 i) const {
        if (has_powers) {
            const u32 e = i << shift;
            x = x * base.get(inverse ? (0u - e) & ((1u << ROOT_LOG) - 1) : e);
        }
        if (has_factor) x = x * Fr::from(factor);
        return x;
    }
};

// Grid: a thread a power. low[t] = base^t for t < 2^LOW_LOG, high[t] = base^(t 2^LOW_LOG) for t < high_count.
HOT void powers_body(const Words& base, u32 high_count, Fr* low, Fr* high) {
    const u32 t = thread_in_grid();
    const Fr b = Fr::from(base);
    if (t < 1u << LOW_LOG) low[t] = Fr::power(b, t);
    if (t < high_count) high[t] = Fr::power(b, t << LOW_LOG);
}

// Grid: N / tile blocks, tile = min(N, TILE).
HOT void ntt_pass_body(const Fr* in, Fr* out, u32 log_n, u32 log_l, u32 log_r, const Powers& roots, u32 inverse,
                       const Scale& before, const Scale& after) {
    // Words of an element lie TILE apart: neighbouring threads hit different banks.
    SHARED(u32, shared, 8 * TILE);
    const u32 log_tile = log_n < TILE_LOG ? log_n : TILE_LOG;
    const u32 tile = 1u << log_tile, log_columns = log_tile - log_r, columns = 1u << log_columns, radix = 1u << log_r;
    const u32 first_column = blockIdx.x << log_columns;
    const u32 mask = (1u << ROOT_LOG) - 1;

    ROLLED for (u32 at = threadIdx.x; at < tile; at += NTT_THREADS) {
        const u32 column = at & (columns - 1), r = at >> log_columns;
        const u32 j = first_column + column, from = j + (r << (log_n - log_r));
        Fr x = before.apply(in[from], from);
        const u32 k = j & ((1u << log_l) - 1);
        if (r && k) {
            const u32 e = r * k << (ROOT_LOG - log_l - log_r);
            x = x * roots.get(inverse ? (0u - e) & mask : e);
        }
        // Rows in bit-reversed order, for the butterflies below.
        u32 reversed = 0;
        ROLLED for (u32 bit = 0; bit < log_r; bit++) reversed |= (r >> bit & 1) << (log_r - 1 - bit);
        const u32 to = reversed << log_columns | column;
        UNROLL for (u32 w = 0; w < 8; w++) shared[w * TILE + to] = x.l[w];
    }
    __syncthreads();

    ROLLED for (u32 stage = 1; stage <= log_r; stage++) {
        const u32 half = 1u << (stage - 1);
        ROLLED for (u32 at = threadIdx.x; at < tile / 2; at += NTT_THREADS) {
            const u32 column = at & (columns - 1), q = at >> log_columns;
            const u32 position = q & (half - 1), row = (q >> (stage - 1) << stage) + position;
            const u32 low = row << log_columns | column, high = (row + half) << log_columns | column;
            Fr u, v;
            UNROLL for (u32 w = 0; w < 8; w++) {
                u.l[w] = shared[w * TILE + low];
                v.l[w] = shared[w * TILE + high];
            }
            if (position) {
                const u32 e = position << (ROOT_LOG - stage);
                v = v * roots.high[(inverse ? (0u - e) & mask : e) >> LOW_LOG];
            }
            const Fr sum = u + v, difference = u - v;
            UNROLL for (u32 w = 0; w < 8; w++) {
                shared[w * TILE + low] = sum.l[w];
                shared[w * TILE + high] = difference.l[w];
            }
        }
        __syncthreads();
    }

    // Neighbouring threads write neighbouring elements: rows of a column in the first pass, columns of a row later.
    const bool rows_first = log_l < log_columns;
    ROLLED for (u32 at = threadIdx.x; at < tile; at += NTT_THREADS) {
        const u32 column = rows_first ? at >> log_r : at & (columns - 1);
        const u32 r = rows_first ? at & (radix - 1) : at >> log_columns;
        const u32 j = first_column + column, k = j & ((1u << log_l) - 1);
        const u32 to = ((j - k) << log_r) + k + (r << log_l);
        Fr x;
        UNROLL for (u32 w = 0; w < 8; w++) x.l[w] = shared[w * TILE + (r << log_columns | column)];
        out[to] = after.apply(x, to);
    }
}
