//! Signed orders and commands in, signed receipts out.

use crate::rest::error::ApiError;
use crate::rest::extract::Body;
use crate::rest::openapi::{Common, WithBody};
use crate::rest::ApiState;
use crate::wire::{CommandRequest, ErrorBody, OrderRequest, Receipt};
use axum::extract::State;
use axum::Json;
use novation_sequencer::durable::{SignedReceipt, SubmitError};
use novation_sequencer::reason::Refused;
use novation_state::reject::Rejection;
use novation_state::units::AccountSlot;
use std::future::Future;
use std::time::Instant;

/// Takes an order in. The receipt leaves once the log has the order. The same order again gets the same receipt; another one
/// with its order slot and nonce is refused with 409.
#[utoipa::path(post, path = "/v1/orders", tag = "messages", request_body = OrderRequest,
    responses((status = 200, body = Receipt),
        (status = 404, description = "The account was never opened", body = ErrorBody),
        (status = 409, description = "The nonce was seen, or the epoch is over", body = ErrorBody), Common, WithBody))]
pub async fn order(
    State(state): State<ApiState>,
    Body(request): Body<OrderRequest>,
) -> Result<Json<Receipt>, ApiError> {
    let signed = request.signed()?;
    let receipt = submit(&state, request.account, state.handle.order(signed)).await?;
    state.metrics.orders_accepted.inc();
    Ok(receipt)
}

/// Takes a command in: withdraw, cancel, epoch (cancels everything) or rotate. As for orders.
#[utoipa::path(post, path = "/v1/commands", tag = "messages", request_body = CommandRequest,
    responses((status = 200, body = Receipt),
        (status = 404, description = "The account was never opened", body = ErrorBody),
        (status = 409, description = "The nonce was seen, or the epoch is over", body = ErrorBody), Common, WithBody))]
pub async fn command(
    State(state): State<ApiState>,
    Body(request): Body<CommandRequest>,
) -> Result<Json<Receipt>, ApiError> {
    let signed = request.signed()?;
    let receipt = submit(&state, request.account, state.handle.command(signed)).await?;
    state.metrics.commands_accepted.inc();
    Ok(receipt)
}

async fn submit(
    state: &ApiState,
    account: AccountSlot,
    answer: impl Future<Output = Result<SignedReceipt, SubmitError>>,
) -> Result<Json<Receipt>, ApiError> {
    state.guards.account(account)?;
    let begun = Instant::now();
    let answer = answer.await;
    // Only what the owner signed counts against the account: the engine looks at the signature last.
    match &answer {
        Ok(_) => {
            state.guards.charge(account);
            state.metrics.receipt_seconds.observe(begun.elapsed().as_secs_f64());
        }
        Err(SubmitError::Refused(Refused::Rule(Rejection::Possession { .. }))) => state.guards.charge(account),
        Err(_) => {}
    }
    Ok(Json(answer?.into()))
}
