//! Where the witnesses of batches lie between the batch and its last proof: files here, object storage behind the same trait.
//!
//! PRIVACY: a witness is the plain accounts and orders of its batch. It is kept for as long as somebody may have to prove the
//! batch, readable by its owner alone, and removed once the batch is final.

use crate::container::FileError;
use crate::dump::Dump;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Longest name of a witness.
pub const MAX_NAME: usize = 64;

/// Why the store did not do as it was told.
#[derive(Debug, Error)]
pub enum WitnessError {
    /// Names are also file names and parts of URLs.
    #[error("witness name `{name}`: 1 to {MAX_NAME} lower-case letters, digits and `-`")]
    Name {
        /// The name.
        name: String,
    },
    /// Never stored, or removed.
    #[error("there is no witness `{name}`: it was never stored, or its batch is final")]
    Missing {
        /// The name.
        name: String,
    },
    /// The file cannot be written or read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A witness to be read, as [`Dump::save`] writes it.
pub struct Opened {
    /// Its length in bytes.
    pub bytes: u64,
    /// Its bytes.
    pub content: Box<dyn Read + Send>,
}

/// Witnesses by name. Calls block; whoever serves others meanwhile calls from a thread that may.
pub trait WitnessStore: Send + Sync + 'static {
    /// Stores a witness, instead of one of that name if there is one. It survives a loss of power once this returns.
    ///
    /// # Errors
    /// [`WitnessError`].
    fn put(&self, name: &str, witness: &Dump) -> Result<(), WitnessError>;

    /// Opens a witness. It can be read to its end even if it is removed meanwhile.
    ///
    /// # Errors
    /// [`WitnessError`].
    fn open(&self, name: &str) -> Result<Opened, WitnessError>;

    /// Reads a witness.
    ///
    /// # Errors
    /// [`WitnessError`].
    fn load(&self, name: &str) -> Result<Dump, WitnessError>;

    /// Removes a witness. One that is not there is removed already.
    ///
    /// # Errors
    /// [`WitnessError`].
    fn remove(&self, name: &str) -> Result<(), WitnessError>;
}

/// Witnesses in a folder, one file each.
#[derive(Clone, Debug)]
pub struct FileWitnesses {
    folder: PathBuf,
}

impl FileWitnesses {
    /// Witnesses in `folder`, which is made when the first one is stored, readable by its owner alone.
    pub fn new(folder: impl Into<PathBuf>) -> FileWitnesses {
        FileWitnesses { folder: folder.into() }
    }

    fn path(&self, name: &str) -> Result<PathBuf, WitnessError> {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(good) {
            return Err(WitnessError::Name { name: name.to_owned() });
        }
        Ok(self.folder.join(format!("{name}.witness")))
    }

    fn make_folder(&self) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            builder.mode(0o700);
        }
        builder.create(&self.folder)
    }
}

/// What an error of the system means for a witness of that name.
fn missing_or(name: &str, path: &Path, source: io::Error) -> WitnessError {
    match source.kind() {
        io::ErrorKind::NotFound => WitnessError::Missing { name: name.to_owned() },
        _ => FileError::Io { path: path.to_owned(), source }.into(),
    }
}

impl WitnessStore for FileWitnesses {
    fn put(&self, name: &str, witness: &Dump) -> Result<(), WitnessError> {
        let path = self.path(name)?;
        let io = |source| FileError::Io { path: self.folder.clone(), source };
        self.make_folder().map_err(io)?;
        witness.save(&path)?;
        // The name, too: the file was renamed to it.
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        Ok(())
    }

    fn open(&self, name: &str) -> Result<Opened, WitnessError> {
        let path = self.path(name)?;
        let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (bytes, file) = opened.map_err(|source| missing_or(name, &path, source))?;
        Ok(Opened { bytes, content: Box::new(file) })
    }

    fn load(&self, name: &str) -> Result<Dump, WitnessError> {
        let path = self.path(name)?;
        Dump::load(&path).map_err(|error| match error {
            FileError::Io { path, source } => missing_or(name, &path, source),
            other => other.into(),
        })
    }

    fn remove(&self, name: &str) -> Result<(), WitnessError> {
        let path = self.path(name)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => Ok(other.map_err(|source| FileError::Io { path, source })?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyfile::CircuitId;
    use ark_bn254::Fr;

    fn dump(value: u64) -> Dump {
        let circuit = CircuitId { version: 1, size: "toy".into(), matrices: [7; 32] };
        Dump { circuit, assignment: vec![Fr::from(1), Fr::from(value)] }
    }

    #[test]
    fn witnesses_come_back_until_they_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileWitnesses::new(folder.path().join("deep/witnesses"));
        let missing = "there is no witness `batch-1`: it was never stored, or its batch is final";
        assert_eq!(store.load("batch-1").unwrap_err().to_string(), missing);
        store.put("batch-1", &dump(5)).unwrap();
        store.put("batch-1", &dump(6)).unwrap();
        assert_eq!(store.load("batch-1").unwrap(), dump(6));
        let Opened { bytes, mut content } = store.open("batch-1").unwrap();
        store.remove("batch-1").unwrap();
        store.remove("batch-1").unwrap();
        let mut read = Vec::new();
        content.read_to_end(&mut read).unwrap();
        assert_eq!(read.len() as u64, bytes);
        let copy = folder.path().join("copy");
        fs::write(&copy, read).unwrap();
        assert_eq!(Dump::load(&copy).unwrap(), dump(6));
        assert_eq!(store.open("batch-1").err().unwrap().to_string(), missing);
    }

    #[test]
    fn names_stay_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileWitnesses::new(folder.path());
        let long = "a".repeat(MAX_NAME + 1);
        for name in ["", "..", "a/b", "A", "a.b", "a b", long.as_str()] {
            let errors = [
                store.put(name, &dump(1)).unwrap_err(),
                store.open(name).err().unwrap(),
                store.load(name).unwrap_err(),
                store.remove(name).unwrap_err(),
            ];
            assert!(errors.iter().all(|e| matches!(e, WitnessError::Name { name: named } if named == name)), "{name}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn folder_and_file_are_readable_by_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let store = FileWitnesses::new(folder.path().join("witnesses"));
        store.put("batch-1", &dump(1)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let inside = store.path("batch-1").unwrap();
        assert_eq!((mode(&folder.path().join("witnesses")), mode(&inside)), (0o700, 0o600));
    }
}
