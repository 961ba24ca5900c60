//! Montgomery products of sixteen elements, in assembly.
//!
//! A compiler sums columns as trees and keeps their summands in memory until then. Here the order is fixed: column by column, all
//! four registers of a column and of the one above it in ymm8 to ymm15, so that halves are added as they come. Factors are read
//! where they are needed. Only the end of a column is a chain of dependent steps, and the products of the next one do not wait
//! for it.
//!
//! A product of limbs is two fused multiply-adds, a subtraction and two additions, 1.5 to 1.6 cycles a register on Zen 3. There are
//! 48 of them in a product of four lanes, two thirds of its time.
//!
//! # Code is short
//! A processor runs instructions that it has decoded before, 4,096 at most on Zen 3, and an addition of points has to fit with all
//! its products. So a square is a product like any other, a difference a sum with a negated factor, and a sum of two
//! products goes through the same instructions twice: code of their own would do less, and additions took 9 % longer with it in
//! G1 and 13 % in G2. Where the code begins in a line of 64 bytes changes additions by up to 30 %, so it begins with one.
//!
//! Registers: rdi the result, rsi the [`Table`], rdx, rcx, r8 and r9 the factors, r10 1 while the second pair of them is at work, rsp
//! the digits m of the reduction; ymm0 to ymm3 one for each register of a column, ymm4 and ymm5 for all (halves, or what
//! multiplies all lanes), ymm6 and ymm7 [`ROUND`] and [`SPLIT`].

use super::{splat, Constants, HALF, INTEGER, MASK, N, ROUND, SPLIT, UNIT};
use ark_ff::MontConfig;
use std::arch::naked_asm;
use std::arch::x86_64::__m256d;

/// Limb, register, four lanes.
pub type Limbs = [[__m256d; N]; 5];

/// Constants, in all lanes; the numbers are places in units of 32 bytes.
#[repr(C)]
pub struct Table {
    /// 0: [`ROUND`]; 1: [`SPLIT`].
    round: [__m256d; 2],
    /// 2: [`ROUND`] minus 2^52 times the inverse, which `u` below brings along; a multiple of 2^51. 3: -1 / p.
    inverse: [__m256d; 2],
    /// 4 to 8.
    p: [__m256d; 5],
    /// 9: [`MASK`]; 10: [`INTEGER`]; 11: half a limb less one.
    bits: [__m256d; 3],
    /// 12 to 21: what the columns start from.
    start: [__m256d; 10],
    /// 22: 2^52 and half a limb; 23: [`UNIT`].
    last: [__m256d; 2],
}

impl Table {
    /// For sums of one or two products.
    pub const fn new<M: MontConfig<4>>(products: i64) -> Self {
        let start = start(products);
        let mut table = Table {
            round: [splat(ROUND), splat(SPLIT)],
            inverse: [splat(ROUND - INTEGER * <M as Constants>::MINUS_INVERSE), splat(<M as Constants>::MINUS_INVERSE)],
            p: [splat(0.0); 5],
            bits: [splat_bits(MASK), splat(INTEGER), splat_bits(HALF - 1)],
            start: [splat(0.0); 10],
            last: [splat(INTEGER + HALF as f64), splat(UNIT)],
        };
        let mut i = 0;
        while i < 10 {
            if i < 5 {
                table.p[i] = splat(<M as Constants>::P[i]);
            }
            table.start[i] = splat_bits(start[i]);
            i += 1;
        }
        table
    }
}

const fn splat_bits(x: i64) -> __m256d {
    splat(f64::from_bits(x as u64))
}

/// What columns start from: minus the bits of all constants that halves bring along, plus what shifts need.
const fn start(products: i64) -> [i64; 10] {
    let (mut start, mut i) = ([0i64; 10], 0);
    while i < 10 {
        // Columns 0 to 4 leave before the low half of m p_0 would come: it is known and never computed.
        let low = (products + 1) * pairs(i as i64) - (i < 5) as i64;
        let high = (products + 1) * pairs(i as i64 - 1);
        let constants = low.wrapping_mul(UNIT.to_bits() as i64).wrapping_add(high.wrapping_mul(ROUND.to_bits() as i64));
        // Shifts are logical, so a column is made positive; its bias arrives above as part of the carry and is undone.
        let bias = match i {
            0..=4 => 1 << 62,
            5..=8 => (1 << 61) + HALF,
            _ => UNIT.to_bits() as i64,
        };
        let bias_below = match i {
            0 => 0,
            1..=5 => 1 << (62 - 51),
            _ => 1 << (61 - 51),
        };
        start[i] = (bias - bias_below as i64).wrapping_sub(constants);
        i += 1;
    }
    start
}

/// Pairs of limbs whose indices add up to `i`.
const fn pairs(i: i64) -> i64 {
    if i < 0 || i > 8 {
        0
    } else if i < 5 {
        i + 1
    } else {
        9 - i
    }
}

/// A line of assembly.
macro_rules! op {
    ($name:expr, $first:expr $(, $operand:expr)*) => {
        concat!($name, " ", $first $(, ", ", $operand)*, "\n")
    };
}

/// A step for all four registers of a column `cur` and the one above it, `next`. Each has one more of its `own`.
macro_rules! registers {
    (even $($step:tt)*) => {
        registers!(("ymm8", "ymm12") ("ymm9", "ymm13") ("ymm10", "ymm14") ("ymm11", "ymm15") $($step)*)
    };
    (odd $($step:tt)*) => {
        registers!(("ymm12", "ymm8") ("ymm13", "ymm9") ("ymm14", "ymm10") ("ymm15", "ymm11") $($step)*)
    };
    (($a:tt, $a_next:tt) ($b:tt, $b_next:tt) ($c:tt, $c_next:tt) ($d:tt, $d_next:tt) $step:ident $($argument:expr),*) => {
        concat!(
            $step!("0", $a, $a_next, "ymm0" $(, $argument)*),
            $step!("1", $b, $b_next, "ymm1" $(, $argument)*),
            $step!("2", $c, $c_next, "ymm2" $(, $argument)*),
            $step!("3", $d, $d_next, "ymm3" $(, $argument)*),
        )
    };
}

/// A constant of the [`Table`].
macro_rules! constant {
    ($place:expr) => {
        concat!("ymmword ptr [rsi + 32 * (", $place, ")]")
    };
}

/// Limb `i` of register `n`.
macro_rules! limb {
    ($base:expr, $i:expr, $n:expr) => {
        concat!("ymmword ptr [", $base, " + 128 * ", $i, " + 32 * ", $n, "]")
    };
}

macro_rules! begin {
    ($n:expr, $cur:expr, $next:expr, $own:expr, $column:expr) => {
        op!("vmovdqa", $next, constant!(concat!("13 + ", $column)))
    };
}

/// Adds `a_i b_j`.
macro_rules! product {
    ($n:expr, $cur:expr, $next:expr, $own:expr, $i:expr, $j:expr) => {
        concat!(
            op!("vmovapd", $own, limb!("rdx", $i, $n)),
            op!("vmovapd", "ymm4", $own),
            op!("vfmadd132pd", "ymm4", "ymm6", limb!("rcx", $j, $n)),
            op!("vsubpd", "ymm5", "ymm7", "ymm4"),
            op!("vfmadd231pd", "ymm5", $own, limb!("rcx", $j, $n)),
            op!("vpaddq", $next, $next, "ymm4"),
            op!("vpaddq", $cur, $cur, "ymm5"),
        )
    };
}

/// Adds `m_i p_j`, p_j being in ymm5. All registers go through a step before the next: for these factors that is faster.
macro_rules! multiple {
    ($parity:tt $i:expr) => {
        concat!(
            registers!($parity load_digit $i),
            registers!($parity high_half),
            registers!($parity low_half $i),
            registers!($parity add_low_half),
        )
    };
}

macro_rules! load_digit {
    ($n:expr, $cur:expr, $next:expr, $own:expr, $i:expr) => {
        op!("vmovapd", $own, limb!("rsp", $i, $n))
    };
}

macro_rules! high_half {
    ($n:expr, $cur:expr, $next:expr, $own:expr) => {
        op!("vfmadd132pd", $own, "ymm6", "ymm5")
    };
}

macro_rules! low_half {
    ($n:expr, $cur:expr, $next:expr, $own:expr, $i:expr) => {
        concat!(
            op!("vpaddq", $next, $next, $own),
            op!("vsubpd", $own, "ymm7", $own),
            op!("vfmadd231pd", $own, "ymm5", limb!("rsp", $i, $n)),
        )
    };
}

macro_rules! add_low_half {
    ($n:expr, $cur:expr, $next:expr, $own:expr) => {
        op!("vpaddq", $cur, $cur, $own)
    };
}

/// With `u` the low bits of a column, `m = -u / p mod 2^51`, balanced, makes it divisible by 2^51.
///
/// `m p_0` cancels the low bits, so its low half is `-u` for u < 2^50 and `2^51 - u` above, and the carry is the column plus
/// 2^50 - 1, shifted. For u = 2^50 that says -2^50, and so it is: both roundings are ties, to even. If -1/p is 1 modulo 4, p_0
/// is 3: m is 2^50 (half of -1/p is rounded down) and half of p_0 up. If it is 3, p_0 is 1: m is -2^50, and half of p_0
/// is rounded down.
macro_rules! reduce {
    ($n:expr, $cur:expr, $next:expr, $own:expr, $i:expr) => {
        concat!(
            op!("vpand", $own, $cur, constant!("9")),
            op!("vpor", $own, $own, constant!("10")),
            op!("vmovapd", "ymm4", $own),
            op!("vmovapd", "ymm5", constant!("2")),
            op!("vfmadd132pd", "ymm4", "ymm5", constant!("3")),
            op!("vsubpd", "ymm5", "ymm5", "ymm4"),
            op!("vfmadd231pd", "ymm5", $own, constant!("3")),
            op!("vmovapd", limb!("rsp", $i, $n), "ymm5"),
            op!("vpaddq", $cur, $cur, constant!("11")),
            op!("vpsrlq", $cur, $cur, "51"),
            op!("vpaddq", $next, $next, $cur),
            op!("vfmadd132pd", "ymm5", "ymm6", constant!("4")),
            op!("vpaddq", $next, $next, "ymm5"),
        )
    };
}

/// A limb of the result. The column was raised by half a limb before the cut.
macro_rules! cut {
    ($n:expr, $cur:expr, $next:expr, $own:expr, $i:expr) => {
        concat!(
            op!("vpsrlq", $own, $cur, "51"),
            op!("vpaddq", $next, $next, $own),
            op!("vpand", $cur, $cur, constant!("9")),
            op!("vpor", $cur, $cur, constant!("10")),
            op!("vsubpd", $cur, $cur, constant!("22")),
            op!("vmovapd", limb!("rdi", $i, $n), $cur),
        )
    };
}

macro_rules! top {
    ($n:expr, $cur:expr, $next:expr, $own:expr) => {
        concat!(op!("vsubpd", $cur, $cur, constant!("23")), op!("vmovapd", limb!("rdi", "4", $n), $cur))
    };
}

/// A column: its products, the same of the second pair of factors if there is one, the multiples of p, and what becomes of it.
macro_rules! column {
    ($terms:tt $parity:tt $column:tt: [$($i:tt $j:tt),*] [$($m:tt $p:tt),*] $end:ident $place:tt) => {
        concat!(
            registers!($parity begin stringify!($column)),
            $terms!($(registers!($parity product stringify!($i), stringify!($j)),)*),
            $(
                "vmovapd ymm5, ", constant!(concat!("4 + ", stringify!($p))), "\n",
                multiple!($parity stringify!($m)),
            )*
            registers!($parity $end stringify!($place)),
        )
    };
}

macro_rules! once {
    ($($products:expr,)*) => {
        concat!($($products,)*)
    };
}

/// For two pairs of factors: the second takes the place of the first, and back.
macro_rules! twice {
    ($($products:expr,)*) => {
        concat!("2:\n", $($products,)* "xchg rdx, r8\n", "xchg rcx, r9\n", "xor r10d, 1\n", "jnz 2b\n")
    };
}

/// Defines a function of instructions alone; the compiler would put all ten kilobytes wherever one is called.
macro_rules! function {
    ($(#[$doc:meta])* $name:ident($($operand:ident),*), $terms:ident) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// Operands are valid and aligned to 32 bytes, `out` to be written. The machine has AVX2 and fused multiply-add.
        ///
        /// `out` may be an operand: limb i is written at the end of column i + 5, and no later column reads limbs up to i.
        #[unsafe(naked)]
        pub unsafe extern "sysv64" fn $name(out: *mut Limbs, table: *const Table, $($operand: *const Limbs),*) {
            naked_asm!(
                "mov rax, rsp",
                "sub rsp, 640",
                "and rsp, -32",
                ".p2align 6",
                "xor r10d, r10d",
                concat!(
                    "vmovapd ymm6, ", constant!("0"), "\n",
                    "vmovapd ymm7, ", constant!("1"), "\n",
                    registers!(odd begin "-1"),
                    column!($terms even 0: [0 0] [] reduce 0),
                    column!($terms odd 1: [0 1, 1 0] [0 1] reduce 1),
                    column!($terms even 2: [0 2, 1 1, 2 0] [0 2, 1 1] reduce 2),
                    column!($terms odd 3: [0 3, 1 2, 2 1, 3 0] [0 3, 1 2, 2 1] reduce 3),
                    column!($terms even 4: [0 4, 1 3, 2 2, 3 1, 4 0] [0 4, 1 3, 2 2, 3 1] reduce 4),
                    column!($terms odd 5: [1 4, 2 3, 3 2, 4 1] [1 4, 2 3, 3 2, 4 1] cut 0),
                    column!($terms even 6: [2 4, 3 3, 4 2] [2 4, 3 3, 4 2] cut 1),
                    column!($terms odd 7: [3 4, 4 3] [3 4, 4 3] cut 2),
                    column!($terms even 8: [4 4] [4 4] cut 3),
                    registers!(odd top),
                ),
                "mov rsp, rax",
                "ret",
            )
        }
    };
}

function!(
    /// `a b`; the table is one of a product.
    multiply(a, b),
    once
);
function!(
    /// `a b + c d`; the table is one of two products.
    sum(a, b, c, d),
    twice
);
