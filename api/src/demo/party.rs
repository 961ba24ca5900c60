//! A trader of the demo: an account on L1 and a client of the node's public port. Nothing here reaches around either.

use super::{DemoError, Unsigned};
use crate::client::l1::{self, Payer};
use crate::client::verify::{OnL1, Verified};
use crate::client::{ClientError, Journal, NewOrder, Placed, Rest, Trader, Wallet};
use crate::wire::{CommandRequest, CommandView, FillView, OrderRequest, SideName, VenueView};
use alloy::eips::BlockId;
use alloy::primitives::Address;
use novation_sequencer::SignedOrder;
use novation_state::transition::{Fill, SignedCommand};
use novation_state::units::{AccountSlot, Cash, Lots, Ticks, Time, Window};
use novation_verifier::l1::L1;
use novation_verifier::watch::recompute::Announced;
use sha3::{Digest, Sha3_256};
use std::collections::BTreeMap;

/// Somebody with an account.
pub struct Party {
    /// Name, in the demo's output.
    pub name: String,
    /// Account on L1.
    pub address: Address,
    /// The account at the venue.
    pub client: Trader,
    l1: L1,
    signed: Signed,
    /// The last fill that was read.
    heard: u64,
}

/// What a trader has signed and the venue has taken in, by log position: what the auditor is shown.
#[derive(Debug, Default)]
struct Signed {
    trader: String,
    orders: BTreeMap<u64, SignedOrder>,
    commands: BTreeMap<u64, SignedCommand>,
}

/// Who somebody is before there is an account.
pub struct Newcomer<'a> {
    /// Seed of the run: with the name it gives the keys.
    pub seed: u64,
    /// Name.
    pub name: &'a str,
    /// Which of the L1's own accounts pays.
    pub payer: usize,
}

impl Newcomer<'_> {
    /// Deposits `amount` micro-units, which are there already, and so opens an account. Returns what the deposit cost, in gas.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn open(
        self,
        rest: &Rest,
        venue: &VenueView,
        url: &str,
        amount: u128,
    ) -> Result<(Party, u64), DemoError> {
        let wallet = Wallet::in_memory(seed_bytes(self.seed, self.name));
        let (l1, payer) = l1::connect(url, venue, Payer::Development(self.payer)).await?;
        let address = payer.expect("a development account has an address");
        let deposited = l1::deposit(&l1, address, &wallet, None, amount).await?;
        let account = AccountSlot::new(deposited.account.into())?;
        let client = Trader::new(rest.clone(), venue.clone(), wallet, Journal::in_memory(), account);
        let signed = Signed { trader: self.name.to_owned(), ..Signed::default() };
        let party = Party { name: self.name.to_owned(), address, client, l1, signed, heard: 0 };
        Ok((party, deposited.gas))
    }
}

impl Party {
    /// Signs an order and sends it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn order(&mut self, wish: &NewOrder, now: Time) -> Result<(), ClientError> {
        let Placed { receipt, request, .. } = self.client.order(wish, now).await?;
        let request: OrderRequest = serde_json::from_str(&request).expect("the client wrote it");
        self.signed.orders.insert(receipt.receipt.position, request.signed().expect("the client signed it"));
        Ok(())
    }

    /// Signs a withdrawal to the own account on L1 and sends it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn withdraw(&mut self, amount: Cash, now: Time) -> Result<(), ClientError> {
        let Placed { receipt, request, .. } = self.client.withdraw(amount, self.address.into(), now).await?;
        let request: CommandRequest = serde_json::from_str(&request).expect("the client wrote it");
        self.signed.commands.insert(receipt.receipt.position, request.signed().expect("the client signed it"));
        Ok(())
    }

    /// The own account as the node serves it: opened with the viewing key, valued here, and both roots those that L1 accepted.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn read(&mut self, now: Time) -> Result<Verified, DemoError> {
        let verified = self.client.verified(now, Some(&self.l1)).await?;
        if (verified.on_l1, verified.markets_on_l1) != (OnL1::Accepted, OnL1::Accepted) {
            let (batch, markets) = (verified.batch, verified.markets_number);
            return Err(DemoError::Story(format!("L1 has not accepted batch {batch} or markets {markets}")));
        }
        Ok(verified)
    }

    /// Claims on L1 what proven batches have freed. Returns the micro-units that arrived and the gas.
    ///
    /// # Errors
    /// [`DemoError::L1`].
    pub async fn claim(&self) -> Result<(i128, u64), DemoError> {
        let before = self.l1.collateral_of(self.address, BlockId::latest()).await?;
        let receipt = self.l1.claim(self.address, self.address).await?;
        let after = self.l1.collateral_of(self.address, BlockId::latest()).await?;
        Ok((i128::try_from((after - before).to::<u128>()).expect("a claim is below 2^106"), receipt.gas_used))
    }

    /// What the venue has told this trader of a batch, beside what the trader had signed.
    ///
    /// # Errors
    /// [`DemoError::Unsigned`] if the venue tells of something that was not signed like this; [`DemoError::Client`].
    pub async fn announced(&mut self, batch: u64, now: Time, to: &mut Told) -> Result<(), DemoError> {
        let credential = self.client.credential(now);
        let rest = self.client.rest();
        let fills = rest.fills(&credential, self.heard).await?;
        let commands = rest.commands(&credential).await?;
        self.heard = fills.last().map_or(self.heard, |fill| fill.id);
        for view in fills {
            let fill = self.signed.fill(&view, batch)?;
            to.fills.insert((view.window, view.position), fill);
        }
        for view in commands.iter().filter(|view| view.batch == Some(batch)) {
            to.commands.insert(view.position, self.signed.command(view)?);
        }
        Ok(())
    }
}

impl Signed {
    fn unsigned(&self, position: u64, what: &'static str) -> DemoError {
        Unsigned { trader: self.trader.clone(), position, what }.into()
    }

    fn fill(&self, view: &FillView, batch: u64) -> Result<Fill, DemoError> {
        let signed = self.orders.get(&view.position).ok_or_else(|| self.unsigned(view.position, "a fill"))?;
        let SignedOrder { order, signature, .. } = *signed;
        if (view.instrument, view.side) != (order.instrument.get(), SideName::from(order.side)) {
            return Err(self.unsigned(view.position, "a fill of another instrument or side"));
        }
        if view.batch != batch {
            return Err(self.unsigned(view.position, "a fill in another batch"));
        }
        let (window, price, fill) = (Window::new(view.window)?, Ticks::new(view.price)?, Lots::new(view.lots)?);
        Ok(Fill { order, signature, window, price, fill })
    }

    fn command(&self, view: &CommandView) -> Result<SignedCommand, DemoError> {
        self.commands.get(&view.position).copied().ok_or_else(|| self.unsigned(view.position, "a command"))
    }
}

/// What the venue tells of a batch, in the order of the log.
#[derive(Default)]
pub struct Told {
    /// By window and log position of the order.
    fills: BTreeMap<(i64, u64), Fill>,
    /// By log position.
    commands: BTreeMap<u64, SignedCommand>,
}

impl Told {
    /// For the auditor, who has found out himself which accounts were touched.
    pub fn with_touches(self, touches: Vec<AccountSlot>) -> Announced {
        let (fills, commands) = (self.fills.into_values().collect(), self.commands.into_values().collect());
        Announced { fills, commands, touches }
    }
}

/// 32 secret bytes for a name, from the run's seed. Good enough for a demo whose seed is printed, and for nothing else.
pub fn seed_bytes(seed: u64, name: &str) -> [u8; 32] {
    let mut hasher = Sha3_256::new();
    hasher.update(b"novation demo 1");
    hasher.update(seed.to_be_bytes());
    hasher.update(name);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ActionJson, CommandState, ExecutionName, Micro, Word};
    use ark_bn254::Fr;
    use novation_state::message::{Action, Binding, Command, Order, Side};
    use novation_state::units::{Fee, InstrumentId};

    /// An order at log position 7 and a withdrawal at 8.
    fn signed() -> Signed {
        let wallet = Wallet::in_memory(seed_bytes(1, "ann"));
        let account = AccountSlot::new(3).unwrap();
        let binding = Binding { deployment: Fr::from(9), account, order_slot: 0, nonce: 1, epoch: 0 };
        let order = Order {
            binding,
            instrument: InstrumentId::new(2).unwrap(),
            side: Side::Buy,
            lots: Lots::new(10).unwrap(),
            limit: Ticks::new(500).unwrap(),
            peg_offset: None,
            valid_until: Time::new(1_000).unwrap(),
            fee_cap: Fee::new(5).unwrap(),
            reduce_only: false,
        };
        let execution = ExecutionName::UntilValid.into();
        let order = SignedOrder { order, signature: wallet.sign(order.hash()), execution };
        let action = Action::Withdraw { amount: Cash::new(5).unwrap(), recipient: [1; 20], chain: 1 };
        let command = Command { binding, action };
        let command = SignedCommand { command, signature: wallet.sign(command.hash()), possession: None };
        Signed { trader: "ann".into(), orders: [(7, order)].into(), commands: [(8, command)].into() }
    }

    fn fill() -> FillView {
        let (id, position, window, instrument, side) = (1, 7, 4, 2, SideName::Buy);
        FillView { id, position, window, instrument, side, price: 490, lots: 6, fee: Micro(30), batch: 3 }
    }

    fn command(position: u64) -> CommandView {
        CommandView {
            position,
            message: Word(Fr::from(1)),
            time: 1,
            order_slot: 0,
            nonce: 1,
            epoch: 0,
            action: ActionJson::Cancel {},
            state: CommandState::Executed,
            batch: Some(3),
            dropped: None,
        }
    }

    #[test]
    fn what_the_venue_tells_is_put_beside_what_was_signed() {
        let signed = signed();
        let found = signed.fill(&fill(), 3).unwrap();
        assert_eq!((found.order, found.signature), (signed.orders[&7].order, signed.orders[&7].signature));
        assert_eq!((found.window.get(), found.price.get(), found.fill.get()), (4, 490, 6));
        assert_eq!(signed.command(&command(8)).unwrap(), signed.commands[&8]);
    }

    #[test]
    fn what_nobody_signed_is_named_with_its_trader_and_place() {
        let signed = signed();
        let told = |view: FillView| signed.fill(&view, 3).unwrap_err().to_string();
        let text = |what, position| {
            format!("the auditor disagrees: the venue tells ann of {what} of log position {position}, which ann has not signed")
        };
        assert_eq!(told(FillView { position: 8, ..fill() }), text("a fill", 8));
        let other = text("a fill of another instrument or side", 7);
        assert_eq!(told(FillView { instrument: 3, ..fill() }), other);
        assert_eq!(told(FillView { side: SideName::Sell, ..fill() }), other);
        assert_eq!(told(FillView { batch: 2, ..fill() }), text("a fill in another batch", 7));
        assert_eq!(signed.command(&command(7)).unwrap_err().to_string(), text("a command", 7));
    }
}
