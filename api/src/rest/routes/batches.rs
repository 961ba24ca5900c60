//! Batches.

use super::Paged;
use crate::rest::error::ApiError;
use crate::rest::extract::{Number, Params};
use crate::rest::openapi::Common;
use crate::rest::ApiState;
use crate::wire::{BatchDetail, BatchView, ErrorBody};
use axum::extract::State;
use axum::http::StatusCode;
use axum::Json;

/// Batches with their stages. The last 4,096 are kept.
#[utoipa::path(get, path = "/v1/batches", tag = "batches", params(Paged),
    responses((status = 200, body = Vec<BatchView>), Common))]
pub async fn batches(State(state): State<ApiState>, Params(query): Params<Paged>) -> Json<Vec<BatchView>> {
    Json(state.books.read().batches.page(query.after(), query.limit()))
}

/// One batch with its public data and, once there is one, its proof.
#[utoipa::path(get, path = "/v1/batches/{number}", tag = "batches",
    params(("number" = u64, Path, minimum = 0, description = "Number of the batch")),
    responses((status = 200, body = BatchDetail), (status = 404, description = "It was not made", body = ErrorBody),
        (status = 410, description = "It is not kept any more: L1 has it", body = ErrorBody), Common))]
pub async fn batch(State(state): State<ApiState>, Number(number): Number) -> Result<Json<BatchDetail>, ApiError> {
    let (found, last) = {
        let books = state.books.read();
        (books.batches.get(number), books.batches.last())
    };
    match found {
        Some(record) => Ok(Json(record.detail())),
        None if number == 0 || number > last => {
            let message = format!("batch {number} was not made: the last one is {last}");
            Err(ApiError::not_found("no_batch", message).field("number"))
        }
        None => {
            let message = format!("batch {number} is not kept here any more: its transaction on L1 has all of it");
            Err(ApiError::new(StatusCode::GONE, "batch_not_kept", message).field("number"))
        }
    }
}
