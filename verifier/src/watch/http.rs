//! The watcher's routes. Everything is public data, so nothing is signed; bind it where it may be read.
//!
//! | route | answer |
//! |---|---|
//! | `/v1/status` | [`super::view::StatusView`] |
//! | `/v1/batches?before=N&limit=N` | the newest batches before a number, at most 100 |
//! | `/v1/batches/{n}` | [`super::view::BatchView`] |
//! | `/v1/accounts/{slot}` | [`super::view::AccountView`]: leaf, path, ciphertext, R |
//! | `/v1/markets` | [`super::view::MarketsView`] |
//! | `/v1/alarms` | [`super::view::AlarmsView`] |
//! | `/health` | 200, or 503 while a fatal alarm stands |

use super::alarm::Severity;
use super::metrics;
use super::watcher::Shared;
use axum::extract::{Path, Query, State};
use axum::http::{header, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

/// Batches that one request lists at most.
pub const MAX_BATCHES: usize = 100;

/// The public routes.
pub fn router(shared: Shared) -> Router {
    Router::new()
        .route("/v1/status", get(|State(shared): State<Shared>| async move { Json(shared.read().status()) }))
        .route("/v1/batches", get(batches))
        .route("/v1/batches/{batch}", get(batch))
        .route("/v1/accounts/{slot}", get(account))
        .route("/v1/markets", get(|State(shared): State<Shared>| async move { Json(shared.read().markets()) }))
        .route("/v1/alarms", get(|State(shared): State<Shared>| async move { Json(shared.read().alarms()) }))
        .route("/health", get(health))
        .fallback(|| async { failure(StatusCode::NOT_FOUND, "no_route", "path", "no such route") })
        .with_state(shared)
}

/// `/metrics`, for a port of its own.
pub fn metrics_router(shared: Shared) -> Router {
    let scrape = |State(shared): State<Shared>| async move {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ([(header::CONTENT_TYPE, kind)], metrics::text(&shared.read()))
    };
    Router::new().route("/metrics", get(scrape)).with_state(shared)
}

fn failure(status: StatusCode, code: &str, field: &str, message: impl Into<String>) -> Response {
    let message: String = message.into();
    (status, Json(json!({ "error": { "code": code, "field": field, "message": message } }))).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    before: Option<String>,
    limit: Option<String>,
}

async fn batches(
    State(shared): State<Shared>,
    page: Result<Query<Page>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let page = match page {
        Ok(Query(page)) => page,
        Err(error) => return failure(StatusCode::BAD_REQUEST, "malformed", "query", error.body_text()),
    };
    let before = page.before.map_or(Ok(u32::MAX), |text| text.parse());
    let Ok(before) = before else {
        return failure(StatusCode::BAD_REQUEST, "malformed", "before", "before is a batch number below 2^32");
    };
    let limit = page.limit.map_or(Ok(MAX_BATCHES), |text| text.parse());
    let Some(limit) = limit.ok().filter(|limit| (1..=MAX_BATCHES).contains(limit)) else {
        let message = format!("limit is a number from 1 to {MAX_BATCHES}");
        return failure(StatusCode::BAD_REQUEST, "out_of_range", "limit", message);
    };
    let found = shared.read().batches(before, limit);
    Json(json!({ "batches": found })).into_response()
}

async fn batch(State(shared): State<Shared>, Path(text): Path<String>) -> Response {
    let Ok(number) = text.parse::<u32>() else {
        return failure(StatusCode::BAD_REQUEST, "malformed", "batch", "a batch number is below 2^32");
    };
    let found = shared.read().batch(number);
    match found {
        Some(batch) => Json(batch).into_response(),
        None => {
            failure(StatusCode::NOT_FOUND, "unknown_batch", "batch", "not accepted yet, or too old to be kept here")
        }
    }
}

async fn account(State(shared): State<Shared>, Path(text): Path<String>) -> Response {
    let Some(slot) = text.parse::<u32>().ok().filter(|slot| slot >> 24 == 0) else {
        return failure(StatusCode::BAD_REQUEST, "malformed", "slot", "an account slot is below 2^24");
    };
    let found = shared.read().account(slot);
    match found {
        Some(account) => Json(account).into_response(),
        None => failure(StatusCode::NOT_FOUND, "unknown_account", "slot", "no batch has written this slot"),
    }
}

async fn health(State(shared): State<Shared>) -> Response {
    let picture = shared.read();
    let fatal = picture.board().worst() == Some(Severity::Fatal);
    let status = if fatal { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let alarms: Vec<&str> = picture.board().standing().iter().map(|alarm| alarm.name).collect();
    let body = json!({ "believed": !fatal, "synced": picture.synced(), "alarms": alarms });
    (status, Json(body)).into_response()
}
