//! Every word that is signed and every word that is public binds.

use crate::kit::*;
use ark_bn254::Fr;
use ark_ff::One;
use novation_state::crypto::poseidon;
use novation_state::message::MESSAGE_WORDS;
use novation_state::public_data::{num_words, PublicData};
use novation_state::size::TINY;
use novation_state::tags::Tag;
use novation_state::trace::BatchTrace;
use novation_state::transition::BatchInput;
use rayon::prelude::*;

/// Two fills, a withdrawal, a deposit, everything public in use.
fn rich() -> (novation_state::testkit::World, BatchTrace) {
    let mut world = stage();
    let mut input = world.input();
    input.fills = world.trade(0, 1, id(FUTURE), 5).to_vec();
    input.commands = vec![world.command(2, world.withdrawal(2, 1_000_000))];
    input.deposits = vec![world.deposit(3, MONEY)];
    let (_, trace) = apply(&mut world, input);
    (world, trace)
}

/// Type, deployment, account slot, order slot, nonce, epoch, and every term: a signature over a message that differs in one
/// word is none.
#[test]
fn a_signature_over_any_other_word_is_refused() {
    println!("seed {SEED}");
    let (world, trace) = rich();
    (0..2 * MESSAGE_WORDS).into_par_iter().for_each(|i| {
        let (word, order) = (i / 2, i % 2 == 0);
        let mut trace = trace.clone();
        let mut words = if order { trace.orders[0].order.words() } else { trace.commands[0].command.words() };
        words[word] += Fr::one();
        let hash = poseidon::hash(Tag::Message.fr(), &words);
        if order {
            trace.orders[0].signature = world.sign(slot(1), hash);
        } else {
            trace.commands[0].signature = world.sign(slot(3), hash);
        }
        assert_eq!(strongest(&trace, &[]), names(&["eddsa.equation"]), "word {word}, order: {order}");
    });
}

/// A message of one type does not serve as another: an order's signature is over the type word too.
#[test]
fn every_public_word_binds() {
    println!("seed {SEED}");
    let (_, trace) = rich();
    let public = PublicData::of(&trace);
    assert_eq!(public.words.len(), num_words(&TINY));
    (0..public.words.len()).into_par_iter().for_each(|i| {
        let mut words = public.words.clone();
        words[i] += Fr::one();
        let tampered = PublicData::from_words(words, public.c);
        assert_eq!(Run::of(&trace, &tampered, &[]).names(), names(&["link.evaluation"]), "word {i}");
    });
}

#[test]
fn commitment_challenge_and_value_bind() {
    let (_, trace) = rich();
    let public = PublicData::of(&trace);
    let one = Fr::one();
    let c = PublicData::from_words(public.words.clone(), public.c + one);
    assert_eq!(Run::of(&trace, &c, &[]).names(), names(&["link.commitment"]));
    let y = PublicData { y: public.y + one, ..public.clone() };
    assert_eq!(Run::of(&trace, &y, &[]).names(), names(&["link.evaluation"]));
    let z = PublicData { z: public.z + one, ..public };
    assert_eq!(Run::of(&trace, &z, &[]).names(), names(&["link.evaluation"]));
}

/// What c absorbs beyond D: the blind makes it hide, and a batch with another blind has another c.
#[test]
fn the_blind_moves_the_commitment_and_nothing_else() {
    let (_, trace) = rich();
    let public = PublicData::of(&trace);
    let mut other = trace.clone();
    other.blind += Fr::one();
    assert_eq!(Run::of(&other, &public, &[]).names(), names(&["link.commitment"]));
    assert_eq!(strongest(&other, &[]), names(&[]));
    let empty = BatchInput { ..stage().input() };
    let mut world = stage();
    let (_, trace) = apply(&mut world, empty);
    assert_eq!(strongest(&trace, &[]), names(&[]), "an empty batch is provable");
}
