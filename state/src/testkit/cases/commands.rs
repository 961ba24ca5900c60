//! Commands: one an account and batch, signed, newer than what the slot remembers; withdrawals and rotations.

use super::{case, commands, slot, Case};
use crate::crypto::babyjub::Point;
use crate::crypto::eddsa::EddsaError;
use crate::message::{Action, Command};
use crate::reject::{Key, Rejection};
use crate::testkit::stage::{C, D, E, PERP};
use crate::testkit::{World, CHAIN, COMMAND_SLOT};
use crate::transition::{BatchInput, SignedCommand};
use crate::units::Cash;
use ark_bn254::Fr;
use ark_ff::{One, Zero};

/// One command of C.
fn by_c(action: impl FnOnce(&World) -> Action) -> impl FnOnce(&mut World) -> BatchInput {
    commands(move |w| vec![w.command(C, action(w))])
}

/// One command of C, changed before it is signed.
fn changed(
    action: impl FnOnce(&World) -> Action,
    change: impl FnOnce(&mut Command),
) -> impl FnOnce(&mut World) -> BatchInput {
    commands(move |w| {
        let mut command = w.command(C, action(w)).command;
        change(&mut command);
        vec![w.sign_command(command)]
    })
}

/// One command of C after it was signed.
fn tampered(
    action: impl FnOnce(&World) -> Action,
    change: impl FnOnce(&World, &mut SignedCommand),
) -> impl FnOnce(&mut World) -> BatchInput {
    commands(move |w| {
        let mut signed = w.command(C, action(w));
        change(w, &mut signed);
        vec![signed]
    })
}

fn withdraw(w: &World) -> Action {
    w.withdrawal(C, 1)
}

fn rotate(w: &World) -> Action {
    w.rotation(C)
}

/// A withdrawal of one micro-unit with one field changed.
fn payment(recipient: [u8; 20], chain: u64, amount_micro: i128) -> impl FnOnce(&mut World) -> BatchInput {
    let amount = Cash::new(amount_micro).expect("in range");
    by_c(move |_| Action::Withdraw { amount, recipient, chain })
}

fn order_of_things() -> Vec<Case> {
    vec![
        case(
            "two_commands_of_an_account",
            commands(|w| vec![w.command(C, withdraw(w)), w.command(D, Action::Cancel)]),
            commands(|w| {
                let second = Command { binding: w.binding(C, COMMAND_SLOT - 1), action: Action::Cancel };
                vec![w.command(C, withdraw(w)), w.sign_command(second)]
            }),
            |w| Rejection::TwoCommands { account: slot(w, C) },
        ),
        case(
            "command_beside_fills",
            |w| {
                let (fills, commands) = (w.trade(C, D, PERP, 1).to_vec(), vec![w.command(E, Action::Cancel)]);
                BatchInput { fills, commands, ..w.input() }
            },
            |w| {
                let (fills, commands) = (w.trade(C, D, PERP, 1).to_vec(), vec![w.command(C, Action::Cancel)]);
                BatchInput { fills, commands, ..w.input() }
            },
            |w| Rejection::CommandBesideOrders { account: slot(w, C) },
        ),
    ]
}

fn authority() -> Vec<Case> {
    let signature = |w: &World| Rejection::Signature { account: slot(w, C), reason: EddsaError::EquationFails };
    let mut all = vec![
        case(
            "command_for_another_deployment",
            by_c(withdraw),
            changed(withdraw, |command| command.binding.deployment = Fr::zero()),
            |w| Rejection::Deployment { account: slot(w, C) },
        ),
        case("command_of_another_epoch", by_c(withdraw), changed(withdraw, |command| command.binding.epoch = 1), |w| {
            Rejection::Epoch { account: slot(w, C), signed: 1, current: 0 }
        }),
        case(
            "withdrawal_to_another_recipient",
            by_c(withdraw),
            tampered(withdraw, |w, signed| {
                let Action::Withdraw { amount, chain, .. } = w.withdrawal(C, 1) else { unreachable!("a withdrawal") };
                signed.command.action = Action::Withdraw { amount, recipient: [9; 20], chain };
            }),
            signature,
        ),
        case(
            "withdrawal_of_another_amount",
            by_c(withdraw),
            tampered(withdraw, |w, signed| signed.command.action = w.withdrawal(C, 2)),
            signature,
        ),
        case(
            "cancellation_turned_into_an_epoch",
            by_c(|_| Action::Cancel),
            tampered(|_| Action::Cancel, |_, signed| signed.command.action = Action::Epoch),
            signature,
        ),
    ];
    let again = |action: fn(&World) -> Action, nonce: u32, name: &'static str| {
        let nonced = move |nonce: u32| {
            move |w: &mut World| {
                let mut command = w.command(C, Action::Cancel).command;
                command.binding.nonce = 7;
                let first = w.sign_command(command);
                let input = commands(|_| vec![first])(w);
                w.apply(input);
                changed(action, |command| command.binding.nonce = nonce)(w)
            }
        };
        case(name, nonced(nonce + 1), nonced(nonce), move |w| Rejection::Nonce {
            account: slot(w, C),
            order_slot: COMMAND_SLOT,
            nonce,
            last: 7,
        })
    };
    all.push(again(withdraw, 7, "withdrawal_of_a_used_nonce"));
    all.push(again(|_| Action::Epoch, 7, "epoch_of_a_used_nonce"));
    all.push(again(rotate, 7, "rotation_of_a_used_nonce"));
    // The very nonce may be cancelled.
    all.push(again(|_| Action::Cancel, 6, "cancellation_of_an_older_nonce"));
    all
}

fn withdrawals() -> Vec<Case> {
    vec![
        case("withdrawal_of_nothing", payment([1; 20], CHAIN, 1), payment([1; 20], CHAIN, 0), |w| {
            Rejection::EmptyWithdrawal { account: slot(w, C), amount: 0 }
        }),
        case("withdrawal_of_less_than_nothing", payment([1; 20], CHAIN, 1), payment([1; 20], CHAIN, -1), |w| {
            Rejection::EmptyWithdrawal { account: slot(w, C), amount: -1 }
        }),
        case("withdrawal_to_nobody", payment([1; 20], CHAIN, 1), payment([0; 20], CHAIN, 1), |w| {
            Rejection::NoRecipient { account: slot(w, C) }
        }),
        case("withdrawal_on_another_chain", payment([1; 20], CHAIN, 1), payment([1; 20], CHAIN + 1, 1), |w| {
            Rejection::Chain { account: slot(w, C), chain: CHAIN + 1, own: CHAIN }
        }),
    ]
}

fn rotations() -> Vec<Case> {
    let to = |owner_eighth: Point| by_c(move |_| Action::Rotate { owner_eighth });
    let order_two = Point { x: Fr::zero(), y: -Fr::one() };
    let identity = |w: &World| Rejection::IdentityKey { account: slot(w, C) };
    let at_epoch = |epoch: u32, action: fn(&World) -> Action| {
        move |w: &mut World| {
            w.tamper(C, |account| account.leaf.epoch = epoch);
            by_c(action)(w)
        }
    };
    let exhausted = |w: &World| Rejection::EpochExhausted { account: slot(w, C) };
    vec![
        case("rotation_to_a_key_off_the_curve", by_c(rotate), to(super::deposits::off_curve()), |w| {
            Rejection::KeyOffCurve { account: slot(w, C), key: Key::Owner }
        }),
        case("rotation_to_the_identity", by_c(rotate), to(Point::identity()), identity),
        case("rotation_to_a_point_of_small_order", by_c(rotate), to(order_two), identity),
        case(
            "rotation_to_a_key_that_did_not_sign",
            by_c(rotate),
            tampered(rotate, |w, signed| {
                signed.possession = Some(w.traders[D].key.sign(signed.command.hash()));
            }),
            |w| Rejection::Possession { account: slot(w, C), reason: EddsaError::EquationFails },
        ),
        case(
            "rotation_without_the_new_signature",
            by_c(rotate),
            tampered(rotate, |_, signed| signed.possession = None),
            |w| Rejection::NoPossession { account: slot(w, C) },
        ),
        case(
            "epoch_after_the_last",
            at_epoch(u32::MAX - 1, |_| Action::Epoch),
            at_epoch(u32::MAX, |_| Action::Epoch),
            exhausted,
        ),
        case("rotation_after_the_last_epoch", at_epoch(u32::MAX - 1, rotate), at_epoch(u32::MAX, rotate), exhausted),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    [order_of_things(), authority(), withdrawals(), rotations()].into_iter().flatten().collect()
}
