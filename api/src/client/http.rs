//! Requests to the venue, and what the answers mean.
//!
//! Of a message that is sent, an answer says one of four things: taken in, refused for good, not now, or nothing certain. The last two are
//! tried again here, with the same bytes; the venue gives the same receipt to the same message, so sending twice is harmless.

use super::ClientError;
use crate::wire::{ErrorBody, ErrorDetail};
use novation_verifier::tls;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// A request takes this long at most. A receipt waits for a disk and perhaps for an auction.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Connecting takes this long at most.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The code of a failure after which nobody knows whether the message was taken in.
const UNKNOWN_OUTCOME: &str = "unknown_outcome";
/// Longest answer: every instrument of a large venue is a few megabytes.
const MAX_ANSWER: usize = 32 << 20;

/// How often a message without a certain answer is sent, and how long to wait in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Times that it is sent, at least 1.
    pub attempts: u32,
    /// Wait after the first; doubles each time.
    pub first_wait: Duration,
    /// A venue that asks for a longer wait is not waited for.
    pub longest_wait: Duration,
}

impl Default for Retry {
    /// Four times within 4 seconds.
    fn default() -> Retry {
        Retry { attempts: 4, first_wait: Duration::from_millis(500), longest_wait: Duration::from_secs(5) }
    }
}

/// A refusal by the venue: an HTTP status with the body of the REST conventions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// What the venue says.
    pub detail: ErrorDetail,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ErrorDetail { code, field, message } = &self.detail;
        match field {
            Some(field) => write!(f, "{message} ({code}, field `{field}`)"),
            None => write!(f, "{message} ({code})"),
        }
    }
}

/// The venue at a URL.
#[derive(Clone, Debug)]
pub struct Http {
    base: Url,
    client: reqwest::Client,
    retry: Retry,
}

/// What an attempt came to.
enum Attempt {
    Answer(Vec<u8>),
    Refused(Refusal),
    /// Not taken in, or nobody knows.
    Again {
        why: String,
        wait: Option<Duration>,
        /// Whether it is certain that nothing was taken in.
        changed_nothing: bool,
    },
}

impl Http {
    /// A venue at `http://host:port` or `https://host`, possibly below a path.
    ///
    /// # Errors
    /// [`ClientError::Url`].
    pub fn new(url: &str, retry: Retry) -> Result<Http, ClientError> {
        let refused = |reason: String| ClientError::Url { url: url.to_owned(), reason };
        let mut base = Url::parse(url).map_err(|error| refused(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(refused("it is not http://HOST:PORT or https://HOST".into()));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(refused("it goes on after the path".into()));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        tls::ready();
        let client = reqwest::Client::builder().timeout(TIMEOUT).connect_timeout(CONNECT_TIMEOUT);
        let client = client.redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|error| refused(error.to_string()))?;
        Ok(Http { base, client, retry: Retry { attempts: retry.attempts.max(1), ..retry } })
    }

    /// The URL of a path that starts with `/`.
    pub(super) fn url(&self, path: &str) -> Url {
        let path = path.strip_prefix('/').unwrap_or(path);
        self.base.join(path).expect("own paths are valid URLs")
    }

    /// Reads something. A failure is tried again.
    ///
    /// # Errors
    /// [`ClientError::Refused`], [`ClientError::Unreachable`], [`ClientError::Answer`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str, authorization: Option<&str>) -> Result<T, ClientError> {
        let answer = self.request(Method::GET, path, None, authorization).await;
        let bytes = answer.map_err(|failure| failure.reading(&self.base))?;
        self.parse(path, &bytes)
    }

    /// Asks something with a body that changes nothing.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        body: String,
        authorization: Option<&str>,
    ) -> Result<T, ClientError> {
        let answer = self.request(Method::POST, path, Some(body), authorization).await;
        let bytes = answer.map_err(|failure| failure.reading(&self.base))?;
        self.parse(path, &bytes)
    }

    /// Sends a message: the same bytes until there is a certain answer or the attempts are used up.
    pub(super) async fn send<T: DeserializeOwned>(&self, path: &str, body: &str) -> Result<T, SendError> {
        let answer = self.request(Method::POST, path, Some(body.to_owned()), None).await;
        let bytes = answer.map_err(|failure| match failure {
            Failure::Refused(refusal) => SendError::Refused(refusal),
            Failure::Passing { why, changed_nothing: true } => SendError::NotTaken(why),
            Failure::Passing { why, changed_nothing: false } => SendError::Uncertain(why),
        })?;
        // Taken in, says the status; without a receipt there is nothing to hold on to.
        serde_json::from_slice(&bytes)
            .map_err(|error| SendError::Uncertain(format!("no receipt in the answer: {error}")))
    }

    fn parse<T: DeserializeOwned>(&self, path: &str, bytes: &[u8]) -> Result<T, ClientError> {
        let answer =
            |error: serde_json::Error| ClientError::Answer { path: path.to_owned(), reason: error.to_string() };
        serde_json::from_slice(bytes).map_err(answer)
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        authorization: Option<&str>,
    ) -> Result<Vec<u8>, Failure> {
        let mut wait = self.retry.first_wait;
        let mut attempt = 1;
        // Of every attempt: one that may have been taken in leaves a doubt that later ones do not remove.
        let mut nothing = true;
        loop {
            match self.attempt(&method, path, body.as_deref(), authorization).await {
                Attempt::Answer(bytes) => return Ok(bytes),
                Attempt::Refused(refusal) => return Err(Failure::Refused(refusal)),
                Attempt::Again { why, wait: asked, changed_nothing } => {
                    nothing &= changed_nothing;
                    let pause = asked.unwrap_or(wait);
                    if attempt >= self.retry.attempts || pause > self.retry.longest_wait {
                        return Err(Failure::Passing { why, changed_nothing: nothing });
                    }
                    tokio::time::sleep(pause).await;
                    wait *= 2;
                    attempt += 1;
                }
            }
        }
    }

    async fn attempt(&self, method: &Method, path: &str, body: Option<&str>, authorization: Option<&str>) -> Attempt {
        let mut request = self.client.request(method.clone(), self.url(path));
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_owned());
        }
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let again = |why: String| Attempt::Again { why, wait: None, changed_nothing: false };
        let mut answer = match request.send().await {
            Ok(answer) => answer,
            // Without a connection nothing was sent.
            Err(error) if error.is_connect() => {
                return Attempt::Again { why: causes(&error), wait: None, changed_nothing: true };
            }
            Err(error) => return again(causes(&error)),
        };
        let status = answer.status();
        let asked = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let mut bytes = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() <= MAX_ANSWER => bytes.extend_from_slice(&chunk),
                Ok(Some(_)) => return again(format!("the answer is longer than {MAX_ANSWER} bytes")),
                Ok(None) => break,
                Err(error) => return again(causes(&error)),
            }
        }
        if status.is_success() {
            return Attempt::Answer(bytes);
        }
        let body = serde_json::from_slice::<ErrorBody>(&bytes);
        let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
        match body {
            // A refusal in the venue's own words. Without them a proxy in between may have answered.
            Ok(ErrorBody { error }) if status.is_client_error() && !passing.contains(&status) => {
                Attempt::Refused(Refusal { status: status.as_u16(), detail: error })
            }
            Ok(ErrorBody { error }) => {
                let why = format!("HTTP {}: {}", status.as_u16(), error.message);
                // Full or too fast: by the conventions nothing changed, unless the code says otherwise.
                let full = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
                let changed_nothing = full && error.code != UNKNOWN_OUTCOME;
                Attempt::Again { why, wait: asked.map(Duration::from_secs), changed_nothing }
            }
            Err(_) => {
                let why = format!("HTTP {}", status.as_u16());
                Attempt::Again { why, wait: asked.map(Duration::from_secs), changed_nothing: false }
            }
        }
    }
}

enum Failure {
    Refused(Refusal),
    Passing { why: String, changed_nothing: bool },
}

impl Failure {
    fn reading(self, url: &Url) -> ClientError {
        match self {
            Failure::Refused(refusal) => ClientError::Refused(refusal),
            Failure::Passing { why: reason, .. } => ClientError::Unreachable { url: url.to_string(), reason },
        }
    }
}

/// What became of sending a message.
pub(super) enum SendError {
    /// It changed nothing.
    Refused(Refusal),
    /// The venue was full or away: it changed nothing.
    NotTaken(String),
    /// It may have been taken in.
    Uncertain(String),
}

/// An error with what caused it: reqwest's own text says little more than the URL.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
