//! Jobs from a node, by HTTP.

use super::token::Token;
use super::wire::{
    is_worker_name, CircuitView, ClaimRequest, GiveUpRequest, JobView, Outcome, ProofAnswer, ProofRequest,
    WORKER_NAME_RULE,
};
use crate::wire::{BytesHex, ErrorBody};
use novation_prover::dump::Dump;
use novation_prover::worker::{Delivered, Job, JobSource, SourceError};
use novation_verifier::groth16::{proof_words, Proof};
use novation_verifier::tls;
use reqwest::header::{HeaderMap, HeaderValue, AUTHORIZATION};
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use thiserror::Error;
use tokio::runtime::Handle;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may be silent, in whatever it is.
const SILENCE: Duration = Duration::from_secs(30);
/// Most bytes of a witness: the largest circuit's has a hundred million.
const WITNESS: u64 = 1 << 30;

/// Why no node can be asked.
#[derive(Debug, Error)]
pub enum RemoteError {
    /// The URL is none.
    #[error("`{url}` is no URL of a node: http://HOST:PORT or https://HOST")]
    Url {
        /// What was given.
        url: String,
    },
    /// The name is none.
    #[error("`{name}` is no name of a worker: {WORKER_NAME_RULE}")]
    Name {
        /// What was given.
        name: String,
    },
    /// The HTTP client cannot be made.
    #[error("the HTTP client: {0}")]
    Client(reqwest::Error),
}

/// A node as a source of jobs. Blocks: its worker runs in threads of its own, outside the runtime.
pub struct Remote {
    client: Client,
    base: Url,
    runtime: Handle,
    name: String,
}

impl Remote {
    /// Jobs from the node at `url`, under a worker's name; connections live on `runtime`.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub fn new(url: &str, token: &Token, name: &str, runtime: Handle) -> Result<Remote, RemoteError> {
        if !is_worker_name(name) {
            return Err(RemoteError::Name { name: name.to_owned() });
        }
        let no_url = || RemoteError::Url { url: url.to_owned() };
        // A path is kept, for a node behind a proxy; joining needs it to end in a slash.
        let base = Url::parse(&format!("{}/", url.trim_end_matches('/'))).map_err(|_| no_url())?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(no_url());
        }
        let mut shown = HeaderValue::from_str(&token.header()).expect("a token is visible ASCII");
        shown.set_sensitive(true);
        tls::ready();
        let client = Client::builder()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, shown)]))
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            // The token goes to nobody but who was named.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(RemoteError::Client)?;
        Ok(Remote { client, base, runtime, name: name.to_owned() })
    }

    /// Whether what is sent can be read on the way.
    pub fn in_the_clear(&self) -> bool {
        self.base.scheme() == "http"
    }

    /// What proofs the node wants.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn circuit(&self) -> Result<CircuitView, SourceError> {
        let answer = self.send(Method::GET, "circuit", None::<&()>)?;
        self.json(answer)
    }

    /// Fetches the node's proving key into a file, which is there only once it is whole. Returns its length.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn fetch_key(&self, path: &Path) -> Result<u64, SourceError> {
        let answer = self.send(Method::GET, "key", None::<&()>)?;
        let part = path.with_extension(format!("{}.part", std::process::id()));
        let local = |error: std::io::Error| SourceError::Refused(format!("{}: {error}", part.display()));
        let write = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(local)?;
            }
            let mut file = File::create(&part).map_err(local)?;
            let bytes =
                self.runtime.block_on(each_piece(answer, u64::MAX, |piece| file.write_all(piece).map_err(local)))?;
            file.sync_all().map_err(local)?;
            fs::rename(&part, path).map_err(local)?;
            Ok(bytes)
        };
        let written = write();
        if written.is_err() {
            // The error that counts is the first; a leftover is only litter.
            drop(fs::remove_file(&part));
        }
        written
    }

    fn of(&self, job: &Job, what: &str) -> String {
        format!("jobs/{}/{}/{what}", job.batch, job.attempt)
    }

    /// Sends, and returns an answer that is a success.
    fn send(&self, method: Method, path: &str, body: Option<&impl Serialize>) -> Result<Response, SourceError> {
        let url = self.base.join(&format!("worker/v1/{path}")).expect("a relative path");
        let mut request = self.client.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.runtime.block_on(async {
            let answer = request.send().await.map_err(unreachable)?;
            if answer.status().is_success() {
                Ok(answer)
            } else {
                Err(refusal(answer).await)
            }
        })
    }

    fn json<T: DeserializeOwned>(&self, answer: Response) -> Result<T, SourceError> {
        self.runtime.block_on(answer.json()).map_err(unreachable)
    }
}

/// A failure of the way: with its cause, which says more.
fn unreachable(error: reqwest::Error) -> SourceError {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    SourceError::Unreachable(text)
}

/// What an answer says that is no success.
async fn refusal(answer: Response) -> SourceError {
    let status = answer.status();
    let said = answer.json::<ErrorBody>().await.ok().map(|body| body.error);
    let text = match &said {
        Some(error) => format!("{status}: {}", error.message),
        None => format!("{status}, without a word of why: is this the node's address?"),
    };
    match (status, said) {
        (StatusCode::CONFLICT, Some(error)) if error.code == "job_over" => SourceError::Over,
        (status, _) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            SourceError::Unreachable(text)
        }
        _ => SourceError::Refused(text),
    }
}

/// Hands an answer's body over piece by piece, and returns its length.
async fn each_piece(
    mut answer: Response,
    most: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), SourceError>,
) -> Result<u64, SourceError> {
    let mut bytes = 0;
    while let Some(piece) = answer.chunk().await.map_err(unreachable)? {
        bytes += piece.len() as u64;
        if bytes > most {
            return Err(SourceError::Refused(format!("more than {most} bytes came: this is nothing of a node's")));
        }
        take(&piece)?;
    }
    Ok(bytes)
}

impl JobSource for Remote {
    fn claim(&self) -> Result<Option<Job>, SourceError> {
        let answer = self.send(Method::POST, "claim", Some(&ClaimRequest { worker: self.name.clone() }))?;
        if answer.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let JobView { batch, attempt, lease_seconds } = self.json(answer)?;
        Ok(Some(Job { batch, attempt, lease: Duration::from_secs(lease_seconds) }))
    }

    fn witness(&self, job: &Job) -> Result<Dump, SourceError> {
        let answer = self.send(Method::GET, &self.of(job, "witness"), None::<&()>)?;
        // PRIVACY: kept in memory alone; it goes when the proof is done.
        let expected = answer.content_length().unwrap_or_default().min(WITNESS);
        let mut bytes = Vec::with_capacity(expected as usize);
        self.runtime.block_on(each_piece(answer, WITNESS, |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        }))?;
        let name = format!("the witness of batch {}", job.batch);
        Dump::from_bytes(&name, bytes).map_err(|error| SourceError::Unreachable(error.to_string()))
    }

    fn extend(&self, job: &Job) -> Result<(), SourceError> {
        self.send(Method::POST, &self.of(job, "heartbeat"), None::<&()>).map(drop)
    }

    fn deliver(&self, job: &Job, proof: &Proof) -> Result<Delivered, SourceError> {
        let request = ProofRequest { worker: self.name.clone(), proof: BytesHex(proof_words(proof).concat()) };
        let answer = self.send(Method::POST, &self.of(job, "proof"), Some(&request))?;
        let ProofAnswer { outcome } = self.json(answer)?;
        Ok(match outcome {
            Outcome::Accepted => Delivered::Accepted,
            Outcome::Known => Delivered::Known,
        })
    }

    fn give_up(&self, job: &Job, reason: &str) -> Result<(), SourceError> {
        // Within the node's limit on bodies, whatever the reason.
        let reason = reason.chars().take(1_000).collect();
        self.send(Method::POST, &self.of(job, "give_up"), Some(&GiveUpRequest { reason })).map(drop)
    }

    fn hand_back(&self, job: &Job) -> Result<(), SourceError> {
        self.send(Method::POST, &self.of(job, "hand_back"), None::<&()>).map(drop)
    }
}
