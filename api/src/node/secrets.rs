//! The operator's secrets: one seed in a file of the operator's alone, everything else derived from it under names.

use novation_state::crypto::eddsa::SecretKey;
use novation_state::crypto::viewing::ViewingKey;
use rand::rngs::OsRng;
use rand::RngCore;
use sha3::{Digest, Sha3_256};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The secrets of a node.
#[derive(Clone)]
pub struct Secrets(Zeroizing<[u8; 32]>);

/// Why there are no secrets.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The file cannot be read or made.
    #[error("{file}: {reason}")]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// Not 64 hexadecimal digits. It is never overwritten: without it accounts of the log cannot be written again.
    #[error("{file} holds no seed of 64 hexadecimal digits: put the right file back, or start in another data folder")]
    Content {
        /// The file.
        file: PathBuf,
    },
}

impl Secrets {
    /// The secrets of a seed.
    pub fn of(seed: [u8; 32]) -> Secrets {
        Secrets(Zeroizing::new(seed))
    }

    /// Reads the file, or makes it with a seed of the system's random source. Says whether it was made.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub fn open(file: &Path) -> Result<(Secrets, bool), SecretsError> {
        let io = |reason| SecretsError::Io { file: file.to_owned(), reason };
        match File::open(file) {
            Ok(mut open) => {
                let mut text = Zeroizing::new(String::new());
                open.read_to_string(&mut text).map_err(io)?;
                let mut seed = Zeroizing::new([0; 32]);
                let refused = |_| SecretsError::Content { file: file.to_owned() };
                hex::decode_to_slice(text.trim(), &mut seed[..]).map_err(refused)?;
                Ok((Secrets(seed), false))
            }
            Err(reason) if reason.kind() == ErrorKind::NotFound => {
                let mut seed = Zeroizing::new([0; 32]);
                OsRng.fill_bytes(&mut seed[..]);
                let text = Zeroizing::new(format!("{}\n", hex::encode(&seed[..])));
                write_private(file, &text).map_err(io)?;
                Ok((Secrets(seed), true))
            }
            Err(reason) => Err(io(reason)),
        }
    }

    /// 32 secret bytes for a purpose.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut hasher = Sha3_256::new();
        hasher.update(b"novation node 1");
        hasher.update(&self.0[..]);
        hasher.update(purpose);
        hasher.finalize().into()
    }

    /// What ephemeral keys, blinding words and decoys derive from.
    pub fn sequencer(&self) -> [u8; 32] {
        self.derive("sequencer")
    }

    /// Signs receipts.
    pub fn receipts(&self) -> SecretKey {
        SecretKey::from_seed(&self.derive("receipts"))
    }

    /// Reads the house's leaf.
    pub fn house(&self) -> ViewingKey {
        ViewingKey::from_seed(&self.derive("house"))
    }

    /// What prover workers show.
    pub fn worker_token(&self) -> String {
        hex::encode(self.derive("prover workers"))
    }
}

/// A new file that its owner alone may read, on the disk when this returns. Fails if there is one.
pub fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut open = options.open(file)?;
    open.write_all(text.as_bytes())?;
    open.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("operator.secret");
        let (made, new) = Secrets::open(&file).unwrap();
        let (read, again) = Secrets::open(&file).unwrap();
        assert_eq!((new, again), (true, false));
        assert_eq!(made.sequencer(), read.sequencer());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let purposes = [made.sequencer(), made.derive("receipts"), made.derive("house"), made.derive("prover workers")];
        assert_eq!(std::collections::BTreeSet::from(purposes).len(), 4);
    }

    #[test]
    fn a_damaged_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("operator.secret");
        std::fs::write(&file, "abc").unwrap();
        assert!(matches!(Secrets::open(&file), Err(SecretsError::Content { .. })));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "abc");
    }
}
