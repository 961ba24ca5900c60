//! The shell of our files, and the cached constraint system.

use crate::common::{assignment, folder, r1cs};
use novation_prover::container::{self, FileError, Kind};
use novation_prover::R1cs;
use std::fs;

const KIND: Kind = Kind { magic: b"NovTest\x01", name: "test", private: false };

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let folder = folder();
    let path = folder.path().join("file");
    container::write(&path, KIND, |out| out.write_all(b"some payload")).unwrap();
    let good = fs::read(&path).unwrap();
    assert_eq!(good.len(), 8 + 12 + 32);
    container::read(&path, KIND).unwrap();

    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        fs::write(&path, bad).unwrap();
        match container::read(&path, KIND).unwrap_err() {
            FileError::Kind { kind: "test", .. } => assert!(at < 8, "byte {at}"),
            FileError::Checksum { .. } => assert!(at >= 8, "byte {at}"),
            other => panic!("byte {at}: {other}"),
        }
    }
    for len in 0..good.len() {
        fs::write(&path, &good[..len]).unwrap();
        match container::read(&path, KIND).unwrap_err() {
            FileError::Kind { .. } => assert!(len < 8, "length {len}"),
            FileError::Checksum { .. } => assert!(len >= 8, "length {len}"),
            other => panic!("length {len}: {other}"),
        }
    }
}

#[test]
fn absent_file_is_named() {
    let path = folder().path().join("nothing");
    match container::read(&path, KIND).unwrap_err() {
        FileError::Io { path: named, source } => {
            assert_eq!((named, source.kind()), (path, std::io::ErrorKind::NotFound));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn failed_write_leaves_neither_file_nor_litter() {
    let folder = folder();
    let path = folder.path().join("file");
    let got = container::write(&path, KIND, |_| Err(std::io::ErrorKind::StorageFull.into()));
    match got.unwrap_err() {
        FileError::Io { source, .. } => assert_eq!(source.kind(), std::io::ErrorKind::StorageFull),
        other => panic!("{other}"),
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn lengths_past_the_end_and_leftovers_are_malformed() {
    let folder = folder();
    let path = folder.path().join("file");
    container::write(&path, KIND, |out| out.write_all(&[5, 0, 0, 0, b'a', b'b'])).unwrap();
    let message = |e: FileError| match e {
        FileError::Malformed { what, .. } => what,
        other => panic!("{other}"),
    };
    let cut = "shorter than its own lengths say";
    assert_eq!(message(container::read(&path, KIND).unwrap().text().unwrap_err()), cut);
    let mut payload = container::read(&path, KIND).unwrap();
    assert_eq!(message(payload.block(u64::MAX, 32).unwrap_err()), "a length is out of range");
    assert_eq!(payload.u32().unwrap(), 5);
    assert_eq!(message(payload.finish().unwrap_err()), "longer than its own lengths say");
}

#[test]
fn constraint_system_survives_the_round_trip_with_names_and_checksum() {
    let folder = folder();
    let path = folder.path().join("system");
    let system = r1cs(30);
    system.save(&path).unwrap();
    let back = R1cs::load(&path).unwrap();
    assert_eq!(back, system);
    assert_eq!(back.label(30), "factors/product");
    assert_eq!(back.label(1000), "unnamed");
    assert_eq!(back.check(&assignment(30, 9)), Ok(()));
}

#[test]
fn checksum_changes_with_anything_that_is_proven_and_not_with_names() {
    let system = r1cs(5);
    let unnamed = R1cs::new((**system.matrices()).clone());
    assert_eq!(unnamed.checksum(), system.checksum());
    assert_ne!(r1cs(6).checksum(), system.checksum());
    // One more public wire, all else equal.
    let m = system.matrices();
    let parts = m.abc().map(|x| (x.parts().0.to_vec(), x.parts().1.to_vec()));
    let wider = novation_gpu::Matrices::from_parts(5, m.num_wires(), m.coefficients().to_vec(), parts).unwrap();
    assert_ne!(R1cs::new(wider).checksum(), system.checksum());
}
