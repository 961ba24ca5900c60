//! The CUDA backend: kernels of our own on an NVIDIA card.
//!
//! * [`Device`]: memory, queues and launches. [`driver::Driver`] is a card, through the CUDA driver loaded at run time; the
//!   tests of this crate run the very same kernels on the host, so everything above the trait is tested without a card.
//! * Kernels: `cuda/*.cuh`, compiled by `.ci/cuda.sh` into the cubin and PTX that [`driver`] embeds.
//!
//! Forms and layouts: field elements as arkworks has them (Montgomery, R = 2^256, 32 bytes), points affine and finite,
//! vectors contiguous and in natural order. Keys stay on the card with as many precomputed window multiples of each point as
//! fit ([`plan`]); scalars stay there between load and proof, and A, B and L share one sort of their digits.
//!
//! Each sum runs in a queue of its own from the moment its ticket is made; loads, rows, transforms and quotient return when
//! they are done. What goes to the card is written into page-locked memory piece by piece, so that a copy runs beside the writing
//! of the next piece, and beside all other queues. Nothing is freed while the card uses it, also after an error ([`device::Work`]).
//!
//! PRIVACY: memory that is given back keeps what was in it until it is used again. Other processes cannot read it (the
//! driver wipes what changes hands); a witness is as safe on the card as in this process.

mod curve;
mod device;
pub mod driver;
mod plan;
mod rows;
mod sums;
mod transform;

pub use device::{Argument, Device, Fill, PIECE_ALIGN};

use crate::backend::{Backend, Limits, Pending, Reduction, Transform, MAX_LOG_SIZE};
use crate::cpu::check_ntt;
use crate::error::Error;
use crate::handle::{next_owner, G1Bases, G2Bases, Handle, Owner, Rows, Scalars, System};
use crate::matrices::Matrices;
use ark_bn254::{g1, g2, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::short_weierstrass::{Affine, Projective};
use curve::Group;
use device::{Queues, Work};
use rows::{Loaded, Products};
use std::fmt;
use std::sync::Arc;
use sums::{Plans, Points, Vector};
use transform::Powers;

/// Multiples of each point that are kept where memory allows: as many as there are windows, whatever their width.
pub const ALL_TABLES: usize = plan::MAX_TABLES;

/// The backend on a device.
pub struct CudaBackend<D: Device> {
    owner: Owner,
    roots: Powers<D>,
    queues: Queues<D>,
    plans: Plans,
    max_tables: usize,
    // Last, so that it outlives what lies in its memory.
    device: D,
}

impl<D: Device> fmt::Debug for CudaBackend<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CudaBackend({:?})", self.device)
    }
}

impl<D: Device> CudaBackend<D> {
    /// A backend that keeps at most `max_tables` multiples of each point: [`ALL_TABLES`] for speed, 1 for none. Fewer where
    /// memory is short: a key may take five eighths of what is free when it is loaded, and leaves room for a proof.
    ///
    /// # Errors
    /// [`Error::Device`], [`Error::TooLarge`] if not even the tables of roots fit.
    pub fn new(device: D, max_tables: usize) -> Result<Self, Error> {
        let queues = Queues::default();
        let roots = {
            let mut work = Work::new(&device, &queues)?;
            let roots = Powers::roots(&mut work)?;
            work.finish()?;
            roots
        };
        Ok(CudaBackend { owner: next_owner(), roots, queues, plans: Plans::default(), max_tables, device })
    }

    fn work(&self) -> Result<Work<'_, D>, Error> {
        Work::new(&self.device, &self.queues)
    }

    fn prepare<G: Group, K: crate::handle::Kind>(
        &self,
        points: &[Affine<G>],
        first: usize,
    ) -> Result<Handle<K>, Error> {
        let (span, max) = (first + points.len(), self.limits().max_points);
        if span > max {
            return Err(Error::TooLarge { what: G::WHAT, len: span, max });
        }
        let free = self.device.free_bytes()?;
        let points = Points::<D>::new(&mut self.work()?, points, first, &self.plans, self.max_tables, free)?;
        Ok(Handle::new(self.owner, span, points))
    }

    fn msm<'a, G: Group, K: crate::handle::Kind>(
        &'a self,
        bases: &'a Handle<K>,
        scalars: &'a Scalars,
    ) -> Result<Pending<'a, Projective<G>>, Error> {
        let points: &Points<D> = bases.get(self.owner)?;
        let vector: &Vector<D> = scalars.get(self.owner)?;
        if bases.len() > vector.len {
            return Err(Error::SpanPastScalars { span: bases.len(), scalars: vector.len });
        }
        Ok(Pending::new(points.sum::<G>(vector, &self.device, &self.queues)?))
    }

    /// Multiples of each point that these bases keep, itself included.
    ///
    /// # Errors
    /// [`Error::ForeignHandle`].
    pub fn tables<K: crate::handle::Kind>(&self, bases: &Handle<K>) -> Result<usize, Error> {
        Ok(bases.get::<Points<D>>(self.owner)?.tables())
    }
}

impl<D: Device> Backend for CudaBackend<D> {
    fn name(&self) -> &'static str {
        "cuda"
    }

    fn description(&self) -> String {
        format!("cuda: {}", self.device.description())
    }

    fn limits(&self) -> Limits {
        Limits { max_points: 1 << MAX_LOG_SIZE, max_log_domain: MAX_LOG_SIZE }
    }

    fn prepare_g1(&self, points: Vec<G1Affine>, first: usize) -> Result<G1Bases, Error> {
        self.prepare::<g1::Config, _>(&points, first)
    }

    fn prepare_g2(&self, points: Vec<G2Affine>, first: usize) -> Result<G2Bases, Error> {
        self.prepare::<g2::Config, _>(&points, first)
    }

    fn prepare_system(&self, matrices: Arc<Matrices>) -> Result<System, Error> {
        let (needed, max) = (matrices.log_domain(), self.limits().max_log_domain);
        if needed > max {
            return Err(Error::DomainTooLarge { needed, max });
        }
        let loaded = Loaded::new(&mut self.work()?, &matrices)?;
        Ok(System::new(self.owner, matrices.num_constraints(), loaded))
    }

    fn load(&self, scalars: Vec<Fr>) -> Result<Scalars, Error> {
        let (len, max) = (scalars.len(), self.limits().max_points);
        if len > max {
            return Err(Error::TooLarge { what: "scalars", len, max });
        }
        let mut work = self.work()?;
        let values = work.load("scalars", len, 4, curve::write_scalars(&scalars))?;
        work.finish()?;
        Ok(Scalars::new(self.owner, len, Vector::new(values, len)))
    }

    fn msm_g1<'a>(&'a self, bases: &'a G1Bases, scalars: &'a Scalars) -> Result<Pending<'a, G1Projective>, Error> {
        self.msm::<g1::Config, _>(bases, scalars)
    }

    fn msm_g2<'a>(&'a self, bases: &'a G2Bases, scalars: &'a Scalars) -> Result<Pending<'a, G2Projective>, Error> {
        self.msm::<g2::Config, _>(bases, scalars)
    }

    fn ntt(&self, values: &mut [Fr], transform: Transform) -> Result<(), Error> {
        check_ntt(values.len(), transform, self.limits())?;
        transform::transform(&mut self.work()?, &self.roots, values, transform)
    }

    fn rows(&self, system: &System, assignment: &Scalars) -> Result<Rows, Error> {
        let system: &Loaded<D> = system.get(self.owner)?;
        let products = system.products(&mut self.work()?, assignment.get(self.owner)?)?;
        Ok(Rows::new(self.owner, 1 << products.log, products))
    }

    fn quotient(&self, rows: Rows, reduction: Reduction) -> Result<Scalars, Error> {
        let products: &Products<D> = rows.get(self.owner)?;
        let [a, b, c] = &products.abc;
        let mut work = self.work()?;
        let h = transform::quotient(&mut work, &self.roots, products.log, [a, b, c], reduction)?;
        work.finish()?;
        let n = 1 << products.log;
        Ok(Scalars::new(self.owner, n, Vector::new(h, n)))
    }

    fn read(&self, scalars: &Scalars) -> Result<Vec<Fr>, Error> {
        let vector: &Vector<D> = scalars.get(self.owner)?;
        Ok(curve::scalars(&self.work()?.read(&vector.values, 4 * vector.len)?))
    }
}
