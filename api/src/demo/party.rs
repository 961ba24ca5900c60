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
    /// What was signed and taken in, by log position: what the auditor is shown.
    orders: BTreeMap<u64, SignedOrder>,
    commands: BTreeMap<u64, SignedCommand>,
    /// The last fill that was read.
    heard: u64,
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
        let (orders, commands) = (BTreeMap::new(), BTreeMap::new());
        let party = Party { name: self.name.to_owned(), address, client, l1, orders, commands, heard: 0 };
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
        self.orders.insert(receipt.receipt.position, request.signed().expect("the client signed it"));
        Ok(())
    }

    /// Signs a withdrawal to the own account on L1 and sends it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn withdraw(&mut self, amount: Cash, now: Time) -> Result<(), ClientError> {
        let Placed { receipt, request, .. } = self.client.withdraw(amount, self.address.into(), now).await?;
        let request: CommandRequest = serde_json::from_str(&request).expect("the client wrote it");
        self.commands.insert(receipt.receipt.position, request.signed().expect("the client signed it"));
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
            let fill = self.fill(&view, batch)?;
            to.fills.insert((view.window, view.position), fill);
        }
        for view in commands.iter().filter(|view| view.batch == Some(batch)) {
            to.commands.insert(view.position, self.command(view)?);
        }
        Ok(())
    }

    fn unsigned(&self, position: u64, what: &'static str) -> Unsigned {
        Unsigned { trader: self.name.clone(), position, what }
    }

    fn fill(&self, view: &FillView, batch: u64) -> Result<Fill, DemoError> {
        let signed = self.orders.get(&view.position).ok_or_else(|| self.unsigned(view.position, "a fill"))?;
        let SignedOrder { order, signature, .. } = *signed;
        if (view.instrument, view.side) != (order.instrument.get(), SideName::from(order.side)) {
            return Err(self.unsigned(view.position, "a fill of another instrument or side").into());
        }
        if view.batch != batch {
            return Err(self.unsigned(view.position, "a fill in another batch").into());
        }
        let (window, price, fill) = (Window::new(view.window)?, Ticks::new(view.price)?, Lots::new(view.lots)?);
        Ok(Fill { order, signature, window, price, fill })
    }

    fn command(&self, view: &CommandView) -> Result<SignedCommand, DemoError> {
        let signed = self.commands.get(&view.position);
        Ok(*signed.ok_or_else(|| self.unsigned(view.position, "a command"))?)
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
