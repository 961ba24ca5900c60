//! One account: builds, signs, records and submits messages, and checks the receipts.

use super::http::SendError;
use super::journal::{Outcome, COMMAND_SLOT};
use super::rest::{paths, Credential, Rest};
use super::{ClientError, Journal, JournalError, Sent, Wallet};
use crate::wire::{self, AccountView, CommandRequest, ExecutionName, OrderRequest, OrderState, OrderView, VenueView};
use ark_bn254::Fr;
use novation_sequencer::durable::SignedReceipt;
use novation_sequencer::SignedOrder;
use novation_state::crypto::babyjub::Point;
use novation_state::message::{Action, Binding, Command, Order, Read, Side};
use novation_state::transition::SignedCommand;
use novation_state::units::{AccountSlot, Cash, Fee, InstrumentId, Lots, Ticks, Time};
use novation_verifier::encoding::{from_hex_word, to_hex_word};

/// Seconds for which a credential of signed reads is good. The venue takes up to an hour.
const CREDENTIAL_SECONDS: i64 = 600;
/// A credential is replaced this long before its end: clocks differ and requests take time.
const CREDENTIAL_MARGIN: i64 = 120;

/// What a trader wants; nonce, order slot, epoch and deployment are the client's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Side.
    pub side: Side,
    /// Most lots that may be filled, > 0.
    pub lots: Lots,
    /// Worst price.
    pub limit: Ticks,
    /// If given, also not worse than the mark plus this many ticks.
    pub peg_offset: Option<i64>,
    /// Last second at which it may be filled.
    pub valid_until: Time,
    /// Most fee per lot.
    pub fee_cap: Fee,
    /// May only shrink the position.
    pub reduce_only: bool,
    /// Until valid, or this window only.
    pub execution: ExecutionName,
}

/// A message that the venue has taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Order slot: with the nonce it names an order to cancel.
    pub order_slot: u8,
    /// Nonce.
    pub nonce: u32,
    /// Checked: it names this message, and the operator signed it.
    pub receipt: SignedReceipt,
    /// Body of the request that it answers, byte for byte: message and signature. With the receipt it shows what the venue took in.
    pub request: String,
}

/// An account at a venue.
#[derive(Debug)]
pub struct Trader {
    pub(super) rest: Rest,
    pub(super) wallet: Wallet,
    pub(super) account: AccountSlot,
    pub(super) venue: VenueView,
    journal: Journal,
    /// The cancel epoch, once it was asked for.
    epoch: Option<u32>,
    credential: Option<Credential>,
}

impl Trader {
    /// An account, with what is known of the venue. The caller answers for the venue's keys (see `Account::pin`).
    pub fn new(rest: Rest, venue: VenueView, wallet: Wallet, journal: Journal, account: AccountSlot) -> Trader {
        Trader { rest, wallet, account, venue, journal, epoch: None, credential: None }
    }

    /// The account slot.
    pub fn account(&self) -> AccountSlot {
        self.account
    }

    /// The wallet.
    pub fn wallet(&self) -> &Wallet {
        &self.wallet
    }

    /// The journal.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The venue's public side.
    pub fn rest(&self) -> &Rest {
        &self.rest
    }

    /// What the venue says of itself.
    pub fn venue(&self) -> &VenueView {
        &self.venue
    }

    /// Id of the deployment: every message is signed for it.
    pub fn deployment(&self) -> Fr {
        self.venue.deployment.0
    }

    /// Gives the wallet back.
    pub fn into_wallet(self) -> Wallet {
        self.wallet
    }

    /// Signs leave to read the account, or returns the one that is still good.
    pub fn credential(&mut self, now: Time) -> Credential {
        let good = |credential: &&Credential| credential.expires.get() - now.get() >= CREDENTIAL_MARGIN;
        if let Some(credential) = self.credential.as_ref().filter(good) {
            return credential.clone();
        }
        let expires = Time::new((now.get() + CREDENTIAL_SECONDS).min(Time::MAX.get())).expect("below the maximum");
        let read = Read { deployment: self.deployment(), account: self.account, expires };
        let credential = Credential::new(&read, &self.wallet.sign(read.hash()));
        self.credential = Some(credential.clone());
        credential
    }

    /// After a change of the owner key.
    pub(super) fn forget_credential(&mut self) {
        self.credential = None;
    }

    /// Signs and submits an order.
    ///
    /// # Errors
    /// [`ClientError::Refused`]: nothing changed. [`ClientError::Unknown`]: it is pending. [`ClientError::Journal`]: it was not
    /// sent.
    pub async fn order(&mut self, new: &NewOrder, now: Time) -> Result<Placed, ClientError> {
        let first = self.try_order(new, now).await;
        if self.learned(&first, now).await? {
            return self.try_order(new, now).await;
        }
        first
    }

    /// Ends the order with this order slot and nonce, also one of which nobody knows whether the venue took it in: if it comes
    /// later it is refused.
    ///
    /// # Errors
    /// As [`Trader::order`].
    pub async fn cancel(&mut self, order_slot: u8, nonce: u32, now: Time) -> Result<Placed, ClientError> {
        let first = self.try_cancel(order_slot, nonce, now).await;
        if self.learned_epoch(&first, now).await? {
            return self.try_cancel(order_slot, nonce, now).await;
        }
        first
    }

    /// Ends every order of the account by raising its cancel epoch.
    ///
    /// # Errors
    /// As [`Trader::order`].
    pub async fn cancel_all(&mut self, now: Time) -> Result<Placed, ClientError> {
        self.command(Action::Epoch, now).await
    }

    /// Has `amount` micro-units paid to an address on L1, which then claims them.
    ///
    /// # Errors
    /// As [`Trader::order`].
    pub async fn withdraw(&mut self, amount: Cash, recipient: [u8; 20], now: Time) -> Result<Placed, ClientError> {
        let chain = self.venue.chain;
        self.command(Action::Withdraw { amount, recipient, chain }, now).await
    }

    /// Replaces the owner key by a fresh one, which is in the wallet's file before it is in any message. The wallet
    /// goes over to it with [`Trader::settle_rotation`], once a batch has carried it out.
    ///
    /// # Errors
    /// As [`Trader::order`], and [`ClientError::Wallet`].
    pub async fn rotate(&mut self, now: Time) -> Result<Placed, ClientError> {
        let next = self.wallet.prepare_rotation()?;
        let owner_eighth = next.eighth().expect("own keys lie in the subgroup");
        self.command(Action::Rotate { owner_eighth }, now).await
    }

    /// Sends every pending message again, byte for byte, oldest first. Returns what became of each.
    ///
    /// # Errors
    /// [`ClientError::Journal`]; what became of a message is in the list.
    pub async fn resend(&mut self) -> Result<Vec<(Sent, Result<Placed, ClientError>)>, ClientError> {
        let mut outcomes = Vec::new();
        for sent in self.journal.pending().to_vec() {
            match self.deliver(&sent, true).await {
                Err(error @ ClientError::Journal(_)) => return Err(error),
                outcome => outcomes.push((sent, outcome)),
            }
        }
        Ok(outcomes)
    }

    /// Asks the venue for cancel epoch and used nonces, and remembers them; with a new journal also for the orders that
    /// rest, which a new order in their slots would replace.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn refresh(&mut self, now: Time) -> Result<(), ClientError> {
        let view = self.account_view(now).await?;
        if self.journal.is_new() && !view.nonces.is_empty() {
            for order in self.orders(now).await?.iter().filter(|order| order.state == OrderState::Open) {
                self.journal.resting(order.order_slot, order.nonce, order.valid_until);
            }
        }
        self.epoch = Some(view.epoch);
        for nonce in &view.nonces {
            let seen = nonce.next.map_or(u32::MAX, |next| next.saturating_sub(1));
            self.journal.seen(nonce.order_slot, seen)?;
        }
        Ok(())
    }

    /// The account in the venue's words. [`Trader::verified`] checks them.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn account_view(&mut self, now: Time) -> Result<AccountView, ClientError> {
        let credential = self.credential(now);
        self.rest.account(&credential).await
    }

    /// Orders of the account, as announced. Frees the order slots of those that are over.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn orders(&mut self, now: Time) -> Result<Vec<OrderView>, ClientError> {
        let credential = self.credential(now);
        let orders = self.rest.orders(&credential).await?;
        for order in orders.iter().filter(|order| order.state != OrderState::Open) {
            self.journal.over(order.order_slot, order.nonce)?;
        }
        Ok(orders)
    }

    async fn try_order(&mut self, new: &NewOrder, now: Time) -> Result<Placed, ClientError> {
        let epoch = self.epoch(now).await?;
        let order_slot = match self.journal.order_slot(now) {
            Err(JournalError::NoFreeSlot) => {
                self.orders(now).await?;
                self.journal.order_slot(now)?
            }
            slot => slot?,
        };
        let binding = self.binding(order_slot, self.journal.next_nonce(now)?, epoch);
        let NewOrder { instrument, side, lots, limit, peg_offset, valid_until, fee_cap, reduce_only, execution } = *new;
        let order = Order { binding, instrument, side, lots, limit, peg_offset, valid_until, fee_cap, reduce_only };
        let hash = order.hash();
        let signed = SignedOrder { order, signature: self.wallet.sign(hash), execution: execution.into() };
        let body = serde_json::to_string(&OrderRequest::from(&signed)).expect("strings and numbers");
        self.submit(&binding, hash, Some(valid_until), paths::ORDERS, body, now).await
    }

    async fn try_cancel(&mut self, order_slot: u8, nonce: u32, now: Time) -> Result<Placed, ClientError> {
        let epoch = self.epoch(now).await?;
        let binding = self.binding(order_slot, nonce, epoch);
        self.submit_command(Command { binding, action: Action::Cancel }, now).await
    }

    async fn command(&mut self, action: Action, now: Time) -> Result<Placed, ClientError> {
        let first = self.try_command(action, now).await;
        let outcome = match self.learned(&first, now).await? {
            true => self.try_command(action, now).await,
            false => first,
        };
        if matches!(action, Action::Epoch | Action::Rotate { .. }) {
            // Another one soon, whatever the answer: it is asked for before the next message.
            self.epoch = None;
        }
        outcome
    }

    async fn try_command(&mut self, action: Action, now: Time) -> Result<Placed, ClientError> {
        let epoch = self.epoch(now).await?;
        let binding = self.binding(COMMAND_SLOT, self.journal.next_nonce(now)?, epoch);
        self.submit_command(Command { binding, action }, now).await
    }

    async fn submit_command(&mut self, command: Command, now: Time) -> Result<Placed, ClientError> {
        let hash = command.hash();
        let rotates = matches!(command.action, Action::Rotate { .. });
        let possession = if rotates { self.wallet.sign_possession(hash) } else { None };
        let signed = SignedCommand { command, signature: self.wallet.sign(hash), possession };
        let body = serde_json::to_string(&CommandRequest::from(&signed)).expect("strings and numbers");
        self.submit(&command.binding, hash, None, paths::COMMANDS, body, now).await
    }

    /// The cancel epoch; with it, the nonces that the venue has seen are learnt before the first is used.
    async fn epoch(&mut self, now: Time) -> Result<u32, ClientError> {
        if self.epoch.is_none() {
            self.refresh(now).await?;
        }
        Ok(self.epoch.expect("asked for above"))
    }

    fn binding(&self, order_slot: u8, nonce: u32, epoch: u32) -> Binding {
        Binding { deployment: self.deployment(), account: self.account, order_slot, nonce, epoch }
    }

    async fn submit(
        &mut self,
        binding: &Binding,
        hash: Fr,
        valid_until: Option<Time>,
        path: &str,
        body: String,
        now: Time,
    ) -> Result<Placed, ClientError> {
        let sent = Sent {
            hash: to_hex_word(&hash),
            order_slot: binding.order_slot,
            nonce: binding.nonce,
            valid_until: valid_until.map(Time::get),
            time: now.get(),
            path: path.to_owned(),
            body,
        };
        self.journal.record(sent.clone())?;
        self.deliver(&sent, false).await
    }

    /// Sends a recorded message and records what became of it. `doubt`: it may have been taken in before, so that a venue that is
    /// full now says nothing of it.
    async fn deliver(&mut self, sent: &Sent, doubt: bool) -> Result<Placed, ClientError> {
        let (order_slot, nonce) = (sent.order_slot, sent.nonce);
        let hash: Fr = from_hex_word(&sent.hash).expect("the journal holds message hashes");
        match self.rest.http().send::<wire::Receipt>(&sent.path, &sent.body).await {
            Ok(receipt) => {
                let operator: Point = self.venue.operator.into();
                let receipt = check_receipt(&receipt, hash, &operator, &self.deployment())?;
                self.journal.answer(&hash, Outcome::Accepted)?;
                Ok(Placed { order_slot, nonce, receipt, request: sent.body.clone() })
            }
            Err(SendError::Refused(refusal)) => {
                self.journal.answer(&hash, Outcome::Refused)?;
                Err(ClientError::Refused(refusal))
            }
            Err(SendError::NotTaken(reason)) if !doubt => {
                self.journal.answer(&hash, Outcome::Refused)?;
                Err(ClientError::NotTaken { reason })
            }
            Err(SendError::NotTaken(reason) | SendError::Uncertain(reason)) => {
                Err(ClientError::Unknown { order_slot, nonce, reason })
            }
        }
    }

    /// Whether a refusal says that the venue knows a nonce or an epoch that this client did not. If so they are asked
    /// for, and signing once more may help: the refused message changed nothing.
    async fn learned(&mut self, outcome: &Result<Placed, ClientError>, now: Time) -> Result<bool, ClientError> {
        let stale = code_of(outcome).is_some_and(|code| matches!(code, "nonce_seen" | "epoch"));
        if stale {
            self.refresh(now).await?;
        }
        Ok(stale)
    }

    /// The same for a cancellation, whose nonce is the order's.
    async fn learned_epoch(&mut self, outcome: &Result<Placed, ClientError>, now: Time) -> Result<bool, ClientError> {
        let stale = code_of(outcome) == Some("epoch");
        if stale {
            self.refresh(now).await?;
        }
        Ok(stale)
    }
}

fn code_of(outcome: &Result<Placed, ClientError>) -> Option<&str> {
    match outcome {
        Err(ClientError::Refused(refusal)) => Some(&refusal.detail.code),
        _ => None,
    }
}

/// A receipt that names this message and that the operator signed.
///
/// # Errors
/// [`ClientError::ReceiptMessage`], [`ClientError::ReceiptSignature`], [`ClientError::Range`].
pub fn check_receipt(
    receipt: &wire::Receipt,
    hash: Fr,
    operator: &Point,
    deployment: &Fr,
) -> Result<SignedReceipt, ClientError> {
    let signed = receipt.signed().map_err(|reason| ClientError::Range { what: "receipt time", reason })?;
    if signed.receipt.message != hash {
        let (expected, found) = (to_hex_word(&hash), to_hex_word(&signed.receipt.message));
        return Err(ClientError::ReceiptMessage { expected, found });
    }
    signed.verify(operator, deployment).map_err(|reason| ClientError::ReceiptSignature { reason })?;
    Ok(signed)
}
