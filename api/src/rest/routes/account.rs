//! The own account.
//!
//! PRIVACY: everything here is read from the books, which know announced batches only, or judged from the ledger, which the batches
//! make. Nothing looks at the engine's book of resting orders or at its queued windows.

use super::{limit, Cursor, Paged};
use crate::rest::auth::Reader;
use crate::rest::error::ApiError;
use crate::rest::extract::{Body, Number, Params};
use crate::rest::openapi::{Common, Signed, WithBody};
use crate::rest::{reasons, ApiState};
use crate::wire::{
    asset, name, AccountView, CommandView, ErrorBody, FillView, Micro, OrderDetail, OrderView, Positioned, ReasonView,
    ScenarioView, Standing, Verdict, WhatIfOrder, WhatIfRequest, WhatIfView,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::Json;
use novation_sequencer::reason::Deferred;
use novation_sequencer::{well_formed, NotAdmitted, HYPOTHETICAL};
use novation_state::leaf::Status;
use novation_state::math::margin::{scenario_losses, Statement};
use novation_state::math::value::Holding;
use novation_state::message::{Binding, Order};
use novation_state::units::Lots;
use serde::Deserialize;
use utoipa::IntoParams;

/// Most orders of a what-if: as many admissions on the writer's time.
const MOST_ASKED: usize = 32;

fn standing(statement: &Statement) -> Standing {
    Standing {
        equity: Micro(statement.equity),
        initial: Micro(statement.margin.initial()),
        maintenance: Micro(statement.margin.maintenance()),
        withdrawable: Micro(statement.withdrawable),
    }
}

/// Equity, margin and positions after the last batch, at the newest marks.
#[utoipa::path(get, path = "/v1/account", tag = "account", security(("signed_read" = [])),
    responses((status = 200, body = AccountView), Common, Signed))]
pub async fn account(State(state): State<ApiState>, reader: Reader) -> Json<AccountView> {
    let books = state.books.read();
    let book = &books.accounts[&reader.account];
    let leaf = book.leaf.as_ref().expect("a reader's account is opened");
    let held = leaf.positions.iter().filter(|position| !position.is_empty());
    let mut held: Vec<_> = held.map(|position| (position.id, position.lots, &books.markets[&position.id])).collect();
    held.sort_by_key(|(id, _, _)| *id);
    let holdings: Vec<Holding> = held.iter().map(|(_, lots, market)| Holding { lots: *lots, market }).collect();
    let statement = Statement::of(leaf.cash.get(), &holdings);
    let losses = scenario_losses(&holdings);
    let positions = held.iter().zip(&holdings).map(|((id, lots, market), holding)| Positioned {
        instrument: id.get(),
        name: name(*id, market),
        lots: lots.get(),
        mark: market.mark.get(),
        value: Micro(holding.value()),
        settled: market.status == Status::Settled,
    });
    let risky = |u: &usize| held.iter().any(|(_, _, m)| m.status != Status::Settled && usize::from(m.underlying) == *u);
    let scenarios = (0..losses.len()).filter(risky).map(|u| {
        let underlying = u8::try_from(u).expect("eight underlyings");
        ScenarioView {
            underlying,
            asset: asset(underlying).map(|asset| asset.ticker().to_owned()),
            losses: losses[u].iter().map(|loss| Micro(*loss)).collect(),
            worst: Micro(statement.margin.loss[u]),
        }
    });
    Json(AccountView {
        account: reader.account.get(),
        batch: books.batches.last(),
        markets: books.markets_number,
        epoch: leaf.epoch,
        standing: standing(&statement),
        positions: positions.collect(),
        scenarios: scenarios.collect(),
        charges: Micro(statement.margin.charges),
        nonces: book.nonces(),
    })
}

/// Which orders.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrdersQuery {
    /// Orders behind this log position; without it the last ones.
    #[param(value_type = Option<i64>, minimum = 0)]
    after: Option<Cursor>,
    /// Most orders, 100 unless given; never more than 500.
    #[param(minimum = 0, maximum = 4_294_967_295_u32)]
    limit: Option<u32>,
    /// Only those that take part in windows.
    #[serde(default)]
    open: bool,
}

/// The account's orders with what has been announced of them. Of those that are over, the last 1,024 are kept.
#[utoipa::path(get, path = "/v1/account/orders", tag = "account", security(("signed_read" = [])), params(OrdersQuery),
    responses((status = 200, body = Vec<OrderView>), Common, Signed))]
pub async fn orders(
    State(state): State<ApiState>,
    reader: Reader,
    Params(query): Params<OrdersQuery>,
) -> Json<Vec<OrderView>> {
    let books = state.books.read();
    Json(books.accounts[&reader.account].orders(query.after.map(|Cursor(after)| after), query.open, limit(query.limit)))
}

/// One order, with its receipt.
#[utoipa::path(get, path = "/v1/account/orders/{position}", tag = "account", security(("signed_read" = [])),
    params(("position" = u64, Path, minimum = 0, description = "Log position, from the receipt")),
    responses((status = 200, body = OrderDetail), (status = 404, description = "No order of the account is there", body = ErrorBody), Common, Signed))]
pub async fn order(
    State(state): State<ApiState>,
    reader: Reader,
    Number(position): Number,
) -> Result<Json<OrderDetail>, ApiError> {
    // The lock is let go of before the signature, which takes longer than everything else.
    let found =
        state.books.read().accounts[&reader.account].order(position).map(|record| (record.view(), record.receipt));
    let (order, receipt) = found.ok_or_else(|| {
        let message = format!("no order of this account is kept at log position {position}");
        ApiError::not_found("no_order", message).field("position")
    })?;
    Ok(Json(OrderDetail { order, receipt: state.handle.sign(receipt).into() }))
}

/// The account's commands and what became of them. Of those that are over, the last 256 are kept.
#[utoipa::path(get, path = "/v1/account/commands", tag = "account", security(("signed_read" = [])), params(Paged),
    responses((status = 200, body = Vec<CommandView>), Common, Signed))]
pub async fn commands(
    State(state): State<ApiState>,
    reader: Reader,
    Params(query): Params<Paged>,
) -> Json<Vec<CommandView>> {
    Json(state.books.read().accounts[&reader.account].commands(query.after(), query.limit()))
}

/// The account's fills. The last 4,096 are kept.
#[utoipa::path(get, path = "/v1/account/fills", tag = "account", security(("signed_read" = [])), params(Paged),
    responses((status = 200, body = Vec<FillView>), Common, Signed))]
pub async fn fills(State(state): State<ApiState>, reader: Reader, Params(query): Params<Paged>) -> Json<Vec<FillView>> {
    Json(state.books.read().accounts[&reader.account].fills(query.after(), query.limit()))
}

/// Margin before and after some orders, and whether each would take part in the next window behind the account's open orders.
#[utoipa::path(post, path = "/v1/account/what-if", tag = "account", security(("signed_read" = [])), request_body = WhatIfRequest,
    responses((status = 200, body = WhatIfView), Common, Signed, WithBody))]
pub async fn what_if(
    State(state): State<ApiState>,
    reader: Reader,
    Body(request): Body<WhatIfRequest>,
) -> Result<Json<WhatIfView>, ApiError> {
    let count = request.orders.len();
    if !(1..=MOST_ASKED).contains(&count) {
        let message = format!("{count} orders: 1 to {MOST_ASKED} can be asked about");
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "order_count", message).field("orders"));
    }
    let (account, deployment) = (reader.account, state.venue.deployment.id);
    let binding = Binding { deployment, account, order_slot: 0, nonce: 0, epoch: 0 };
    let read = |(n, order): (usize, &WhatIfOrder)| -> Result<Order, ApiError> {
        let at = format!("orders[{n}]");
        let order = order.order(binding).map_err(|error| error.below(&at))?;
        well_formed(&order).map_err(|broken| ApiError::from(&broken).below(&at))?;
        Ok(order)
    };
    let asked: Vec<Order> = request.orders.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    let (books, time) = (state.books.clone(), state.now());
    let answer = state.handle.inspect(move |engine| {
        let open: Vec<(u64, Order, Lots)> = books.read().accounts[&account].open_orders();
        engine.what_if(account, time, &open, &asked)
    });
    let answer = answer.await??;
    let orders = answer.orders.into_iter().map(|verdict| match verdict {
        Ok(lots) => Verdict { admitted: true, lots: lots.get(), reason: None },
        Err(reason) => {
            let code = reasons::not_admitted(&reason).to_owned();
            let message = match &reason {
                NotAdmitted::Deferred(Deferred::SelfCross { older }) if *older >= HYPOTHETICAL => {
                    format!("the order crosses orders[{}] of this request", older - HYPOTHETICAL)
                }
                other => other.to_string(),
            };
            Verdict { admitted: false, lots: 0, reason: Some(ReasonView { code, message }) }
        }
    });
    Ok(Json(WhatIfView { before: standing(&answer.before), after: standing(&answer.after), orders: orders.collect() }))
}
