//! Constraint systems on the card, and their checked row products. The kernel is described in `cuda/rows.cuh`.

// Launches of a kernel, whose block says why its arguments are right.
#![allow(unsafe_code)]

use super::curve;
use super::device::{Buffer, Device, Work};
use super::sums::Vector;
use crate::error::Error;
use crate::matrices::Matrices;
use ark_bn254::Fr;
use ark_ff::One;
use std::sync::Arc;

const ELEMENT: usize = 32;
const BLOCK: u32 = 256;

/// Matrices in the card's keeping: 8 bytes an entry, 4 a row and matrix, 32 a distinct coefficient.
pub(super) struct Loaded<D: Device> {
    matrices: [Matrix<D>; 3],
    coefficients: Arc<Buffer<D>>,
    coefficient_count: usize,
    constraints: usize,
    instance: usize,
    wires: usize,
    log_domain: u32,
}

struct Matrix<D: Device> {
    starts: Arc<Buffer<D>>,
    entries: Arc<Buffer<D>>,
    entry_count: usize,
}

/// Row products on the domain.
pub(super) struct Products<D: Device> {
    pub(super) abc: [Arc<Buffer<D>>; 3],
    pub(super) log: u32,
}

impl<D: Device> Loaded<D> {
    pub(super) fn new(work: &mut Work<D>, m: &Matrices) -> Result<Self, Error> {
        const WHAT: &str = "constraint matrices";
        let mut load = |matrix: &crate::SparseMatrix| {
            let (starts, entries) = matrix.parts();
            let pairs = curve::write_words(curve::pairs(starts.iter().copied()));
            let words = entries.iter().map(|&(wire, c)| u64::from(wire) | u64::from(c) << 32);
            Ok::<_, Error>(Matrix {
                starts: work.load(WHAT, starts.len().div_ceil(2), 1, pairs)?,
                entries: work.load(WHAT, entries.len(), 1, curve::write_words(words))?,
                entry_count: entries.len(),
            })
        };
        let [a, b, c] = m.abc();
        let matrices = [load(a)?, load(b)?, load(c)?];
        let coefficients = work.load(WHAT, m.coefficients().len(), 4, curve::write_scalars(m.coefficients()))?;
        work.finish()?;
        Ok(Loaded {
            matrices,
            coefficients,
            coefficient_count: m.coefficients().len(),
            constraints: m.num_constraints(),
            instance: m.num_instance(),
            wires: m.num_wires(),
            log_domain: m.log_domain(),
        })
    }

    /// The products of [`crate::Backend::rows`].
    pub(super) fn products(&self, work: &mut Work<D>, assignment: &Vector<D>) -> Result<Products<D>, Error> {
        if assignment.len != self.wires {
            return Err(Error::WrongAssignmentLength { expected: self.wires, got: assignment.len });
        }
        if !curve::scalars(&work.read(&assignment.values, 4)?)[0].is_one() {
            return Err(Error::FirstWireNotOne);
        }
        let n = 1usize << self.log_domain;
        let room = |work: &mut Work<D>| work.allocate("row products", n, ELEMENT);
        let abc = [room(work)?, room(work)?, room(work)?];
        // Above every row.
        let failing = work.load("failing row", 1, 1, |_, word| word.fill(u64::MAX))?;
        let mut list = work.arguments();
        for m in &self.matrices {
            list = list.structure(8, |s| {
                s.buffer(&m.starts, (self.constraints + 1) * 4).buffer(&m.entries, m.entry_count * 8)
            });
        }
        list = list
            .buffer(&self.coefficients, self.coefficient_count * size_of::<Fr>())
            .buffer(&assignment.values, self.wires * ELEMENT)
            .word(self.constraints)
            .word(self.instance)
            .word(n);
        for x in &abc {
            list = list.buffer(x, n * ELEMENT);
        }
        list = list.buffer(&failing, 4);
        // SAFETY: as `rows` is declared. `Matrices` has checked that entries name wires and coefficients that exist.
        unsafe { work.launch("rows", n.div_ceil(BLOCK as usize), BLOCK, list)? };
        let row = work.read(&failing, 1)?[0] as u32;
        work.finish()?;
        if row != u32::MAX {
            return Err(Error::Unsatisfied { row: row as usize });
        }
        Ok(Products { abc, log: self.log_domain })
    }
}
