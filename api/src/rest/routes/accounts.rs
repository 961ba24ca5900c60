//! Opening an account, and its public side.

use crate::rest::error::ApiError;
use crate::rest::extract::{Body, Number, Params};
use crate::rest::openapi::{Common, WithBody};
use crate::rest::ApiState;
use crate::wire::{
    AddressHex, BytesHex, DepositView, ErrorBody, L1Call, LeafView, Opening, OpeningRequest, PointJson, Word,
};
use alloy::primitives::aliases::{U24, U96};
use alloy::primitives::U256;
use alloy::sol_types::SolCall;
use axum::extract::State;
use axum::http::StatusCode;
use axum::Json;
use novation_state::crypto::babyjub::{Point, PointError};
use novation_state::ledger::HOUSE;
use novation_state::units::AccountSlot;
use novation_verifier::l1::bindings::{Erc20, Novation};
use novation_verifier::l1::word;
use serde::Deserialize;
use utoipa::IntoParams;

fn refused(code: &str, field: &str, message: impl ToString) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, message).field(field)
}

/// A key that an account can have, divided by eight.
fn eighth(key: PointJson, field: &str) -> Result<Point, ApiError> {
    let key = Point::from(key);
    let eighth = key.eighth().map_err(|error| match error {
        PointError::NotOnCurve => refused("key_off_curve", field, error),
        PointError::NotInPrimeSubgroup | PointError::BadPacking => refused("key_not_in_subgroup", field, error),
    })?;
    if key.is_identity() {
        return Err(refused("identity_key", field, "the identity is nobody's key: the deposit would be refunded"));
    }
    Ok(eighth)
}

/// Prepares the L1 transactions that open an account, or that deposit into one. Nothing is stored: the account is opened by the batch
/// that credits the deposit, once it is final on L1.
#[utoipa::path(post, path = "/v1/accounts", tag = "accounts", request_body = OpeningRequest,
    responses((status = 200, body = Opening), Common, WithBody))]
pub async fn open(
    State(state): State<ApiState>,
    Body(request): Body<OpeningRequest>,
) -> Result<Json<Opening>, ApiError> {
    let owner_eighth = eighth(request.owner, "owner")?;
    let viewing_eighth = eighth(request.viewing, "viewing")?;
    let amount = request.amount()?;
    if let Some(slot) = request.slot {
        if slot == HOUSE {
            return Err(refused("house_slot", "slot", "account slot 0 is the house: it receives no deposits"));
        }
        // The owner key may have been rotated, which is not public; the viewing key of a slot never changes.
        let keys = state.books.read().deposits.keys(slot);
        if keys.is_some_and(|(_, viewing)| viewing != Point::from(request.viewing)) {
            let message = format!("account {slot} has another viewing key: the deposit would be refunded");
            return Err(refused("viewing_key_differs", "viewing", message));
        }
    }
    let contract = state.venue.contract;
    let amount = u128::try_from(amount.get()).expect("amounts are not negative");
    let approve = Erc20::approveCall { spender: contract.into(), amount: U256::from(amount) };
    let deposit = Novation::depositCall {
        slotOrZero: U24::from(request.slot.map_or(0, |slot| slot.get())),
        ax8: word(&owner_eighth.x),
        ay8: word(&owner_eighth.y),
        vx8: word(&viewing_eighth.x),
        vy8: word(&viewing_eighth.y),
        amount: U96::from(amount),
    };
    let call = |what: &str, to, data| L1Call { what: what.to_owned(), to: AddressHex(to), data: BytesHex(data) };
    Ok(Json(Opening {
        owner_eighth: owner_eighth.into(),
        viewing_eighth: viewing_eighth.into(),
        calls: vec![
            call("approve", state.venue.collateral, approve.abi_encode()),
            call("deposit", contract, deposit.abi_encode()),
        ],
    }))
}

/// Which key.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ByOwner {
    /// First coordinate of an owner key.
    pub owner_x: Word,
}

/// The slots whose credited or queued deposits name an owner key: how a trader finds the own slot. L1 shows the same.
#[utoipa::path(get, path = "/v1/accounts", tag = "accounts", params(ByOwner),
    responses((status = 200, body = Vec<DepositView>), Common))]
pub async fn of_owner(State(state): State<ApiState>, Params(query): Params<ByOwner>) -> Json<Vec<DepositView>> {
    Json(state.books.read().deposits.of_owner(query.owner_x.0))
}

/// The leaf of an account under the root after the last batch: path and ciphertext. Whoever has the viewing key opens it.
#[utoipa::path(get, path = "/v1/accounts/{slot}/leaf", tag = "accounts",
    params(("slot" = i64, Path, minimum = 0, maximum = 16_777_215, description = "Account slot")),
    responses((status = 200, body = LeafView), (status = 404, description = "No batch has opened it", body = ErrorBody), Common))]
pub async fn leaf(State(state): State<ApiState>, Number(slot): Number) -> Result<Json<LeafView>, ApiError> {
    let unopened = || {
        let message = format!("no batch of this log has written account {slot}");
        ApiError::not_found("unopened", message).field("slot")
    };
    let slot = i64::try_from(slot).ok().and_then(|slot| AccountSlot::new(slot).ok()).ok_or_else(unopened)?;
    let books = state.books.clone();
    // Between two groups of the writer, engine and books stand at the same entry.
    let found = state.handle.inspect(move |engine| {
        let books = books.read();
        let (sealed, keys) = (books.leaves.get(&slot)?.clone(), books.deposits.keys(slot)?);
        let ledger = engine.ledger();
        Some((sealed, keys, ledger.head().batch, ledger.root(), ledger.tree().path(slot.get() as u64)))
    });
    let (sealed, (owner, viewing), batch, root, path) = found.await?.ok_or_else(unopened)?;
    Ok(Json(LeafView {
        slot: slot.get(),
        batch,
        root: Word(root),
        leaf: Word(sealed.hash),
        path: path.iter().map(|siblings| siblings.iter().map(|word| Word(*word)).collect()).collect(),
        rewritten: sealed.batch,
        ephemeral: sealed.ephemeral.into(),
        ciphertext: sealed.ciphertext.iter().map(|word| Word(*word)).collect(),
        owner: owner.into(),
        viewing: viewing.into(),
    }))
}
