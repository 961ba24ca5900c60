//! What a prover may choose without saying anything false.

use crate::sweep::{At, Free};
use ark_ff::Zero;
use novation_state::leaf::AccountLeaf;
use novation_state::message::Action;

/// The entry is padding: its lane multiplies whatever leaves it by 0.
fn idle(at: &At) -> bool {
    match at.lie.lane {
        "orders" => at.lie.index >= at.trace.orders.len(),
        "commands" => at.lie.index >= at.trace.commands.len(),
        "accounts" => at.trace.accounts[at.lie.index].after.is_none(),
        _ => false,
    }
}

fn zero(at: &At) -> bool {
    at.honest.is_zero()
}

fn not_rotating(at: &At) -> bool {
    let command = at.trace.commands.get(at.lie.index);
    command.is_none_or(|c| !matches!(c.command.action, Action::Rotate { .. }))
}

fn holds_nothing(at: &At) -> bool {
    let empty = |leaf: &AccountLeaf| leaf.positions.iter().all(|p| p.is_empty());
    zero(at) && at.trace.accounts[at.lie.index].before.as_ref().is_some_and(empty)
}

fn refunded(at: &At) -> bool {
    at.trace.deposits.get(at.lie.index).is_some_and(|deposit| !deposit.credited)
}

/// Number of the markets, time, windows, log, first deposit. The circuit compares time and windows one way, the contract the other.
fn only_published(at: &At) -> bool {
    matches!(at.lie.nth, 4 | 6..=12)
}

fn in_use(at: &At) -> bool {
    at.lie.index < at.trace.clearings.len()
}

const PADDING: &str = "an entry of padding says nothing, whatever it holds";
const INVERSE: &str = "the product with 0 is 0, whatever the claimed inverse";

const fn free(name: &'static str, when: fn(&At) -> bool, why: &'static str) -> Free {
    Free { name, when, why }
}

/// Everything of which a lie passes.
pub const FREE: &[Free] = &[
    free("account.owner", idle, PADDING),
    free("account.salt", idle, PADDING),
    free("account.viewing", idle, PADDING),
    free("account.touch", holds_nothing, "to touch an account is to prove its margin as well; anybody may be touched"),
    free("margin.before_choice", |_| true, "before, any scenario serves: a smaller loss only hurts the prover"),
    free("margin.better", zero, "the better-of rule, claimed where it holds as well"),
    free("margin.loss_choice", zero, "where no scenario loses, one whose sum is 0 may be named or none"),
    free("position.held_after", zero, INVERSE),
    free("slot.same", zero, INVERSE),
    free("order.same_account", zero, INVERSE),
    free(
        "clearing.window",
        in_use,
        "an order does not name its window: any of the batch's, by the contract's window range",
    ),
    free("command.nonce", idle, PADDING),
    free("command.signature", idle, PADDING),
    free("rotate.possession", not_rotating, "only a rotation has a second signature"),
    free("link.blind", |_| true, "random by definition: another blind is another c"),
    free("deposit.amount", refunded, "published: the contract compares it with its queue"),
    free("header.word", only_published, "published: the contract compares it with its storage and its clock"),
    free("order.fee_cap", idle, PADDING),
    free("order.flags", idle, PADDING),
    free("order.limit", idle, PADDING),
    free("order.lots", idle, PADDING),
    free("order.nonce", idle, PADDING),
    free("order.peg_offset", idle, PADDING),
    free("order.peg_range", zero, "zero has either sign"),
    free("order.signature", idle, PADDING),
    free("order.slot", idle, PADDING),
];
