// Rows of a rank-1 constraint system times an assignment, checked, and the pointwise steps of the quotient.
#pragma once

#include "field.cuh"
#include "ntt.cuh"

// A sparse matrix, rows behind each other: row i is entries[starts[i] .. starts[i + 1]], an entry (wire, coefficient).
// Coefficients 0 and 1 of the table are 1 and -1: most entries need no multiplication.
struct Sparse {
    const u32* starts;
    const uint2* entries;

    HOT Fr dot(u32 row, const Fr* coefficients, const Fr* assignment) const {
        Fr sum = Fr::zero();
        const u32 end = starts[row + 1];
        ROLLED for (u32 i = starts[row]; i < end; i++) {
            const uint2 entry = entries[i];
            Fr term = assignment[entry.x];
            if (entry.y > 1) term = term * coefficients[entry.y];
            if (entry.y == 1) term = term.negated();
            sum = sum + term;
        }
        return sum;
    }
};

// Grid: a thread an element of the domain. Row i of the three products at place i; then the public wires in `a`, with zeros
// in b and c; then zeros. *failing becomes the first row where a b != c, if that is below its value before.
HOT void rows_body(const Sparse& ma, const Sparse& mb, const Sparse& mc, const Fr* coefficients, const Fr* assignment,
                   u32 rows, u32 instance, u32 domain, Fr* a, Fr* b, Fr* c, u32* failing) {
    const u32 i = thread_in_grid();
    if (i >= domain) return;
    if (i >= rows) {
        a[i] = i - rows < instance ? assignment[i - rows] : Fr::zero();
        b[i] = Fr::zero();
        c[i] = Fr::zero();
        return;
    }
    const Fr x = ma.dot(i, coefficients, assignment), y = mb.dot(i, coefficients, assignment);
    const Fr z = mc.dot(i, coefficients, assignment);
    if (!(x * y == z)) atomicMin(failing, i);
    a[i] = x;
    b[i] = y;
    c[i] = z;
}

// Grid: a thread an element. a[i] = a[i] b[i], minus c[i] where c is not null.
HOT void multiply_body(Fr* a, const Fr* b, const Fr* c, u32 count) {
    const u32 i = thread_in_grid();
    if (i >= count) return;
    Fr x = a[i] * b[i];
    if (c) x = x - c[i];
    a[i] = x;
}

// Grid: a thread an element. p[i] = (c[i] - p[i]) * factor.
HOT void subtract_from_body(Fr* p, const Fr* c, const Words& factor, u32 count) {
    const u32 i = thread_in_grid();
    if (i < count) p[i] = (c[i] - p[i]) * Fr::from(factor);
}
