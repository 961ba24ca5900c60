//! The token that workers show.

use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

/// Fewest characters of a token: 32 hexadecimal digits are 128 bits.
pub const MIN_TOKEN: usize = 32;

/// Why something is no token.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("token file {path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: std::io::Error,
    },
    /// It could be guessed.
    #[error("a token has at least {MIN_TOKEN} characters, this one has {found}: take 64 hexadecimal digits from `openssl rand -hex 32`")]
    Short {
        /// Its characters.
        found: usize,
    },
    /// It does not fit a header.
    #[error("a token is of visible ASCII characters without spaces")]
    Characters,
}

/// A token. Prints nothing of itself and is wiped when dropped.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// A token from text; white space around it does not count.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn new(text: &str) -> Result<Token, TokenError> {
        let text = text.trim();
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Characters);
        }
        if text.len() < MIN_TOKEN {
            return Err(TokenError::Short { found: text.len() });
        }
        Ok(Token(Zeroizing::new(text.to_owned())))
    }

    /// Reads a token from a file.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn read(path: &Path) -> Result<Token, TokenError> {
        let text = std::fs::read_to_string(path);
        let text = text.map(Zeroizing::new).map_err(|reason| TokenError::File { path: path.to_owned(), reason })?;
        Token::new(&text)
    }

    /// What stands in the `Authorization` header.
    pub(super) fn header(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("Bearer {}", *self.0))
    }

    /// Whether a header shows this token. How long it takes tells nothing about how much of it is right: digests are
    /// compared, in full.
    pub(super) fn is_shown_by(&self, header: &[u8]) -> bool {
        let digest = |bytes: &[u8]| -> [u8; 32] { Sha256::digest(bytes).into() };
        digest(header).ct_eq(&digest(self.header().as_bytes())).into()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_visible_and_only_the_whole_one_counts() {
        let text = "0123456789abcdef0123456789abcdef";
        let token = Token::new(&format!("  {text}\n")).unwrap();
        assert_eq!(format!("{token:?}"), "Token");
        assert!(token.is_shown_by(format!("Bearer {text}").as_bytes()));
        for wrong in [
            "",
            "Bearer ",
            text,
            &format!("Bearer {}", &text[..31]),
            &format!("Bearer {text}0"),
            &format!("bearer {text}"),
        ] {
            assert!(!token.is_shown_by(wrong.as_bytes()), "{wrong}");
        }
        assert!(matches!(Token::new(&text[..31]).unwrap_err(), TokenError::Short { found: 31 }));
        for odd in [format!("{text} {text}"), format!("{text}é")] {
            assert!(matches!(Token::new(&odd).unwrap_err(), TokenError::Characters));
        }
        let path = Path::new("no such folder/token");
        assert!(matches!(Token::read(path).unwrap_err(), TokenError::File { path: named, .. } if named == path));
    }
}
