//! Dumped witnesses.

use crate::common::{assignment, backend, folder, id, r1cs};
use ark_bn254::Fr;
use novation_prover::dump::{prove_file, Dump, ProveFileError};
use novation_prover::keyfile::Origin;
use novation_prover::{container::FileError, CircuitId, KeyStore, ProveError, UnsatisfiedError};
use novation_verifier::groth16::verify;

#[test]
fn dumped_witness_is_proven_again() {
    let folder = folder();
    let (path, keys) = (folder.path().join("batch.wit"), KeyStore::new(folder.path().join("keys")));
    let system = r1cs(9);
    let dump = Dump { circuit: id(&system), assignment: assignment(9, 77) };
    dump.save(&path).unwrap();
    assert_eq!(Dump::load(&path).unwrap(), dump);

    let mut origins = Vec::new();
    for _ in 0..2 {
        let circuit_of = |version, size: &str| (version == 7 && size == "chain").then(|| r1cs(9));
        let (proved, prover, origin) = prove_file(&path, circuit_of, &keys, backend(), &()).unwrap();
        assert_eq!(verify(prover.verifying_key(), &proved.proof, &dump.assignment[1..4]), Ok(()));
        origins.push(origin);
    }
    assert_eq!(origins, [Origin::Generated, Origin::Cached]);
}

#[test]
fn witness_of_a_circuit_that_this_build_lacks_is_refused() {
    let folder = folder();
    let (path, keys) = (folder.path().join("batch.wit"), KeyStore::new(folder.path().join("keys")));
    let system = r1cs(9);
    Dump { circuit: id(&system), assignment: assignment(9, 77) }.save(&path).unwrap();
    match prove_file(&path, |_, _| None, &keys, backend(), &()).unwrap_err() {
        ProveFileError::UnknownCircuit(circuit) => assert_eq!(*circuit, id(&system)),
        other => panic!("{other}"),
    }
    match prove_file(&path, |_, _| Some(r1cs(10)), &keys, backend(), &()).unwrap_err() {
        ProveFileError::OtherCircuit { expected, found } => {
            let matrices = r1cs(10).checksum();
            assert_eq!((*expected, *found), (CircuitId { matrices, ..id(&system) }, id(&system)));
        }
        other => panic!("{other}"),
    }
    assert!(!folder.path().join("keys").exists(), "no key is made for a witness that is refused");
}

#[test]
fn dumped_lie_fails_its_constraint() {
    let folder = folder();
    let (path, keys) = (folder.path().join("batch.wit"), KeyStore::new(folder.path().join("keys")));
    let mut lie = assignment(9, 77);
    lie[1] += Fr::from(1);
    Dump { circuit: id(&r1cs(9)), assignment: lie }.save(&path).unwrap();
    match prove_file(&path, |_, _| Some(r1cs(9)), &keys, backend(), &()).unwrap_err() {
        ProveFileError::Prove(ProveError::Assignment(UnsatisfiedError::Row { row: 9, label })) => {
            assert_eq!(label, "factors/product");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn damaged_dump_is_refused() {
    let folder = folder();
    let path = folder.path().join("batch.wit");
    Dump { circuit: id(&r1cs(9)), assignment: assignment(9, 77) }.save(&path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    match Dump::load(&path).unwrap_err() {
        FileError::Checksum { path: named } => assert_eq!(named, path),
        other => panic!("{other}"),
    }
}

#[cfg(unix)]
#[test]
fn dump_is_readable_by_its_owner_alone_and_prints_no_value() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let path = folder.path().join("batch.wit");
    let dump = Dump { circuit: id(&r1cs(9)), assignment: assignment(9, 77) };
    dump.save(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(format!("{dump:?}"), format!("Dump({}, 22 wires)", dump.circuit));
}
