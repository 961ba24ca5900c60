//! The dual backend must notice a wrong result of either half, operation by operation.

use crate::common::{random_system, rng};
use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::AffineRepr;
use ark_ff::Field;
use novation_gpu::cpu::CpuBackend;
use novation_gpu::dual::Dual;
use novation_gpu::{
    Backend, Error, G1Bases, G2Bases, Limits, Matrices, Pending, Reduction, Rows, Scalars, System, Transform,
};
use std::sync::Arc;

/// The CPU backend with a fault in one operation.
#[derive(Debug)]
struct Faulty {
    inner: CpuBackend,
    operation: &'static str,
}

impl Faulty {
    fn is(&self, operation: &str) -> bool {
        self.operation == operation
    }
}

impl Backend for Faulty {
    fn name(&self) -> &'static str {
        "faulty"
    }
    fn description(&self) -> String {
        "faulty".into()
    }
    fn limits(&self) -> Limits {
        self.inner.limits()
    }
    fn prepare_g1(&self, points: Vec<G1Affine>, first: usize) -> Result<G1Bases, Error> {
        self.inner.prepare_g1(points, first + usize::from(self.is("prepare_g1")))
    }
    fn prepare_g2(&self, points: Vec<G2Affine>, first: usize) -> Result<G2Bases, Error> {
        self.inner.prepare_g2(points, first + usize::from(self.is("prepare_g2")))
    }
    fn prepare_system(&self, matrices: Arc<Matrices>) -> Result<System, Error> {
        if self.is("prepare_system") {
            return Err(Error::DomainTooLarge { needed: 9, max: 8 });
        }
        self.inner.prepare_system(matrices)
    }
    fn load(&self, mut scalars: Vec<Fr>) -> Result<Scalars, Error> {
        if self.is("load") {
            scalars.pop();
        }
        self.inner.load(scalars)
    }
    fn msm_g1<'a>(&'a self, bases: &'a G1Bases, scalars: &'a Scalars) -> Result<Pending<'a, G1Projective>, Error> {
        let sum = self.inner.msm_g1(bases, scalars)?;
        let fault = self.is("msm_g1");
        Ok(Pending::new(move || Ok(sum.wait()? + if fault { G1Affine::generator() } else { G1Affine::identity() })))
    }
    fn msm_g2<'a>(&'a self, bases: &'a G2Bases, scalars: &'a Scalars) -> Result<Pending<'a, G2Projective>, Error> {
        let sum = self.inner.msm_g2(bases, scalars)?;
        let fault = self.is("msm_g2");
        Ok(Pending::new(move || Ok(sum.wait()? + if fault { G2Affine::generator() } else { G2Affine::identity() })))
    }
    fn ntt(&self, values: &mut [Fr], transform: Transform) -> Result<(), Error> {
        self.inner.ntt(values, transform)?;
        if self.is("ntt") {
            values[0] += Fr::ONE;
        }
        Ok(())
    }
    fn rows(&self, system: &System, assignment: &Scalars) -> Result<Rows, Error> {
        if self.is("rows") {
            return Err(Error::Unsatisfied { row: 0 });
        }
        self.inner.rows(system, assignment)
    }
    fn quotient(&self, rows: Rows, reduction: Reduction) -> Result<Scalars, Error> {
        let h = self.inner.quotient(rows, reduction)?;
        if self.is("quotient") {
            let mut values = self.inner.read(&h)?;
            values[1] += Fr::ONE;
            return self.inner.load(values);
        }
        Ok(h)
    }
    fn read(&self, scalars: &Scalars) -> Result<Vec<Fr>, Error> {
        let mut values = self.inner.read(scalars)?;
        if self.is("read") {
            values[0] += Fr::ONE;
        }
        Ok(values)
    }
}

/// One use of every operation; the first error.
fn use_all(backend: &dyn Backend) -> Result<(), Error> {
    let mut rng = rng(1);
    let (m, w) = random_system(&mut rng, 9, 3);
    let n = w.len();
    let system = backend.prepare_system(m)?;
    let g1 = backend.prepare_g1(vec![G1Affine::generator(); n], 0)?;
    let g2 = backend.prepare_g2(vec![G2Affine::generator(); n], 0)?;
    let scalars = backend.load(w)?;
    let _ = backend.msm_g1(&g1, &scalars)?.wait()?;
    let _ = backend.msm_g2(&g2, &scalars)?.wait()?;
    backend.ntt(&mut [Fr::ONE; 8], Transform::Inverse)?;
    let rows = backend.rows(&system, &scalars)?;
    backend.quotient(rows, Reduction::Coefficients)?;
    backend.read(&scalars)?;
    Ok(())
}

#[test]
fn a_fault_in_any_operation_of_either_half_is_named() {
    let operations =
        ["prepare_g1", "prepare_g2", "prepare_system", "load", "msm_g1", "msm_g2", "ntt", "rows", "quotient", "read"];
    for operation in operations {
        let cpu = || Arc::new(CpuBackend::new());
        let faulty = || Arc::new(Faulty { inner: CpuBackend::new(), operation });
        // A wrong `read` is first noticed where the quotients are compared.
        let named = if operation == "read" { "quotient" } else { operation };
        let error = |first, second| Error::Disagree { operation: named, first, second };
        assert_eq!(use_all(&Dual::new(cpu(), faulty())), Err(error("cpu", "faulty")), "{operation}");
        assert_eq!(use_all(&Dual::new(faulty(), cpu())), Err(error("faulty", "cpu")), "{operation}");
    }
}

#[test]
fn halves_without_faults_agree() {
    let faultless = Faulty { inner: CpuBackend::new(), operation: "none" };
    assert_eq!(use_all(&Dual::new(Arc::new(CpuBackend::new()), Arc::new(faultless))), Ok(()));
}

#[test]
fn both_halves_refusing_alike_is_their_error_and_no_disagreement() {
    let dual = Dual::new(Arc::new(CpuBackend::new()), Arc::new(CpuBackend::new()));
    assert_eq!(dual.ntt(&mut [Fr::ONE; 3], Transform::Forward), Err(Error::NotPowerOfTwo(3)));
}
