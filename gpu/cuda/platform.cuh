// What the kernels are compiled for: a card (nvcc), or the host with every thread of a block emulated (g++, for tests).
//
// Nothing but this file, `carry.cuh` and `host/` knows which. SHARED declares an array in shared memory; the emulation
// hands out poisoned memory for it, so that a kernel which reads before it writes computes wrongly in tests too.
#pragma once

#include <stdint.h>

#ifdef __CUDACC__

#define HOT __device__ __forceinline__
#define CALLED __device__ __noinline__
#define UNROLL _Pragma("unroll")
#define ROLLED _Pragma("unroll 1")
#define SHARED(type, name, count) __shared__ type name[count]

#else

#include "host/emulate.h"
// Inlined, the products would take the host compiler minutes.
#define HOT inline
#define CALLED inline __attribute__((noinline))
#define UNROLL
#define ROLLED
#define SHARED(type, name, count) type* name = static_cast<type*>(emulation::shared(sizeof(type) * (count)))

#endif

typedef uint32_t u32;
typedef uint64_t u64;

// Threads of a warp, and the mask that names them all. Every block of every kernel is a whole number of warps.
constexpr u32 WARP = 32;
constexpr u32 ALL_LANES = 0xffffffffu;

// Index of this thread in the grid. Grids are one-dimensional unless a kernel says otherwise.
HOT u32 thread_in_grid() { return blockIdx.x * blockDim.x + threadIdx.x; }
