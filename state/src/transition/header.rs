//! Header: what must come after the last batch.

use super::{BatchInput, Guard};
use crate::crypto::viewing::EPHEMERAL_BITS;
use crate::ledger::Ledger;
use crate::markets::Markets;
use crate::reject::Rejection;
use crate::trace::Header;
use ark_ff::{BigInteger, PrimeField};

/// Checks the rules of order, which the contract checks again, and builds the header; its new root is still the old one.
pub(super) fn check(
    ledger: &Ledger,
    markets: &Markets,
    input: &BatchInput,
    guard: &mut Guard,
) -> Result<Header, Rejection> {
    let (head, time, number) = (ledger.head, input.time, markets.number());
    guard.require(number > 0, || Rejection::NoMarkets)?;
    guard.require(number >= head.markets, || Rejection::MarketsWentBack { number, last: head.markets })?;
    guard.require(time >= head.time, || Rejection::TimeWentBack { time, last: head.time })?;
    let markets_time = markets.time();
    guard.require(time >= markets_time, || Rejection::TimeBeforeMarkets { time, markets: markets_time })?;

    let (first, last, previous) = (input.window_first, input.window_last, head.window);
    let some = first > previous && last >= first;
    let none = first.get() == previous.get() + 1 && last == previous;
    guard.require(some || none, || Rejection::WindowRange { first, last, previous })?;

    let (log_first, log_last) = (head.log + 1, input.log_last);
    guard.require(log_last >= head.log, || Rejection::LogWentBack { first: log_first, log_last })?;
    let bits = input.ephemeral.into_bigint().num_bits() as usize;
    guard.require(bits == EPHEMERAL_BITS + 1, || Rejection::EphemeralRange)?;

    Ok(Header {
        deployment: ledger.deployment.id,
        batch: head.batch + 1,
        old_root: ledger.root(),
        new_root: ledger.root(),
        markets_number: number,
        markets_root: markets.root(),
        time,
        window_first: first,
        window_last: last,
        log_root: input.log_root,
        log_first,
        log_last,
        deposit_first: head.deposits,
    })
}
