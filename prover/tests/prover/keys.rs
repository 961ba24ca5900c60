//! Key files and the folder that caches them.

use crate::common::{assignment, backend, folder, id, r1cs};
use novation_gpu::Reduction;
use novation_prover::keyfile::{self, KeyFileError, Origin};
use novation_prover::{container::FileError, setup, CircuitId, KeyShapeError, KeyStore, Prover};
use novation_verifier::groth16::{Element, KeyError};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

/// Offset of the points in a key file of size name `chain`: magic, version, size name, matrices, reduction.
const POINTS: usize = 8 + 4 + 4 + 5 + 32 + 1;
/// alpha, beta and delta in G1; then beta, gamma, delta in G2.
const GAMMA: usize = POINTS + 3 * 64 + 128;
const DELTA: usize = GAMMA + 128;

/// Changes bytes of a file and makes its checksum right again.
fn patch(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    bytes.truncate(bytes.len() - 32);
    change(&mut bytes);
    let checksum = Sha256::digest(&bytes);
    bytes.extend(checksum);
    fs::write(path, bytes).unwrap();
}

#[test]
fn key_survives_the_round_trip_and_proves() {
    let folder = folder();
    let path = folder.path().join("a.key");
    let system = r1cs(9);
    for reduction in [Reduction::Coefficients, Reduction::OddCoset, Reduction::Product] {
        let key = setup::generate_as(reduction, &system, &()).unwrap();
        assert_eq!(key.reduction, reduction);
        keyfile::save(&path, &id(&system), &key).unwrap();
        assert_eq!(keyfile::load(&path, &id(&system), &system, None).unwrap(), key);
    }
}

#[test]
fn key_whose_delta_is_gamma_is_refused_although_the_checksum_holds() {
    let folder = folder();
    let path = folder.path().join("a.key");
    let system = r1cs(9);
    let key = setup::generate(&system, &()).unwrap();
    keyfile::save(&path, &id(&system), &key).unwrap();
    patch(&path, |bytes| bytes.copy_within(GAMMA..GAMMA + 128, DELTA));
    match keyfile::load(&path, &id(&system), &system, None).unwrap_err() {
        KeyFileError::Key { reason, .. } => {
            assert_eq!(reason, KeyError::SameUpToSign { first: Element::Gamma, second: Element::Delta });
        }
        other => panic!("{other}"),
    }
}

#[test]
fn key_of_another_version_size_or_matrices_is_refused() {
    let folder = folder();
    let path = folder.path().join("a.key");
    let system = r1cs(9);
    let mine = id(&system);
    keyfile::save(&path, &mine, &setup::generate(&system, &()).unwrap()).unwrap();
    let others = [
        CircuitId { version: 8, ..mine.clone() },
        CircuitId { size: "large".into(), ..mine.clone() },
        CircuitId { matrices: r1cs(10).checksum(), ..mine.clone() },
    ];
    for other in others {
        match keyfile::load(&path, &other, &system, None).unwrap_err() {
            KeyFileError::OtherCircuit { expected, found, .. } => {
                assert_eq!((*expected, *found), (other, mine.clone()))
            }
            error => panic!("{error}"),
        }
    }
}

#[test]
fn pinned_checksum_admits_one_file_only() {
    let folder = folder();
    let path = folder.path().join("a.key");
    let system = r1cs(9);
    let key = setup::generate(&system, &()).unwrap();
    keyfile::save(&path, &id(&system), &key).unwrap();
    let bytes = fs::read(&path).unwrap();
    let checksum: [u8; 32] = bytes[bytes.len() - 32..].try_into().unwrap();
    assert_eq!(keyfile::load(&path, &id(&system), &system, Some(checksum)).unwrap(), key);
    // Another honest key of the same circuit.
    keyfile::save(&path, &id(&system), &setup::generate(&system, &()).unwrap()).unwrap();
    match keyfile::load(&path, &id(&system), &system, Some(checksum)).unwrap_err() {
        KeyFileError::NotPinned { path: named } => assert_eq!(named, path),
        other => panic!("{other}"),
    }
}

#[test]
fn forged_content_under_a_right_checksum_is_malformed() {
    let folder = folder();
    let path = folder.path().join("a.key");
    let system = r1cs(9);
    keyfile::save(&path, &id(&system), &setup::generate(&system, &()).unwrap()).unwrap();
    let good = fs::read(&path).unwrap();
    let load = || keyfile::load(&path, &id(&system), &system, None).unwrap_err();
    let malformed = |expected: &str| match load() {
        KeyFileError::File(FileError::Malformed { what, .. }) => assert_eq!(what, expected),
        other => panic!("{other}"),
    };
    patch(&path, |bytes| bytes[POINTS - 1] = 3);
    malformed("unknown reduction");
    fs::write(&path, &good).unwrap();
    patch(&path, |bytes| bytes[GAMMA + 32..GAMMA + 64].fill(0xff));
    malformed("a coordinate is not below p");
    fs::write(&path, &good).unwrap();
    patch(&path, |bytes| bytes.push(0));
    malformed("longer than its own lengths say");
    // A query one point short.
    fs::write(&path, &good).unwrap();
    let ic = DELTA + 128;
    let a = ic + 8 + 4 * 64;
    patch(&path, |bytes| {
        let count = u64::from_le_bytes(bytes[a..a + 8].try_into().unwrap());
        bytes[a..a + 8].copy_from_slice(&(count - 1).to_le_bytes());
        bytes.drain(a + 8..a + 72);
    });
    match load() {
        KeyFileError::Shape { reason, .. } => {
            assert_eq!(reason, KeyShapeError::QueryLength { query: "A", expected: 22, got: 21 });
        }
        other => panic!("{other}"),
    }
}

#[test]
fn store_makes_a_key_once_and_opens_it_afterwards() {
    let folder = folder();
    let store = KeyStore::new(folder.path().join("keys"));
    let system = r1cs(9);
    let (made, origin) = store.open_or_generate(&id(&system), &system, &()).unwrap();
    assert_eq!(origin, Origin::Generated);
    let (opened, origin) = store.open_or_generate(&id(&system), &system, &()).unwrap();
    assert_eq!(origin, Origin::Cached);
    assert_eq!(opened, made);
    let checksum = keyfile::verifying_key_checksum;
    assert_eq!(checksum(&opened.verifying), checksum(&made.verifying));
    let prover = Prover::new(backend(), system, opened).unwrap();
    prover.prove(assignment(9, 4), &()).unwrap();
    // Another circuit has another file and another key.
    let longer = r1cs(10);
    let (other, origin) = store.open_or_generate(&id(&longer), &longer, &()).unwrap();
    assert_eq!(origin, Origin::Generated);
    assert_ne!(checksum(&other.verifying), checksum(&made.verifying));
}

#[test]
fn processes_that_ask_at_once_get_the_same_key() {
    let folder = folder();
    let store = KeyStore::new(folder.path());
    let system = r1cs(9);
    let ask = || store.open_or_generate(&id(&system), &system, &()).unwrap();
    let answers = std::thread::scope(|s| [s.spawn(ask), s.spawn(ask), s.spawn(ask)].map(|t| t.join().unwrap()));
    assert_eq!(answers.iter().filter(|(_, origin)| *origin == Origin::Generated).count(), 1);
    assert!(answers.iter().all(|(key, _)| *key == answers[0].0));
}

#[test]
fn damaged_cached_key_is_an_error_and_not_replaced() {
    let folder = folder();
    let store = KeyStore::new(folder.path());
    let system = r1cs(9);
    store.open_or_generate(&id(&system), &system, &()).unwrap();
    let path = store.path(&id(&system));
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    fs::write(&path, &bytes).unwrap();
    match store.open_or_generate(&id(&system), &system, &()).unwrap_err() {
        KeyFileError::File(FileError::Checksum { path: named }) => assert_eq!(named, path),
        other => panic!("{other}"),
    }
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn ceremony_key_is_installed_once_and_then_opened() {
    let folder = folder();
    let store = KeyStore::new(folder.path());
    let system = r1cs(9);
    let key = setup::generate_as(Reduction::OddCoset, &system, &()).unwrap();
    let longer = r1cs(10);
    match store.install(&id(&longer), &longer, &key).unwrap_err() {
        KeyFileError::Shape { reason, .. } => {
            assert_eq!(reason, KeyShapeError::QueryLength { query: "A", expected: 23, got: 22 });
        }
        other => panic!("{other}"),
    }
    store.install(&id(&system), &system, &key).unwrap();
    let (opened, origin) = store.open_or_generate(&id(&system), &system, &()).unwrap();
    assert_eq!((&opened, origin), (&key, Origin::Cached));
    match store.install(&id(&system), &system, &key).unwrap_err() {
        KeyFileError::Exists { path } => assert_eq!(path, store.path(&id(&system))),
        other => panic!("{other}"),
    }
}
