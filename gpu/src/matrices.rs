//! Rank-1 constraint matrices in the form that is cheapest to multiply with.
//!
//! A batch circuit has tens of millions of matrix entries but only a few thousand distinct coefficients (1, -1, powers of
//! two, Poseidon constants), so an entry is a wire and an index into one table: 8 bytes instead of 40, and the two most
//! frequent coefficients are recognised without looking at the table.

use crate::dot::dot;
use crate::error::Error;
use ark_bn254::Fr;
use ark_ff::{One, Zero};
use rayon::prelude::*;
use std::collections::HashMap;

/// One sparse matrix, rows concatenated. An entry is (wire, coefficient index).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SparseMatrix {
    starts: Vec<u32>,
    entries: Vec<(u32, u32)>,
}

impl SparseMatrix {
    /// Number of rows.
    pub fn num_rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of stored (non-zero) entries.
    pub fn num_entries(&self) -> usize {
        self.entries.len()
    }

    /// The entries of a row as (wire, index into [`Matrices::coefficients`]).
    pub fn row(&self, i: usize) -> &[(u32, u32)] {
        &self.entries[self.starts[i] as usize..self.starts[i + 1] as usize]
    }

    /// Row boundaries and entries as stored: row `i` is `entries[starts[i]..starts[i + 1]]`.
    pub fn parts(&self) -> (&[u32], &[(u32, u32)]) {
        (&self.starts, &self.entries)
    }
}

/// A rank-1 constraint system `(A w) * (B w) = C w`, row by row.
///
/// Wire 0 is the constant one; wires `0..num_instance` are public (the constant included), the rest is the witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrices {
    num_instance: usize,
    num_wires: usize,
    coefficients: Vec<Fr>,
    a: SparseMatrix,
    b: SparseMatrix,
    c: SparseMatrix,
}

/// Index of the coefficient 1 in every coefficient table.
pub(crate) const ONE: u32 = 0;
/// Index of the coefficient -1 in every coefficient table.
pub(crate) const MINUS_ONE: u32 = 1;

impl Matrices {
    /// Assembles matrices from stored parts, checking everything that indexing relies on.
    ///
    /// `coefficients[0]` is 1 and `coefficients[1]` is -1. Each matrix is (row boundaries, entries), see
    /// [`SparseMatrix::parts`].
    ///
    /// # Errors
    /// [`Error::MalformedMatrices`], [`Error::ColumnOutOfRange`].
    pub fn from_parts(
        num_instance: usize,
        num_wires: usize,
        coefficients: Vec<Fr>,
        [a, b, c]: [Parts; 3],
    ) -> Result<Self, Error> {
        let bad = Error::MalformedMatrices;
        if num_instance == 0 || num_instance > num_wires || num_wires > u32::MAX as usize {
            return Err(bad("wire 0 is public and public wires come first"));
        }
        if coefficients.len() < 2 || !coefficients[0].is_one() || coefficients[1] != -Fr::one() {
            return Err(bad("the coefficient table starts with 1, -1"));
        }
        if coefficients.iter().any(|c| c.is_zero()) {
            return Err(bad("a stored coefficient is zero"));
        }
        let check = |(starts, entries): Parts, matrix: char| {
            if starts.first() != Some(&0) || *starts.last().expect("not empty") as usize != entries.len() {
                return Err(bad("row boundaries do not span the entries"));
            }
            if !starts.windows(2).all(|w| w[0] <= w[1]) {
                return Err(bad("row boundaries decrease"));
            }
            let m = SparseMatrix { starts, entries };
            for row in 0..m.num_rows() {
                for &(column, coefficient) in m.row(row) {
                    if column as usize >= num_wires {
                        return Err(Error::ColumnOutOfRange { matrix, row, column, wires: num_wires });
                    }
                    if coefficient as usize >= coefficients.len() {
                        return Err(bad("an entry names a coefficient that does not exist"));
                    }
                }
            }
            Ok(m)
        };
        let (a, b, c) = (check(a, 'a')?, check(b, 'b')?, check(c, 'c')?);
        if a.num_rows() != b.num_rows() || b.num_rows() != c.num_rows() {
            return Err(bad("the three matrices differ in their number of rows"));
        }
        Ok(Matrices { num_instance, num_wires, coefficients, a, b, c })
    }

    /// Public wires, the constant one included.
    pub fn num_instance(&self) -> usize {
        self.num_instance
    }

    /// All wires.
    pub fn num_wires(&self) -> usize {
        self.num_wires
    }

    /// Number of constraints.
    pub fn num_constraints(&self) -> usize {
        self.a.num_rows()
    }

    /// The distinct coefficients; 1 and -1 come first.
    pub fn coefficients(&self) -> &[Fr] {
        &self.coefficients
    }

    /// The matrices A, B, C.
    pub fn abc(&self) -> [&SparseMatrix; 3] {
        [&self.a, &self.b, &self.c]
    }

    /// log2 of the domain: the least power of two that holds the constraints and one row per public wire.
    pub fn log_domain(&self) -> u32 {
        (self.num_constraints() + self.num_instance).next_power_of_two().trailing_zeros()
    }

    /// Inner product of one row with an assignment.
    pub fn dot(&self, matrix: &SparseMatrix, row: usize, assignment: &[Fr]) -> Fr {
        dot(matrix.row(row), &self.coefficients, assignment)
    }

    /// Checks every row against an assignment, on all threads.
    ///
    /// # Errors
    /// [`Error::WrongAssignmentLength`], [`Error::FirstWireNotOne`], [`Error::Unsatisfied`] with the first failing row.
    pub fn check(&self, assignment: &[Fr]) -> Result<(), Error> {
        self.check_shape(assignment)?;
        let failing = (0..self.num_constraints()).into_par_iter().find_first(|&i| {
            self.dot(&self.a, i, assignment) * self.dot(&self.b, i, assignment) != self.dot(&self.c, i, assignment)
        });
        failing.map_or(Ok(()), |row| Err(Error::Unsatisfied { row }))
    }

    /// Checks what every row product relies on: the number of wires and the constant one.
    ///
    /// # Errors
    /// [`Error::WrongAssignmentLength`], [`Error::FirstWireNotOne`].
    pub fn check_shape(&self, assignment: &[Fr]) -> Result<(), Error> {
        if assignment.len() != self.num_wires {
            return Err(Error::WrongAssignmentLength { expected: self.num_wires, got: assignment.len() });
        }
        if !assignment[0].is_one() {
            return Err(Error::FirstWireNotOne);
        }
        Ok(())
    }
}

/// The stored form of a matrix, see [`SparseMatrix::parts`].
type Parts = (Vec<u32>, Vec<(u32, u32)>);

/// Builds [`Matrices`] row by row, giving equal coefficients one place in the table.
#[derive(Debug)]
pub struct MatricesBuilder {
    num_instance: usize,
    num_wires: usize,
    coefficients: Vec<Fr>,
    ids: HashMap<Fr, u32>,
    rows: [Parts; 3],
}

impl MatricesBuilder {
    /// A system of no rows over `num_wires` wires, of which the first `num_instance` are public (the constant included).
    pub fn new(num_instance: usize, num_wires: usize) -> Self {
        let coefficients = vec![Fr::one(), -Fr::one()];
        let ids = coefficients.iter().copied().zip(0..).collect();
        let empty = || (vec![0], Vec::new());
        MatricesBuilder { num_instance, num_wires, coefficients, ids, rows: [empty(), empty(), empty()] }
    }

    /// Appends one constraint. Zero coefficients are left out.
    ///
    /// # Errors
    /// [`Error::MalformedMatrices`] if a matrix outgrows 32-bit indices.
    pub fn push(
        &mut self,
        a: impl IntoIterator<Item = (u32, Fr)>,
        b: impl IntoIterator<Item = (u32, Fr)>,
        c: impl IntoIterator<Item = (u32, Fr)>,
    ) -> Result<(), Error> {
        self.row(0, a)?;
        self.row(1, b)?;
        self.row(2, c)
    }

    fn row(&mut self, matrix: usize, row: impl IntoIterator<Item = (u32, Fr)>) -> Result<(), Error> {
        for (wire, coefficient) in row {
            if coefficient.is_zero() {
                continue;
            }
            let next = self.coefficients.len() as u32;
            let id = *self.ids.entry(coefficient).or_insert(next);
            if id == next {
                self.coefficients.push(coefficient);
            }
            self.rows[matrix].1.push((wire, id));
        }
        let (starts, entries) = &mut self.rows[matrix];
        let end = u32::try_from(entries.len()).map_err(|_| Error::MalformedMatrices("more than 2^32 entries"))?;
        starts.push(end);
        Ok(())
    }

    /// The finished system.
    ///
    /// # Errors
    /// [`Error::ColumnOutOfRange`], [`Error::MalformedMatrices`].
    pub fn finish(self) -> Result<Matrices, Error> {
        Matrices::from_parts(self.num_instance, self.num_wires, self.coefficients, self.rows)
    }
}
