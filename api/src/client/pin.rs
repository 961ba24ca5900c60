//! What a wallet knows of its venue and of its account there.
//!
//! Deployment and operator key are pinned when the wallet first meets the venue: whoever later answers at the URL has to be the same, or
//! receipts would mean nothing. A file beside the wallet keeps them; it holds no secret.

use super::wallet::private;
use super::{ClientError, WalletError};
use crate::wire::{PointJson, VenueView, Word};
use novation_state::units::AccountSlot;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Layout of the file.
const VERSION: u32 = 1;

/// What is pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    novation_account: u32,
    /// Deployment id.
    pub deployment: Word,
    /// Public key that signs receipts.
    pub operator: PointJson,
    /// The account slot, once it is known.
    pub account: Option<AccountSlot>,
}

impl Pin {
    /// Of a venue that is met for the first time.
    pub fn new(venue: &VenueView) -> Pin {
        Pin { novation_account: VERSION, deployment: venue.deployment, operator: venue.operator, account: None }
    }

    /// Reads the pin of a wallet, if there is one.
    ///
    /// # Errors
    /// [`ClientError::Wallet`].
    pub fn load(path: &Path) -> Result<Option<Pin>, ClientError> {
        let failed = |reason| WalletError::Io { path: path.to_owned(), reason };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(reason) => return Err(failed(reason).into()),
        };
        let content = |reason| WalletError::Content { path: path.to_owned(), reason };
        let pin: Pin = serde_json::from_str(&text).map_err(|_| content("not the JSON of a pinned venue"))?;
        if pin.novation_account != VERSION {
            return Err(content("written by another version").into());
        }
        Ok(Some(pin))
    }

    /// Writes it, whole.
    ///
    /// # Errors
    /// [`ClientError::Wallet`].
    pub fn save(&self, path: &Path) -> Result<(), ClientError> {
        let write = || {
            let beside = path.with_added_extension("new");
            let mut file = private().create(true).write(true).truncate(true).open(&beside)?;
            file.write_all((serde_json::to_string_pretty(self).expect("strings and numbers") + "\n").as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&beside, path)?;
            super::wallet::sync_folder(path)
        };
        write().map_err(|reason| WalletError::Io { path: path.to_owned(), reason }.into())
    }

    /// Whether the venue is the one that was pinned.
    ///
    /// # Errors
    /// [`ClientError::Pinned`].
    pub fn check(&self, venue: &VenueView, path: &Path) -> Result<(), ClientError> {
        let changed = |what, found: String, pinned: String| {
            Err(ClientError::Pinned { what, found, pinned, file: path.display().to_string() })
        };
        if venue.deployment != self.deployment {
            return changed("deployment", venue.deployment.to_string(), self.deployment.to_string());
        }
        if venue.operator != self.operator {
            return changed("operator key", venue.operator.x.to_string(), self.operator.x.to_string());
        }
        Ok(())
    }
}

/// Where the pin of a wallet is.
pub fn pin_path(wallet: &Path) -> PathBuf {
    wallet.with_added_extension("venue")
}

/// Where the journal of a wallet's account is.
pub fn journal_path(wallet: &Path, account: AccountSlot) -> PathBuf {
    wallet.with_added_extension(format!("{account}.journal"))
}
