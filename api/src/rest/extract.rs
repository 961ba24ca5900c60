//! Bodies, queries and paths, read strictly: an error names the field.

use super::error::ApiError;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{header, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A JSON body.
pub struct Body<T>(pub T);

/// The query string.
pub struct Params<T>(pub T);

/// The one parameter of a path: a number.
pub struct Number(pub u64);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
        if !essence.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
            let message = "the body is JSON: say `Content-Type: application/json`";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", message).field("Content-Type"));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection {
            BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
                ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the body is larger than the limit")
            }
            other => ApiError::new(StatusCode::BAD_REQUEST, "body_cut_short", other.body_text()),
        })?;
        parse(&bytes).map(Body)
    }
}

/// Reads JSON and says which field is wrong.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let bad = |code, message: String| ApiError::new(StatusCode::BAD_REQUEST, code, message);
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let first = match serde_path_to_error::deserialize(&mut json) {
        Ok(read) => {
            json.end().map_err(|error| bad("malformed_json", error.to_string()))?;
            return Ok(read);
        }
        Err(error) => error,
    };
    // The parser calls a wrong type a wrong spelling where it expects a wide number. Over a parsed value it cannot.
    let value: Value = serde_json::from_slice(bytes).map_err(|error| bad("malformed_json", error.to_string()))?;
    let error = serde_path_to_error::deserialize::<_, T>(value).err().unwrap_or(first);
    let path = error.path().to_string();
    let message = error.into_inner().to_string();
    let field = match (path.as_str(), named(&message)) {
        ("." | "?", name) => name.map(str::to_owned),
        (path, Some(name)) if !path.ends_with(name) => Some(format!("{path}.{name}")),
        (path, _) => Some(path.to_owned()),
    };
    let error = bad("invalid_field", message);
    Err(match field {
        Some(field) => error.field(field),
        None => error,
    })
}

/// The field that serde names in its message because there is no path to it: it is missing, or nobody knows it.
fn named(message: &str) -> Option<&str> {
    let kinds = ["missing field `", "unknown field `", "duplicate field `"];
    let rest = kinds.iter().find_map(|kind| message.strip_prefix(kind))?;
    rest.split('`').next()
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        query.map(|Query(params)| Params(params)).map_err(|rejection| {
            let message = rejection.body_text();
            let cause = message.rsplit(": ").next().unwrap_or(&message);
            let field = message.split(": ").nth(1).filter(|_| message.matches(": ").count() > 1);
            let field = named(cause).or(field).unwrap_or("query").to_owned();
            ApiError::new(StatusCode::BAD_REQUEST, "invalid_query", message).field(field)
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Number {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let bad = |message: String| ApiError::new(StatusCode::BAD_REQUEST, "invalid_path", message).field("path");
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|e| bad(e.body_text()))?;
        let number = text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        number.map(Number).ok_or_else(|| bad(format!("`{text}` is not a number")))
    }
}
