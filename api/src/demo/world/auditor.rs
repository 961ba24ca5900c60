//! The independent auditor of a run: after every batch each account is computed again from what traders signed, what the venue told them
//! over REST, and L1; then it is compared with the leaves that the viewing keys open. A difference ends the run.

use super::World;
use crate::demo::party::Told;
use crate::demo::DemoError;
use alloy::eips::BlockId;
use ark_bn254::Fr;
use novation_state::leaf::AccountLeaf;
use novation_state::units::AccountSlot;
use novation_verifier::watch::recompute::{Recomputation, Totals};
use serde::Serialize;
use std::collections::BTreeMap;

/// What the auditor has computed and found to agree. Money in micro-units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Audited {
    /// Batches.
    pub batches: usize,
    /// Accounts, each equal to its opened leaf in cash, positions, owner key and cancel epoch.
    pub accounts: usize,
    /// Fills, each within what its trader signed.
    pub fills: usize,
    /// Commands, each signed.
    pub commands: usize,
    /// Cash of all accounts.
    pub cash_of_accounts: i128,
    /// The house's balances.
    pub house: i128,
    /// What the vault holds for both: exactly their sum.
    pub vault: u128,
    /// Lots held long, and as many short, by live instrument.
    pub open_interest: BTreeMap<i64, i128>,
}

/// Computes the run again.
pub struct Auditor {
    recomputation: Recomputation,
    /// Rounds of marks that were taken.
    rounds: usize,
    /// What agrees so far.
    pub audited: Audited,
}

impl Auditor {
    /// Of the contract with this deployment id, before anything happened.
    pub fn new(deployment: Fr) -> Auditor {
        Auditor { recomputation: Recomputation::new(deployment), rounds: 0, audited: Audited::default() }
    }
}

impl World<'_> {
    /// Takes the last batch that was read from L1.
    pub(super) fn recompute(&mut self) -> Result<(), DemoError> {
        let now = self.now();
        let World { chain, auditor: Auditor { recomputation, rounds, audited }, parties, runtime, .. } = self;
        for round in &chain.rounds[*rounds..] {
            recomputation.markets(round.number, round.changes.iter().cloned());
        }
        *rounds = chain.rounds.len();
        let submission = &chain.batches.last().expect("L1 has accepted a batch").submission;
        let header = &submission.batch.header;
        let mut told = Told::default();
        // Who was not credited before this batch could neither sign nor be told.
        let opened =
            parties.values_mut().filter(|party| recomputation.accounts().contains_key(&party.client.account()));
        for party in opened {
            runtime.block_on(party.announced(u64::from(header.batch), now, &mut told))?;
        }
        let mut touches = Vec::new();
        for party in parties.values() {
            let account = party.client.account();
            if submission.batch.accounts.iter().any(|entry| i64::from(entry.slot) == account.get()) {
                let leaf = chain.open(account, party.client.wallet().viewing())?;
                touches.extend(recomputation.rolled(account, &leaf, header.markets_number).then_some(account));
            }
        }
        let announced = told.with_touches(touches);
        recomputation.batch(submission, &announced)?;
        audited.batches += 1;
        audited.fills += announced.fills.len();
        audited.commands += announced.commands.len();
        self.compare()
    }

    fn compare(&mut self) -> Result<(), DemoError> {
        let mut leaves: BTreeMap<AccountSlot, AccountLeaf> = BTreeMap::new();
        for (account, key) in self.keys()? {
            leaves.insert(account, self.chain.open(account, key)?);
        }
        let house = self.chain.open_house(&self.house)?;
        let (vault, _) = self.wait(self.l1.balances(BlockId::latest()))?;
        let Auditor { recomputation, audited, .. } = &mut self.auditor;
        let Totals { accounts, house, open_interest } = recomputation.compare(&leaves, &house, vault)?;
        (audited.accounts, audited.cash_of_accounts, audited.house, audited.vault) =
            (leaves.len(), accounts, house, vault);
        audited.open_interest = open_interest.into_iter().map(|(id, lots)| (id.get(), lots)).collect();
        Ok(())
    }
}
