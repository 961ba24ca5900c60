//! Random valid batches become proofs that verify; a batch that breaks a rule gives the constraint's name and no proof.

use novation_circuits::batch as circuit;
use novation_gpu::choose;
use novation_prover::batch::BatchProver;
use novation_prover::{KeyStore, ProveError};
use novation_state::public_data::PublicData;
use novation_state::size::TINY;
use novation_state::testkit::World;

#[test]
fn random_batches_are_proven_and_a_false_one_names_its_constraint() {
    let keys = KeyStore::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/keys"));
    let prover = BatchProver::open(TINY, &keys, choose("auto").unwrap().backend, &()).unwrap();
    let mut world = World::new(21, TINY);
    for _ in 0..2 {
        let trace = world.random_batch();
        let proven = prover.prove(&trace, &()).unwrap();
        let key = prover.prover().verifying_key();
        assert_eq!(novation_verifier::groth16::verify(key, &proven.proved.proof, &proven.public.inputs()), Ok(()));
    }
    let mut trace = world.random_batch();
    trace.header.old_root += ark_bn254::Fr::from(1u64);
    let public = PublicData::of(&trace);
    assert!(circuit::check(&trace, &public).is_err_and(|e| e.0.name == "account.root_chain"));
    match prover.prove(&trace, &()) {
        Err(ProveError::Assignment(reason)) => {
            assert!(reason.to_string().contains("account.root_chain"), "{reason}")
        }
        other => panic!("{other:?}"),
    }
}
