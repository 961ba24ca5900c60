//! Keys on disk.
//!
//! A key file says which circuit it serves (version, size, checksum of the matrices) and ends with a checksum of itself.
//! Opening it verifies all four before a point is used.

use crate::container::{self, write_text, FileError, Kind, Payload};
use crate::key::{KeyShapeError, ProvingKey};
use crate::matrices::R1cs;
use crate::points::{g1_all, g2_all, write_g1, write_g2, G1_BYTES, G2_BYTES};
use crate::progress::{single, Observer, Stage};
use crate::setup::generate_as;
use ark_bn254::{G1Affine, G2Affine};
use novation_gpu::Reduction;
use novation_verifier::groth16::{KeyError, KeyParts, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use thiserror::Error;

const KIND: Kind = Kind { magic: b"NovPKey\x01", name: "proving key", private: false };

/// Which circuit a key or a witness belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitId {
    /// Version of the statement.
    pub version: u32,
    /// Name of the size, for people and file names: lower-case letters, digits, `-` and `_`.
    pub size: String,
    /// [`R1cs::checksum`]: what decides.
    pub matrices: [u8; 32],
}

impl CircuitId {
    /// The identity of a constraint system.
    pub fn new(version: u32, size: impl Into<String>, r1cs: &R1cs) -> Self {
        CircuitId { version, size: size.into(), matrices: r1cs.checksum() }
    }
}

impl fmt::Display for CircuitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{} {}", self.size, self.version, short(&self.matrices))
    }
}

/// The first eight bytes in hexadecimal digits: enough to tell files apart.
fn short(checksum: &[u8; 32]) -> String {
    checksum[..8].iter().map(|b| format!("{b:02x}")).collect()
}

/// Why a key file is refused.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// Not readable, damaged, malformed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The key serves another circuit.
    #[error("{path}: key of circuit `{found}`, expected `{expected}`")]
    OtherCircuit {
        /// The file.
        path: PathBuf,
        /// Circuit wanted.
        expected: Box<CircuitId>,
        /// Circuit of the key.
        found: Box<CircuitId>,
    },
    /// The key is not the one that was asked for by checksum.
    #[error("{path}: the key's checksum is not the pinned one")]
    NotPinned {
        /// The file.
        path: PathBuf,
    },
    /// The verifying key within is refused: delta equal to gamma or a generator, say.
    #[error("{path}: {reason}")]
    Key {
        /// The file.
        path: PathBuf,
        /// The verifier's reason.
        reason: KeyError,
    },
    /// The queries do not fit the matrices, although the checksum of the matrices is right.
    #[error("{path}: {reason}")]
    Shape {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: KeyShapeError,
    },
    /// The circuit already has a key, and contracts may be deployed with its verifying key.
    #[error("{path}: this circuit already has a key; remove the file to replace it")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// No key was there, and what was made is none: the system's source of randomness is broken.
    #[error("the new key: {0}")]
    Generated(KeyError),
}

/// Writes a key.
///
/// # Errors
/// [`FileError::Io`].
pub fn save(path: &Path, id: &CircuitId, key: &ProvingKey) -> Result<(), FileError> {
    container::write(path, KIND, |out| {
        out.write_all(&id.version.to_le_bytes())?;
        write_text(out, &id.size)?;
        out.write_all(&id.matrices)?;
        out.write_all(&[match key.reduction {
            Reduction::Coefficients => 0,
            Reduction::OddCoset => 1,
            Reduction::Product => 2,
        }])?;
        let KeyParts { alpha, beta, gamma, delta, ic } = key.verifying.parts();
        write_g1(out, &[*alpha, key.beta_g1, key.delta_g1])?;
        write_g2(out, &[*beta, *gamma, *delta])?;
        for query in [ic, &key.a, &key.b_g1, &key.l, &key.h] {
            out.write_all(&(query.len() as u64).to_le_bytes())?;
            write_g1(out, query)?;
        }
        out.write_all(&(key.b_g2.len() as u64).to_le_bytes())?;
        write_g2(out, &key.b_g2)
    })
}

/// Reads the key of circuit `id`; with `pinned`, only the one whose file ends with that checksum.
///
/// # Errors
/// [`KeyFileError`].
pub fn load(path: &Path, id: &CircuitId, r1cs: &R1cs, pinned: Option<[u8; 32]>) -> Result<ProvingKey, KeyFileError> {
    let mut file = container::read(path, KIND)?;
    if pinned.is_some_and(|checksum| checksum != file.checksum()) {
        return Err(KeyFileError::NotPinned { path: path.into() });
    }
    let found = CircuitId { version: file.u32()?, size: file.text()?, matrices: file.array()? };
    if found != *id {
        return Err(KeyFileError::OtherCircuit { path: path.into(), expected: id.clone().into(), found: found.into() });
    }
    let key = read_points(&mut file)?.map_err(|reason| KeyFileError::Key { path: path.into(), reason })?;
    file.finish()?;
    key.check_shape(r1cs.matrices()).map_err(|reason| KeyFileError::Shape { path: path.into(), reason })?;
    Ok(key)
}

/// Everything after the circuit's identity.
///
/// SOUND: the points of the queries are not checked to be on their curves, which would take minutes for a large key. The
/// checksum has shown that they are the bytes that [`save`] wrote, and `save` is only given points that the generator
/// computed or that the import of a `.zkey` checked. Should somebody have forged file and checksum together, the verifying
/// key (whose few points are always checked) decides what a proof is, and no proof leaves that does not verify under it;
/// whether proofs still hide the witness then rests on the forger's points, so an operator who takes keys from others pins
/// their checksum.
fn read_points(file: &mut Payload) -> Result<Result<ProvingKey, KeyError>, FileError> {
    let reduction = match file.array()? {
        [0] => Reduction::Coefficients,
        [1] => Reduction::OddCoset,
        [2] => Reduction::Product,
        _ => return Err(file.malformed("unknown reduction")),
    };
    let [alpha, beta_g1, delta_g1] = g1_points(file, 3)?.try_into().expect("three points");
    let [beta, gamma, delta] = g2_points(file, 3)?.try_into().expect("three points");
    let mut query = || {
        let n = file.u64()?;
        g1_points(file, n)
    };
    let (ic, a, b_g1, l, h) = (query()?, query()?, query()?, query()?, query()?);
    let n = file.u64()?;
    let b_g2 = g2_points(file, n)?;
    let inputs = ic.len().saturating_sub(1);
    let verifying = VerifyingKey::new(KeyParts { alpha, beta, gamma, delta, ic }, inputs);
    Ok(verifying.map(|verifying| ProvingKey { verifying, reduction, beta_g1, delta_g1, a, b_g1, b_g2, l, h }))
}

fn g1_points(file: &mut Payload, n: u64) -> Result<Vec<G1Affine>, FileError> {
    let points = g1_all(file.block(n, G1_BYTES)?);
    points.ok_or_else(|| file.malformed("a coordinate is not below p"))
}

fn g2_points(file: &mut Payload, n: u64) -> Result<Vec<G2Affine>, FileError> {
    let points = g2_all(file.block(n, G2_BYTES)?);
    points.ok_or_else(|| file.malformed("a coordinate is not below p"))
}

/// Where a key of a [`KeyStore`] came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was in the folder.
    Cached,
    /// It was made now.
    Generated,
}

/// A folder of keys, one file a circuit: made here for development, or installed from a ceremony.
#[derive(Clone, Debug)]
pub struct KeyStore {
    folder: PathBuf,
}

impl KeyStore {
    /// Keys in `folder`, which is made when the first key is.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        KeyStore { folder: folder.into() }
    }

    /// The file of a circuit's key.
    pub fn path(&self, id: &CircuitId) -> PathBuf {
        self.folder.join(format!("{}-v{}-{}.key", id.size, id.version, short(&id.matrices)))
    }

    /// Opens the key of a circuit, or makes and keeps one.
    ///
    /// The observer hears of [`Stage::Open`], or of [`Stage::Generate`] and [`Stage::Save`].
    ///
    /// Two processes that ask at once get the same key: the second waits for a file lock.
    ///
    /// # Errors
    /// [`KeyFileError`]. A damaged file is an error and not replaced: contracts may be deployed with its verifying key.
    pub fn open_or_generate(
        &self,
        id: &CircuitId,
        r1cs: &R1cs,
        observer: &dyn Observer,
    ) -> Result<(ProvingKey, Origin), KeyFileError> {
        self.open_or_generate_as(Reduction::Product, id, r1cs, observer)
    }

    /// As [`KeyStore::open_or_generate`]; a new key has this form.
    pub(crate) fn open_or_generate_as(
        &self,
        form: Reduction,
        id: &CircuitId,
        r1cs: &R1cs,
        observer: &dyn Observer,
    ) -> Result<(ProvingKey, Origin), KeyFileError> {
        let path = self.path(id);
        let _lock = self.lock(&path)?;
        if path.exists() {
            let key = single(observer, Stage::Open, || load(&path, id, r1cs, None))?;
            return Ok((key, Origin::Cached));
        }
        let key = generate_as(form, r1cs, observer).map_err(KeyFileError::Generated)?;
        single(observer, Stage::Save, || save(&path, id, &key))?;
        Ok((key, Origin::Generated))
    }

    /// Opens the key of a circuit, and makes none. The observer hears of [`Stage::Open`].
    ///
    /// # Errors
    /// [`KeyFileError`]; without a key [`FileError::Io`] of the kind `NotFound`.
    pub fn open(&self, id: &CircuitId, r1cs: &R1cs, observer: &dyn Observer) -> Result<ProvingKey, KeyFileError> {
        let path = self.path(id);
        single(observer, Stage::Open, || load(&path, id, r1cs, None))
    }

    /// Keeps a key that was made elsewhere: the outcome of a ceremony, read by [`crate::iden3::read_zkey`].
    ///
    /// # Errors
    /// [`KeyFileError::Exists`], [`KeyFileError::Shape`], [`KeyFileError::File`].
    pub fn install(&self, id: &CircuitId, r1cs: &R1cs, key: &ProvingKey) -> Result<(), KeyFileError> {
        let path = self.path(id);
        key.check_shape(r1cs.matrices()).map_err(|reason| KeyFileError::Shape { path: path.clone(), reason })?;
        let _lock = self.lock(&path)?;
        if path.exists() {
            return Err(KeyFileError::Exists { path });
        }
        Ok(save(&path, id, key)?)
    }

    /// Held until the returned file is closed.
    fn lock(&self, path: &Path) -> Result<File, FileError> {
        let path = path.with_extension("lock");
        let attempt = || {
            fs::create_dir_all(&self.folder)?;
            let file = File::create(&path)?;
            file.lock()?;
            Ok(file)
        };
        attempt().map_err(|source| FileError::Io { path: path.clone(), source })
    }
}

/// A name for a verifying key: SHA-256 of the words that a contract stores.
pub fn verifying_key_checksum(key: &VerifyingKey) -> [u8; 32] {
    let mut hash = Sha256::new();
    novation_verifier::groth16::key_words(key).iter().for_each(|word| hash.update(word));
    hash.finalize().into()
}
