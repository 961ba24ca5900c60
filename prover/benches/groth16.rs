//! Ours against ark-groth16, interleaved, in CPU seconds.
//!
//! ```text
//! cargo bench -p novation-prover -- [LOG_MIN [LOG_MAX [ROUNDS]]]      # defaults: 14 17 3
//! ```
//!
//! The circuit is a synthetic mix with the sparsity of a rollup: of 100 constraints, 79 are products of full-width values
//! with four-term factors, as a Poseidon round leaves them, and 21 are bits, half of them one. The generator is told the
//! finished matrices; so is ark-groth16's prover, which therefore synthesises faster here than from a real circuit. CPU time
//! is that of the process; the machine should be quiet, or compare ratios only.

use ark_bn254::{Bn254, Fr};
use ark_ff::{Field, UniformRand};
use ark_groth16::Groth16;
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable};
use ark_snark::SNARK;
use cpu_time::ProcessTime;
use novation_gpu::{choose, MatricesBuilder};
use novation_prover::progress::Cost;
use novation_prover::{Prover, ProvingKey, R1cs};
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::time::{Duration, Instant};

/// Public wires, the constant included: as the batch circuit has.
const INSTANCE: usize = 4;

/// The synthetic mix, filling a domain of 2^log up to its public rows, and its assignment.
fn mix(log: u32) -> (R1cs, Vec<Fr>) {
    let rows = (1usize << log) - INSTANCE;
    let mut rng = ChaCha20Rng::seed_from_u64(u64::from(log));
    let mut w: Vec<Fr> = (0..INSTANCE + 8).map(|_| Fr::rand(&mut rng)).collect();
    w[0] = Fr::ONE;
    let constants: Vec<Fr> = (0..64).map(|_| Fr::rand(&mut rng)).collect();
    let mut builder = MatricesBuilder::new(INSTANCE, INSTANCE + 8 + rows);
    let mut dense: Vec<u32> = (INSTANCE as u32..INSTANCE as u32 + 8).collect();
    for row in 0..rows {
        let wire = w.len() as u32;
        if row * 21 % 100 < 21 {
            let bit = Fr::from(rng.next_u32() % 2);
            builder.push([(wire, Fr::ONE)], [(wire, Fr::ONE), (0, -Fr::ONE)], []).unwrap();
            w.push(bit);
        } else {
            // Recent wires, as in a permutation: the state of the last rounds.
            let recent = &dense[dense.len() - 8..];
            let mut side = || -> Vec<(u32, Fr)> {
                let begin = rng.next_u32() as usize % 5;
                recent[begin..begin + 4].iter().map(|v| (*v, constants[rng.next_u32() as usize % 64])).collect()
            };
            let (a, b) = (side(), side());
            let value = |terms: &[(u32, Fr)]| -> Fr { terms.iter().map(|(v, c)| w[*v as usize] * c).sum() };
            let product = value(&a) * value(&b);
            builder.push(a, b, [(wire, Fr::ONE)]).unwrap();
            dense.push(wire);
            w.push(product);
        }
    }
    (R1cs::new(builder.finish().unwrap()), w)
}

/// The same system as arkworks wants it.
#[derive(Clone)]
struct Circuit<'a> {
    r1cs: &'a R1cs,
    w: &'a [Fr],
}

impl ConstraintSynthesizer<Fr> for Circuit<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let m = self.r1cs.matrices();
        let mut wires = vec![Variable::One];
        for value in &self.w[1..INSTANCE] {
            wires.push(cs.new_input_variable(|| Ok(*value))?);
        }
        for value in &self.w[INSTANCE..] {
            wires.push(cs.new_witness_variable(|| Ok(*value))?);
        }
        for i in 0..m.num_constraints() {
            let [a, b, c] = m.abc().map(|matrix| {
                let terms = matrix.row(i).iter();
                terms.map(|&(v, k)| (m.coefficients()[k as usize], wires[v as usize])).collect()
            });
            cs.enforce_r1cs_constraint(|| LinearCombination(a), || LinearCombination(b), || LinearCombination(c))?;
        }
        Ok(())
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration, Duration) {
    let (cpu, wall) = (ProcessTime::now(), Instant::now());
    let out = work();
    (out, cpu.elapsed(), wall.elapsed())
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|a| !a.starts_with("--")).map(|a| a.parse::<u32>().unwrap());
    let (min, max, rounds) = (args.next().unwrap_or(14), args.next().unwrap_or(17), args.next().unwrap_or(3));
    let backend = choose("auto").unwrap();
    println!("{}", backend.reason);
    for log in min..=max {
        let (r1cs, w) = mix(log);
        let constraints = r1cs.matrices().num_constraints();
        let circuit = Circuit { r1cs: &r1cs, w: &w };
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let ((ark_key, ark_vk), cpu, wall) =
            timed(|| Groth16::<Bn254>::circuit_specific_setup(circuit.clone(), &mut rng).unwrap());
        println!(
            "\n2^{log}: {constraints} constraints; setup {:.2} CPU s, {:.2} s",
            cpu.as_secs_f64(),
            wall.as_secs_f64()
        );
        let key = ProvingKey::from_ark(ark_key.clone()).unwrap();
        let (prover, cpu, _) = timed(|| Prover::new(backend.backend.clone(), r1cs.clone(), key).unwrap());
        println!("  prepare {:.3} CPU s", cpu.as_secs_f64());

        let (mut ours, mut ark) = (Vec::new(), Vec::new());
        let mut costs: Vec<Vec<Cost>> = Vec::new();
        for round in 0..rounds {
            let witness = w.clone();
            let (proved, cpu, wall) = timed(|| prover.prove(witness, &()).unwrap());
            ours.push(cpu.as_secs_f64());
            costs.push(proved.costs);
            let (proof, ark_cpu, ark_wall) =
                timed(|| Groth16::<Bn254>::prove(&ark_key, circuit.clone(), &mut rng).unwrap());
            ark.push(ark_cpu.as_secs_f64());
            assert!(Groth16::<Bn254>::verify(&ark_vk, &w[1..INSTANCE], &proof).unwrap());
            println!(
                "  round {round}: ours {:.3} CPU s ({:.3} s), ark {:.3} CPU s ({:.3} s)",
                cpu.as_secs_f64(),
                wall.as_secs_f64(),
                ark_cpu.as_secs_f64(),
                ark_wall.as_secs_f64()
            );
        }
        // Interference only adds, so the least of the rounds is the best estimate of each.
        let least = |x: &[f64]| x.iter().copied().fold(f64::INFINITY, f64::min);
        let (ours, ark) = (least(&ours), least(&ark));
        println!("  least: ours {ours:.3} CPU s, ark {ark:.3} CPU s, ratio {:.2}", ark / ours);
        println!(
            "  per constraint: ours {:.2} us, ark {:.2} us",
            1e6 * ours / constraints as f64,
            1e6 * ark / constraints as f64
        );
        for i in 0..costs[0].len() {
            let stage: Vec<f64> = costs.iter().map(|c| c[i].cpu.as_secs_f64()).collect();
            println!("    {:<10} {:.3} CPU s", costs[0][i].stage.to_string(), least(&stage));
        }
    }
}
