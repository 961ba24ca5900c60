//! Orders: what was signed, by whom, for when, and how much of it is left.

use super::{case, fills, later, lots, slot, ticks, Case};
use crate::crypto::eddsa::EddsaError;
use crate::message::{Action, Order, Side};
use crate::reject::Rejection;
use crate::testkit::stage::{B, C, D, MARK, PERP};
use crate::testkit::World;
use crate::transition::{BatchInput, Fill};
use crate::units::{Fee, Time};
use ark_bn254::Fr;

/// Lots that C buys from D in these cases.
const TRADED: i64 = 4;

/// C buys from D, with C's order changed before it is signed.
fn buying(change: impl FnOnce(&World, &mut Order)) -> impl FnOnce(&mut World) -> BatchInput {
    fills(move |w| {
        let mut order = w.order(C, PERP, Side::Buy, TRADED);
        change(w, &mut order);
        vec![w.fill(order, ticks(MARK), TRADED), w.trade(B, D, PERP, TRADED)[1]]
    })
}

/// C sells to D, with C's order changed before it is signed.
fn selling(change: impl FnOnce(&mut Order)) -> impl FnOnce(&mut World) -> BatchInput {
    fills(move |w| {
        let mut order = w.order(C, PERP, Side::Sell, TRADED);
        change(&mut order);
        vec![w.fill(order, ticks(MARK), TRADED), w.trade(D, B, PERP, TRADED)[0]]
    })
}

/// C buys, with the fill changed after the order was signed.
fn tampered(change: impl FnOnce(&World, &mut Fill)) -> impl FnOnce(&mut World) -> BatchInput {
    move |w| {
        let mut input = buying(|_, _| {})(w);
        change(w, &mut input.fills[0]);
        input
    }
}

/// C buys a first time by `first`, then in another batch by `second`.
fn twice(
    lots_signed: i64,
    first: impl FnOnce(&mut Order),
    second: impl FnOnce(&World, &mut Order),
) -> impl FnOnce(&mut World) -> BatchInput {
    move |w| {
        let mut order = w.order(C, PERP, Side::Buy, lots_signed);
        first(&mut order);
        let input = fills(|w| vec![w.fill(order, ticks(MARK), TRADED), w.trade(B, D, PERP, TRADED)[1]])(w);
        w.apply(input);
        second(w, &mut order);
        fills(|w| vec![w.fill(order, ticks(MARK), TRADED), w.trade(B, D, PERP, TRADED)[1]])(w)
    }
}

fn by_c(broken: EddsaError) -> impl FnOnce(&World) -> Rejection {
    move |w| Rejection::Signature { account: slot(w, C), reason: broken }
}

fn authority() -> Vec<Case> {
    let plain = || buying(|_, _| {});
    vec![
        case(
            "order_for_another_deployment",
            plain(),
            buying(|_, order| order.binding.deployment += Fr::from(1u64)),
            |w| Rejection::Deployment { account: slot(w, C) },
        ),
        case(
            "order_of_an_older_epoch",
            |w| {
                let commands = vec![w.command(C, Action::Epoch)];
                let input = BatchInput { commands, ..w.input() };
                w.apply(input);
                buying(|_, order| assert_eq!(order.binding.epoch, 1))(w)
            },
            |w| {
                let commands = vec![w.command(C, Action::Epoch)];
                let input = BatchInput { commands, ..w.input() };
                w.apply(input);
                buying(|_, order| order.binding.epoch = 0)(w)
            },
            |w| Rejection::Epoch { account: slot(w, C), signed: 0, current: 1 },
        ),
        case("order_of_a_later_epoch", plain(), buying(|_, order| order.binding.epoch = 1), |w| Rejection::Epoch {
            account: slot(w, C),
            signed: 1,
            current: 0,
        }),
        case(
            "order_signed_by_somebody_else",
            plain(),
            tampered(|w, fill| fill.signature = w.traders[D].key.sign(fill.order.hash())),
            by_c(EddsaError::EquationFails),
        ),
        case(
            "order_changed_after_it_was_signed",
            plain(),
            tampered(|_, fill| fill.order.lots = lots(TRADED + 1)),
            by_c(EddsaError::EquationFails),
        ),
        case(
            "order_of_another_slot_of_the_same_account",
            plain(),
            tampered(|_, fill| fill.order.binding.order_slot += 1),
            by_c(EddsaError::EquationFails),
        ),
        case(
            "order_with_a_second_signature_of_the_same_key",
            plain(),
            tampered(|_, fill| {
                use ark_ff::PrimeField;
                fill.signature.s += Fr::from(num_bigint::BigUint::from(crate::crypto::babyjub::Scalar::MODULUS));
            }),
            by_c(EddsaError::ScalarOutOfRange),
        ),
        case(
            "order_with_a_nonce_point_off_the_curve",
            plain(),
            tampered(|_, fill| fill.signature.r = super::deposits::off_curve()),
            by_c(EddsaError::NonceNotOnCurve),
        ),
    ]
}

fn bounds() -> Vec<Case> {
    let price = ticks(MARK);
    let limit = |limit: i64| move |w: &World| Rejection::Limit { account: slot(w, C), limit: ticks(limit), price };
    let peg = |peg: i128| move |w: &World| Rejection::Peg { account: slot(w, C), peg, price };
    let range = |offset: i64| move |w: &World| Rejection::PegRange { account: slot(w, C), offset };
    let pegged = |offset: i64| move |_: &World, order: &mut Order| order.peg_offset = Some(offset);
    let until = |seconds: i64| move |w: &World, order: &mut Order| order.valid_until = later(w, seconds);
    vec![
        case("order_after_its_time", buying(until(0)), buying(until(-1)), |w| {
            let (valid_until, time): (Time, Time) = (later(w, -1), w.time);
            Rejection::OrderExpired { account: slot(w, C), valid_until, time }
        }),
        case(
            "buy_over_its_limit",
            buying(|_, order| order.limit = ticks(MARK)),
            buying(|_, order| order.limit = ticks(MARK - 1)),
            limit(MARK - 1),
        ),
        case(
            "sell_under_its_limit",
            selling(|order| order.limit = ticks(MARK)),
            selling(|order| order.limit = ticks(MARK + 1)),
            limit(MARK + 1),
        ),
        case("buy_over_its_peg", buying(pegged(0)), buying(pegged(-1)), peg(999)),
        case(
            "sell_under_its_peg",
            selling(|order| order.peg_offset = Some(0)),
            selling(|order| order.peg_offset = Some(1)),
            peg(1_001),
        ),
        case("buy_with_a_peg_out_of_range", buying(pegged((1 << 32) - 1)), buying(pegged(1 << 32)), range(1 << 32)),
        case(
            "sell_with_a_peg_out_of_range",
            selling(|order| order.peg_offset = Some(1 - (1 << 32))),
            selling(|order| order.peg_offset = Some(-(1 << 32))),
            range(-(1 << 32)),
        ),
        case("order_under_the_market_fee", buying(|_, _| {}), buying(|_, order| order.fee_cap = Fee::ZERO), |w| {
            Rejection::FeeCap { account: slot(w, C), cap: Fee::ZERO, fee: w.markets.get(PERP).expect("listed").fee }
        }),
    ]
}

fn memory() -> Vec<Case> {
    let nonce = |nonce: u32, last: u32| {
        move |w: &World| Rejection::Nonce { account: slot(w, C), order_slot: PERP.get() as u8, nonce, last }
    };
    let filled = |lots_signed: i64, filled: i64| {
        move |w: &World| Rejection::Overfilled {
            account: slot(w, C),
            lots: lots(lots_signed),
            filled: lots(filled),
            fill: lots(TRADED),
        }
    };
    vec![
        case("order_of_nonce_zero", buying(|_, _| {}), buying(|_, order| order.binding.nonce = 0), nonce(0, 0)),
        case(
            "other_order_of_the_same_nonce",
            twice(8, |order| order.binding.nonce = 7, |_, _| {}),
            twice(8, |order| order.binding.nonce = 7, |_, order| order.lots = lots(9)),
            nonce(7, 7),
        ),
        case(
            "order_of_an_older_nonce",
            twice(8, |order| order.binding.nonce = 7, |_, order| order.binding.nonce = 8),
            twice(8, |order| order.binding.nonce = 7, |_, order| order.binding.nonce = 6),
            nonce(6, 7),
        ),
        case(
            "order_cancelled_before",
            twice(8, |_| {}, |_, _| {}),
            |w| {
                let order = w.order(C, PERP, Side::Buy, 8);
                let cancel = crate::message::Command { binding: order.binding, action: Action::Cancel };
                let commands = vec![w.sign_command(cancel)];
                let input = BatchInput { commands, ..w.input() };
                w.apply(input);
                fills(|w| vec![w.fill(order, ticks(MARK), TRADED), w.trade(B, D, PERP, TRADED)[1]])(w)
            },
            nonce(1, 1),
        ),
        case(
            "order_filled_by_more_than_its_lots",
            buying(|_, order| order.lots = lots(TRADED)),
            buying(|_, order| order.lots = lots(TRADED - 1)),
            filled(TRADED - 1, 0),
        ),
        case(
            "order_filled_by_more_than_is_left",
            twice(2 * TRADED, |_| {}, |_, _| {}),
            twice(2 * TRADED - 1, |_| {}, |_, _| {}),
            filled(2 * TRADED - 1, TRADED),
        ),
        case(
            "fill_of_nothing",
            fills(|w| w.trade(C, D, PERP, 1).to_vec()),
            fills(|w| w.trade(C, D, PERP, 1).map(|fill| Fill { fill: lots(0), ..fill }).to_vec()),
            |w| Rejection::EmptyFill { account: slot(w, C), fill: lots(0) },
        ),
        case(
            "fill_of_less_than_nothing",
            fills(|w| w.trade(C, D, PERP, 1).to_vec()),
            fills(|w| w.trade(C, D, PERP, 1).map(|fill| Fill { fill: lots(-1), ..fill }).to_vec()),
            |w| Rejection::EmptyFill { account: slot(w, C), fill: lots(-1) },
        ),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    [authority(), bounds(), memory()].into_iter().flatten().collect()
}
