//! What a backend refuses, and why.

use thiserror::Error;

/// Errors of the seam. Every variant says what to change.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A vector is longer than the backend can take ([`crate::Limits`]).
    #[error("{what}: {len} elements, but this backend takes at most {max}")]
    TooLarge {
        /// The operation and its operand.
        what: &'static str,
        /// Elements asked for.
        len: usize,
        /// Elements possible.
        max: usize,
    },
    /// Bases reach past the end of the scalar vector they are multiplied with.
    #[error("bases span scalars 0..{span}, but only {scalars} scalars are loaded")]
    SpanPastScalars {
        /// One past the last scalar that the bases name.
        span: usize,
        /// Scalars loaded.
        scalars: usize,
    },
    /// An NTT of a length that is not a power of two.
    #[error("an NTT needs a power of two, not {0} elements")]
    NotPowerOfTwo(usize),
    /// A coset transform whose offset is zero has no inverse and no evaluation points.
    #[error("the offset of a coset must not be zero")]
    ZeroOffset,
    /// A coset transform or quotient whose domain the field cannot hold.
    #[error("constraint system needs a domain of 2^{needed}, limit 2^{max}")]
    DomainTooLarge {
        /// log2 of the domain that constraints and public inputs need.
        needed: u32,
        /// log2 of the largest domain.
        max: u32,
    },
    /// The assignment has the wrong number of wires for the system.
    #[error("assignment has {got} wires, the constraint system {expected}")]
    WrongAssignmentLength {
        /// Wires of the system.
        expected: usize,
        /// Wires given.
        got: usize,
    },
    /// Wire 0 is the constant one.
    #[error("wire 0 of the assignment is not the constant one")]
    FirstWireNotOne,
    /// The assignment does not satisfy this row; it is the first such row.
    #[error("constraint {row} is not satisfied")]
    Unsatisfied {
        /// Index of the first row that does not hold.
        row: usize,
    },
    /// A matrix entry names a wire that does not exist.
    #[error("matrix {matrix}, row {row}: wire {column} of {wires}")]
    ColumnOutOfRange {
        /// `'a'`, `'b'` or `'c'`.
        matrix: char,
        /// Row of the entry.
        row: usize,
        /// Wire named.
        column: u32,
        /// Wires that exist.
        wires: usize,
    },
    /// A matrix has more entries or coefficients than 32-bit indices can name, or its parts do not fit each other.
    #[error("malformed matrices: {0}")]
    MalformedMatrices(&'static str),
    /// A handle made by one backend was passed to another.
    #[error("{what} belong to another backend instance; prepare them with the one that computes")]
    ForeignHandle {
        /// Kind of handle.
        what: &'static str,
    },
    /// `cpu:M` with an M that is no number of multiples to keep.
    #[error("backend `{name}`: the number of multiples of each key point to keep is 1 to {max}")]
    Multiples {
        /// The name asked for.
        name: String,
        /// Most multiples.
        max: u32,
    },
    /// No backend of that name is known.
    #[error("unknown backend `{name}`; this build knows {known}")]
    UnknownBackend {
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// The backend is known but something it needs is absent.
    #[error("backend `{name}` is not available: {missing}")]
    Unavailable {
        /// The name asked for.
        name: String,
        /// What is missing and what to do.
        missing: String,
    },
    /// A device failed. What was under way is lost; after most failures the device needs a new process.
    #[error("device, {operation}: {message}")]
    Device {
        /// What was asked of it.
        operation: &'static str,
        /// What it said.
        message: String,
    },
    /// The two halves of a [`crate::dual::Dual`] disagree: one of them is wrong.
    #[error("backends {first} and {second} disagree on {operation}")]
    Disagree {
        /// The operation whose results differ.
        operation: &'static str,
        /// Name of the first backend.
        first: &'static str,
        /// Name of the second backend.
        second: &'static str,
    },
}
