//! What the venue is asked, typed.

use super::{ClientError, Http};
use crate::wire::{
    AccountView, BatchDetail, BatchView, CommandView, DepositState, DepositView, FillView, InstrumentView, LeafView,
    MarksView, OrderView, VenueView, WhatIfRequest, WhatIfView,
};
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa::Signature;
use novation_state::message::Read;
use novation_state::units::{AccountSlot, Time};
use novation_verifier::encoding::to_hex_word;
use serde::de::DeserializeOwned;

/// Entries of a list that are asked for at once: the venue's maximum.
const PAGE: usize = 500;

/// Where things are.
pub mod paths {
    /// Orders go here.
    pub const ORDERS: &str = "/v1/orders";
    /// Commands go here.
    pub const COMMANDS: &str = "/v1/commands";
    /// The stream of events.
    pub const EVENTS: &str = "/v1/events";
}

/// Leave to read an account until a time, signed by its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The account.
    pub account: AccountSlot,
    /// Last second at which it is good.
    pub expires: Time,
    /// The value of the `Authorization` header.
    pub header: String,
}

impl Credential {
    /// Of a read and the owner's signature of it.
    pub fn new(read: &Read, signature: &Signature) -> Credential {
        let Read { account, expires, .. } = *read;
        let header = format!("Novation {account}.{expires}.0x{}", hex::encode(signature.to_bytes()));
        Credential { account, expires, header }
    }
}

/// The venue's questions and answers.
#[derive(Clone, Debug)]
pub struct Rest {
    http: Http,
}

impl Rest {
    /// Over HTTP.
    pub fn new(http: Http) -> Rest {
        Rest { http }
    }

    /// The transport.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// What a client has to know of the venue.
    ///
    /// # Errors
    /// [`ClientError`], as everywhere here: refused, unreachable, or an answer that is not understood.
    pub async fn venue(&self) -> Result<VenueView, ClientError> {
        self.http.get("/v1/venue", None).await
    }

    /// Every instrument.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn instruments(&self) -> Result<Vec<InstrumentView>, ClientError> {
        self.http.get("/v1/instruments", None).await
    }

    /// The newest marks.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn marks(&self) -> Result<MarksView, ClientError> {
        self.http.get("/v1/marks", None).await
    }

    /// An account's leaf under the last batch's root, with path and ciphertext.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn leaf(&self, account: AccountSlot) -> Result<LeafView, ClientError> {
        self.http.get(&format!("/v1/accounts/{account}/leaf"), None).await
    }

    /// The last batches, at most 100, oldest first, with their stages.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn batches(&self) -> Result<Vec<BatchView>, ClientError> {
        self.http.get("/v1/batches", None).await
    }

    /// A batch with its public data.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn batch(&self, number: u64) -> Result<BatchDetail, ClientError> {
        self.http.get(&format!("/v1/batches/{number}"), None).await
    }

    /// The account that deposits of these keys opened, if a batch has credited one. Anybody can deposit for somebody else's owner key: only a
    /// slot that is encrypted to the own viewing key counts.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn account_of(&self, owner: &Point, viewing: &Point) -> Result<Option<AccountSlot>, ClientError> {
        let path = format!("/v1/accounts?owner_x={}", to_hex_word(&owner.x));
        let found: Vec<DepositView> = self.http.get(&path, None).await?;
        for deposit in found.iter().filter(|deposit| deposit.state == DepositState::Credited) {
            let slot = AccountSlot::new(deposit.slot);
            let slot = slot.map_err(|reason| ClientError::Range { what: "account slot", reason })?;
            if Point::from(self.leaf(slot).await?.viewing) == *viewing {
                return Ok(Some(slot));
            }
        }
        Ok(None)
    }

    /// The own account.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn account(&self, credential: &Credential) -> Result<AccountView, ClientError> {
        self.http.get("/v1/account", Some(&credential.header)).await
    }

    /// The own orders, as announced, oldest first: those that may still be filled, and of the others the last 1,024.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn orders(&self, credential: &Credential) -> Result<Vec<OrderView>, ClientError> {
        self.pages("/v1/account/orders", credential, 0, |order: &OrderView| order.position).await
    }

    /// The own commands, oldest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn commands(&self, credential: &Credential) -> Result<Vec<CommandView>, ClientError> {
        self.pages("/v1/account/commands", credential, 0, |command: &CommandView| command.position).await
    }

    /// The own fills after the one of this number, oldest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn fills(&self, credential: &Credential, after: u64) -> Result<Vec<FillView>, ClientError> {
        self.pages("/v1/account/fills", credential, after, |fill: &FillView| fill.id).await
    }

    /// Every page of a list behind a cursor.
    async fn pages<T: DeserializeOwned>(
        &self,
        path: &str,
        credential: &Credential,
        mut after: u64,
        cursor: impl Fn(&T) -> u64,
    ) -> Result<Vec<T>, ClientError> {
        let mut all = Vec::new();
        loop {
            let page = format!("{path}?after={after}&limit={PAGE}");
            let page: Vec<T> = self.http.get(&page, Some(&credential.header)).await?;
            let full = page.len() >= PAGE;
            // A page that does not get on would be asked for for ever.
            let Some(last) = page.last().map(&cursor).filter(|last| *last > after) else {
                all.extend(page);
                return Ok(all);
            };
            after = last;
            all.extend(page);
            if !full {
                return Ok(all);
            }
        }
    }

    /// What orders would do, without sending them.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn what_if(&self, credential: &Credential, request: &WhatIfRequest) -> Result<WhatIfView, ClientError> {
        let body = serde_json::to_string(request).expect("strings and numbers");
        self.http.ask("/v1/account/what-if", body, Some(&credential.header)).await
    }
}
