// Multi-scalar multiplication over sorted terms: bucket sums, then the sum of the buckets weighted by their digits.
//
// Buckets are filled by threads that each take an equal piece of the sorted terms, whatever the lengths of the runs of
// equal buckets in it: a run inside a piece goes to its bucket, a run cut by the end of a piece leaves a partial sum. The
// partial sums, still in order, are the terms of the next level, and so on until one thread has all. So a bucket that gets
// half of all terms (the ones of a witness) costs what any other terms cost.
//
// Layout: buckets[group * size + digit - 1], size = 2^(width-1), all Xyzz, infinity at first (zeroed memory).
#pragma once

#include "curve.cuh"
#include "digits.cuh"

// Points that take part. Finite points only, `tables` vectors of `points_count` behind each other: vector j holds
// 2^(width * groups * j) times the points. The scalar `first + i` belongs to point slots[i] (NO_KEY: infinity), or to
// point i where `slots` is null; `span` indices have a point.
template <class F>
struct Bases {
    const Affine<F>* points;
    const u32* slots;
    u32 points_count, first, span;
};

// The first level: terms are entries (bucket, index and table and sign).
template <class F>
struct Terms {
    const u64* entries;
    Bases<F> bases;

    HOT u32 key(u32 i) const { return key_of(entries[i]); }
    HOT void add_to(Xyzz<F>& sum, u32 i) const {
        const u32 value = value_of(entries[i]);
        // Below `first` the subtraction wraps round to more than any span.
        u32 slot = (value & ((1u << INDEX_BITS) - 1)) - bases.first;
        if (slot >= bases.span) return;
        if (bases.slots) slot = bases.slots[slot];
        if (slot == NO_KEY) return;
        const u32 table = value >> INDEX_BITS & ((1u << TABLE_BITS) - 1);
        Affine<F> p = bases.points[u64(table) * bases.points_count + slot];
        if (value & NEGATIVE) p.y = p.y.negated();
        sum.add(p);
    }
};

// Later levels: terms are partial sums.
template <class F>
struct Partials {
    const u32* keys;
    const Xyzz<F>* sums;

    HOT u32 key(u32 i) const { return keys[i]; }
    HOT void add_to(Xyzz<F>& sum, u32 i) const { sum.add(sums[i]); }
};

// Grid: a thread per `piece` terms. Thread t leaves partial sums at 2t (its first run, if it began before) and 2t + 1 (its
// last run, if it goes on), with NO_KEY where there is none. A run through the whole piece takes both places, the second
// with infinity, so that equal keys stay neighbours.
template <class F, class Source>
HOT void accumulate_body(const Source& source, u32 count, u32 piece, Xyzz<F>* buckets, u32* keys, Xyzz<F>* sums) {
    const u64 begin = u64(thread_in_grid()) * piece;
    if (begin >= count) return;
    const u32 low = static_cast<u32>(begin);
    const u32 high = count - low < piece ? count : low + piece;
    const u32 slot = 2 * (low / piece);
    u32 first = NO_KEY, last = NO_KEY;

    u32 key = source.key(low);
    bool began_before = low > 0 && source.key(low - 1) == key;
    Xyzz<F> sum = Xyzz<F>::infinity();
    ROLLED for (u32 i = low;;) {
        if (key != NO_KEY) source.add_to(sum, i);
        i++;
        const u32 next = i < high ? source.key(i) : NO_KEY;
        if (i < high && next == key) continue;
        // The run ends here, or the piece does.
        const bool goes_on = i == high && i < count && source.key(i) == key;
        if (key != NO_KEY) {
            if (began_before) {
                first = key;
                sums[slot] = sum;
                if (goes_on) {
                    last = key;
                    sums[slot + 1] = Xyzz<F>::infinity();
                }
            } else if (goes_on) {
                last = key;
                sums[slot + 1] = sum;
            } else {
                buckets[key] = sum;
            }
        }
        if (i == high) break;
        key = next;
        began_before = false;
        sum = Xyzz<F>::infinity();
    }
    keys[slot] = first;
    keys[slot + 1] = last;
}

// Grid: a thread per `piece` buckets, `piece` a power of two that divides `size`. weighted[t] = sum of digit times bucket
// over the piece; plain[t] and product[t] are for the thread's own use. All three are zeroed (infinity) before.
template <class F>
HOT void weigh_body(const Xyzz<F>* buckets, u32 total, u32 size, u32 piece, Xyzz<F>* plain, Xyzz<F>* product,
                    Xyzz<F>* weighted) {
    const u32 t = thread_in_grid();
    const u64 begin = u64(t) * piece;
    if (begin >= total) return;
    // Running sums, from the last bucket down, give sum (k + 1) bucket[begin + k].
    ROLLED for (u32 k = piece; k > 0; k--) {
        Xyzz<F>::add_in_memory(&plain[t], &buckets[begin + k - 1], false);
        Xyzz<F>::add_in_memory(&weighted[t], &plain[t], false);
    }
    // What is missing is (begin mod size) times the plain sum, by doubling and adding from the highest bit.
    const u32 times = static_cast<u32>(begin) & (size - 1);
    ROLLED for (u32 bit = size / 2; bit > 0; bit /= 2) {
        Xyzz<F>::add_in_memory(&product[t], times & bit ? &plain[t] : nullptr, true);
    }
    Xyzz<F>::add_in_memory(&weighted[t], &product[t], false);
}

// Grid: a block a group. sums[group] = sum of the `count` points of the group. Shared memory: a point a thread.
template <class F, u32 THREADS>
HOT void sum_body(const Xyzz<F>* points, u32 count, Xyzz<F>* sums) {
    SHARED(Xyzz<F>, shared, THREADS);
    Xyzz<F>* own = &shared[threadIdx.x];
    *own = Xyzz<F>::infinity();
    ROLLED for (u32 at = threadIdx.x; at < count; at += THREADS) {
        Xyzz<F>::add_in_memory(own, &points[u64(blockIdx.x) * count + at], false);
    }
    __syncthreads();
    ROLLED for (u32 half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) Xyzz<F>::add_in_memory(own, own + half, false);
        __syncthreads();
    }
    if (threadIdx.x == 0) sums[blockIdx.x] = *own;
}

// Grid: a thread a point. out[i] = 2^doublings in[i], for the tables of a key: run once, when a key is loaded.
template <class F>
HOT void multiples_body(const Affine<F>* in, Affine<F>* out, u32 count, u32 doublings) {
    const u32 i = thread_in_grid();
    if (i >= count) return;
    Xyzz<F> p = Xyzz<F>::from(in[i]);
    ROLLED for (u32 k = 0; k < doublings; k++) p.double_in_place();
    out[i] = p.affine();
}
