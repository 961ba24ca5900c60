//! Whole proofs on the CUDA backend, its kernels emulated.

// The helper is that of the gpu crate's tests.
#[path = "../../../gpu/tests/backends/compiled.rs"]
mod compiled;

use crate::common::{assignment, r1cs};
use compiled::with_emulated_driver;
use novation_gpu::choose;
use novation_prover::{setup, Prover};
use novation_verifier::groth16::verify;

#[test]
fn proofs_verify_on_emulated_cuda() {
    with_emulated_driver("cuda::proofs_verify_on_emulated_cuda", &[], || {
        // n + 15 rows with those of the public wires.
        for n in [1, 17, 50] {
            let system = r1cs(n);
            let key = setup::generate(&system, &()).unwrap();
            let prover = Prover::new(choose("cuda").unwrap().backend, system, key).unwrap();
            // The second proof uses queues and memory of the first.
            for x in [3, 200] {
                let w = assignment(n, x);
                let proved = prover.prove(w.clone(), &()).unwrap();
                assert_eq!(verify(prover.verifying_key(), &proved.proof, &w[1..4]), Ok(()));
                assert!(proved.backend.starts_with("cuda: Emulated card"), "{}", proved.backend);
            }
        }
    });
}
