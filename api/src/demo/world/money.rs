//! Money in and out: deposits on L1, signed withdrawals, claims.

use super::{inspect, party, World, FINALIZED_DEPTH, MAX_TRADERS};
use crate::client::verify::Verified;
use crate::demo::party::Newcomer;
use crate::demo::DemoError;
use crate::instrument::MICRO;
use crate::node::chain::FIRST_TRADER;
use crate::node::NodeError;
use alloy::primitives::U256;
use novation_sequencer::Engine;
use novation_state::units::Cash;
use novation_verifier::devnet::mint;
use std::sync::atomic::Ordering;

impl World<'_> {
    /// Newcomers deposit on L1; once the deposits are final there, the node takes them in, and the next batches credit them.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn deposit(&mut self, deposits: &[(&str, i64)]) -> Result<(), DemoError> {
        for (name, usd) in deposits {
            let payer = FIRST_TRADER + self.parties.len();
            if self.parties.contains_key(*name) {
                return Err(DemoError::Story(format!("{name} has an account already")));
            }
            if self.parties.len() >= MAX_TRADERS {
                return Err(DemoError::TooManyTraders { found: self.parties.len() + 1, most: MAX_TRADERS });
            }
            let amount = u128::try_from(i128::from(*usd) * i128::from(MICRO)).expect("a deposit is positive");
            self.faucet(payer, amount)?;
            let newcomer = Newcomer { seed: self.seed, name, payer };
            let opened = newcomer.open(&self.rest, &self.venue, &self.records.url, amount);
            let (party, gas) = self.wait(opened)?;
            let account = party.client.account();
            self.records.deposit_gas.push(gas);
            self.screen.say(format!("{name} deposits {usd} USD on L1: account slot {account}"));
            self.parties.insert((*name).to_owned(), party);
        }
        // The clock is ahead of the blocks that make them final: whenever the node reads them, they enter the log at one and the same time.
        self.advance_to(self.clock());
        let depth = i64::try_from(FINALIZED_DEPTH).expect("a few blocks");
        self.clock.fetch_add(depth, Ordering::SeqCst);
        self.embedded().devnet.mine(FINALIZED_DEPTH).map_err(NodeError::from)?;
        let made = self.parties.len() as u64;
        self.until("deposits that the node takes in", async |service| {
            let taken = |engine: &Engine| engine.ledger().head().deposits + engine.backlog().deposits as u64;
            Ok(inspect(service, taken).await? == made)
        })
    }

    /// Collateral for an account of the L1, out of nothing: its token is a test token.
    fn faucet(&self, account: usize, amount: u128) -> Result<(), DemoError> {
        let devnet = &self.embedded().devnet;
        let [deployer, to] = [0, account].map(|number| devnet.signer(number).address());
        let collateral = self.l1.collateral();
        self.wait(async { mint(&devnet.provider(), deployer, collateral, to, U256::from(amount)).await })?;
        Ok(())
    }

    /// A trader's own account, as [`Party::read`](crate::demo::party::Party::read) checks it.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn read(&mut self, name: &str) -> Result<Verified, DemoError> {
        let now = self.now();
        self.runtime.block_on(party(&mut self.parties, name).read(now))
    }

    /// A trader asks for money back, by a signed command.
    ///
    /// # Errors
    /// [`DemoError::Client`].
    pub fn withdraw(&mut self, name: &str, amount: Cash) -> Result<(), DemoError> {
        let now = self.now();
        self.runtime.block_on(party(&mut self.parties, name).withdraw(amount, now))?;
        let usd = amount.get() as f64 / MICRO as f64;
        self.screen.say(format!("{name} signs a withdrawal of {usd:.2} USD"));
        Ok(())
    }

    /// A trader claims on L1 what a proven batch has freed. Returns the micro-units that arrived.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn claim(&mut self, name: &str) -> Result<i128, DemoError> {
        let (paid, gas) = self.runtime.block_on(self.trader(name).claim())?;
        self.catch_up();
        self.records.claim_gas.push(gas);
        self.screen.say(format!("{name} claims {:.2} USD on L1", paid as f64 / MICRO as f64));
        Ok(paid)
    }

    /// Whether deposits that the node knows of wait for a batch.
    ///
    /// # Errors
    /// [`DemoError::Operator`].
    pub fn deposits_wait(&self) -> Result<bool, DemoError> {
        Ok(self.inspect(|engine| engine.backlog().deposits)? > 0)
    }
}
