//! The wallet: a file with the seed that signs and the key that reads.
//!
//! The owner key derives from a 32-byte seed as in circomlibjs, the viewing key from the same seed by default
//! ([`ViewingKey::from_seed`]). A rotation replaces the owner key alone, so the file keeps both, and while a rotation is
//! under way the new seed beside the old one: whichever of the two the account ends up with, the wallet can sign for it.
//!
//! The file is created for its owner alone (mode 0600) and refused if others may read it. It is replaced as a whole,
//! through a synced temporary file, so a crash leaves the old one or the new one. Secrets are wiped from memory and
//! never printed: the types here have no `Debug` that shows them.

use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa::{SecretKey, Signature};
use novation_state::crypto::viewing::ViewingKey;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, Zeroizing};

/// Layout of the file.
const VERSION: u32 = 1;
/// No wallet is longer, bytes.
const MAX_BYTES: u64 = 4_096;

/// Why there is no wallet.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// The file system.
    #[error("wallet {}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// Nothing is overwritten: it may be the only copy of a key.
    #[error("wallet {} exists already: choose another file with --wallet, or move it away", .0.display())]
    Exists(PathBuf),
    /// No wallet yet.
    #[error("there is no wallet at {}: make one with `novation trade keygen`", .0.display())]
    Missing(PathBuf),
    /// Others can read the seed.
    #[error("wallet {} can be read by others (mode {mode:03o}): run `chmod 600` on it, and rotate if somebody may have", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not what [`Wallet::create`] writes.
    #[error("{} is not a wallet of this version: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong; never the content itself.
        reason: &'static str,
    },
    /// Only a wallet in a file remembers a second key.
    #[error("a wallet without a file cannot rotate its key: a crash would lose the new one")]
    NoFile,
}

/// Keys of one account, in a file or only in memory.
pub struct Wallet {
    path: Option<PathBuf>,
    seed: Zeroizing<[u8; 32]>,
    key: SecretKey,
    viewing: ViewingKey,
    next: Option<Next>,
}

/// The key that a rotation under way leads to.
struct Next {
    seed: Zeroizing<[u8; 32]>,
    key: SecretKey,
}

/// The file. Hexadecimal, so that a person can copy a seed onto paper.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    novation_wallet: u32,
    owner_seed: String,
    viewing_key: String,
    next_owner_seed: Option<String>,
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.owner_seed.zeroize();
        self.viewing_key.zeroize();
        self.next_owner_seed.zeroize();
    }
}

impl fmt::Debug for Wallet {
    /// The public key and the file; no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wallet").field("path", &self.path).field("owner", &self.owner()).finish_non_exhaustive()
    }
}

impl Wallet {
    /// A wallet that no file keeps: for tests and simulations whose seeds are known anyway.
    pub fn in_memory(seed: [u8; 32]) -> Wallet {
        let seed = Zeroizing::new(seed);
        Wallet { path: None, key: SecretKey::from_seed(&seed), viewing: ViewingKey::from_seed(&seed), seed, next: None }
    }

    /// Makes a wallet of a fresh seed of the system's randomness and writes its file.
    ///
    /// # Errors
    /// [`WalletError::Exists`], [`WalletError::Io`].
    pub fn create(path: &Path) -> Result<Wallet, WalletError> {
        let mut seed = fresh_seed(path)?;
        let wallet = Wallet::create_from(path, *seed);
        seed.zeroize();
        wallet
    }

    /// Makes a wallet of a given seed, for instance one kept on paper, and writes its file.
    ///
    /// # Errors
    /// [`WalletError::Exists`], [`WalletError::Io`].
    pub fn create_from(path: &Path, seed: [u8; 32]) -> Result<Wallet, WalletError> {
        let wallet = Wallet { path: Some(path.to_owned()), ..Wallet::in_memory(seed) };
        let text = wallet.text();
        write_new(path, text.as_bytes()).map_err(|reason| match reason.kind() {
            io::ErrorKind::AlreadyExists => WalletError::Exists(path.to_owned()),
            _ => WalletError::Io { path: path.to_owned(), reason },
        })?;
        sync_folder(path).map_err(|reason| WalletError::Io { path: path.to_owned(), reason })?;
        Ok(wallet)
    }

    /// Reads a wallet.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn open(path: &Path) -> Result<Wallet, WalletError> {
        let failed = |reason: io::Error| match reason.kind() {
            io::ErrorKind::NotFound => WalletError::Missing(path.to_owned()),
            _ => WalletError::Io { path: path.to_owned(), reason },
        };
        let file = File::open(path).map_err(failed)?;
        check_mode(&file, path)?;
        let mut text = Zeroizing::new(String::new());
        let content = |reason| WalletError::Content { path: path.to_owned(), reason };
        // Room up front: a buffer that grows would leave copies of the seed behind.
        text.reserve(MAX_BYTES as usize);
        file.take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
        let stored: Stored = serde_json::from_str(&text).map_err(|_| content("not the JSON of a wallet"))?;
        if stored.novation_wallet != VERSION {
            return Err(content("written by another version"));
        }
        let bytes = |text: &str| parse_hex(text).ok_or_else(|| content("a key is not 0x and 64 hexadecimal digits"));
        let seed = bytes(&stored.owner_seed)?;
        let viewing = ViewingKey::from_bytes(&*bytes(&stored.viewing_key)?);
        let viewing = viewing.map_err(|_| content("the viewing key is out of range"))?;
        let next = stored.next_owner_seed.as_deref().map(bytes).transpose()?;
        let next = next.map(|seed| Next { key: SecretKey::from_seed(&seed), seed });
        Ok(Wallet { path: Some(path.to_owned()), key: SecretKey::from_seed(&seed), seed, viewing, next })
    }

    /// Where it is kept.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The public key that the account's orders and commands are checked with.
    pub fn owner(&self) -> Point {
        self.key.public()
    }

    /// The key that reads the account.
    pub fn viewing(&self) -> &ViewingKey {
        &self.viewing
    }

    /// One eighth of owner key and viewing key, as a deposit carries them.
    pub fn eighths(&self) -> [Point; 2] {
        [self.owner(), self.viewing.public()].map(|key| key.eighth().expect("own keys lie in the subgroup"))
    }

    /// Signs a message hash with the owner key.
    pub fn sign(&self, hash: novation_state::crypto::Fr) -> Signature {
        self.key.sign(hash)
    }

    /// The public key that a rotation under way leads to.
    pub fn next_owner(&self) -> Option<Point> {
        self.next.as_ref().map(|next| next.key.public())
    }

    /// Proof that the next key is held: its signature of the rotation.
    pub fn sign_possession(&self, hash: novation_state::crypto::Fr) -> Option<Signature> {
        self.next.as_ref().map(|next| next.key.sign(hash))
    }

    /// Draws the seed of the next owner key and keeps it in the file, before anybody hears of it. If there is one already it
    /// stays: an earlier rotation may yet be carried out.
    ///
    /// # Errors
    /// [`WalletError::NoFile`], [`WalletError::Io`].
    pub fn prepare_rotation(&mut self) -> Result<Point, WalletError> {
        let path = self.path.clone().ok_or(WalletError::NoFile)?;
        if self.next.is_none() {
            let seed = fresh_seed(&path)?;
            self.next = Some(Next { key: SecretKey::from_seed(&seed), seed });
            if let Err(error) = self.replace_file(&path) {
                self.next = None;
                return Err(error);
            }
        }
        Ok(self.next_owner().expect("set above"))
    }

    /// Takes notice of the account's owner key. True if the wallet can sign for it; if that is the next key, it becomes the
    /// current one, and the old one is forgotten.
    ///
    /// # Errors
    /// [`WalletError::Io`].
    pub fn settle_rotation(&mut self, owner: &Point) -> Result<bool, WalletError> {
        if *owner == self.owner() {
            return Ok(true);
        }
        if self.next_owner() != Some(*owner) {
            return Ok(false);
        }
        let path = self.path.clone().ok_or(WalletError::NoFile)?;
        let Next { seed, key } = self.next.take().expect("compared above");
        self.seed = seed;
        self.key = key;
        self.replace_file(&path)?;
        Ok(true)
    }

    fn text(&self) -> Zeroizing<String> {
        let stored = Stored {
            novation_wallet: VERSION,
            owner_seed: show_hex(&self.seed),
            viewing_key: show_hex(&Zeroizing::new(self.viewing.to_bytes())),
            next_owner_seed: self.next.as_ref().map(|next| show_hex(&next.seed)),
        };
        Zeroizing::new(serde_json::to_string_pretty(&stored).expect("strings and numbers") + "\n")
    }

    /// The old file or the new one, never half of either.
    fn replace_file(&self, path: &Path) -> Result<(), WalletError> {
        let failed = |reason| WalletError::Io { path: path.to_owned(), reason };
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        // Left by a crash before the rename: the wallet itself is whole.
        match std::fs::remove_file(&beside) {
            Err(reason) if reason.kind() != io::ErrorKind::NotFound => return Err(failed(reason)),
            _ => {}
        }
        write_new(&beside, self.text().as_bytes()).map_err(failed)?;
        std::fs::rename(&beside, path).map_err(failed)?;
        sync_folder(path).map_err(failed)
    }
}

fn fresh_seed(path: &Path) -> Result<Zeroizing<[u8; 32]>, WalletError> {
    use rand::RngCore;
    let mut seed = Zeroizing::new([0u8; 32]);
    let drawn = rand::rngs::OsRng.try_fill_bytes(&mut *seed);
    drawn.map_err(|error| WalletError::Io { path: path.to_owned(), reason: io::Error::other(error.to_string()) })?;
    Ok(seed)
}

/// Options for a file that, where it is created, is for its owner alone.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// Creates a file and syncs it.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a created or renamed name durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(unix)]
fn check_mode(file: &File, path: &Path) -> Result<(), WalletError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata().map_err(|reason| WalletError::Io { path: path.to_owned(), reason })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(WalletError::Open { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &File, _: &Path) -> Result<(), WalletError> {
    Ok(())
}

fn show_hex(bytes: &[u8; 32]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// `0x` and 64 hexadecimal digits.
pub fn parse_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut *bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wallet");
        (folder, path)
    }

    #[test]
    fn a_wallet_is_read_back_with_both_its_keys_and_never_overwritten() {
        let (_folder, path) = folder();
        let made = Wallet::create(&path).unwrap();
        let read = Wallet::open(&path).unwrap();
        assert_eq!((read.owner(), read.viewing().public()), (made.owner(), made.viewing().public()));
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(Wallet::create(&path), Err(WalletError::Exists(at)) if at == path));
        assert_eq!(std::fs::read(&path).unwrap(), before);
        let (_other, elsewhere) = self::folder();
        assert_ne!(Wallet::create(&elsewhere).unwrap().owner(), made.owner(), "seeds are drawn");
    }

    #[test]
    fn keys_are_those_of_the_seed() {
        let (_folder, path) = folder();
        let seed = [7; 32];
        let wallet = Wallet::create_from(&path, seed).unwrap();
        assert_eq!(wallet.owner(), SecretKey::from_seed(&seed).public());
        assert_eq!(wallet.viewing().public(), ViewingKey::from_seed(&seed).public());
        let [owner, viewing] = wallet.eighths();
        assert_eq!((owner.mul8(), viewing.mul8()), (wallet.owner(), wallet.viewing().public()));
    }

    #[test]
    fn no_secret_is_printed() {
        let (_folder, path) = folder();
        let wallet = Wallet::create_from(&path, [0xab; 32]).unwrap();
        let shown = format!("{wallet:?} {wallet:#?}");
        assert!(!shown.to_lowercase().contains("abab"), "{shown}");
        assert!(!shown.contains("171, 171"), "{shown}");
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner_alone_and_refused_otherwise() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, path) = folder();
        let mut wallet = Wallet::create(&path).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        wallet.prepare_rotation().unwrap();
        assert_eq!(mode(&path), 0o600, "also when it is replaced");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Wallet::open(&path), Err(WalletError::Open { mode: 0o640, .. })));
    }

    #[test]
    fn files_that_are_no_wallets_are_refused_without_their_content() {
        let (_folder, path) = folder();
        assert!(matches!(Wallet::open(&path), Err(WalletError::Missing(at)) if at == path));
        let whole = {
            Wallet::create_from(&path, [7; 32]).unwrap();
            std::fs::read_to_string(&path).unwrap()
        };
        for (text, why) in [
            (whole.replace("\"novation_wallet\": 1", "\"novation_wallet\": 2"), "written by another version"),
            (whole.replace("0x07", "0x"), "a key is not 0x and 64 hexadecimal digits"),
            (whole.replace("next_owner_seed", "another"), "not the JSON of a wallet"),
            (whole[..whole.len() / 2].to_owned(), "not the JSON of a wallet"),
            (String::new(), "not the JSON of a wallet"),
        ] {
            std::fs::write(&path, &text).unwrap();
            let refused = Wallet::open(&path).unwrap_err();
            assert!(matches!(&refused, WalletError::Content { reason, .. } if *reason == why), "{refused}");
            assert!(!refused.to_string().contains("0707"), "{refused}");
        }
        let zero = format!("0x{}", "0".repeat(64));
        let key =
            serde_json::from_str::<serde_json::Value>(&whole).unwrap()["viewing_key"].as_str().unwrap().to_owned();
        std::fs::write(&path, whole.replace(&key, &zero)).unwrap();
        let refused = Wallet::open(&path).unwrap_err();
        assert!(matches!(refused, WalletError::Content { reason: "the viewing key is out of range", .. }));
    }

    #[test]
    fn a_rotation_survives_a_crash_at_every_point() {
        let (_folder, path) = folder();
        let mut wallet = Wallet::create(&path).unwrap();
        let (old, viewing) = (wallet.owner(), wallet.viewing().public());
        let next = wallet.prepare_rotation().unwrap();
        // Crashed, opened, asked again: the same key, since the first rotation may be on its way.
        let mut wallet = Wallet::open(&path).unwrap();
        assert_eq!(wallet.prepare_rotation().unwrap(), next);
        assert_eq!(wallet.owner(), old);
        assert!(wallet.settle_rotation(&old).unwrap(), "not carried out yet");
        assert_eq!(wallet.next_owner(), Some(next));
        let stranger = Wallet::in_memory([1; 32]).owner();
        assert!(!wallet.settle_rotation(&stranger).unwrap());
        // A crash in the middle of replacing the file leaves its temporary sibling.
        std::fs::write(path.with_file_name("wallet.new"), "half").unwrap();
        assert!(wallet.settle_rotation(&next).unwrap());
        let wallet = Wallet::open(&path).unwrap();
        assert_eq!((wallet.owner(), wallet.next_owner()), (next, None));
        assert_eq!(wallet.viewing().public(), viewing, "the viewing key stays");
        assert!(!path.with_file_name("wallet.new").exists());
    }

    #[test]
    fn a_wallet_in_memory_does_not_rotate() {
        let mut wallet = Wallet::in_memory([1; 32]);
        assert!(matches!(wallet.prepare_rotation(), Err(WalletError::NoFile)));
        assert_eq!(wallet.next_owner(), None);
    }
}
