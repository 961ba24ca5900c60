//! What `state` accepts the circuit proves: random valid batches, in check mode and through the matrices.

use novation_circuits::batch;
use novation_state::public_data::PublicData;
use novation_state::size::{DEMO, TINY};
use novation_state::testkit::World;

#[test]
fn random_valid_batches_of_the_tiny_size_satisfy_every_constraint() {
    let matrices = batch::matrices(&TINY);
    for seed in 1..=4 {
        println!("seed {seed}");
        let mut world = World::new(seed, TINY);
        for n in 0..6 {
            let trace = world.random_batch();
            let public = PublicData::of(&trace);
            assert_eq!(batch::failures(&trace, &public, &[]), [], "seed {seed}, batch {n}");
            let assignment = batch::assignment(&trace, &public);
            assert_eq!(matrices.unsatisfied(&assignment), [], "seed {seed}, batch {n}");
        }
    }
}

#[test]
fn a_random_valid_batch_of_the_demo_size_satisfies_every_constraint() {
    let mut world = World::new(5, DEMO);
    for _ in 0..2 {
        let trace = world.random_batch();
        assert_eq!(batch::failures(&trace, &PublicData::of(&trace), &[]), []);
    }
}
