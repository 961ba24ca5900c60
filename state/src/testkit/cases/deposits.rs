//! Deposits: what the contract never puts into the queue, and one an account.

use super::{case, slot, Case};
use crate::crypto::babyjub::Point;
use crate::reject::{Key, Rejection};
use crate::testkit::stage::{C, D};
use crate::testkit::World;
use crate::transition::{BatchInput, Deposit};
use ark_bn254::Fr;
use ark_ff::One;

/// Not a point of the curve.
pub(super) fn off_curve() -> Point {
    Point { x: Fr::one(), y: Fr::one() }
}

fn deposits(make: impl FnOnce(&World) -> Vec<Deposit>) -> impl FnOnce(&mut World) -> BatchInput {
    move |world| {
        let deposits = make(world);
        BatchInput { deposits, ..world.input() }
    }
}

pub(super) fn cases() -> Vec<Case> {
    let broken = |key| move |w: &World| Rejection::KeyOffCurve { account: slot(w, C), key };
    vec![
        case(
            "two_deposits_for_an_account",
            deposits(|w| vec![w.deposit(C, 1), w.deposit(D, 2)]),
            deposits(|w| vec![w.deposit(C, 1), w.deposit(C, 2)]),
            |w| Rejection::TwoDeposits { account: slot(w, C) },
        ),
        case(
            "deposit_with_an_owner_key_off_the_curve",
            deposits(|w| vec![w.deposit(C, 1)]),
            deposits(|w| vec![Deposit { owner_eighth: off_curve(), ..w.deposit(C, 1) }]),
            broken(Key::Owner),
        ),
        case(
            "deposit_with_a_viewing_key_off_the_curve",
            deposits(|w| vec![w.deposit(C, 1)]),
            deposits(|w| vec![Deposit { viewing_eighth: off_curve(), ..w.deposit(C, 1) }]),
            broken(Key::Viewing),
        ),
    ]
}
