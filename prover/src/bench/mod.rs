//! What a box can do: our prover beside ark-groth16, on the same circuit and witness, in the same run, each with a key in its own form.
//!
//! * [`mix`]: a rollup-like circuit of any size; the batch circuit and circuits of others are subjects as well.
//! * [`Bench`]: proves a subject several times, in turn with ark-groth16, and measures.
//! * [`work`]: how many field products each stage needs at least: what a measured stage is held against.
//! * [`Report`]: the result, as JSON and as a table.
//!
//! Times are CPU seconds of the whole process (so nothing else should run in it), of the best round: interference only adds.
//! Work on a card costs no CPU time; there the wall times count.

pub(crate) mod ark;
pub mod memory;
pub mod mix;
mod report;
pub mod work;

pub use report::{KeyOrigin, Machine, Report, SizeReport, StageReport};

use crate::groth16::{PrepareError, ProveError, Proved, Prover};
use crate::key::ProvingKey;
use crate::keyfile::{CircuitId, KeyFileError, KeyStore, Origin};
use crate::matrices::R1cs;
use crate::progress::Observer;
use ark_bn254::Fr;
use ark_relations::gr1cs::SynthesisError;
use cpu_time::ProcessTime;
use novation_gpu::{Backend, Reduction};
use novation_verifier::groth16::{ProofError, VerifyError};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;
use thiserror::Error;
use work::Work;

/// Why nothing was measured.
#[derive(Debug, Error)]
pub enum BenchError {
    /// No key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The backend does not take key or circuit.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// Our prover made no proof.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// ark-groth16 made no proof.
    #[error("ark-groth16: {0}")]
    Ark(SynthesisError),
    /// A point of ark-groth16's proof is no proof element.
    #[error("the proof of ark-groth16 is malformed: {0}")]
    ArkMalformed(#[from] ProofError),
    /// ark-groth16's proof does not verify.
    #[error("the proof of ark-groth16 does not verify: {0}")]
    ArkRefused(#[from] VerifyError),
}

/// A circuit with an assignment that satisfies it.
#[derive(Clone)]
pub struct Subject {
    /// Name in the report. With a stored key in the name of its file too: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// The circuit.
    pub r1cs: R1cs,
    /// 1, public inputs, witness.
    pub assignment: Vec<Fr>,
}

impl std::fmt::Debug for Subject {
    // PRIVACY: never the assignment; it may be that of a real batch.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subject({}, {} wires)", self.name, self.assignment.len())
    }
}

/// How to measure.
#[derive(Clone, Debug)]
pub struct Bench {
    /// What computes.
    pub backend: Arc<dyn Backend>,
    /// Measured proofs; one more is made first, which warms caches and in which memory is measured.
    pub rounds: NonZeroU32,
    /// Seconds of one field product, see [`work::product_seconds`].
    pub product_s: f64,
}

/// Opens, or makes, the key for ark-groth16.
type ArkKey<'r> = &'r dyn Fn() -> Result<ProvingKey, KeyFileError>;

impl Bench {
    /// Measures a subject with a key from `keys` under this circuit version, made there if it is absent, and with `with_ark`
    /// ark-groth16 with a key in its form, which is kept there too.
    ///
    /// # Errors
    /// [`BenchError`].
    pub fn stored(
        &self,
        subject: &Subject,
        (keys, version): (&KeyStore, u32),
        with_ark: bool,
        observer: &dyn Observer,
    ) -> Result<SizeReport, BenchError> {
        let id = CircuitId::new(version, subject.name.as_str(), &subject.r1cs);
        let (key, origin) = keys.open_or_generate(&id, &subject.r1cs, observer)?;
        let origin = match origin {
            Origin::Cached => KeyOrigin::Cached,
            Origin::Generated => KeyOrigin::Generated,
        };
        // Opened when it is needed, not now: while memory is measured there is one key.
        let ark_key = || {
            let id = CircuitId::new(version, format!("{}-ark", subject.name), &subject.r1cs);
            keys.open_or_generate_as(Reduction::Coefficients, &id, &subject.r1cs, observer).map(|(key, _)| key)
        };
        let (report, _) = self.run(subject, key, origin, with_ark.then_some(&ark_key), observer)?;
        Ok(report)
    }

    /// Measures a subject with a key that was made elsewhere; ours alone. Returns the last proof too.
    ///
    /// # Errors
    /// [`BenchError`].
    pub fn given(
        &self,
        subject: &Subject,
        key: ProvingKey,
        observer: &dyn Observer,
    ) -> Result<(SizeReport, Proved), BenchError> {
        self.run(subject, key, KeyOrigin::Given, None, observer)
    }

    fn run(
        &self,
        subject: &Subject,
        key: ProvingKey,
        origin: KeyOrigin,
        ark_key: Option<ArkKey>,
        observer: &dyn Observer,
    ) -> Result<(SizeReport, Proved), BenchError> {
        let matrices = subject.r1cs.matrices();
        key.check_shape(matrices).map_err(PrepareError::from)?;
        matrices.check_shape(&subject.assignment).map_err(|e| ProveError::Assignment(subject.r1cs.name_row(e)))?;
        let work = Work::count(matrices, &key, &subject.assignment);
        let prover = Prover::new(self.backend.clone(), subject.r1cs.clone(), key)?;

        let peak = memory::Peak::watch();
        let assignment = subject.assignment.clone();
        let mut proved = prover.prove(assignment, observer)?;
        let peak_bytes = peak.and_then(memory::Peak::bytes);

        let ark = ark_key.map(|open| Ok::<_, KeyFileError>(ark::Prover::new(subject, open()?))).transpose()?;
        let mut best: Option<Round> = None;
        let mut ark_cpu_s: Option<f64> = None;
        for _ in 0..self.rounds.get() {
            let assignment = subject.assignment.clone();
            let (cpu, wall) = (ProcessTime::now(), Instant::now());
            proved = prover.prove(assignment, observer)?;
            let (cpu_s, wall_s) = (cpu.elapsed().as_secs_f64(), wall.elapsed().as_secs_f64());
            if best.as_ref().is_none_or(|best| cpu_s < best.cpu_s) {
                best = Some(Round { cpu_s, wall_s, costs: proved.costs.clone() });
            }
            if let Some(ark) = &ark {
                let cpu_s = ark.prove(&proved.public_inputs)?;
                ark_cpu_s = Some(ark_cpu_s.map_or(cpu_s, |least| least.min(cpu_s)));
            }
        }
        let best = best.expect("at least one round");
        let report = SizeReport::new(report::Measured {
            name: subject.name.clone(),
            constraints: matrices.num_constraints(),
            key: origin,
            best,
            ark_cpu_s,
            peak_bytes,
            work,
            product_s: self.product_s,
        });
        Ok((report, proved))
    }
}

/// The best proof of ours.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    cpu_s: f64,
    wall_s: f64,
    costs: Vec<crate::progress::Cost>,
}

#[cfg(test)]
mod tests;
