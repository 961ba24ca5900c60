//! Orders: signed, of the current epoch, within their limits, and remembered by their slots.

use super::accounts::{self, Entries};
use super::markets::Table;
use super::{clearings, BatchInput, Fill, Guard};
use crate::crypto::eddsa::{self, EddsaError};
use crate::leaf::{MarketLeaf, OrderSlot};
use crate::ledger::Ledger;
use crate::math::fill::{fill as fill_cash, FillCash};
use crate::message::Order;
use crate::reject::Rejection;
use crate::trace::{Clearing, OrderTrace};
use crate::units::{Lots, Time, PRICE_BITS};
use ark_bn254::Fr;
use rayon::prelude::*;

/// Fills every order, account by account.
pub(super) fn apply(
    ledger: &Ledger,
    table: &Table,
    clearings: &[Clearing],
    input: &BatchInput,
    entries: &mut Entries,
    guard: &mut Guard,
) -> Result<Vec<OrderTrace>, Rejection> {
    let mut fills: Vec<&Fill> = input.fills.iter().collect();
    fills.sort_by_key(|fill| fill.order.binding.account);
    // The one costly part, and each order's is its own: in parallel. The verdicts are taken in order.
    let checked: Vec<(Fr, Option<Result<(), EddsaError>>)> = fills
        .par_iter()
        .map(|fill| {
            let hash = fill.order.hash();
            let owner = accounts::owner(entries, fill.order.binding.account);
            (hash, owner.map(|owner| eddsa::verify(&owner, hash, &fill.signature)))
        })
        .collect();

    let mut traces = Vec::with_capacity(fills.len());
    for (fill, (hash, verdict)) in fills.into_iter().zip(checked) {
        let order = &fill.order;
        let entry = accounts::signer(ledger, entries, &order.binding, verdict, guard)?;
        let market = table.leaf(order.instrument);
        terms(fill, market, input.time, guard)?;

        let orders = &mut entry.after.as_mut().expect("signers are open").orders;
        let slot = order.binding.order_slot;
        let slot_before = orders.get(slot);
        let filled = advance(order, hash, fill.fill, &slot_before, guard)?;
        let path = orders.path(slot);
        orders.set(slot, OrderSlot { nonce: order.binding.nonce, message: hash, filled });

        let FillCash { traded, fee } = fill_cash(order.side, fill.fill, fill.price, market);
        entry.fill(order.instrument, order.side.sign() * fill.fill.wide(), order.reduce_only);
        entry.traded += traded;
        entry.fees += fee;
        traces.push(OrderTrace {
            order: *order,
            signature: fill.signature,
            clearing: clearings::place(table, clearings, fill),
            fill: fill.fill,
            slot_before,
            path,
        });
    }
    Ok(traces)
}

/// The price, the time and the fee are what was signed for.
fn terms(fill: &Fill, market: &MarketLeaf, time: Time, guard: &mut Guard) -> Result<(), Rejection> {
    let Fill { order, price, .. } = *fill;
    let account = order.binding.account;
    // A buyer pays at most the bound, a seller receives at least it.
    let within = |bound: i128| order.side.sign() * (bound - price.wide()) >= 0;
    let limit = order.limit;
    guard.require(within(limit.wide()), || Rejection::Limit { account, limit, price })?;
    if let Some(offset) = order.peg_offset {
        guard.require(offset.unsigned_abs() < 1 << PRICE_BITS, || Rejection::PegRange { account, offset })?;
        let peg = market.mark.wide() + i128::from(offset);
        guard.require(within(peg), || Rejection::Peg { account, peg, price })?;
    }
    let valid_until = order.valid_until;
    guard.require(time <= valid_until, || Rejection::OrderExpired { account, valid_until, time })?;
    let (cap, fee) = (order.fee_cap, market.fee);
    guard.require(fee <= cap, || Rejection::FeeCap { account, cap, fee })
}

/// Lots filled after this fill: a newer nonce starts at zero, the order that the slot remembers goes on.
fn advance(order: &Order, hash: Fr, fill: Lots, slot: &OrderSlot, guard: &mut Guard) -> Result<Lots, Rejection> {
    let (account, nonce) = (order.binding.account, order.binding.nonce);
    let same = nonce == slot.nonce && hash == slot.message;
    guard.require(nonce > slot.nonce || same, || Rejection::Nonce {
        account,
        order_slot: order.binding.order_slot,
        nonce,
        last: slot.nonce,
    })?;
    guard.require(fill > Lots::ZERO, || Rejection::EmptyFill { account, fill })?;
    let filled = if same { slot.filled } else { Lots::ZERO };
    let broken = || Rejection::Overfilled { account, lots: order.lots, filled, fill };
    let sum = Lots::try_from(filled.wide() + fill.wide()).map_err(|_| broken())?;
    guard.require(sum <= order.lots, broken)?;
    Ok(sum)
}
