//! The CPU backend: rayon threads, and vector arithmetic where the processor has it ([`vector`]).
//!
//! * Sums: [`mod@msm`], windows of digits in Z[ω] ([`digits`]), buckets filled by pairwise affine additions that share one inversion ([`adder`]).
//! * NTT and quotient: [`ntt`], [`quotient`], roots cached, four or six transforms a proof by the form of its key, the coset's shift and bit reversal within them.
//!
//! Memory beside the handles: an MSM of n points takes 40 bytes a point for its digits and, per thread, at most
//! [`msm::CHUNK`] points' worth of partial sums; a quotient over 2^k takes three vectors of 2^k and a table of roots.

pub mod adder;
mod buckets;
pub mod digits;
mod inverse;
pub mod msm;
pub mod ntt;
mod quotient;
pub mod vector;

use crate::backend::{Backend, Limits, Pending, Reduction, Transform, MAX_LOG_SIZE};
use crate::error::Error;
use crate::handle::{next_owner, G1Bases, G2Bases, Owner, Rows, Scalars, System};
use crate::matrices::Matrices;
use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::Zero;
use digits::Short;
use msm::{msm, Bases, Group};
use ntt::Roots;
use std::sync::{Arc, Mutex};
use vector::adder::{Curve, Vectorised};
use vector::Machine;

/// Most multiples of a point that are of use: one a window of the narrowest windows that a large key would use.
pub const MAX_MULTIPLES: u32 = 32;

/// The backend that every machine has.
#[derive(Debug)]
pub struct CpuBackend {
    owner: Owner,
    machine: Machine,
    // Multiples of each point that keys keep.
    multiples: u32,
    // Roots of the largest domain seen so far: they contain those of every smaller one.
    roots: Mutex<Arc<Roots>>,
}

/// Points in the form of the arithmetic that sums them.
enum Key<P: Curve + Group> {
    #[cfg(target_arch = "x86_64")]
    Ifma(Bases<P, Vectorised<P, vector::ifma::IfmaSet>>),
    #[cfg(target_arch = "x86_64")]
    Avx2(Bases<P, Vectorised<P, vector::avx2::Avx2Set>>),
    Portable(Bases<P, adder::Scalar<P>>),
}

impl<P: Curve + Group> Key<P> {
    fn new(machine: Machine, points: &[Affine<P>], first: usize, multiples: u32) -> Self {
        match machine {
            #[cfg(target_arch = "x86_64")]
            Machine::Ifma => Key::Ifma(Bases::new(points, first, multiples)),
            #[cfg(target_arch = "x86_64")]
            Machine::Avx2 => Key::Avx2(Bases::new(points, first, multiples)),
            _ => Key::Portable(Bases::new(points, first, multiples)),
        }
    }

    /// The sum over all parts, whose bases one backend made: in one form.
    fn msm(parts: &[(&Self, &[Short])]) -> Projective<P> {
        macro_rules! all {
            ($form:path) => {{
                let bases = parts.iter().map(|(key, scalars)| match key {
                    $form(bases) => (bases, *scalars),
                    _ => unreachable!("a backend makes one form"),
                });
                msm(&bases.collect::<Vec<_>>())
            }};
        }
        match parts.first() {
            None => Projective::zero(),
            #[cfg(target_arch = "x86_64")]
            Some((Key::Ifma(_), _)) => all!(Key::Ifma),
            #[cfg(target_arch = "x86_64")]
            Some((Key::Avx2(_), _)) => all!(Key::Avx2),
            Some((Key::Portable(_), _)) => all!(Key::Portable),
        }
    }
}

/// A loaded vector: as given for row products, as short numbers for sums.
struct Vector {
    values: Vec<Fr>,
    short: Vec<Short>,
}

/// Row products on the domain.
struct RowValues {
    a: Vec<Fr>,
    b: Vec<Fr>,
    c: Vec<Fr>,
}

impl Default for CpuBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl CpuBackend {
    /// A backend on rayon's global pool, with the fastest arithmetic that this processor has.
    pub fn new() -> Self {
        Self::on(Machine::detect()).expect("what was detected is here")
    }

    /// A backend with the arithmetic asked for; nothing if this processor lacks it.
    pub fn on(machine: Machine) -> Option<Self> {
        let roots = Mutex::new(Arc::new(Roots::new(machine, 0)));
        machine.is_here().then_some(CpuBackend { owner: next_owner(), machine, multiples: 1, roots })
    }

    /// Keys prepared from now on keep up to `multiples` multiples of each point: as many times the memory (64 bytes a point in
    /// G1, 128 in G2), for fewer additions a proof. 1, the points alone, to [`MAX_MULTIPLES`].
    pub fn with_multiples(mut self, multiples: u32) -> Self {
        assert!((1..=MAX_MULTIPLES).contains(&multiples), "{multiples} multiples");
        self.multiples = multiples;
        self
    }

    fn roots(&self, log: u32) -> Arc<Roots> {
        let mut roots = self.roots.lock().expect("a thread panicked while computing roots");
        if roots.log() < log {
            *roots = Arc::new(Roots::new(self.machine, log));
        }
        roots.clone()
    }

    fn check_points<P: ark_ec::short_weierstrass::SWCurveConfig>(
        &self,
        what: &'static str,
        points: &[Affine<P>],
        first: usize,
    ) -> Result<(), Error> {
        let (len, max) = (first + points.len(), self.limits().max_points);
        if len > max {
            return Err(Error::TooLarge { what, len, max });
        }
        Ok(())
    }
}

impl Backend for CpuBackend {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn description(&self) -> String {
        let kept = if self.multiples > 1 {
            format!(", up to {} multiples of each key point", self.multiples)
        } else {
            String::new()
        };
        format!("cpu: {} threads, {}{kept}", rayon::current_num_threads(), self.machine.description())
    }

    fn limits(&self) -> Limits {
        Limits { max_points: 1 << MAX_LOG_SIZE, max_log_domain: MAX_LOG_SIZE }
    }

    fn prepare_g1(&self, points: Vec<G1Affine>, first: usize) -> Result<G1Bases, Error> {
        self.check_points("G1 bases", &points, first)?;
        let span = first + points.len();
        Ok(G1Bases::new(self.owner, span, Key::new(self.machine, &points, first, self.multiples)))
    }

    fn prepare_g2(&self, points: Vec<G2Affine>, first: usize) -> Result<G2Bases, Error> {
        self.check_points("G2 bases", &points, first)?;
        let span = first + points.len();
        Ok(G2Bases::new(self.owner, span, Key::new(self.machine, &points, first, self.multiples)))
    }

    fn prepare_system(&self, matrices: Arc<Matrices>) -> Result<System, Error> {
        let (needed, max) = (matrices.log_domain(), self.limits().max_log_domain);
        if needed > max {
            return Err(Error::DomainTooLarge { needed, max });
        }
        Ok(System::new(self.owner, matrices.num_constraints(), matrices))
    }

    fn load(&self, values: Vec<Fr>) -> Result<Scalars, Error> {
        let (len, max) = (values.len(), self.limits().max_points);
        if len > max {
            return Err(Error::TooLarge { what: "scalars", len, max });
        }
        let short = digits::short(&values);
        Ok(Scalars::new(self.owner, len, Vector { values, short }))
    }

    fn msm_g1<'a>(&'a self, bases: &'a G1Bases, scalars: &'a Scalars) -> Result<Pending<'a, G1Projective>, Error> {
        self.msm_g1_all(&[(bases, scalars)])
    }

    fn msm_g1_all<'a>(&'a self, parts: &[(&'a G1Bases, &'a Scalars)]) -> Result<Pending<'a, G1Projective>, Error> {
        let mut all = Vec::with_capacity(parts.len());
        for (bases, scalars) in parts {
            let key: &Key<ark_bn254::g1::Config> = bases.get(self.owner)?;
            let vector: &Vector = scalars.get(self.owner)?;
            check_span(bases.len(), vector)?;
            all.push((key, &*vector.short));
        }
        Ok(Pending::new(move || Ok(Key::msm(&all))))
    }

    fn msm_g2<'a>(&'a self, bases: &'a G2Bases, scalars: &'a Scalars) -> Result<Pending<'a, G2Projective>, Error> {
        let key: &Key<ark_bn254::g2::Config> = bases.get(self.owner)?;
        let vector: &Vector = scalars.get(self.owner)?;
        check_span(bases.len(), vector)?;
        Ok(Pending::new(move || Ok(Key::msm(&[(key, &vector.short)]))))
    }

    fn ntt(&self, values: &mut [Fr], transform: Transform) -> Result<(), Error> {
        check_ntt(values.len(), transform, self.limits())?;
        ntt::transform(&self.roots(values.len().trailing_zeros()), values, transform);
        Ok(())
    }

    fn rows(&self, system: &System, assignment: &Scalars) -> Result<Rows, Error> {
        let matrices: &Arc<Matrices> = system.get(self.owner)?;
        let vector: &Vector = assignment.get(self.owner)?;
        let [a, b, c] = quotient::rows(matrices, &vector.values)?;
        Ok(Rows::new(self.owner, a.len(), RowValues { a, b, c }))
    }

    fn quotient(&self, rows: Rows, reduction: Reduction) -> Result<Scalars, Error> {
        let values: &RowValues = rows.get(self.owner)?;
        let log = values.a.len().trailing_zeros();
        let h = quotient::quotient(&self.roots(log), [&values.a, &values.b, &values.c], reduction);
        let short = digits::short(&h);
        Ok(Scalars::new(self.owner, h.len(), Vector { values: h, short }))
    }

    fn read(&self, scalars: &Scalars) -> Result<Vec<Fr>, Error> {
        let vector: &Vector = scalars.get(self.owner)?;
        Ok(vector.values.clone())
    }
}

fn check_span(span: usize, vector: &Vector) -> Result<(), Error> {
    if span > vector.values.len() {
        return Err(Error::SpanPastScalars { span, scalars: vector.values.len() });
    }
    Ok(())
}

/// Preconditions of an NTT that every backend shares.
pub(crate) fn check_ntt(len: usize, transform: Transform, limits: Limits) -> Result<(), Error> {
    if !len.is_power_of_two() {
        return Err(Error::NotPowerOfTwo(len));
    }
    let max = 1 << limits.max_log_domain;
    if len > max {
        return Err(Error::TooLarge { what: "NTT", len, max });
    }
    match transform {
        Transform::CosetForward(g) | Transform::CosetInverse(g) if g == Fr::from(0u64) => Err(Error::ZeroOffset),
        _ => Ok(()),
    }
}
