//! Batches and markets from L1, verified again.

use super::audit::{self, Audit, AuditError};
use super::distrust::{hex, Distrust};
use super::open::{self, OpenError, Published};
use super::read::{self, ReadError};
use crate::batch::Withdrawal;
use crate::encoding::{from_word, ScalarError};
use crate::groth16::{verify, VerifyError, VerifyingKey};
use crate::l1::bindings::Novation::NovationEvents;
use crate::l1::{Follower, Known, L1Error, Submission, L1};
use alloy::eips::BlockId;
use alloy::primitives::{Address, TxHash};
use ark_bn254::Fr;
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::viewing::ViewingKey;
use novation_state::leaf::{AccountLeaf, HouseLeaf, MarketLeaf};
use novation_state::ledger::HOUSE;
use novation_state::markets::Markets;
use novation_state::units::{AccountSlot, InstrumentId, OutOfRange};
use std::collections::BTreeMap;

/// Why what L1 says is not believed.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// L1 cannot be read.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// A proof does not verify.
    #[error("batch {batch} was accepted by L1, but its proof does not verify here: {reason}")]
    Proof {
        /// The batch.
        batch: u64,
        /// What is wrong.
        reason: VerifyError,
    },
    /// The state root does not follow.
    #[error("batch {batch} leads to another root than the contract says")]
    Root {
        /// The batch.
        batch: u64,
    },
    /// What L1 says contradicts itself.
    #[error(transparent)]
    Distrust(#[from] Distrust),
    /// A number has no representation.
    #[error(transparent)]
    Range(#[from] OutOfRange),
    /// A word is not below r.
    #[error("a word of the calldata: {0}")]
    Word(#[from] ScalarError),
    /// A leaf does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The sums are wrong.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Something that has to have happened has not.
    #[error("slot {slot} was never written by a batch")]
    NeverWritten {
        /// The slot.
        slot: AccountSlot,
    },
}

impl From<ReadError> for ChainError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::L1(error) => Self::L1(error),
            ReadError::Distrust(distrust) => Self::Distrust(distrust),
        }
    }
}

/// A batch as the public knows it, verified again.
#[derive(Clone, Debug)]
pub struct SeenBatch {
    /// Its transaction.
    pub transaction: TxHash,
    /// Everything in its calldata.
    pub submission: Submission,
}

/// A deposit as the public knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenDeposit {
    /// The slot.
    pub slot: AccountSlot,
    /// Who paid.
    pub depositor: Address,
    /// The owner key.
    pub owner: Point,
    /// Micro-units.
    pub amount: u128,
    /// Whether it was credited; else it was refunded.
    pub credited: bool,
}

/// An update of the markets as the public knows it.
#[derive(Clone, Debug)]
pub struct SeenRound {
    /// Its transaction.
    pub transaction: TxHash,
    /// Number of the markets root.
    pub number: u32,
    /// The leaves that it changed.
    pub changes: Vec<(InstrumentId, MarketLeaf)>,
}

/// Everything that was read so far.
pub struct PublicChain {
    l1: L1,
    follower: Follower,
    key: VerifyingKey,
    known: Known,
    /// Batches in order.
    pub batches: Vec<SeenBatch>,
    /// Updates of markets in order.
    pub rounds: Vec<SeenRound>,
    markets: Markets,
}

impl PublicChain {
    /// Starts at the block of the deployment, with the root that the contract was deployed with.
    pub fn new(l1: L1, from_block: u64, key: VerifyingKey, genesis_root: Fr) -> PublicChain {
        let known = Known { deployment: l1.deployment(), old_root: genesis_root, log_last: 0, deposits_consumed: 0 };
        let follower = Follower::new(l1.clone(), from_block);
        let (batches, rounds) = (Vec::new(), Vec::new());
        PublicChain { l1, follower, key, known, batches, rounds, markets: Markets::new() }
    }

    /// Reads what is new, and verifies it.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn advance(&mut self) -> Result<(), ChainError> {
        for event in self.follower.step().await?.events {
            match event.event {
                NovationEvents::BatchAccepted(accepted) => {
                    let root = from_word::<Fr>(&accepted.root.to_be_bytes())?;
                    self.take_batch(event.transaction, root).await?;
                }
                NovationEvents::MarketsAccepted(accepted) => {
                    let root = from_word::<Fr>(&accepted.root.to_be_bytes())?;
                    self.take_markets(event.transaction, accepted.number, root).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn take_batch(&mut self, transaction: TxHash, root: Fr) -> Result<(), ChainError> {
        let submission = self.l1.fetch_batch(transaction, &self.known).await?;
        let batch = u64::from(submission.batch.header.batch);
        let data = submission.public_data();
        verify(&self.key, &submission.proof, &data.inputs()).map_err(|reason| ChainError::Proof { batch, reason })?;
        if submission.batch.header.new_root != root {
            return Err(ChainError::Root { batch });
        }
        self.known = Known {
            deployment: self.known.deployment,
            old_root: root,
            log_last: submission.batch.header.log_last,
            deposits_consumed: self.known.deposits_consumed + submission.batch.deposits.len() as u64,
        };
        self.batches.push(SeenBatch { transaction, submission });
        Ok(())
    }

    async fn take_markets(&mut self, transaction: TxHash, number: u32, root: Fr) -> Result<(), ChainError> {
        let round = read::markets(&self.l1, transaction, number, root).await?;
        let update = self.markets.update(round.changes.clone(), round.time);
        let update = update.map_err(|reason| ChainError::Distrust(Distrust::MarketsRule { number, reason }))?;
        if update.root != root || update.number != number {
            let (rebuilt, claimed) = (hex(&update.root), hex(&root));
            return Err(ChainError::Distrust(Distrust::MarketsRoot { number, rebuilt, claimed }));
        }
        self.rounds.push(SeenRound { transaction, number, changes: round.changes });
        Ok(())
    }

    /// The markets after the last update.
    pub fn markets(&self) -> &Markets {
        &self.markets
    }

    /// Every deposit that a batch consumed.
    pub fn deposits(&self) -> Vec<SeenDeposit> {
        let entries =
            self.batches.iter().flat_map(|seen| seen.submission.batch.deposits.iter().zip(&seen.submission.depositors));
        entries
            .map(|(deposit, depositor)| SeenDeposit {
                slot: AccountSlot::new(i64::from(deposit.slot)).expect("24 bits"),
                depositor: *depositor,
                owner: Point { x: deposit.owner_eighth[0], y: deposit.owner_eighth[1] }.mul8(),
                amount: deposit.amount,
                credited: deposit.credited,
            })
            .collect()
    }

    /// Every withdrawal, with the number of its batch.
    pub fn withdrawals(&self) -> Vec<(u64, Withdrawal)> {
        let of = |seen: &SeenBatch| {
            let number = u64::from(seen.submission.batch.header.batch);
            seen.submission.batch.withdrawals.clone().into_iter().map(move |withdrawal| (number, withdrawal))
        };
        self.batches.iter().flat_map(of).collect()
    }

    /// Numbers of the batches that rewrote a slot.
    pub fn rewritten(&self, slot: AccountSlot) -> Vec<u64> {
        let writes = |seen: &&SeenBatch| seen.submission.batch.accounts.iter().any(|a| i64::from(a.slot) == slot.get());
        self.batches.iter().filter(writes).map(|seen| u64::from(seen.submission.batch.header.batch)).collect()
    }

    /// What the last batch that wrote a slot published of it: leaf hash, then ciphertext.
    ///
    /// # Errors
    /// [`ChainError::NeverWritten`].
    pub fn sealed(&self, slot: AccountSlot) -> Result<(Published, Vec<Fr>), ChainError> {
        let found = self.batches.iter().rev().find_map(|seen| {
            let batch = &seen.submission.batch;
            let words = if slot == HOUSE {
                batch.house.to_vec()
            } else {
                batch.accounts.iter().find(|a| i64::from(a.slot) == slot.get())?.sealed.to_vec()
            };
            let header = &batch.header;
            let published = Published {
                batch: u64::from(header.batch),
                ephemeral: Point { x: header.r_x, y: header.r_y },
                slot,
                hash: words[0],
            };
            Some((published, words[1..].to_vec()))
        });
        found.ok_or(ChainError::NeverWritten { slot })
    }

    /// Opens an account with its viewing key. The owner key is that of the slot's first credited deposit.
    ///
    /// # Errors
    /// [`ChainError::NeverWritten`], [`ChainError::Open`].
    pub fn open(&self, slot: AccountSlot, key: &ViewingKey) -> Result<AccountLeaf, ChainError> {
        let (published, words) = self.sealed(slot)?;
        let owner = self.deposits().into_iter().find(|deposit| deposit.slot == slot && deposit.credited);
        let owner = owner.ok_or(ChainError::NeverWritten { slot })?.owner;
        let ciphertext = words.try_into().expect("an account's words");
        Ok(open::account(&published, &ciphertext, owner, key)?)
    }

    /// Opens the house.
    ///
    /// # Errors
    /// As [`PublicChain::open`].
    pub fn open_house(&self, key: &ViewingKey) -> Result<HouseLeaf, ChainError> {
        let (published, words) = self.sealed(HOUSE)?;
        Ok(open::house(&published, &words.try_into().expect("the house's words"), key)?)
    }

    /// The audit line, for an auditor with every viewing key: `accounts` names each opened slot.
    ///
    /// # Errors
    /// [`ChainError`]; [`ChainError::Audit`] when something does not add up.
    pub async fn audit(
        &self,
        accounts: &[(AccountSlot, &ViewingKey)],
        house: &ViewingKey,
    ) -> Result<Audit, ChainError> {
        let mut leaves = BTreeMap::new();
        for (slot, key) in accounts {
            leaves.insert(*slot, self.open(*slot, key)?);
        }
        let (vault, _) = self.l1.balances(BlockId::latest()).await?;
        let vault = i128::try_from(vault).map_err(|_| OutOfRange { unit: "vault", value: i128::MAX })?;
        Ok(audit::audit(&leaves, &self.open_house(house)?, &self.markets, vault)?)
    }
}
