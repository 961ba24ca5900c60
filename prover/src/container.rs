//! The shell of our binary files: eight bytes of magic, the payload, SHA-256 of both.
//!
//! The checksum finds damage and truncation, not malice: whoever can write the file can write its checksum. Files that must
//! be trusted are named by checksum from elsewhere (see [`crate::keyfile`]).
//!
//! Files are written beside their final name and renamed, so a reader never meets half a file.

use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Length of the magic and of the checksum.
const MAGIC_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 32;

/// Why a file of ours cannot be written or read.
#[derive(Debug, Error)]
pub enum FileError {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not of the expected kind or version.
    #[error("{path}: not a {kind} file of this version")]
    Kind {
        /// The file.
        path: PathBuf,
        /// What was expected.
        kind: &'static str,
    },
    /// The content does not have the checksum at the end of the file: damaged or cut short.
    #[error("{path}: checksum does not match: the file is damaged or incomplete")]
    Checksum {
        /// The file.
        path: PathBuf,
    },
    /// The checksum holds, but the content is not what this version writes.
    #[error("{path}: malformed: {what}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// A kind of file.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// First eight bytes; the last is the version.
    pub magic: &'static [u8; MAGIC_BYTES],
    /// What to call it in errors.
    pub name: &'static str,
    /// PRIVACY: readable by its owner alone (a witness).
    pub private: bool,
}

/// Hashes what passes through.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hash.update(&bytes[..n]);
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writes a file; `payload` writes what lies between magic and checksum.
///
/// # Errors
/// [`FileError::Io`].
pub fn write(path: &Path, kind: Kind, payload: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), FileError> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let attempt = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        if kind.private {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let mut out = Hashing { inner: BufWriter::with_capacity(1 << 20, options.open(&part)?), hash: Sha256::new() };
        out.write_all(kind.magic)?;
        payload(&mut out)?;
        let checksum = out.hash.finalize();
        out.inner.write_all(&checksum)?;
        out.inner.into_inner().map_err(|e| e.into_error())?.sync_all()?;
        fs::rename(&part, path)
    };
    attempt().map_err(|source| {
        // The error that counts is the first; a leftover is only litter.
        let _ = fs::remove_file(&part);
        FileError::Io { path: path.into(), source }
    })
}

/// A payload whose checksum holds.
#[derive(Debug)]
pub struct Payload {
    path: PathBuf,
    bytes: Vec<u8>,
    at: usize,
    checksum: [u8; CHECKSUM_BYTES],
}

/// Reads a file and verifies its checksum before anything of it is interpreted.
///
/// # Errors
/// [`FileError::Io`], [`FileError::Kind`], [`FileError::Checksum`].
pub fn read(path: &Path, kind: Kind) -> Result<Payload, FileError> {
    let io = |source| FileError::Io { path: path.into(), source };
    let mut file = File::open(path).map_err(io)?;
    let len = file.metadata().map_err(io)?.len() as usize;
    let mut bytes = Vec::with_capacity(len);
    file.read_to_end(&mut bytes).map_err(io)?;
    check(path, kind, bytes)
}

/// The same for the bytes of a file that came by another way; errors call it `path`.
///
/// # Errors
/// [`FileError::Kind`], [`FileError::Checksum`].
pub fn check(path: &Path, kind: Kind, mut bytes: Vec<u8>) -> Result<Payload, FileError> {
    if bytes.len() < MAGIC_BYTES || bytes[..MAGIC_BYTES] != kind.magic[..] {
        return Err(FileError::Kind { path: path.into(), kind: kind.name });
    }
    let end = bytes.len().saturating_sub(CHECKSUM_BYTES).max(MAGIC_BYTES);
    let checksum: [u8; CHECKSUM_BYTES] = Sha256::digest(&bytes[..end]).into();
    if bytes[end..] != checksum {
        return Err(FileError::Checksum { path: path.into() });
    }
    bytes.truncate(end);
    Ok(Payload { path: path.into(), bytes, at: MAGIC_BYTES, checksum })
}

impl Payload {
    /// The file's checksum.
    pub fn checksum(&self) -> [u8; 32] {
        self.checksum
    }

    /// An error about the content.
    pub fn malformed(&self, what: impl Into<String>) -> FileError {
        FileError::Malformed { path: self.path.clone(), what: what.into() }
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`FileError::Malformed`] past the end; so do all methods below.
    pub fn take(&mut self, n: usize) -> Result<&[u8], FileError> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else { return Err(self.malformed("shorter than its own lengths say")) };
        let begin = std::mem::replace(&mut self.at, end);
        Ok(&self.bytes[begin..end])
    }

    /// The bytes of the next `n` items of `size` bytes, `n` being a length from the file.
    ///
    /// # Errors
    /// [`FileError::Malformed`].
    pub fn block(&mut self, n: u64, size: usize) -> Result<&[u8], FileError> {
        let bytes = usize::try_from(n).ok().and_then(|n| n.checked_mul(size));
        let Some(bytes) = bytes else { return Err(self.malformed("a length is out of range")) };
        self.take(bytes)
    }

    /// The next `n` items of `size` bytes, one by one.
    ///
    /// # Errors
    /// [`FileError::Malformed`].
    pub fn items(&mut self, n: u64, size: usize) -> Result<std::slice::ChunksExact<'_, u8>, FileError> {
        Ok(self.block(n, size)?.chunks_exact(size))
    }

    /// A fixed number of bytes.
    ///
    /// # Errors
    /// [`FileError::Malformed`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], FileError> {
        Ok(self.take(N)?.try_into().expect("N bytes were taken"))
    }

    /// A little-endian number.
    ///
    /// # Errors
    /// [`FileError::Malformed`].
    pub fn u32(&mut self) -> Result<u32, FileError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A little-endian number.
    ///
    /// # Errors
    /// [`FileError::Malformed`].
    pub fn u64(&mut self) -> Result<u64, FileError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Text as [`write_text`] writes it.
    ///
    /// # Errors
    /// [`FileError::Malformed`].
    pub fn text(&mut self) -> Result<String, FileError> {
        let n = self.u32()? as usize;
        let bytes = self.take(n)?.to_vec();
        String::from_utf8(bytes).map_err(|_| self.malformed("text is not UTF-8"))
    }

    /// Checks that everything was read.
    ///
    /// # Errors
    /// [`FileError::Malformed`].
    pub fn finish(self) -> Result<(), FileError> {
        if self.at != self.bytes.len() {
            return Err(self.malformed("longer than its own lengths say"));
        }
        Ok(())
    }
}

/// Length and bytes of a text.
///
/// # Errors
/// Those of the writer.
pub fn write_text(out: &mut dyn Write, text: &str) -> io::Result<()> {
    let n = u32::try_from(text.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    out.write_all(&n.to_le_bytes())?;
    out.write_all(text.as_bytes())
}
