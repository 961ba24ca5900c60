//! Instruments, marks and auctions: what everybody may know.

use super::Paged;
use crate::rest::error::ApiError;
use crate::rest::extract::{Number, Params};
use crate::rest::openapi::Common;
use crate::rest::ApiState;
use crate::wire::{AuctionView, ErrorBody, InstrumentView, MarkView, MarksView};
use axum::extract::State;
use axum::Json;
use novation_state::units::InstrumentId;

/// Every instrument ever listed, by id.
#[utoipa::path(get, path = "/v1/instruments", tag = "markets",
    responses((status = 200, body = Vec<InstrumentView>), Common))]
pub async fn instruments(State(state): State<ApiState>) -> Json<Vec<InstrumentView>> {
    let markets = state.books.read().markets.clone();
    Json(markets.iter().map(|(id, leaf)| InstrumentView::of(*id, leaf)).collect())
}

/// One instrument.
#[utoipa::path(get, path = "/v1/instruments/{id}", tag = "markets",
    params(("id" = i64, Path, minimum = 0, maximum = 1_048_575, description = "Instrument id")),
    responses((status = 200, body = InstrumentView), (status = 404, description = "It was never listed", body = ErrorBody), Common))]
pub async fn instrument(State(state): State<ApiState>, Number(id): Number) -> Result<Json<InstrumentView>, ApiError> {
    let unlisted = || ApiError::not_found("not_listed", format!("instrument {id} is not listed")).field("id");
    let id = i64::try_from(id).ok().and_then(|id| InstrumentId::new(id).ok()).ok_or_else(unlisted)?;
    let leaf = state.books.read().markets.get(&id).cloned();
    let leaf = leaf.ok_or_else(unlisted)?;
    Ok(Json(InstrumentView::of(id, &leaf)))
}

/// The marks of the last round.
#[utoipa::path(get, path = "/v1/marks", tag = "markets", responses((status = 200, body = MarksView), Common))]
pub async fn marks(State(state): State<ApiState>) -> Json<MarksView> {
    let books = state.books.read();
    Json(MarksView {
        number: books.markets_number,
        time: books.markets_time.get(),
        marks: books.markets.iter().map(|(id, leaf)| MarkView::of(*id, leaf)).collect(),
    })
}

/// Auctions that traded, published with their batch, as far as the venue publishes them. The last 65,536 are kept.
#[utoipa::path(get, path = "/v1/auctions", tag = "markets", params(Paged),
    responses((status = 200, body = Vec<AuctionView>), Common))]
pub async fn auctions(State(state): State<ApiState>, Params(query): Params<Paged>) -> Json<Vec<AuctionView>> {
    Json(state.books.read().batches.auctions(query.after(), query.limit()))
}
