//! A node's part: queue, witnesses, key, desk, and its routes on a port of loopback.

use ark_bn254::Fr;
use novation_api::worker::{router, Desk, Setting, Token};
use novation_circuits::cs::{Cs, Mode};
use novation_gpu::choose;
use novation_prover::dump::Dump;
use novation_prover::keyfile::KeyStore;
use novation_prover::witness_store::FileWitnesses;
use novation_prover::{CircuitId, Prover, R1cs};
use novation_sequencer::jobs::{system_clock, Jobs, SqlJobs};
use novation_verifier::groth16::{verify, Proof, VerifyingKey};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

pub const TOKEN: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
pub const VERSION: u32 = 7;
pub const SIZE: &str = "toy";

/// Public: x^8 and x + 1; private: x.
fn toy(cs: &mut Cs, x: u64) {
    let value = Fr::from(x);
    let squared = value * value;
    let fourth = squared * squared;
    let power = cs.public(fourth * fourth);
    let next = cs.public(value + Fr::from(1));
    cs.scope("toy", 0);
    let wire = cs.alloc("x", || value);
    let squared = cs.mul("square", &wire, &wire);
    let fourth = cs.mul("fourth", &squared, &squared);
    let eighth = cs.mul("eighth", &fourth, &fourth);
    cs.enforce_eq("power", &eighth, &power);
    let one = novation_circuits::cs::Lc::constant(1);
    cs.enforce_eq("next", &(&wire + &one), &next);
}

pub fn system() -> R1cs {
    let mut cs = Cs::new(Mode::Shape, &[]);
    toy(&mut cs, 0);
    R1cs::from_circuit(&cs.into_matrices()).unwrap()
}

pub fn circuit() -> CircuitId {
    CircuitId::new(VERSION, SIZE, &system())
}

pub fn circuit_of(version: u32, size: &str) -> Option<R1cs> {
    (version == VERSION && size == SIZE).then(system)
}

/// A batch's private value.
fn secret(batch: u64) -> u64 {
    1_000 + batch
}

pub fn witness(batch: u64) -> Dump {
    let mut cs = Cs::new(Mode::Witness, &[]);
    toy(&mut cs, secret(batch));
    Dump { circuit: circuit(), assignment: cs.into_assignment() }
}

pub fn inputs(batch: u64) -> Vec<Fr> {
    witness(batch).assignment[1..3].to_vec()
}

pub struct Node {
    pub url: String,
    pub desk: Arc<Desk<SqlJobs, FileWitnesses>>,
    pub key: VerifyingKey,
    /// Batches that the node was told of.
    pub told: Arc<Mutex<Vec<u64>>>,
    pub folder: TempDir,
    server: tokio::task::JoinHandle<()>,
}

impl Node {
    /// A node that wants batches 1 to `batches` proven.
    pub async fn start(batches: u64, lease: Duration) -> Node {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyStore::new(folder.path().join("keys"));
        let (key, _) = keys.open_or_generate(&circuit(), &system(), &()).unwrap();
        let jobs = SqlJobs::open(&format!("sqlite:{}/log.db", folder.path().display()), system_clock()).await.unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = told.clone();
        let desk = Arc::new(Desk::new(Setting {
            jobs,
            witnesses: Arc::new(FileWitnesses::new(folder.path().join("witnesses"))),
            circuit: circuit(),
            key: key.verifying.clone(),
            key_file: keys.path(&circuit()),
            lease,
            inputs: Box::new(move |batch| (1..=batches).contains(&batch).then(|| inputs(batch))),
            proven: Box::new(move |batch| hears.lock().unwrap().push(batch)),
        }));
        for batch in 1..=batches {
            desk.enqueue(batch, witness(batch)).await.unwrap();
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = router(desk.clone(), Token::new(TOKEN).unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Node { url, desk, key: key.verifying, told, folder, server }
    }

    pub fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    /// A prover with the node's key.
    pub fn prover(&self) -> Arc<Prover> {
        let key = KeyStore::new(self.keys()).open(&circuit(), &system(), &()).unwrap();
        Arc::new(Prover::new(choose("cpu").unwrap().backend, system(), key).unwrap())
    }

    /// A proof of a batch.
    pub fn prove(&self, batch: u64) -> Proof {
        self.prover().prove(witness(batch).assignment, &()).unwrap().proof
    }

    /// Waits until a batch is proven.
    pub async fn proof(&self, batch: u64) -> Proof {
        loop {
            if let Some(proof) = self.desk.proof(batch).await.unwrap() {
                return proof;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until all batches are proven, and checks the proofs.
    pub async fn all_proven(&self, batches: u64) {
        for batch in 1..=batches {
            let proof = self.proof(batch).await;
            assert_eq!(verify(&self.key, &proof, &inputs(batch)), Ok(()), "batch {batch}");
        }
    }

    pub async fn job(&self, batch: u64) -> novation_sequencer::jobs::Job {
        self.desk.jobs().job(batch).await.unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.server.abort();
    }
}
