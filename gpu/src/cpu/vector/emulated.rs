//! The instructions of [`super::ifma`] in plain Rust: its arithmetic, tested on machines that lack them.

use super::ifma::{Ifma, Vector};
use super::{InstructionSet, Machine, Work};
use ark_ff::MontConfig;

/// Eight lanes.
#[derive(Clone, Copy)]
pub struct Emulated([u64; 8]);

fn each(a: Emulated, b: Emulated, f: impl Fn(u64, u64) -> u64) -> Emulated {
    Emulated(std::array::from_fn(|i| f(a.0[i], b.0[i])))
}

fn product(a: u64, b: u64) -> u128 {
    const MASK: u64 = (1 << 52) - 1;
    u128::from(a & MASK) * u128::from(b & MASK)
}

impl Vector for Emulated {
    unsafe fn splat(x: u64) -> Self {
        Emulated([x; 8])
    }
    unsafe fn row(words: *const u64) -> Self {
        Emulated(std::array::from_fn(|i| words.wrapping_add(i).read()))
    }
    unsafe fn add(self, b: Self) -> Self {
        each(self, b, u64::wrapping_add)
    }
    unsafe fn sub(self, b: Self) -> Self {
        each(self, b, u64::wrapping_sub)
    }
    unsafe fn and(self, b: Self) -> Self {
        each(self, b, |a, b| a & b)
    }
    unsafe fn or(self, b: Self) -> Self {
        each(self, b, |a, b| a | b)
    }
    unsafe fn left<const BITS: u32>(self) -> Self {
        each(self, self, |a, _| a << BITS)
    }
    unsafe fn right<const BITS: u32>(self) -> Self {
        each(self, self, |a, _| a >> BITS)
    }
    unsafe fn right_signed<const BITS: u32>(self) -> Self {
        each(self, self, |a, _| (a as i64 >> BITS) as u64)
    }
    unsafe fn is_zero(self) -> u8 {
        (0..8).map(|i| u8::from(self.0[i] == 0) << i).sum()
    }
    unsafe fn add_low(self, a: Self, b: Self) -> Self {
        each(self, each(a, b, |a, b| product(a, b) as u64 & ((1 << 52) - 1)), u64::wrapping_add)
    }
    unsafe fn add_high(self, a: Self, b: Self) -> Self {
        each(self, each(a, b, |a, b| (product(a, b) >> 52) as u64), u64::wrapping_add)
    }
    unsafe fn load(base: &[*const u8], offset: usize) -> [Self; 4] {
        let word = |row: usize, i: usize| base[row].wrapping_add(offset + 8 * i).cast::<u64>().read_unaligned();
        std::array::from_fn(|i| Emulated(std::array::from_fn(|row| word(row, i))))
    }
    unsafe fn store(words: [Self; 4], base: &[*mut u8], offset: usize) {
        for (row, address) in base.iter().enumerate() {
            for (i, word) in words.iter().enumerate() {
                address.wrapping_add(offset + 8 * i).cast::<u64>().write_unaligned(word.0[row]);
            }
        }
    }
}

/// IFMA arithmetic that needs no instructions.
#[derive(Clone, Copy, Debug)]
pub struct EmulatedSet;

impl InstructionSet for EmulatedSet {
    // It runs wherever the portable arithmetic does.
    const MACHINE: Machine = Machine::Portable;
    type Lanes<M: MontConfig<4>> = Ifma<Emulated, M>;

    unsafe fn call<W: Work>(work: W) -> W::Output {
        work.run()
    }
}
