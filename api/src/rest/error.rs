//! Errors over HTTP: a status, and a body that names code, field and rule.
//!
//! | status | when |
//! |---|---|
//! | 400 | the request cannot be read: syntax, types, ranges, unknown fields |
//! | 401 | a signed read without a valid credential |
//! | 404, 405 | nothing is there, or not for this method |
//! | 409 | it does not fit what is there: a nonce that was seen, an epoch that is over |
//! | 410 | it was there and is not kept |
//! | 413, 415 | the body is too large, or not JSON |
//! | 422 | it breaks a rule, and will as long as it stays what it is |
//! | 429 | too many requests: `Retry-After` says when |
//! | 503 | full or stopping: `Retry-After` says when |
//! | 504 | no answer in time |

use super::reasons::{self, Told};
use crate::wire::{ErrorBody, ErrorDetail, FieldError};
use axum::http::{header, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::Json;
use novation_sequencer::durable::SubmitError;
use novation_sequencer::reason::Refused;
use novation_state::reject::Rejection;

/// An answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// The body.
    pub detail: ErrorDetail,
    /// Seconds after which to try again.
    pub retry_after: Option<u64>,
}

/// The code of an answer, for the metrics.
#[derive(Clone, Debug)]
pub struct Code(pub String);

impl ApiError {
    /// Without a field.
    pub fn new(status: StatusCode, code: &str, message: impl ToString) -> ApiError {
        let detail = ErrorDetail { code: code.to_owned(), field: None, message: message.to_string() };
        ApiError { status, detail, retry_after: None }
    }

    /// With the field at fault.
    pub fn field(self, field: impl Into<String>) -> ApiError {
        ApiError { detail: ErrorDetail { field: Some(field.into()), ..self.detail }, ..self }
    }

    /// The field at fault is one below another.
    pub fn below(mut self, parent: &str) -> ApiError {
        self.detail.field = self.detail.field.map(|field| format!("{parent}.{field}"));
        self
    }

    /// To be tried again.
    pub fn retry_after(self, seconds: u64) -> ApiError {
        ApiError { retry_after: Some(seconds.max(1)), ..self }
    }

    /// 404.
    pub fn not_found(code: &str, message: impl ToString) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 401.
    pub fn unauthorized(code: &str, message: impl ToString) -> ApiError {
        ApiError::new(StatusCode::UNAUTHORIZED, code, message).field("Authorization")
    }

    /// 503.
    pub fn unavailable(code: &str, message: impl ToString) -> ApiError {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, code, message).retry_after(1)
    }
}

impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> ApiError {
        let message = error.to_string();
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_value", message).field(error.field)
    }
}

fn of(told: Told, message: String) -> ApiError {
    let error = ApiError::new(told.status, told.code, message);
    let error = if told.status == StatusCode::SERVICE_UNAVAILABLE { error.retry_after(1) } else { error };
    match told.field {
        Some(field) => error.field(field),
        None => error,
    }
}

impl From<Rejection> for ApiError {
    fn from(broken: Rejection) -> ApiError {
        of(reasons::rejection(&broken), broken.to_string())
    }
}

impl From<&Refused> for ApiError {
    fn from(reason: &Refused) -> ApiError {
        of(reasons::refused(reason), reason.to_string())
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> ApiError {
        match &error {
            SubmitError::Refused(reason) => reason.into(),
            SubmitError::Busy { .. } => ApiError::unavailable("busy", error),
            SubmitError::Stopped => ApiError::unavailable("stopped", error).retry_after(5),
            SubmitError::Unknown => ApiError::unavailable("unknown_outcome", error).retry_after(5),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let ApiError { status, detail, retry_after } = self;
        let code = Code(detail.code.clone());
        let mut response = (status, Json(ErrorBody { error: detail })).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Novation"));
        }
        response.extensions_mut().insert(code);
        response
    }
}
