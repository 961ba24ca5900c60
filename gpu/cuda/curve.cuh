// Points of G1 (over Fp) and G2 (over Fp2): y^2 = x^3 + b, both of odd prime order, so no point has y = 0 and the
// coordinates (0, 0) name no point. b occurs in no formula.
//
// Affine: x, y; never infinity (the host leaves infinities out). Xyzz: x = X / ZZ, y = Y / ZZZ with ZZ^3 = ZZZ^2, infinity
// is ZZ = 0, so zeroed memory is a vector of infinities. Formulas: Explicit-Formulas Database, "XYZZ coordinates", a = 0:
// madd-2008-s (8M + 2S), add-2008-s (12M + 2S), dbl-2008-s-1 (6M + 3S), mdbl-2008-s-1 (4M + 3S).
#pragma once

#include "field.cuh"

template <class F>
struct Affine {
    F x, y;
};

template <class F>
struct Xyzz {
    F x, y, zz, zzz;

    HOT static Xyzz infinity() { return {F::zero(), F::zero(), F::zero(), F::zero()}; }
    HOT static Xyzz from(const Affine<F>& p) { return {p.x, p.y, F::one(), F::one()}; }
    HOT bool is_infinity() const { return zz.is_zero(); }

    HOT void double_in_place() {
        if (is_infinity()) return;
        const F u = y.doubled(), v = u.squared(), w = u * v, s = x * v;
        const F xx = x.squared(), m = xx.doubled() + xx;
        const F x3 = m.squared() - s.doubled();
        y = m * (s - x3) - w * y;
        x = x3;
        zz = v * zz;
        zzz = w * zzz;
    }

    // Adds an affine point. Complete: equal and opposite points, and infinity, are recognised.
    HOT void add(const Affine<F>& p) {
        if (is_infinity()) {
            *this = from(p);
            return;
        }
        const F d = p.x * zz - x;
        const F r = p.y * zzz - y;
        if (d.is_zero()) {
            if (r.is_zero()) {
                *this = from(p);
                double_in_place();
            } else {
                *this = infinity();
            }
            return;
        }
        finish(d, r, x, y);
    }

    // Adds a point in the same form. Complete.
    HOT void add(const Xyzz& p) {
        if (p.is_infinity()) return;
        if (is_infinity()) {
            *this = p;
            return;
        }
        const F u = x * p.zz, s = y * p.zzz;
        const F d = p.x * zz - u;
        const F r = p.y * zzz - s;
        if (d.is_zero()) {
            if (r.is_zero()) {
                double_in_place();
            } else {
                *this = infinity();
            }
            return;
        }
        zz = zz * p.zz;
        zzz = zzz * p.zzz;
        finish(d, r, u, s);
    }

    // What both additions share: d and r are the differences of x and y on the common denominators, u and s the
    // coordinates of the first point there.
    HOT void finish(const F& d, const F& r, const F& u, const F& s) {
        const F dd = d.squared(), ddd = d * dd, q = u * dd;
        const F x3 = r.squared() - ddd - q.doubled();
        y = r * (q - x3) - s * ddd;
        x = x3;
        zz = zz * dd;
        zzz = zzz * ddd;
    }

    // *to += *by (unless null), after doubling *to if `twice`. All in memory and a call, for kernels that add in several places: two
    // points of G2 and the products between them fill the registers of a thread.
    CALLED static void add_in_memory(Xyzz* to, const Xyzz* by, bool twice) {
        Xyzz sum = *to;
        if (twice) sum.double_in_place();
        if (by) sum.add(*by);
        *to = sum;
    }

    // Not for infinity.
    HOT Affine<F> affine() const {
        // 1 / ZZ = (ZZ / ZZZ)^2 because ZZ^3 = ZZZ^2.
        const F i = zzz.inverse(), j = zz * i;
        return {x * j.squared(), y * i};
    }
};
