// Kernels for tests alone: field and curve operations one by one, and kernels that break the rules of barriers.
#pragma once

#include "../msm.cuh"

template <class F>
HOT void probe_field(u32 operation, const F* a, const F* b, F* out, u32 count) {
    const u32 i = thread_in_grid();
    if (i >= count) return;
    switch (operation) {
        case 0: out[i] = a[i] + b[i]; break;
        case 1: out[i] = a[i] - b[i]; break;
        case 2: out[i] = a[i] * b[i]; break;
        case 3: out[i] = a[i].squared(); break;
        case 4: out[i] = a[i].negated(); break;
        case 5: out[i] = a[i].doubled(); break;
        case 6: out[i] = a[i].inverse(); break;
        default: break;
    }
}

// a and b are affine. Points on other denominators than 1 come from tripling a first: operations 2 to 4 work on 3a, 3b.
template <class F>
HOT void probe_curve(u32 operation, const Affine<F>* a, const Affine<F>* b, Xyzz<F>* out, u32 count, u32 twice) {
    const u32 i = thread_in_grid();
    if (i >= count) return;
    auto triple = [](const Affine<F>& p) {
        Xyzz<F> t = Xyzz<F>::from(p);
        t.double_in_place();
        t.add(p);
        return t;
    };
    Xyzz<F> p = Xyzz<F>::from(a[i]);
    switch (operation) {
        case 0: p.add(b[i]); break;
        case 1: p.double_in_place(); break;
        case 2: p = triple(a[i]); p.add(triple(b[i])); break;
        case 3: p = triple(a[i]); p.add(b[i]); break;
        case 4: p = triple(a[i]); p.double_in_place(); break;
        case 5: p = triple(a[i]); out[i] = triple(b[i]); Xyzz<F>::add_in_memory(&out[i], &p, twice); return;
        case 6: p = Xyzz<F>::from(triple(a[i]).affine()); break;
        default: break;
    }
    out[i] = p;
}

inline void probe_fp(u32 op, const Fp* a, const Fp* b, Fp* out, u32 n) { probe_field(op, a, b, out, n); }
inline void probe_fr(u32 op, const Fr* a, const Fr* b, Fr* out, u32 n) { probe_field(op, a, b, out, n); }
inline void probe_fp2(u32 op, const Fp2* a, const Fp2* b, Fp2* out, u32 n) { probe_field(op, a, b, out, n); }
inline void probe_g1(u32 op, const Affine<FpInline>* a, const Affine<FpInline>* b, Xyzz<FpInline>* out, u32 n, u32 twice) {
    probe_curve(op, a, b, out, n, twice);
}
inline void probe_g2(u32 op, const Affine<Fp2>* a, const Affine<Fp2>* b, Xyzz<Fp2>* out, u32 n, u32 twice) {
    probe_curve(op, a, b, out, n, twice);
}

// Thread 0 leaves before the barrier; with `which` 1 half the block waits at another one; with 2 one lane misses an
// exchange; with 3 a thread reads what another has not written yet, the poison.
inline void probe_divergent(u32 which, u32* out) {
    SHARED(u32, shared, 64);
    if (which == 0 && threadIdx.x == 0) return;
    if (which == 1 && threadIdx.x % 2) {
        __syncthreads();
    } else if (which <= 1) {
        __syncthreads();
    }
    if (which == 2 && threadIdx.x != 5) __syncwarp();
    if (which == 3) {
        shared[threadIdx.x] = 7;
        if (threadIdx.x == 0) *out = shared[63];
    }
}

inline void probe_undeclared(u32*) { __syncthreads(); }
