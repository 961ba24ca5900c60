//! The routes.

use super::desk::{proof_from_bytes, Desk, DeskError};
use super::stream::Stream;
use super::token::Token;
use super::wire::{
    is_worker_name, CircuitView, ClaimRequest, GiveUpRequest, JobView, Outcome, ProofAnswer, ProofRequest,
    WORKER_NAME_RULE,
};
use crate::rest::error::ApiError;
use crate::wire::BytesHex;
use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{header, HeaderValue, StatusCode};
use axum::middleware::{from_fn_with_state, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use novation_prover::witness_store::{WitnessError, WitnessStore};
use novation_sequencer::jobs::{Completed, JobError, Jobs, Ticket};
use serde::de::DeserializeOwned;
use std::fs::File;
use std::sync::Arc;

/// Most bytes of a request's body: a proof takes some six hundred.
const BODY: usize = 16 << 10;

type Answer = Result<Response, ApiError>;
type InPath = Result<Path<(u64, u64)>, PathRejection>;
type InBody = Result<Bytes, BytesRejection>;

/// The routes of `/worker/v1/`, to be merged into the node's router. Each of them wants the token, before anything else is looked at.
pub fn router<J: Jobs, W: WitnessStore>(desk: Arc<Desk<J, W>>, token: Token) -> Router {
    let job = "/worker/v1/jobs/{batch}/{attempt}";
    Router::new()
        .route("/worker/v1/circuit", get(circuit::<J, W>))
        .route("/worker/v1/key", get(key::<J, W>))
        .route("/worker/v1/claim", post(claim::<J, W>))
        .route(&format!("{job}/witness"), get(witness::<J, W>))
        .route(&format!("{job}/heartbeat"), post(heartbeat::<J, W>))
        .route(&format!("{job}/proof"), post(proof::<J, W>))
        .route(&format!("{job}/give_up"), post(give_up::<J, W>))
        .route(&format!("{job}/hand_back"), post(hand_back::<J, W>))
        .layer(DefaultBodyLimit::max(BODY))
        .route_layer(from_fn_with_state(token, authorize))
        .with_state(desk)
}

async fn authorize(State(token): State<Token>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).map_or(&[][..], HeaderValue::as_bytes);
    if token.is_shown_by(shown) {
        return next.run(request).await;
    }
    let message = "prover workers show the node's token: `Authorization: Bearer <token>`";
    let mut refused = problem(StatusCode::UNAUTHORIZED, "wrong_token", None, message).into_response();
    refused.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    refused
}

async fn circuit<J: Jobs, W: WitnessStore>(State(desk): State<Arc<Desk<J, W>>>) -> Json<CircuitView> {
    let circuit = desk.circuit();
    Json(CircuitView {
        version: circuit.version,
        size: circuit.size.clone(),
        matrices: BytesHex(circuit.matrices.to_vec()),
        verifying_key: BytesHex(desk.key_checksum().to_vec()),
    })
}

async fn key<J: Jobs, W: WitnessStore>(State(desk): State<Arc<Desk<J, W>>>) -> Answer {
    let path = desk.key_file().clone();
    let opened = tokio::task::spawn_blocking(move || {
        let file = File::open(path)?;
        Ok::<_, std::io::Error>((file.metadata()?.len(), file))
    });
    match opened.await {
        Ok(Ok((bytes, file))) => Ok(octets(bytes, file)),
        _ => {
            let message = "the node's proving key cannot be read: ask its operator";
            Err(problem(StatusCode::INTERNAL_SERVER_ERROR, "no_key", None, message))
        }
    }
}

async fn claim<J: Jobs, W: WitnessStore>(State(desk): State<Arc<Desk<J, W>>>, body: InBody) -> Answer {
    let ClaimRequest { worker } = read(body)?;
    named(&worker)?;
    Ok(match desk.claim(&worker).await? {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(claim) => {
            let Ticket { batch, attempt } = claim.ticket;
            Json(JobView { batch, attempt, lease_seconds: desk.lease().as_secs() }).into_response()
        }
    })
}

async fn witness<J: Jobs, W: WitnessStore>(State(desk): State<Arc<Desk<J, W>>>, path: InPath) -> Answer {
    let opened = desk.witness(ticket(path)?).await?;
    Ok(octets(opened.bytes, opened.content))
}

async fn heartbeat<J: Jobs, W: WitnessStore>(State(desk): State<Arc<Desk<J, W>>>, path: InPath) -> Answer {
    let ticket = ticket(path)?;
    desk.extend(ticket).await?;
    let Ticket { batch, attempt } = ticket;
    Ok(Json(JobView { batch, attempt, lease_seconds: desk.lease().as_secs() }).into_response())
}

async fn proof<J: Jobs, W: WitnessStore>(State(desk): State<Arc<Desk<J, W>>>, path: InPath, body: InBody) -> Answer {
    let ticket = ticket(path)?;
    let ProofRequest { worker, proof } = read(body)?;
    named(&worker)?;
    let rule = "eight words of 32 bytes, points of the curve's groups other than the identity";
    let malformed = problem(StatusCode::UNPROCESSABLE_ENTITY, "malformed_proof", Some("proof"), rule);
    let proof = proof_from_bytes(&proof.0).ok_or(malformed)?;
    // A task of its own: a worker that hangs up must not stop the node half way between storing a proof and using it.
    let delivered = tokio::spawn(async move { desk.deliver(ticket, &worker, &proof).await });
    let completed = match delivered.await {
        Ok(completed) => completed?,
        Err(lost) => std::panic::resume_unwind(lost.into_panic()),
    };
    let outcome = match completed {
        Completed::Stored => Outcome::Accepted,
        Completed::Known => Outcome::Known,
    };
    Ok(Json(ProofAnswer { outcome }).into_response())
}

async fn give_up<J: Jobs, W: WitnessStore>(State(desk): State<Arc<Desk<J, W>>>, path: InPath, body: InBody) -> Answer {
    let ticket = ticket(path)?;
    let GiveUpRequest { reason } = read(body)?;
    desk.give_up(ticket, &reason).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn hand_back<J: Jobs, W: WitnessStore>(State(desk): State<Arc<Desk<J, W>>>, path: InPath) -> Answer {
    desk.hand_back(ticket(path)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn octets(bytes: u64, content: impl std::io::Read + Send + 'static) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, "no-store")];
    (kind, Body::new(Stream::new(bytes, content))).into_response()
}

fn ticket(path: InPath) -> Result<Ticket, ApiError> {
    let wrong = |error: PathRejection| {
        problem(
            StatusCode::BAD_REQUEST,
            "malformed_path",
            Some("batch"),
            &format!("batch and attempt are numbers: {error}"),
        )
    };
    let Path((batch, attempt)) = path.map_err(wrong)?;
    Ok(Ticket { batch, attempt })
}

fn read<T: DeserializeOwned>(body: InBody) -> Result<T, ApiError> {
    let body = body.map_err(|error| problem(error.status(), "body", None, &error.body_text()))?;
    let wrong = |error: serde_json::Error| {
        problem(StatusCode::BAD_REQUEST, "malformed_body", None, &format!("the body is not as documented: {error}"))
    };
    serde_json::from_slice(&body).map_err(wrong)
}

fn named(worker: &str) -> Result<(), ApiError> {
    if is_worker_name(worker) {
        return Ok(());
    }
    let rule = format!("a worker is called by {WORKER_NAME_RULE}");
    Err(problem(StatusCode::UNPROCESSABLE_ENTITY, "worker_name", Some("worker"), &rule))
}

fn problem(status: StatusCode, code: &str, field: Option<&str>, message: &str) -> ApiError {
    let error = ApiError::new(status, code, message);
    match field {
        Some(field) => error.field(field),
        None => error,
    }
}

impl From<DeskError> for ApiError {
    fn from(error: DeskError) -> ApiError {
        let (status, code, field) = match &error {
            DeskError::Job(JobError::Unknown { .. }) => (StatusCode::NOT_FOUND, "unknown_batch", Some("batch")),
            DeskError::Job(JobError::NeverClaimed { .. }) => {
                (StatusCode::NOT_FOUND, "unknown_attempt", Some("attempt"))
            }
            DeskError::Job(JobError::Over { .. }) => (StatusCode::CONFLICT, "job_over", Some("attempt")),
            DeskError::NotWanted { .. } => (StatusCode::CONFLICT, "job_over", Some("batch")),
            DeskError::WrongProof { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "wrong_proof", Some("proof")),
            DeskError::Witness(WitnessError::Missing { .. }) => (StatusCode::NOT_FOUND, "no_witness", None),
            DeskError::Job(JobError::Store(_)) | DeskError::Witness(_) | DeskError::StoredProof { .. } => {
                // What the database or the disk said is for the operator's eyes.
                tracing::error!("a prover worker could not be served: {error}");
                let message = "the node cannot serve this at the moment: try again";
                return ApiError::unavailable("unavailable", message);
            }
        };
        problem(status, code, field, &error.to_string())
    }
}
