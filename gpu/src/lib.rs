//! The seam between proving and hardware: multi-scalar multiplication, NTT and quotient over BN254.
//!
//! A leaf that knows no ledger and no proof system beyond rank-1 constraints. [`Backend`] is the trait; everything above
//! holds an `Arc<dyn Backend>` from [`choose`] and never learns which machine does the work:
//!
//! * [`cpu::CpuBackend`]: rayon threads, bucket sums with batched affine additions, NTT with cached roots. The default.
//! * [`cuda::CudaBackend`]: kernels of our own on an NVIDIA card, keys resident there.
//! * [`reference::ReferenceBackend`]: arkworks' own routines, one call each. Slow; what the others are compared with.
//! * [`dual::Dual`]: runs two backends and compares after every operation. For test suites.
//!
//! Data stays where the backend wants it: keys ([`G1Bases`], [`G2Bases`]), constraint systems ([`System`]), scalar vectors
//! ([`Scalars`]) and row values ([`Rows`]) are opaque handles, so a card can keep them resident and a CPU can keep tables.
//! Multi-scalar multiplications return [`Pending`]: a backend with queues starts the work at once and hands back a ticket,
//! so sums in G2 can overlap NTTs without a change above this crate.
//!
//! Forms: field elements cross the seam as arkworks values (Montgomery form, four 64-bit limbs, little endian), points as
//! affine arkworks values in, projective out. Vectors are in natural order on both sides of every call.

mod backend;
pub mod choose;
pub mod cpu;
pub mod cuda;
mod dot;
pub mod dual;
mod error;
mod handle;
mod matrices;
pub mod reference;

pub use backend::{Backend, Limits, Pending, Reduction, Transform, MAX_LOG_SIZE};
pub use choose::{choose, Chosen, BACKENDS};
pub use error::Error;
pub use handle::{next_owner, G1Bases, G2Bases, Handle, Owner, Rows, Scalars, System};
pub use matrices::{Matrices, MatricesBuilder, SparseMatrix};
