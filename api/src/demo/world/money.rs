//! Money in and out: deposits on L1, signed withdrawals, claims.

use super::{World, FINALIZED_DEPTH, MAX_TRADERS, ROLES};
use crate::demo::trader::Trader;
use crate::demo::DemoError;
use crate::instrument::MICRO;
use alloy::eips::BlockId;
use alloy::primitives::U256;
use ark_bn254::Fr;
use novation_sequencer::Event;
use novation_state::crypto::babyjub::Point;
use novation_state::transition::Deposit;
use novation_state::units::{AccountSlot, Amount, Cash};
use novation_verifier::devnet::mint;
use novation_verifier::l1::DepositRequest;

impl World<'_> {
    /// Traders deposit on L1; once the deposits are final there, they reach the sequencer, and the next batches credit them.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn deposit(&mut self, deposits: &[(&str, i64)]) -> Result<(), DemoError> {
        let deployer = self.devnet.signer(0).address();
        for (name, usd) in deposits {
            if !self.traders.contains_key(*name) {
                if self.traders.len() >= MAX_TRADERS {
                    return Err(DemoError::TooManyTraders { found: self.traders.len() + 1, most: MAX_TRADERS });
                }
                let address = self.devnet.signer(ROLES + self.traders.len()).address();
                self.traders.insert((*name).to_owned(), Trader::new(self.seed, name, address));
            }
            let amount = u128::try_from(i128::from(*usd) * i128::from(MICRO)).expect("a deposit is positive");
            let trader = self.trader(name);
            let [owner, viewing] = trader.eighths();
            let slot = (trader.slot != AccountSlot::ZERO).then(|| trader.slot.get() as u32);
            let request = DepositRequest {
                slot,
                owner_eighth: [owner.x, owner.y],
                viewing_eighth: [viewing.x, viewing.y],
                amount,
            };
            let address = trader.address;
            let (l1, devnet) = (self.l1.clone(), self.devnet.clone());
            let (slot, gas) = self.wait(async {
                mint(&devnet.provider(), deployer, l1.collateral(), address, U256::from(amount)).await?;
                l1.approve(address, U256::from(amount)).await?;
                let (_, slot, receipt) = l1.deposit(address, &request).await?;
                Ok::<_, DemoError>((slot, receipt.gas_used))
            })?;
            self.trader_mut(name).slot = AccountSlot::new(i64::from(slot))?;
            self.depositors.push(address);
            self.records.deposit_gas.push(gas);
            self.screen.say(format!("{name} deposits {usd} USD on L1: account slot {slot}"));
        }
        self.devnet.mine(FINALIZED_DEPTH)?;
        self.catch_up();
        let mut reader = self.deposits.clone();
        let queued = self.wait(async {
            let queued = reader.poll().await?;
            Ok::<_, DemoError>((queued, reader))
        })?;
        self.deposits = queued.1;
        for entry in queued.0 {
            let point = |[x, y]: [Fr; 2]| Point { x, y };
            let deposit = Deposit {
                account: AccountSlot::new(i64::from(entry.slot))?,
                owner_eighth: point(entry.owner_eighth),
                viewing_eighth: point(entry.viewing_eighth),
                amount: Amount::try_from(entry.amount as i128)?,
            };
            self.expect_step("a final deposit", Event::Deposit { index: entry.index, deposit })?;
        }
        Ok(())
    }

    /// A trader asks for money back, by a signed command.
    ///
    /// # Errors
    /// [`DemoError::Refused`].
    pub fn withdraw(&mut self, name: &str, amount: Cash) -> Result<(), DemoError> {
        let (deployment, chain) = (self.l1.deployment(), self.l1.chain());
        let signed = self.trader_mut(name).withdraw(deployment, chain, amount);
        self.expect_step("a withdrawal", Event::Command(signed))?;
        let usd = amount.get() as f64 / MICRO as f64;
        self.screen.say(format!("{name} signs a withdrawal of {usd:.2} USD"));
        Ok(())
    }

    /// A trader claims on L1 what a proven batch has freed. Returns the micro-units that arrived.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn claim(&mut self, name: &str) -> Result<i128, DemoError> {
        let (l1, address) = (self.l1.clone(), self.trader(name).address);
        let (paid, gas) = self.wait(async {
            let before = l1.collateral_of(address, BlockId::latest()).await?;
            let receipt = l1.claim(address, address).await?;
            let after = l1.collateral_of(address, BlockId::latest()).await?;
            Ok::<_, DemoError>((after - before, receipt.gas_used))
        })?;
        let paid = i128::try_from(paid.to::<u128>()).expect("a claim is below 2^106");
        self.catch_up();
        self.records.claim_gas.push(gas);
        self.screen.say(format!("{name} claims {:.2} USD on L1", paid as f64 / MICRO as f64));
        Ok(paid)
    }

    /// Whether deposits that the sequencer knows of wait for a batch.
    pub fn deposits_wait(&self) -> bool {
        (self.engine.ledger().head().deposits as usize) < self.depositors.len()
    }
}
