// Radix sort of 64-bit entries by their upper half, eight bits a pass, stable.
//
// Entry: key << 32 | value. A pass is three launches: every block counts the digits of its tile, one block turns the counts
// into places, every block writes its tile. Lanes of a warp that hold the same digit count and write as one, so the heavy
// digits of a witness (half its scalars are 0 or 1) cost no more than others.
//
// Layout: `places[block * RADIX + digit]`. Limits: fewer than 2^32 entries; tiles are whole multiples of the block size.
#pragma once

#include "platform.cuh"

constexpr u32 RADIX = 256;
constexpr u32 SORT_THREADS = 256;
constexpr u32 SORT_WARPS = SORT_THREADS / WARP;

// Key of an entry that takes part in nothing. It sorts last: a sort looks at enough bits to tell it from all others.
constexpr u32 NO_KEY = 0xffffffffu;

HOT u64 make_entry(u32 key, u32 value) { return u64(key) << 32 | value; }
HOT u32 key_of(u64 entry) { return static_cast<u32>(entry >> 32); }
HOT u32 value_of(u64 entry) { return static_cast<u32>(entry); }

// The tile of a warp: a contiguous piece of the tile of its block.
struct Tile {
    u64 begin, end;
    HOT Tile(u32 tile, u32 count) {
        const u32 piece = tile / SORT_WARPS;
        begin = u64(blockIdx.x) * tile + u64(threadIdx.x / WARP) * piece;
        end = begin + piece;
        if (begin > count) begin = count;
        if (end > count) end = count;
    }
};

// Counts the digits of the tile of this warp into `counts`. All lanes take part in every exchange; a lane without an entry
// brings a digit that nobody has.
HOT void count_digits(const u64* entries, const Tile& tile, u32 shift, u32* counts) {
    const u32 lane = threadIdx.x % WARP;
    for (u64 at = tile.begin; at < tile.end; at += WARP) {
        const bool present = at + lane < tile.end;
        const u32 digit = present ? key_of(entries[at + lane]) >> shift & (RADIX - 1) : RADIX;
        const u32 peers = __match_any_sync(ALL_LANES, digit);
        const bool leads = (peers & ((1u << lane) - 1)) == 0;
        if (present && leads) counts[digit] += __popc(peers);
        __syncwarp();
    }
}

// Grid: one block a tile. places[block][digit] = entries of the tile with that digit.
HOT void radix_count_body(const u64* entries, u32 count, u32 shift, u32 tile, u32* places) {
    SHARED(u32, counts, SORT_WARPS * RADIX);
    for (u32 i = threadIdx.x; i < SORT_WARPS * RADIX; i += SORT_THREADS) counts[i] = 0;
    __syncthreads();
    count_digits(entries, Tile(tile, count), shift, counts + threadIdx.x / WARP * RADIX);
    __syncthreads();
    u32 sum = 0;
    UNROLL for (u32 w = 0; w < SORT_WARPS; w++) sum += counts[w * RADIX + threadIdx.x];
    places[blockIdx.x * RADIX + threadIdx.x] = sum;
}

// Grid: one block of RADIX threads. Counts become places: of all entries, digit by digit, tile by tile.
HOT void radix_scan_body(u32* places, u32 tiles) {
    SHARED(u32, sums, 2 * RADIX);
    const u32 digit = threadIdx.x;
    u32 total = 0;
    for (u32 t = 0; t < tiles; t++) {
        const u32 n = places[t * RADIX + digit];
        places[t * RADIX + digit] = total;
        total += n;
    }
    // Inclusive scan over the digits, from one half of `sums` to the other.
    u32 from = 0;
    sums[digit] = total;
    __syncthreads();
    for (u32 step = 1; step < RADIX; step *= 2) {
        const u32 sum = sums[from + digit] + (digit >= step ? sums[from + digit - step] : 0);
        from ^= RADIX;
        sums[from + digit] = sum;
        __syncthreads();
    }
    const u32 before = sums[from + digit] - total;
    for (u32 t = 0; t < tiles; t++) places[t * RADIX + digit] += before;
}

// Grid: one block a tile. Writes every entry to its place.
HOT void radix_scatter_body(const u64* entries, u64* sorted, u32 count, u32 shift, u32 tile, const u32* places) {
    SHARED(u32, next, SORT_WARPS * RADIX);
    for (u32 i = threadIdx.x; i < SORT_WARPS * RADIX; i += SORT_THREADS) next[i] = 0;
    __syncthreads();
    const Tile mine(tile, count);
    u32* own = next + threadIdx.x / WARP * RADIX;
    count_digits(entries, mine, shift, own);
    __syncthreads();
    // A thread a digit: from counts of warps to the first place of each warp.
    u32 place = places[blockIdx.x * RADIX + threadIdx.x];
    UNROLL for (u32 w = 0; w < SORT_WARPS; w++) {
        const u32 n = next[w * RADIX + threadIdx.x];
        next[w * RADIX + threadIdx.x] = place;
        place += n;
    }
    __syncthreads();
    const u32 lane = threadIdx.x % WARP;
    for (u64 at = mine.begin; at < mine.end; at += WARP) {
        const bool present = at + lane < mine.end;
        const u64 entry = present ? entries[at + lane] : 0;
        const u32 digit = present ? key_of(entry) >> shift & (RADIX - 1) : RADIX;
        const u32 peers = __match_any_sync(ALL_LANES, digit);
        const u32 below = peers & ((1u << lane) - 1);
        if (present) sorted[own[digit] + __popc(below)] = entry;
        __syncwarp();
        if (present && below == 0) own[digit] += __popc(peers);
        __syncwarp();
    }
}
