// CUDA on the host, as far as our kernels use it: each thread of a block is a fiber, the blocks of a grid run in sequence.
//
// What it finds: wrong arithmetic, wrong indices, reads of shared memory before a write (poisoned at the start of every
// block), barriers that not all threads of a block or warp reach (nothing can run: the launch fails), a missing barrier
// between a write and a read of another thread (fibers run from barrier to barrier one after the other, in changing order,
// so the reader meets the poison or the old value). What it cannot find: races inside one instruction of a warp, the
// memory model, time.
//
// Thread-local throughout: tests launch from several threads at once.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define __device__
#define __global__
#define __launch_bounds__(...)

// The vector type of entries of sparse matrices.
struct uint2 {
    uint32_t x, y;
};

struct Index3 {
    uint32_t x, y, z;
};
extern thread_local Index3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulation {

// The next array of shared memory; all threads of a block declare the same arrays in the same order.
void* shared(size_t bytes);

// Waits for all threads of the block; `line` tells barriers apart. Returns how many threads brought `predicate`.
uint32_t block_barrier(int line, bool predicate);

// Waits for all lanes of the warp, each with a value; the values of all lanes.
const uint32_t* warp_exchange(int line, uint32_t value);

// Ends the exchange: nobody's value changes before every lane has read.
void warp_done(int line);

inline uint32_t match_any(int line, uint32_t value) {
    const uint32_t* values = warp_exchange(line, value);
    uint32_t mask = 0;
    for (int lane = 0; lane < 32; lane++) mask |= uint32_t(values[lane] == value) << lane;
    warp_done(line);
    return mask;
}

}  // namespace emulation

#define __syncthreads() emulation::block_barrier(__LINE__, false)
#define __syncthreads_count(predicate) emulation::block_barrier(__LINE__, (predicate) != 0)
#define __match_any_sync(mask, value) emulation::match_any(__LINE__, value)
#define __syncwarp() emulation::match_any(__LINE__, 0)

inline int __popc(uint32_t x) { return __builtin_popcount(x); }

// One OS thread runs all fibers of a launch, so plain operations are atomic.
inline uint32_t atomicAdd(uint32_t* at, uint32_t value) {
    const uint32_t old = *at;
    *at = old + value;
    return old;
}
inline uint32_t atomicMin(uint32_t* at, uint32_t value) {
    const uint32_t old = *at;
    if (value < old) *at = value;
    return old;
}
