//! The venue and its health.

use crate::rest::error::ApiError;
use crate::rest::openapi::Common;
use crate::rest::{ApiState, Venue};
use crate::wire::{AddressHex, BytesHex, HealthView, Lanes, VenueView, Word};
use axum::extract::State;
use axum::Json;
use novation_state::size::CIRCUIT_VERSION;

/// What a client has to know of the venue.
#[utoipa::path(get, path = "/v1/venue", tag = "venue", responses((status = 200, body = VenueView), Common))]
pub async fn venue(State(state): State<ApiState>) -> Json<VenueView> {
    let Venue { deployment, size, .. } = *state.venue;
    Json(VenueView {
        deployment: Word(deployment.id),
        chain: deployment.chain,
        contract: AddressHex(state.venue.contract),
        collateral: AddressHex(state.venue.collateral),
        l1_url: state.venue.l1_url.clone(),
        operator: state.venue.operator.into(),
        size: size.name.to_owned(),
        circuit_version: CIRCUIT_VERSION,
        verifying_key: BytesHex(state.venue.verifying_key.to_vec()),
        lanes: Lanes {
            accounts: size.accounts,
            orders: size.orders,
            rows: size.rows,
            slots: size.slots,
            clearings: size.clearings,
            deposits: size.deposits,
            commands: size.commands,
            underlyings: size.underlyings,
        },
        cadence: state.venue.cadence.clone(),
        max_unproven: state.venue.max_unproven,
        time: state.now().get(),
    })
}

/// Whether orders are taken in.
#[utoipa::path(get, path = "/v1/health", tag = "venue", responses((status = 200, body = HealthView), Common))]
pub async fn health(State(state): State<ApiState>) -> Result<Json<HealthView>, ApiError> {
    if !state.handle.is_running() {
        return Err(ApiError::unavailable("stopped", "the sequencer does not take anything in at the moment"));
    }
    let batch = state.books.read().batches.last();
    Ok(Json(HealthView { status: "ok".to_owned(), time: state.now().get(), batch }))
}
