//! A small circuit, built by the circuit builder like the real one, and faults to inject.

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::AffineRepr;
use novation_circuits::cs::{Cs, Lc, Mode};
use novation_gpu::{
    choose, Backend, Error, G1Bases, G2Bases, Limits, Matrices, Pending, Reduction, Rows, Scalars, System, Transform,
};
use novation_prover::setup::generate;
use novation_prover::worker::Pace;
use novation_prover::{CircuitId, Prover, R1cs};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A worker that hardly rests.
pub const PACE: Pace =
    Pace { idle: Duration::from_millis(5), retry: Duration::from_millis(5), longest: Duration::from_millis(20) };

/// Public: x * (x + 1) * ... * (x + n) and its square root's parity bit by bit; private: x. Eight bits of x are proven, so
/// that the witness has bits, small values and full-width ones, and wires that occur in one matrix only.
fn circuit(cs: &mut Cs, n: u64, x: u64) {
    let value = (0..=n).fold(Fr::from(1u64), |product, i| product * Fr::from(x + i));
    let product = cs.public(value);
    let low = cs.public(Fr::from(x & 0xff));
    let parity = cs.public(Fr::from(x & 1));
    cs.scope("factors", 0);
    let wire = cs.alloc("x", || Fr::from(x));
    let mut at = wire.clone();
    for i in 1..=n {
        at = cs.mul("factor", &at, &(&wire + &Lc::constant(i)));
    }
    cs.enforce_eq("product", &at, &product);
    cs.scope("bits", 0);
    let mut sum = Lc::zero();
    for i in 0..8 {
        let bit = cs.bit("bit", || x >> i & 1 == 1);
        if i == 0 {
            cs.enforce_eq("parity", bit.lc(), &parity);
        }
        sum.add_scaled(bit.lc(), Fr::from(1u64 << i));
    }
    cs.enforce_eq("low", &sum, &low);
}

/// The circuit's matrices for a chain of `n` factors.
pub fn r1cs(n: u64) -> R1cs {
    let mut cs = Cs::new(Mode::Shape, &[]);
    circuit(&mut cs, n, 0);
    R1cs::from_circuit(&cs.into_matrices()).unwrap()
}

/// The assignment for a private value.
pub fn assignment(n: u64, x: u64) -> Vec<Fr> {
    let mut cs = Cs::new(Mode::Witness, &[]);
    circuit(&mut cs, n, x);
    cs.into_assignment()
}

/// Version and size under which the tests know the circuit.
pub fn id(r1cs: &R1cs) -> CircuitId {
    CircuitId::new(7, "chain", r1cs)
}

/// Every operation of every test runs on two backends and is compared.
pub fn backend() -> Arc<dyn Backend> {
    choose("dual").unwrap().backend
}

/// A fresh folder, removed with the value.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// The shared test data, or a printed line.
pub fn data(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("NOVATION_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")), PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        println!("reads {}", path.display());
        Some(path)
    } else {
        println!("skipped: no {} in the test data", name);
        None
    }
}

/// A backend whose G1 sums are wrong by one generator.
#[derive(Debug)]
pub struct WrongSums(pub Arc<dyn Backend>);

impl Backend for WrongSums {
    fn name(&self) -> &'static str {
        "wrong"
    }
    fn description(&self) -> String {
        "wrong sums".into()
    }
    fn limits(&self) -> Limits {
        self.0.limits()
    }
    fn prepare_g1(&self, points: Vec<G1Affine>, first: usize) -> Result<G1Bases, Error> {
        self.0.prepare_g1(points, first)
    }
    fn prepare_g2(&self, points: Vec<G2Affine>, first: usize) -> Result<G2Bases, Error> {
        self.0.prepare_g2(points, first)
    }
    fn prepare_system(&self, matrices: Arc<Matrices>) -> Result<System, Error> {
        self.0.prepare_system(matrices)
    }
    fn load(&self, scalars: Vec<Fr>) -> Result<Scalars, Error> {
        self.0.load(scalars)
    }
    fn msm_g1<'a>(&'a self, bases: &'a G1Bases, scalars: &'a Scalars) -> Result<Pending<'a, G1Projective>, Error> {
        let sum = self.0.msm_g1(bases, scalars)?;
        Ok(Pending::new(move || Ok(sum.wait()? + G1Affine::generator())))
    }
    fn msm_g2<'a>(&'a self, bases: &'a G2Bases, scalars: &'a Scalars) -> Result<Pending<'a, G2Projective>, Error> {
        self.0.msm_g2(bases, scalars)
    }
    fn ntt(&self, values: &mut [Fr], transform: Transform) -> Result<(), Error> {
        self.0.ntt(values, transform)
    }
    fn rows(&self, system: &System, assignment: &Scalars) -> Result<Rows, Error> {
        self.0.rows(system, assignment)
    }
    fn quotient(&self, rows: Rows, reduction: Reduction) -> Result<Scalars, Error> {
        self.0.quotient(rows, reduction)
    }
    fn read(&self, scalars: &Scalars) -> Result<Vec<Fr>, Error> {
        self.0.read(scalars)
    }
}

/// The prover of [`CHAIN`] factors that workers share.
pub fn prover() -> Arc<Prover> {
    static PROVER: OnceLock<Arc<Prover>> = OnceLock::new();
    let make = || {
        let system = r1cs(CHAIN);
        let key = generate(&system, &()).unwrap();
        Arc::new(Prover::new(backend(), system, key).unwrap())
    };
    PROVER.get_or_init(make).clone()
}

/// Factors in the circuit of [`prover`].
pub const CHAIN: u64 = 9;
