//! Which messages and deposits are taken in. What no waiting mends is refused here, before it has a place in the log: the cheap
//! checks first, the signature last.

use crate::book::{Book, MAX_RESTING};
use crate::io::{Execution, SignedOrder};
use crate::queues::{Queues, MAX_COMMANDS, MAX_DEPOSITS};
use crate::reason::Refused;
use ark_bn254::Fr;
use novation_state::account::Account;
use novation_state::crypto::eddsa;
use novation_state::leaf::Status;
use novation_state::ledger::{Ledger, HOUSE};
use novation_state::markets::Markets;
use novation_state::message::{Action, Binding, Order};
use novation_state::reject::{Key, Rejection};
use novation_state::size::Size;
use novation_state::transition::{Deposit, SignedCommand};
use novation_state::units::{Lots, Time, PRICE_BITS};

/// What an order must be by itself, before any account, market or clock is asked: of orders that are sent, and of those that are only
/// thought about.
///
/// # Errors
/// [`Refused::EmptyOrder`], [`Rejection::PegRange`].
pub fn well_formed(order: &Order) -> Result<(), Refused> {
    if order.lots <= Lots::ZERO {
        return Err(Refused::EmptyOrder { lots: order.lots });
    }
    if let Some(offset) = order.peg_offset.filter(|offset| offset.unsigned_abs() >= 1 << PRICE_BITS) {
        return Err(Rejection::PegRange { account: order.binding.account, offset }.into());
    }
    Ok(())
}

/// What a message is judged by.
pub(crate) struct Desk<'a> {
    pub size: Size,
    pub time: Time,
    pub ledger: &'a Ledger,
    pub markets: &'a Markets,
    pub book: &'a Book,
    pub queues: &'a Queues,
}

impl<'a> Desk<'a> {
    /// Takes an order: returns its message hash.
    pub fn order(&self, signed: &SignedOrder) -> Result<Fr, Refused> {
        let SignedOrder { order, signature, execution } = signed;
        match execution {
            Execution::UntilValid | Execution::ThisWindow => {}
            Execution::FillOrKill => return Err(Refused::FillOrKill),
            Execution::PostOnly => return Err(Refused::PostOnly),
            Execution::Stop => return Err(Refused::Stop),
        }
        let account = order.binding.account;
        let opened = self.signer(&order.binding)?;
        self.terms(order)?;
        self.unseen(&order.binding, opened)?;
        if self.book.len() >= MAX_RESTING {
            return Err(Refused::Full { queue: "the book of resting orders", limit: MAX_RESTING });
        }
        let hash = order.hash();
        let verdict = eddsa::verify(&opened.leaf.owner, hash, signature);
        verdict.map_err(|reason| Rejection::Signature { account, reason })?;
        Ok(hash)
    }

    /// What an order asks for can be had at all: its instrument trades or may trade again, and it is not over.
    pub fn terms(&self, order: &Order) -> Result<(), Refused> {
        well_formed(order)?;
        let instrument = order.instrument;
        let market = self.markets.get(instrument).ok_or(Rejection::NotListed { instrument })?;
        if market.status == Status::Settled {
            return Err(Refused::Settled { instrument });
        }
        if market.expiry <= self.time {
            return Err(Refused::InstrumentExpired { instrument, expiry: market.expiry });
        }
        let (underlying, known) = (market.underlying, self.size.underlyings);
        if usize::from(underlying) >= known {
            return Err(Rejection::Underlying { instrument, underlying, known }.into());
        }
        let (account, valid_until, time) = (order.binding.account, order.valid_until, self.time);
        if valid_until < time {
            return Err(Rejection::OrderExpired { account, valid_until, time }.into());
        }
        Ok(())
    }

    /// Takes a command: returns its message hash. Whether a withdrawal can be paid is for its batch to say.
    pub fn command(&self, signed: &SignedCommand) -> Result<Fr, Refused> {
        let SignedCommand { command, signature, possession } = signed;
        let account = command.binding.account;
        let opened = self.signer(&command.binding)?;
        let mut new_owner = None;
        match command.action {
            Action::Withdraw { amount, recipient, chain } => {
                let (amount, own) = (amount.get(), self.ledger.deployment().chain);
                if amount <= 0 {
                    return Err(Rejection::EmptyWithdrawal { account, amount }.into());
                }
                if recipient == [0; 20] {
                    return Err(Rejection::NoRecipient { account }.into());
                }
                if chain != own {
                    return Err(Rejection::Chain { account, chain, own }.into());
                }
            }
            Action::Epoch | Action::Rotate { .. } if opened.leaf.epoch == u32::MAX => {
                return Err(Rejection::EpochExhausted { account }.into());
            }
            Action::Rotate { owner_eighth } => {
                if !owner_eighth.is_on_curve() {
                    return Err(Rejection::KeyOffCurve { account, key: Key::Owner }.into());
                }
                let owner = owner_eighth.mul8();
                if owner.is_identity() {
                    return Err(Rejection::IdentityKey { account }.into());
                }
                new_owner = Some(owner);
            }
            Action::Cancel | Action::Epoch => {}
        }
        match command.action {
            Action::Cancel => self.not_passed(&command.binding, opened)?,
            Action::Withdraw { .. } | Action::Epoch | Action::Rotate { .. } => self.unseen(&command.binding, opened)?,
        }
        if self.queues.commands.len() >= MAX_COMMANDS {
            return Err(Refused::Full { queue: "the queue of commands", limit: MAX_COMMANDS });
        }
        let hash = command.hash();
        let verdict = eddsa::verify(&opened.leaf.owner, hash, signature);
        verdict.map_err(|reason| Rejection::Signature { account, reason })?;
        if let Some(owner) = new_owner {
            let possession = possession.as_ref().ok_or(Rejection::NoPossession { account })?;
            let verdict = eddsa::verify(&owner, hash, possession);
            verdict.map_err(|reason| Rejection::Possession { account, reason })?;
        }
        Ok(hash)
    }

    /// Takes a deposit. The contract lets none into its queue that fails here.
    pub fn deposit(&self, index: u64, deposit: &Deposit) -> Result<(), Refused> {
        let expected = self.ledger.head().deposits + self.queues.deposits.len() as u64;
        if index != expected {
            return Err(Refused::DepositOrder { index, expected });
        }
        if self.queues.deposits.len() >= MAX_DEPOSITS {
            return Err(Refused::Full { queue: "the queue of deposits", limit: MAX_DEPOSITS });
        }
        let account = deposit.account;
        if account == HOUSE {
            return Err(Refused::Deposit { index, reason: Rejection::HouseSlot });
        }
        for (key, eighth) in [(Key::Owner, deposit.owner_eighth), (Key::Viewing, deposit.viewing_eighth)] {
            if !eighth.is_on_curve() {
                return Err(Refused::Deposit { index, reason: Rejection::KeyOffCurve { account, key } });
            }
        }
        Ok(())
    }

    /// The account that a message speaks for: opened, of this deployment, in an epoch that stays.
    fn signer(&self, binding: &Binding) -> Result<&'a Account, Refused> {
        let account = binding.account;
        if account == HOUSE {
            return Err(Rejection::HouseSlot.into());
        }
        let opened = self.ledger.account(account).ok_or(Rejection::Unopened { account })?;
        if binding.deployment != self.ledger.deployment().id {
            return Err(Rejection::Deployment { account }.into());
        }
        let (signed, current) = (binding.epoch, opened.leaf.epoch);
        if signed != current {
            return Err(Rejection::Epoch { account, signed, current }.into());
        }
        let ends = |signed: &SignedCommand| {
            signed.command.binding.account == account
                && matches!(signed.command.action, Action::Epoch | Action::Rotate { .. })
        };
        if self.queues.commands.values().any(ends) {
            return Err(Refused::EpochEnds { account });
        }
        Ok(opened)
    }

    /// The greatest nonce that the order slot has seen.
    fn last_nonce(&self, binding: &Binding, opened: &Account) -> u32 {
        let seen = self.book.nonce(binding.account, binding.order_slot);
        seen.max(opened.orders.get(binding.order_slot).nonce)
    }

    /// The nonce is newer than every nonce seen. An order is taken in once: whoever else holds a copy cannot bring it back after it
    /// was cancelled or its window was over.
    fn unseen(&self, binding: &Binding, opened: &Account) -> Result<(), Refused> {
        let last = self.last_nonce(binding, opened);
        if binding.nonce > last {
            return Ok(());
        }
        let Binding { account, order_slot, nonce, .. } = *binding;
        Err(Refused::NonceSeen { account, order_slot, nonce, last })
    }

    /// A cancellation may name the last nonce seen, to kill the order that has it, or one yet to come.
    fn not_passed(&self, binding: &Binding, opened: &Account) -> Result<(), Refused> {
        let last = self.last_nonce(binding, opened);
        if binding.nonce >= last {
            return Ok(());
        }
        let Binding { account, order_slot, nonce, .. } = *binding;
        Err(Refused::NonceSeen { account, order_slot, nonce, last })
    }
}
