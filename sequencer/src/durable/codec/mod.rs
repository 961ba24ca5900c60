//! The bytes of an input: canonical (one input, one string of bytes), versioned, and read strictly.
//!
//! ```text
//! version (1) | kind (1) | time (8) | by kind
//! ```
//!
//! | kind | what follows |
//! |---|---|
//! | 1 order | binding, instrument (8), side (1: 0 buy, 1 sell), lots (8), limit (8), peg (option of 8), valid until (8), fee cap (8), reduce-only (1), signature (96), execution (1) |
//! | 2 command | binding, action (1: 0 withdraw, 1 cancel, 2 epoch, 3 rotate), for a withdrawal amount (16), recipient (20), chain (8), for a rotation a point (64), signature (96), possession (option of 96) |
//! | 3 deposit | index (8), account (8), owner and viewing eighths (64 each), amount (16) |
//! | 4 markets | number of leaves (4), each: id (8), leaf |
//! | 5 window, 6 batch | nothing |
//! | 7 proven | batch (8) |
//!
//! A binding is deployment (32), account (8), order slot (1), nonce (4), epoch (4). A leaf is kind, underlying,
//! status (1 each), then 8 bytes each: tick value, expiry, strike, mark time, mark, daily mark, settlement, index, 16
//! risk entries, charge long, charge short, free, excess charge, limit, fee, low and high band. Numbers are
//! big-endian, signed ones in two's complement; field elements are 32 bytes below the modulus; a point is its
//! coordinates x and y; a signature is R and S, not packed, so that reading takes no square root; an option is a byte
//! 0, or 1 and the value.
//!
//! The kinds, and the codes of executions, are those of [`log::digest`](crate::log::digest). A change of any of this
//! is a new version; a reader knows every version that was ever written, or says which one it does not know.

mod bytes;
mod market;

use crate::io::{Event, Execution, Input, SignedOrder};
use crate::log::{execution, kind};
pub(super) use bytes::element;
use bytes::{Reader, Writer};
use novation_state::message::{Action, Binding, Command, Order, Side};
use novation_state::transition::{Deposit, SignedCommand};
use novation_state::units::OutOfRange;
use sha3::{Digest, Keccak256};

/// The version that is written.
pub const VERSION: u8 = 1;
/// Bytes before what a kind has of its own.
const HEADER: usize = 10;

/// Why bytes are not an input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Nobody has written this version yet.
    #[error("version {found} of the encoding is unknown: this program reads version {VERSION}")]
    Version {
        /// The version byte.
        found: u8,
    },
    /// No input is of this kind.
    #[error("no input is of kind {found}")]
    Kind {
        /// The kind byte.
        found: u8,
    },
    /// The bytes end early.
    #[error("the bytes end within {field}")]
    Short {
        /// What was being read.
        field: &'static str,
    },
    /// The bytes go on.
    #[error("{bytes} bytes follow the end of the input")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A code that means nothing.
    #[error("{field} has no meaning for code {found}")]
    Code {
        /// What was being read.
        field: &'static str,
        /// The byte.
        found: u8,
    },
    /// A number outside its unit.
    #[error(transparent)]
    Range(#[from] OutOfRange),
    /// A field element that is not reduced: it would have two encodings.
    #[error("{field} is not below the field's modulus")]
    NotReduced {
        /// What was being read.
        field: &'static str,
    },
}

/// Writes an input.
pub fn encode(input: &Input) -> Vec<u8> {
    let mut out = Writer::default();
    out.byte(VERSION);
    out.byte(kind(&input.event));
    out.unit(input.time.get());
    match &input.event {
        Event::Order(SignedOrder { order, signature, execution: how }) => {
            write_order(&mut out, order);
            out.signature(signature);
            out.byte(execution(*how));
        }
        Event::Command(SignedCommand { command, signature, possession }) => {
            write_command(&mut out, command);
            out.signature(signature);
            out.option(possession.as_ref(), Writer::signature);
        }
        Event::Deposit { index, deposit } => {
            out.bytes(&index.to_be_bytes());
            out.unit(deposit.account.get());
            out.point(&deposit.owner_eighth);
            out.point(&deposit.viewing_eighth);
            out.bytes(&deposit.amount.get().to_be_bytes());
        }
        Event::Markets(changes) => market::write_changes(&mut out, changes),
        Event::Window | Event::Batch => {}
        Event::Proven { batch } => out.bytes(&batch.to_be_bytes()),
    }
    out.finish()
}

/// Reads what [`encode`] writes.
///
/// # Errors
/// [`DecodeError`]: bytes that [`encode`] does not write. Signatures and curve points are for the engine to judge.
pub fn decode(bytes: &[u8]) -> Result<Input, DecodeError> {
    let mut from = Reader::new(bytes);
    match from.byte("the version")? {
        VERSION => {}
        found => return Err(DecodeError::Version { found }),
    }
    let kind = from.byte("the kind")?;
    let time = from.unit("the time")?;
    let event = match kind {
        1 => {
            let order = read_order(&mut from)?;
            let signature = from.signature("the signature")?;
            let execution = match from.byte("the execution")? {
                0 => Execution::UntilValid,
                1 => Execution::ThisWindow,
                2 => Execution::FillOrKill,
                3 => Execution::PostOnly,
                4 => Execution::Stop,
                found => return Err(DecodeError::Code { field: "the execution", found }),
            };
            Event::Order(SignedOrder { order, signature, execution })
        }
        2 => {
            let command = read_command(&mut from)?;
            let signature = from.signature("the signature")?;
            let possession = from.option("the possession", Reader::signature)?;
            Event::Command(SignedCommand { command, signature, possession })
        }
        3 => {
            let index = u64::from_be_bytes(from.array("the deposit's index")?);
            let deposit = Deposit {
                account: from.unit("the account")?,
                owner_eighth: from.point("the owner's eighth")?,
                viewing_eighth: from.point("the viewing key's eighth")?,
                amount: from.wide_unit("the amount")?,
            };
            Event::Deposit { index, deposit }
        }
        4 => Event::Markets(market::read_changes(&mut from)?),
        5 => Event::Window,
        6 => Event::Batch,
        7 => Event::Proven { batch: u64::from_be_bytes(from.array("the batch")?) },
        found => return Err(DecodeError::Kind { found }),
    };
    from.finish()?;
    Ok(Input { time, event })
}

/// What makes two submissions the same: keccak256 of an order's or command's bytes without the time, signature
/// included.
///
/// PRIVACY: who asks with the same key has the signature, so the answer tells nobody of an order that they did not
/// hold before.
pub fn submission(event: &Event) -> Option<[u8; 32]> {
    if !matches!(event, Event::Order(_) | Event::Command(_)) {
        return None;
    }
    let bytes = encode(&Input { time: novation_state::units::Time::ZERO, event: event.clone() });
    submission_of(&bytes)
}

/// [`submission`] of an encoded input.
pub(super) fn submission_of(bytes: &[u8]) -> Option<[u8; 32]> {
    let signed = matches!(bytes.get(1), Some(1 | 2)) && bytes.len() > HEADER;
    signed.then(|| {
        let mut hasher = Keccak256::new();
        hasher.update(&bytes[..2]);
        hasher.update(&bytes[HEADER..]);
        hasher.finalize().into()
    })
}

fn write_binding(out: &mut Writer, binding: &Binding) {
    out.element(&binding.deployment);
    out.unit(binding.account.get());
    out.byte(binding.order_slot);
    out.bytes(&binding.nonce.to_be_bytes());
    out.bytes(&binding.epoch.to_be_bytes());
}

fn read_binding(from: &mut Reader<'_>) -> Result<Binding, DecodeError> {
    Ok(Binding {
        deployment: from.element("the deployment")?,
        account: from.unit("the account")?,
        order_slot: from.byte("the order slot")?,
        nonce: u32::from_be_bytes(from.array("the nonce")?),
        epoch: u32::from_be_bytes(from.array("the epoch")?),
    })
}

fn write_order(out: &mut Writer, order: &Order) {
    write_binding(out, &order.binding);
    out.unit(order.instrument.get());
    out.byte(match order.side {
        Side::Buy => 0,
        Side::Sell => 1,
    });
    out.unit(order.lots.get());
    out.unit(order.limit.get());
    out.option(order.peg_offset.as_ref(), |out, offset| out.unit(*offset));
    out.unit(order.valid_until.get());
    out.unit(order.fee_cap.get());
    out.byte(order.reduce_only.into());
}

fn read_order(from: &mut Reader<'_>) -> Result<Order, DecodeError> {
    Ok(Order {
        binding: read_binding(from)?,
        instrument: from.unit("the instrument")?,
        side: match from.byte("the side")? {
            0 => Side::Buy,
            1 => Side::Sell,
            found => return Err(DecodeError::Code { field: "the side", found }),
        },
        lots: from.unit("the lots")?,
        limit: from.unit("the limit")?,
        peg_offset: from.option("the peg offset", |from, field| Ok(i64::from_be_bytes(from.array(field)?)))?,
        valid_until: from.unit("the end of validity")?,
        fee_cap: from.unit("the fee cap")?,
        reduce_only: from.flag("the reduce-only flag")?,
    })
}

fn write_command(out: &mut Writer, command: &Command) {
    write_binding(out, &command.binding);
    match command.action {
        Action::Withdraw { amount, recipient, chain } => {
            out.byte(0);
            out.bytes(&amount.get().to_be_bytes());
            out.bytes(&recipient);
            out.bytes(&chain.to_be_bytes());
        }
        Action::Cancel => out.byte(1),
        Action::Epoch => out.byte(2),
        Action::Rotate { owner_eighth } => {
            out.byte(3);
            out.point(&owner_eighth);
        }
    }
}

fn read_command(from: &mut Reader<'_>) -> Result<Command, DecodeError> {
    let binding = read_binding(from)?;
    let action = match from.byte("the action")? {
        0 => Action::Withdraw {
            amount: from.wide_unit("the amount")?,
            recipient: from.array("the recipient")?,
            chain: u64::from_be_bytes(from.array("the chain")?),
        },
        1 => Action::Cancel,
        2 => Action::Epoch,
        3 => Action::Rotate { owner_eighth: from.point("the new owner's eighth")? },
        found => return Err(DecodeError::Code { field: "the action", found }),
    };
    Ok(Command { binding, action })
}

#[cfg(test)]
mod tests;
