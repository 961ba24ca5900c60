//! Signed orders and commands in, signed receipts out.

use crate::rest::error::ApiError;
use crate::rest::extract::Body;
use crate::rest::openapi::{Common, WithBody};
use crate::rest::ApiState;
use crate::wire::{CommandRequest, ErrorBody, OrderRequest, Receipt};
use ark_bn254::Fr;
use axum::extract::State;
use axum::Json;
use novation_sequencer::durable::{SignedReceipt, SubmitError};
use novation_state::crypto::eddsa::{self, Signature};
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
    signed_by_owner(&state, request.account, signed.order.hash(), &signed.signature)?;
    let receipt = timed(&state, state.handle.order(signed)).await?;
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
    signed_by_owner(&state, request.account, signed.command.hash(), &signed.signature)?;
    let receipt = timed(&state, state.handle.command(signed)).await?;
    state.metrics.commands_accepted.inc();
    Ok(receipt)
}

/// Only what the owner signed goes to the sequencer.
///
/// PRIVACY: the engine looks at nonces and epochs first, and says which it expects: to anybody else that would tell what the account
/// does. An account that was never opened has no owner and nothing to tell.
fn signed_by_owner(state: &ApiState, account: AccountSlot, message: Fr, signature: &Signature) -> Result<(), ApiError> {
    let Some(owner) = state.owner(account) else { return Ok(()) };
    eddsa::verify(&owner, message, signature).map_err(|reason| Rejection::Signature { account, reason })?;
    state.guards.account(account)
}

async fn timed(
    state: &ApiState,
    answer: impl Future<Output = Result<SignedReceipt, SubmitError>>,
) -> Result<Json<Receipt>, ApiError> {
    let begun = Instant::now();
    let receipt = answer.await?;
    state.metrics.receipt_seconds.observe(begun.elapsed().as_secs_f64());
    Ok(Json(receipt.into()))
}
