//! The offline check: what it accepts, and that every word of the public data counts.

use crate::common::batches::{element, sample};
use crate::common::trapdoor::TrapdoorKey;
use ark_bn254::Fr;
use novation_state::public_data::{num_words, PublicData};
use novation_state::size::{ALL, DEMO, TINY};
use novation_state::units::pow2;
use novation_verifier::batch::{Batch, BatchError};
use novation_verifier::check::{
    public_data, public_data_json, verify_files, verify_texts, CheckError, PublicDataError,
};
use novation_verifier::encoding::ScalarError;
use novation_verifier::groth16::snarkjs::{proof_json, verifying_key_json};
use novation_verifier::groth16::VerifyError;
use serde_json::{json, Value};
use std::process::Command;

/// Texts of a key, of the public data of a batch, and of a proof that the key accepts for them.
fn files(batch: &Batch) -> (String, String, String) {
    let trapdoor = TrapdoorKey::from_seed(7, 3);
    let data = PublicData::from_words(batch.words(), element("c", 1));
    let proof = trapdoor.simulate(&data.inputs(), 8);
    (proof_json(&proof), verifying_key_json(&trapdoor.key()), public_data_json(&data))
}

#[test]
fn batches_of_every_size_come_apart_and_together() {
    for size in ALL {
        let batch = sample(size);
        let words = batch.words();
        assert_eq!(words.len(), num_words(&size));
        assert_eq!(Batch::from_words(&words), Ok(batch));
    }
}

#[test]
fn proof_of_the_public_data_is_accepted() {
    for size in ALL {
        let (proof, key, data) = files(&sample(size));
        verify_texts(&proof, &key, &data).expect("the proof proves it");
    }
}

#[test]
fn every_changed_word_is_refused() {
    let batch = sample(TINY);
    let (proof, key, data) = files(&batch);
    let words = batch.words();
    let (_, original) = public_data(&data).expect("well-formed");
    for index in 0..words.len() {
        let mut changed = words.clone();
        changed[index] += Fr::from(1);
        let text = public_data_json(&PublicData::from_words(changed.clone(), original.c));
        match (verify_texts(&proof, &key, &text), Batch::from_words(&changed)) {
            (Err(CheckError::Refused(error)), Ok(_)) => assert_eq!(error, VerifyError::Equation, "word {index}"),
            (Err(CheckError::PublicData(PublicDataError::Batch(error))), Err(reason)) => {
                assert_eq!(error, reason, "word {index}");
            }
            other => panic!("word {index}: {other:?}"),
        }
    }
    let text = public_data_json(&PublicData::from_words(words, original.c + Fr::from(1)));
    assert!(matches!(verify_texts(&proof, &key, &text), Err(CheckError::Refused(VerifyError::Equation))));
}

#[test]
fn words_that_no_contract_writes_are_refused_by_place() {
    let words = sample(DEMO).words();
    let refused = |index: usize, word: Fr| {
        let mut words = words.clone();
        words[index] = word;
        Batch::from_words(&words).map(|_| ()).expect_err("no contract writes it")
    };
    for (index, what, bits) in [
        (0, "deployment id", 248),
        (1, "circuit id", 64),
        (2, "batch number", 32),
        (5, "markets number", 32),
        (7, "time", 40),
        (8, "first window", 40),
        (9, "last window", 40),
        (11, "first log position", 64),
        (12, "last log position", 64),
        (15, "first deposit", 40),
        (16, "deposit count", 64),
        (21, "deposit", 122),
        (37 + 2, "withdrawal's recipient and chain", 224),
        (37 + 3, "withdrawn amount", 106),
        (41, "account slot", 24),
        (41 + 70, "account slot", 24),
    ] {
        assert_eq!(refused(index, pow2(bits)), BatchError::Width { index, what, bits });
        let mut widest = words.clone();
        widest[index] = pow2(bits) - Fr::from(1);
        assert!(!matches!(Batch::from_words(&widest), Err(BatchError::Width { .. })), "{what}");
    }
    assert_eq!(refused(1, Fr::from(2)), BatchError::UnknownCircuit { id: 2 });
    let tiny = BatchError::Length { size: "tiny", expected: num_words(&TINY), got: num_words(&DEMO) };
    assert_eq!(refused(1, TINY.circuit_id().into()), tiny);
    assert_eq!(refused(16, Fr::from(5)), BatchError::DepositCount { got: 5, lane: 4 });
    assert_eq!(refused(16, Fr::from(3)), BatchError::DepositUnmarked { entry: 2 });
    assert_eq!(refused(16, Fr::from(1)), BatchError::Padding { index: 22, what: "deposit" });
    for index in 27..37 {
        assert_eq!(refused(index, Fr::from(1)), BatchError::Padding { index, what: "deposit" });
    }
    assert_eq!(refused(38, Fr::from(1)), BatchError::Padding { index: 38, what: "command" });
    assert_eq!(refused(39, pow2(160)), BatchError::NoRecipient { command: 1 });
    for (index, what) in [(2, "batch number"), (5, "markets number"), (8, "first window"), (11, "first log position")] {
        assert_eq!(refused(index, Fr::from(0)), BatchError::Zero { index, what });
    }
    assert_eq!(refused(8, Fr::from(5)), BatchError::Range { what: "windows", first: 5, last: 3 });
    assert_eq!(refused(11, Fr::from(42)), BatchError::Range { what: "log positions", first: 42, last: 40 });
    assert_eq!(refused(21, pow2(121) + pow2(24)), BatchError::DepositEmpty { entry: 0 });
    assert_eq!(refused(21, pow2(121) + Fr::from(1)), BatchError::DepositEmpty { entry: 0 });
    // The empty ranges right before the first element are what a batch without windows or log entries has.
    for (index, last) in [(9, 0), (12, 0)] {
        let mut empty = words.clone();
        empty[index] = Fr::from(last);
        assert_eq!(Batch::from_words(&empty).map(|batch| batch.words()), Ok(empty));
    }
    assert_eq!(Batch::from_words(&words[..16]).map(|_| ()), Err(BatchError::NoHeader { got: 16 }));
    let short = BatchError::Length { size: "demo", expected: words.len(), got: words.len() - 1 };
    assert_eq!(Batch::from_words(&words[..words.len() - 1]).map(|_| ()), Err(short));
}

#[test]
fn texts_of_public_data_are_read_strictly() {
    let (_, _, text) = files(&sample(TINY));
    let value: Value = serde_json::from_str(&text).expect("own JSON");
    let with = |pointer: &str, replacement: Value| {
        let mut value = value.clone();
        *value.pointer_mut(pointer).expect("the place exists") = replacement;
        public_data(&value.to_string()).map(|_| ()).expect_err("refused")
    };
    let modulus = "0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";
    for (pointer, expected_place) in [("/words/3", "words[3]"), ("/c", "c"), ("/z", "z"), ("/y", "y")] {
        for (word, expected) in
            [(modulus, ScalarError::NotCanonical), ("0x0", ScalarError::NotHexWord), ("12", ScalarError::NotHexWord)]
        {
            match with(pointer, json!(word)) {
                PublicDataError::Word { place, reason } => {
                    assert_eq!((place.as_str(), reason), (expected_place, expected))
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let zero = format!("0x{}", "0".repeat(64));
    for (pointer, expected) in [("/z", "z"), ("/y", "y")] {
        match with(pointer, json!(zero)) {
            PublicDataError::Claim { name } => assert_eq!(name, expected),
            other => panic!("{other:?}"),
        }
    }
    let mut extra = value.clone();
    extra["proof"] = json!(1);
    assert!(matches!(public_data(&extra.to_string()), Err(PublicDataError::Json(_))));
    // Without the claims the same data are read.
    let mut bare = value.clone();
    let fields = bare.as_object_mut().expect("an object");
    fields.remove("z");
    fields.remove("y");
    assert_eq!(public_data(&bare.to_string()).expect("z and y are optional"), public_data(&text).expect("well-formed"));
}

#[test]
fn command_says_accepted_or_the_reason() {
    let folder = std::env::temp_dir().join(format!("novation-verify-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let (proof, key, data) = files(&sample(TINY));
    let (other_proof, ..) = files(&Batch { withdrawals: Vec::new(), ..sample(TINY) });
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let (proof, key) = (write("proof.json", &proof), write("verification_key.json", &key));
    let (data, other) = (write("public_data.json", &data), write("other.json", &other_proof));
    verify_files(&proof, &key, &data).expect("the proof proves it");
    assert!(matches!(verify_files(&other, &key, &data), Err(CheckError::Refused(VerifyError::Equation))));
    match verify_files(&folder.join("none.json"), &key, &data) {
        Err(CheckError::File { path, source }) => {
            assert_eq!((path, source.kind()), (folder.join("none.json"), std::io::ErrorKind::NotFound));
        }
        other => panic!("{other:?}"),
    }

    // cargo builds examples beside the tests' own folder before it runs tests.
    let tests = std::env::current_exe().expect("a path");
    let program = tests.parent().and_then(|deps| deps.parent()).expect("target folder").join("examples/verify");
    let run = |arguments: &[&std::path::Path]| {
        let output = Command::new(&program).args(arguments).output().expect("the example runs");
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    };
    assert_eq!(run(&[&proof, &key, &data]), (Some(0), "accepted\n".to_owned()));
    let reason = "not accepted: refused: the pairing equation does not hold\n".to_owned();
    assert_eq!(run(&[&other, &key, &data]), (Some(1), reason));
    assert_eq!(run(&[&proof]).0, Some(2));
    std::fs::remove_dir_all(&folder).expect("removed");
}
