//! Montgomery products of sixteen elements, in assembly.
//!
//! A compiler sums columns as trees and keeps their summands in memory until then. Here the order is fixed: column by column, all
//! four registers of a column and of the one above it in ymm0 to ymm7, so that halves are added as they come. Factors are read
//! where they are needed. Only the end of a column is a chain of dependent steps, and the products of the next one do not wait
//! for it.
//!
//! A product of limbs is two fused multiply-adds, a subtraction and two additions, 1.5 cycles a register on Zen 3 in any order. There
//! are 48 of them in a product of four lanes: 71 of its 105 cycles.
//!
//! Registers: rdi the result, rsi the [`Table`], rdx, rcx, r8 and r9 the factors, rsp the digits m of the reduction; ymm8 a limb, ymm9
//! and ymm10 its halves, ymm13 what multiplies all lanes, ymm14 and ymm15 [`ROUND`] and [`SPLIT`].

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
    pub const fn new<M: MontConfig<4>>(start: &[i64; 10]) -> Self {
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

/// What columns start from if `products[i]` products of limbs are added to column i: minus the bits of all constants that halves
/// bring along, plus what shifts need.
pub const fn start(products: &[i64; 9]) -> [i64; 10] {
    let (mut start, mut i) = ([0i64; 10], 0);
    while i < 10 {
        let product = [if i < 9 { products[i] } else { 0 }, if i > 0 { products[i - 1] } else { 0 }];
        let reduction = [pairs(i as i64), pairs(i as i64 - 1)];
        // Columns 0 to 4 leave before the low half of m p_0 would come: it is known and never computed.
        let low = product[0] + reduction[0] - (i < 5) as i64;
        let high = product[1] + reduction[1];
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

/// A step for all four registers of a column `cur` and the one above it, `next`.
macro_rules! registers {
    (even $($step:tt)*) => {
        registers!(("ymm0", "ymm4") ("ymm1", "ymm5") ("ymm2", "ymm6") ("ymm3", "ymm7") $($step)*)
    };
    (odd $($step:tt)*) => {
        registers!(("ymm4", "ymm0") ("ymm5", "ymm1") ("ymm6", "ymm2") ("ymm7", "ymm3") $($step)*)
    };
    (($a:tt, $a_next:tt) ($b:tt, $b_next:tt) ($c:tt, $c_next:tt) ($d:tt, $d_next:tt) $step:ident $($argument:expr),*) => {
        concat!(
            $step!("0", $a, $a_next $(, $argument)*),
            $step!("1", $b, $b_next $(, $argument)*),
            $step!("2", $c, $c_next $(, $argument)*),
            $step!("3", $d, $d_next $(, $argument)*),
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
    ($n:expr, $cur:expr, $next:expr, $column:expr) => {
        op!("vmovdqa", $next, constant!(concat!("13 + ", $column)))
    };
}

/// Adds both halves of ymm8 times a factor; or subtracts them, if the multiply-add is `vfnm`.
macro_rules! add_halves {
    ($cur:expr, $next:expr, $factor:expr, $sign:expr) => {
        concat!(
            op!("vmovapd", "ymm9", "ymm8"),
            op!(concat!($sign, "add132pd"), "ymm9", "ymm14", $factor),
            op!("vsubpd", "ymm10", "ymm15", "ymm9"),
            op!(concat!($sign, "add231pd"), "ymm10", "ymm8", $factor),
            op!("vpaddq", $next, $next, "ymm9"),
            op!("vpaddq", $cur, $cur, "ymm10"),
        )
    };
}

macro_rules! product {
    ($n:expr, $cur:expr, $next:expr, $x:expr, $i:expr, $y:expr, $j:expr, $sign:expr) => {
        concat!(op!("vmovapd", "ymm8", limb!($x, $i, $n)), add_halves!($cur, $next, limb!($y, $j, $n), $sign))
    };
}

/// Adds `m_i p_j`, p_j being in ymm13.
macro_rules! multiple {
    ($n:expr, $cur:expr, $next:expr, $i:expr) => {
        concat!(op!("vmovapd", "ymm8", limb!("rsp", $i, $n)), add_halves!($cur, $next, "ymm13", "vfm"))
    };
}

/// With `u` the low bits of a column, `m = -u / p mod 2^51`, balanced, makes it divisible by 2^51.
///
/// `m p_0` cancels the low bits, so its low half is `-u` for u < 2^50 and `2^51 - u` above, and the carry is the column plus
/// 2^50 - 1, shifted. For u = 2^50 that says -2^50, and so it is: both roundings are ties, to even. If -1/p is 1 modulo 4, p_0
/// is 3: m is 2^50 (half of -1/p is rounded down) and half of p_0 up. If it is 3, p_0 is 1: m is -2^50, and half of p_0
/// is rounded down.
macro_rules! reduce {
    ($n:expr, $cur:expr, $next:expr, $i:expr) => {
        concat!(
            op!("vpand", "ymm8", $cur, constant!("9")),
            op!("vpor", "ymm8", "ymm8", constant!("10")),
            op!("vmovapd", "ymm10", constant!("2")),
            op!("vmovapd", "ymm9", "ymm8"),
            op!("vfmadd132pd", "ymm9", "ymm10", "ymm13"),
            op!("vsubpd", "ymm10", "ymm10", "ymm9"),
            op!("vfmadd231pd", "ymm10", "ymm8", "ymm13"),
            op!("vmovapd", limb!("rsp", $i, $n), "ymm10"),
            op!("vpaddq", $cur, $cur, constant!("11")),
            op!("vpsrlq", $cur, $cur, "51"),
            op!("vpaddq", $next, $next, $cur),
            op!("vfmadd132pd", "ymm10", "ymm14", constant!("4")),
            op!("vpaddq", $next, $next, "ymm10"),
        )
    };
}

/// A limb of the result. The column was raised by half a limb before the cut.
macro_rules! cut {
    ($n:expr, $cur:expr, $next:expr, $i:expr) => {
        concat!(
            op!("vpsrlq", "ymm8", $cur, "51"),
            op!("vpaddq", $next, $next, "ymm8"),
            op!("vpand", $cur, $cur, constant!("9")),
            op!("vpor", $cur, $cur, constant!("10")),
            op!("vsubpd", $cur, $cur, constant!("22")),
            op!("vmovapd", limb!("rdi", $i, $n), $cur),
        )
    };
}

macro_rules! top {
    ($n:expr, $cur:expr, $next:expr) => {
        concat!(op!("vsubpd", $cur, $cur, constant!("23")), op!("vmovapd", limb!("rdi", "4", $n), $cur))
    };
}

/// `a_i b_j`.
macro_rules! ab {
    ($parity:tt $i:expr, $j:expr) => {
        registers!($parity product "rdx", $i, "rcx", $j, "vfm")
    };
}
/// `a_i a_j`.
macro_rules! aa {
    ($parity:tt $i:expr, $j:expr) => {
        registers!($parity product "rdx", $i, "rdx", $j, "vfm")
    };
}
/// `a_i b_j + c_i d_j`.
macro_rules! ab_plus_cd {
    ($parity:tt $i:expr, $j:expr) => {
        concat!(ab!($parity $i, $j), registers!($parity product "r8", $i, "r9", $j, "vfm"))
    };
}
/// `a_i b_j - c_i d_j`.
macro_rules! ab_minus_cd {
    ($parity:tt $i:expr, $j:expr) => {
        concat!(ab!($parity $i, $j), registers!($parity product "r8", $i, "r9", $j, "vfnm"))
    };
}

/// A column: its products, the multiples of p, and what becomes of it.
macro_rules! column {
    ($parity:tt $column:tt: [$($term:ident $i:tt $j:tt),*] [$($m:tt $p:tt),*] $end:ident $place:tt) => {
        concat!(
            registers!($parity begin stringify!($column)),
            $($term!($parity stringify!($i), stringify!($j)),)*
            $(
                "vmovapd ymm13, ", constant!(concat!("4 + ", stringify!($p))), "\n",
                registers!($parity multiple stringify!($m)),
            )*
            "vmovapd ymm13, ", constant!("3"), "\n",
            registers!($parity $end stringify!($place)),
        )
    };
}

/// A product of which every pair of limbs is one `$term`.
macro_rules! all_pairs {
    ($t:ident) => {
        columns!(
            [$t 0 0]
            [$t 0 1, $t 1 0]
            [$t 0 2, $t 1 1, $t 2 0]
            [$t 0 3, $t 1 2, $t 2 1, $t 3 0]
            [$t 0 4, $t 1 3, $t 2 2, $t 3 1, $t 4 0]
            [$t 1 4, $t 2 3, $t 3 2, $t 4 1]
            [$t 2 4, $t 3 3, $t 4 2]
            [$t 3 4, $t 4 3]
            [$t 4 4]
        )
    };
}

/// Ten columns: the products of each of nine; the tenth gets what is carried.
macro_rules! columns {
    ($c0:tt $c1:tt $c2:tt $c3:tt $c4:tt $c5:tt $c6:tt $c7:tt $c8:tt) => {
        concat!(
            "vmovapd ymm14, ", constant!("0"), "\n",
            "vmovapd ymm15, ", constant!("1"), "\n",
            registers!(odd begin "-1"),
            column!(even 0: $c0 [] reduce 0),
            column!(odd 1: $c1 [0 1] reduce 1),
            column!(even 2: $c2 [0 2, 1 1] reduce 2),
            column!(odd 3: $c3 [0 3, 1 2, 2 1] reduce 3),
            column!(even 4: $c4 [0 4, 1 3, 2 2, 3 1] reduce 4),
            column!(odd 5: $c5 [1 4, 2 3, 3 2, 4 1] cut 0),
            column!(even 6: $c6 [2 4, 3 3, 4 2] cut 1),
            column!(odd 7: $c7 [3 4, 4 3] cut 2),
            column!(even 8: $c8 [4 4] cut 3),
            registers!(odd top),
        )
    };
}

/// Defines a function of instructions alone; the compiler would put all thirteen kilobytes wherever one is called.
macro_rules! function {
    ($(#[$doc:meta])* $name:ident($($operand:ident),*), $instructions:expr) => {
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
                $instructions,
                "mov rsp, rax",
                "ret",
            )
        }
    };
}

function!(
    /// `a b`; the table starts from [`START`].
    multiply(a, b),
    all_pairs!(ab)
);
function!(
    /// `a^2`, for `b = 2 a`; the table starts from [`START_SQUARE`].
    square(a, b),
    columns!(
        [aa 0 0]
        [ab 0 1]
        [ab 0 2, aa 1 1]
        [ab 0 3, ab 1 2]
        [ab 0 4, ab 1 3, aa 2 2]
        [ab 1 4, ab 2 3]
        [ab 2 4, aa 3 3]
        [ab 3 4]
        [aa 4 4]
    )
);
function!(
    /// `a b + c d`; the table starts from [`START_TWO`].
    sum(a, b, c, d),
    all_pairs!(ab_plus_cd)
);
function!(
    /// `a b - c d`; the table starts from [`START_TWO`].
    difference(a, b, c, d),
    all_pairs!(ab_minus_cd)
);

pub const START: [i64; 10] = start(&[1, 2, 3, 4, 5, 4, 3, 2, 1]);
pub const START_SQUARE: [i64; 10] = start(&[1, 1, 2, 2, 3, 2, 2, 1, 1]);
pub const START_TWO: [i64; 10] = start(&[2, 4, 6, 8, 10, 8, 6, 4, 2]);
