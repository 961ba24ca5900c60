//! Signed reads: `Authorization: Novation <account>.<expires>.<signature>`, the signature by the account's owner over
//! [`Read`].
//!
//! A credential is good for reading, for an hour at most, and for nothing else: nobody can trade or withdraw with it. A
//! rotation of the owner key ends it.

use super::error::ApiError;
use super::ApiState;
use crate::wire::SignatureHex;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa;
use novation_state::message::Read;
use novation_state::units::{AccountSlot, Time};

/// Longest time, in seconds, that a credential may be valid from now.
pub const LONGEST: i64 = 3_600;

/// Who reads the own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The account.
    pub account: AccountSlot,
    /// Last second of the credential.
    pub expires: Time,
    /// The owner key that it was checked against.
    pub owner: Point,
}

impl Reader {
    /// Checks a credential, as the header has it.
    ///
    /// # Errors
    /// 401, by the first thing that is wrong; 429.
    pub fn check(state: &ApiState, text: &str) -> Result<Reader, ApiError> {
        let malformed = |what: &str| {
            let message = format!("{what}: `Novation <account>.<expires>.<signature>`");
            ApiError::unauthorized("authorization_malformed", message)
        };
        let parts: Vec<&str> = text.strip_prefix("Novation ").unwrap_or("").split('.').collect();
        let [account, expires, signature] = parts[..] else { return Err(malformed("not a credential")) };
        let number = |text: &str, what| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<i64>().ok()).flatten().ok_or_else(|| malformed(what))
        };
        let account = AccountSlot::new(number(account, "the account is no slot")?);
        let account = account.map_err(|_| malformed("the account is no slot"))?;
        let expires = Time::new(number(expires, "the time is none")?).map_err(|_| malformed("the time is none"))?;
        let SignatureHex(signature) = signature.parse().map_err(|_| malformed("the signature is none"))?;

        let now = state.now();
        if expires < now {
            let message = format!("the credential expired at {expires}, it is {now}: sign a new one");
            return Err(ApiError::unauthorized("authorization_expired", message));
        }
        if expires.get() - now.get() > LONGEST {
            let message =
                format!("a credential is valid for {LONGEST} s at most: this one until {expires}, it is {now}");
            return Err(ApiError::unauthorized("authorization_too_long", message));
        }
        let refused = || {
            let message = "no such account, or not signed by its owner for this deployment";
            ApiError::unauthorized("authorization_refused", message)
        };
        let owner = state.owner(account).ok_or_else(refused)?;
        let read = Read { deployment: state.venue.deployment.id, account, expires };
        eddsa::verify(&owner, read.hash(), &signature).map_err(|_| refused())?;
        state.guards.account(account)?;
        Ok(Reader { account, expires, owner })
    }

    /// Whether the credential is still good.
    ///
    /// # Errors
    /// 401: its time is over, or the owner key was replaced.
    pub fn still(&self, state: &ApiState) -> Result<(), ApiError> {
        if self.expires < state.now() {
            return Err(ApiError::unauthorized("authorization_expired", "the credential expired"));
        }
        if state.owner(self.account) != Some(self.owner) {
            return Err(ApiError::unauthorized("authorization_refused", "the owner key was replaced"));
        }
        Ok(())
    }
}

impl FromRequestParts<ApiState> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let missing =
            || ApiError::unauthorized("authorization_missing", "reading an account takes a signed credential");
        let header = parts.headers.get(AUTHORIZATION).ok_or_else(missing)?;
        Reader::check(state, header.to_str().unwrap_or(""))
    }
}
