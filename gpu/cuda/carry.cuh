// Additions and multiply-additions that pass a carry on, the PTX instructions that field arithmetic is made of.
//
// On a card the carry lives in the condition code register, and `Carry` is empty: it only orders the calls for the reader.
// On the host it is a field of `Carry`, with the meaning that the PTX manual gives the flag: set by every `.cc`
// instruction, read by `addc`, `subc`, `madc`; a borrow counts as 1.
//
// A wide multiply-addition is ONE asm statement with the pair `mad.lo.cc; madc.hi.cc`: only then does the assembler fuse
// both into one IMAD.WIDE with carry in and out. Its two result words must be an aligned register pair for that, which is
// why the field keeps even and odd columns apart (field.cuh).
#pragma once

#include "platform.cuh"

#ifdef __CUDACC__

struct Carry {};

HOT u32 add_cc(Carry&, u32 a, u32 b) {
    u32 r;
    asm volatile("add.cc.u32 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
    return r;
}
HOT u32 addc_cc(Carry&, u32 a, u32 b) {
    u32 r;
    asm volatile("addc.cc.u32 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
    return r;
}
HOT u32 addc(Carry&, u32 a, u32 b) {
    u32 r;
    asm volatile("addc.u32 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
    return r;
}
HOT u32 sub_cc(Carry&, u32 a, u32 b) {
    u32 r;
    asm volatile("sub.cc.u32 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
    return r;
}
HOT u32 subc_cc(Carry&, u32 a, u32 b) {
    u32 r;
    asm volatile("subc.cc.u32 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
    return r;
}
HOT u32 subc(Carry&, u32 a, u32 b) {
    u32 r;
    asm volatile("subc.u32 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
    return r;
}
// (hi, lo) = a b
HOT void mul_wide(u32& lo, u32& hi, u32 a, u32 b) {
    asm volatile("{ mul.lo.u32 %0, %2, %3; mul.hi.u32 %1, %2, %3; }" : "=&r"(lo), "=r"(hi) : "r"(a), "r"(b));
}
// (hi, lo) = a b + (add_hi, add_lo), begins a chain
HOT void mad_wide_cc(Carry&, u32& lo, u32& hi, u32 a, u32 b, u32 add_lo, u32 add_hi) {
    asm volatile("{ mad.lo.cc.u32 %0, %2, %3, %4; madc.hi.cc.u32 %1, %2, %3, %5; }"
                 : "=&r"(lo), "=r"(hi)
                 : "r"(a), "r"(b), "r"(add_lo), "r"(add_hi));
}
// (hi, lo) = a b + (add_hi, add_lo) + carry
HOT void madc_wide_cc(Carry&, u32& lo, u32& hi, u32 a, u32 b, u32 add_lo, u32 add_hi) {
    asm volatile("{ madc.lo.cc.u32 %0, %2, %3, %4; madc.hi.cc.u32 %1, %2, %3, %5; }"
                 : "=&r"(lo), "=r"(hi)
                 : "r"(a), "r"(b), "r"(add_lo), "r"(add_hi));
}

#else

struct Carry {
    u32 flag;
    // No instruction has set the flag yet: a chain that reads it first computes nonsense that tests see.
    Carry() : flag(0xbad) {}
};

inline u32 carry_out(Carry& c, u64 wide) {
    c.flag = static_cast<u32>(wide >> 32) & 1;
    return static_cast<u32>(wide);
}
inline u32 add_cc(Carry& c, u32 a, u32 b) { return carry_out(c, u64(a) + b); }
inline u32 addc_cc(Carry& c, u32 a, u32 b) { return carry_out(c, u64(a) + b + c.flag); }
inline u32 addc(Carry& c, u32 a, u32 b) { return a + b + c.flag; }
inline u32 sub_cc(Carry& c, u32 a, u32 b) { return carry_out(c, u64(a) - b); }
inline u32 subc_cc(Carry& c, u32 a, u32 b) { return carry_out(c, u64(a) - b - c.flag); }
inline u32 subc(Carry& c, u32 a, u32 b) { return a - b - c.flag; }
inline void mul_wide(u32& lo, u32& hi, u32 a, u32 b) {
    u64 wide = u64(a) * b;
    lo = static_cast<u32>(wide);
    hi = static_cast<u32>(wide >> 32);
}
inline void madc_wide_cc(Carry& c, u32& lo, u32& hi, u32 a, u32 b, u32 add_lo, u32 add_hi) {
    u64 wide = u64(a) * b;
    u32 low = carry_out(c, (wide & 0xffffffffu) + add_lo + c.flag);
    hi = carry_out(c, (wide >> 32) + add_hi + c.flag);
    lo = low;
}
inline void mad_wide_cc(Carry& c, u32& lo, u32& hi, u32 a, u32 b, u32 add_lo, u32 add_hi) {
    c.flag = 0;
    madc_wide_cc(c, lo, hi, a, b, add_lo, add_hi);
}

#endif
