// The kernels by the names under which the host launches them. What each does stands in the file that it comes from; which
// block size each expects stands here, and again where the host launches it (src/cuda/kernels.rs).

#include "digits.cuh"
#include "msm.cuh"
#include "ntt.cuh"
#include "rows.cuh"
#include "sort.cuh"

constexpr u32 THREADS = 128;
constexpr u32 SUM_THREADS = 128;

extern "C" {

// Digits and sort.

__global__ void __launch_bounds__(256)
classify(const Words* scalars, u32 count, Words* magnitudes, u64* entries, u32* counts) {
    classify_body(scalars, count, magnitudes, entries, counts);
}

__global__ void __launch_bounds__(256)
digits(const Words* magnitudes, const u64* order, u32 terms, u32 small, Cut cut, u64* entries) {
    digits_body(magnitudes, order, terms, small, cut, entries);
}

__global__ void __launch_bounds__(SORT_THREADS)
radix_count(const u64* entries, u32 count, u32 shift, u32 tile, u32* places) {
    radix_count_body(entries, count, shift, tile, places);
}

__global__ void __launch_bounds__(RADIX) radix_scan(u32* places, u32 tiles) { radix_scan_body(places, tiles); }

__global__ void __launch_bounds__(SORT_THREADS)
radix_scatter(const u64* entries, u64* sorted, u32 count, u32 shift, u32 tile, const u32* places) {
    radix_scatter_body(entries, sorted, count, shift, tile, places);
}

// Sums. The first level of G1 does nearly all the work of a proof and has its products inlined.

__global__ void __launch_bounds__(THREADS)
accumulate_g1(Terms<FpInline> terms, u32 count, u32 piece, Xyzz<FpInline>* buckets, u32* keys, Xyzz<FpInline>* sums) {
    accumulate_body(terms, count, piece, buckets, keys, sums);
}

__global__ void __launch_bounds__(THREADS)
accumulate_g2(Terms<Fp2> terms, u32 count, u32 piece, Xyzz<Fp2>* buckets, u32* keys, Xyzz<Fp2>* sums) {
    accumulate_body(terms, count, piece, buckets, keys, sums);
}

__global__ void __launch_bounds__(THREADS)
combine_g1(Partials<Fp> partials, u32 count, u32 piece, Xyzz<Fp>* buckets, u32* keys, Xyzz<Fp>* sums) {
    accumulate_body(partials, count, piece, buckets, keys, sums);
}

__global__ void __launch_bounds__(THREADS)
combine_g2(Partials<Fp2> partials, u32 count, u32 piece, Xyzz<Fp2>* buckets, u32* keys,
           Xyzz<Fp2>* sums) {
    accumulate_body(partials, count, piece, buckets, keys, sums);
}

__global__ void __launch_bounds__(THREADS)
weigh_g1(const Xyzz<Fp>* buckets, u32 total, u32 size, u32 piece, Xyzz<Fp>* plain, Xyzz<Fp>* product,
         Xyzz<Fp>* weighted) {
    weigh_body(buckets, total, size, piece, plain, product, weighted);
}

__global__ void __launch_bounds__(THREADS)
weigh_g2(const Xyzz<Fp2>* buckets, u32 total, u32 size, u32 piece, Xyzz<Fp2>* plain, Xyzz<Fp2>* product,
         Xyzz<Fp2>* weighted) {
    weigh_body(buckets, total, size, piece, plain, product, weighted);
}

__global__ void __launch_bounds__(SUM_THREADS) sum_g1(const Xyzz<Fp>* points, u32 count, Xyzz<Fp>* sums) {
    sum_body<Fp, SUM_THREADS>(points, count, sums);
}

__global__ void __launch_bounds__(SUM_THREADS) sum_g2(const Xyzz<Fp2>* points, u32 count, Xyzz<Fp2>* sums) {
    sum_body<Fp2, SUM_THREADS>(points, count, sums);
}

__global__ void __launch_bounds__(THREADS)
multiples_g1(const Affine<Fp>* in, Affine<Fp>* out, u32 count, u32 doublings) {
    multiples_body(in, out, count, doublings);
}

__global__ void __launch_bounds__(THREADS)
multiples_g2(const Affine<Fp2>* in, Affine<Fp2>* out, u32 count, u32 doublings) {
    multiples_body(in, out, count, doublings);
}

// Transforms, rows, quotient.

__global__ void __launch_bounds__(256) powers(Words base, u32 high_count, Fr* low, Fr* high) {
    powers_body(base, high_count, low, high);
}

__global__ void __launch_bounds__(NTT_THREADS)
ntt_pass(const Fr* in, Fr* out, u32 log_n, u32 log_l, u32 log_r, Powers roots, u32 inverse, Scale before, Scale after) {
    ntt_pass_body(in, out, log_n, log_l, log_r, roots, inverse, before, after);
}

__global__ void __launch_bounds__(256)
rows(Sparse a, Sparse b, Sparse c, const Fr* coefficients, const Fr* assignment, u32 count, u32 instance, u32 domain,
     Fr* out_a, Fr* out_b, Fr* out_c, u32* failing) {
    rows_body(a, b, c, coefficients, assignment, count, instance, domain, out_a, out_b, out_c, failing);
}

__global__ void __launch_bounds__(256) multiply(Fr* a, const Fr* b, const Fr* c, u32 count) {
    multiply_body(a, b, c, count);
}

__global__ void __launch_bounds__(256) subtract_from(Fr* p, const Fr* c, Words factor, u32 count) {
    subtract_from_body(p, c, factor, count);
}

}  // extern "C"
