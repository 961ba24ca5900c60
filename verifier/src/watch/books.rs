//! What follows from the contract's events and calldata: accounts tree, markets, queue, money. No I/O.
//!
//! [`Books`] hold the state after a prefix of the chain; [`Books::apply`] adds one [`Change`] whole, or says why it cannot be
//! and stays as it was.

use super::distrust::{hex, Distrust};
use crate::groth16::{verify, VerifyingKey};
use crate::l1::{Known, Submission};
use alloy::primitives::{Address, TxHash, B256};
use ark_bn254::Fr;
use novation_state::leaf::{MarketLeaf, Status};
use novation_state::ledger::HOUSE;
use novation_state::markets::Markets;
use novation_state::public_data::{ACCOUNT_WORDS, HOUSE_WORDS};
use novation_state::tree::AccountsTree;
use novation_state::units::{InstrumentId, Time};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A deposit in the queue that no batch has consumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Place in the queue.
    pub index: u64,
    /// Account slot.
    pub slot: u32,
    /// Who paid.
    pub depositor: Address,
    /// Eighths of owner key and viewing key, as words: x, y, x, y.
    pub keys: [Fr; 4],
    /// Micro-units.
    pub amount: u128,
    /// Height of its block.
    pub block: u64,
    /// Time of its block, seconds.
    pub time: u64,
}

/// A batch that the contract accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Everything in its calldata.
    pub submission: Submission,
    /// Root that the contract announced.
    pub root: Fr,
    /// Challenge that the contract announced.
    pub z: Fr,
    /// Its transaction.
    pub transaction: TxHash,
    /// Time of its block, seconds.
    pub time: u64,
}

/// Markets that the contract accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// Number.
    pub number: u32,
    /// Root that the contract announced.
    pub root: Fr,
    /// Their time.
    pub time: Time,
    /// The changed leaves.
    pub changes: Vec<(InstrumentId, MarketLeaf)>,
}

/// What a block changed.
#[derive(Clone, Debug)]
pub enum Change {
    /// A circuit was registered.
    Key(u64, Arc<VerifyingKey>),
    /// A deposit was queued.
    Deposit(Waiting),
    /// Markets were accepted.
    Markets(Box<Round>),
    /// A batch was accepted.
    Batch(Box<Accepted>),
    /// A claim was added: account, micro-units.
    Owed(Address, u128),
    /// A claim was paid.
    Paid(Address, u128),
}

/// A change and where it stands.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Height of the block.
    pub block: u64,
    /// Its hash.
    pub hash: B256,
    /// The change.
    pub change: Change,
}

/// Whether a batch's proof has to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proofs {
    /// Yes.
    Verify,
    /// No: the same batch was checked on the same state before.
    Verified,
}

/// A leaf as the last batch that wrote it published it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedLeaf {
    /// Leaf hash, then ciphertext: nine words of an account, four of the house.
    pub words: Vec<Fr>,
    /// The batch.
    pub batch: u32,
    /// Its ephemeral point, x then y.
    pub ephemeral: [Fr; 2],
}

/// A mark that moved further than its own scan range, or left its own band.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddMove {
    /// Number of the markets that moved it.
    pub round: u32,
    /// Mark before and after, ticks.
    pub marks: [i64; 2],
    /// Change of a lot's value, micro-units.
    pub moved: i128,
    /// The largest entry of the risk array before, micro-units.
    pub scan: i128,
    /// Band before, ticks.
    pub band: [i64; 2],
}

/// The state after a prefix of the chain.
#[derive(Clone, Debug)]
pub struct Books {
    /// What the next batch builds on.
    pub known: Known,
    /// Number of the last batch.
    pub batch: u32,
    /// Time of the block of the last batch, seconds; 0 before the first.
    pub batch_time: u64,
    /// The accounts tree. Empty before the first batch: the genesis leaf of the house is published by nobody.
    pub tree: AccountsTree,
    /// By slot, the house at 0.
    pub leaves: BTreeMap<u32, SealedLeaf>,
    /// The markets.
    pub markets: Markets,
    /// Root and time of every markets number that the next batch may name.
    rounds: BTreeMap<u32, (Fr, u64)>,
    /// The last move of an instrument, while it is an odd one.
    pub odd: BTreeMap<i64, OddMove>,
    /// Percent of the scan range that a mark may move in a round.
    odd_percent: u32,
    /// Deposits that no batch has consumed, in order.
    pub queue: VecDeque<Waiting>,
    /// Deposits ever queued.
    pub queued: u64,
    /// Micro-units of accounts and house.
    pub inside: u128,
    /// Micro-units owed to claimants.
    pub owed: u128,
    claims: BTreeMap<Address, u128>,
    keys: BTreeMap<u64, Arc<VerifyingKey>>,
}

impl Books {
    /// Before the first event of a contract deployed with `genesis_root`.
    pub fn new(deployment: Fr, genesis_root: Fr, odd_percent: u32) -> Self {
        Self {
            known: Known { deployment, old_root: genesis_root, log_last: 0, deposits_consumed: 0 },
            batch: 0,
            batch_time: 0,
            tree: AccountsTree::new(),
            leaves: BTreeMap::new(),
            markets: Markets::new(),
            rounds: BTreeMap::new(),
            odd: BTreeMap::new(),
            odd_percent,
            queue: VecDeque::new(),
            queued: 0,
            inside: 0,
            owed: 0,
            claims: BTreeMap::new(),
            keys: BTreeMap::new(),
        }
    }

    /// Micro-units that wait in the queue.
    pub fn waiting(&self) -> u128 {
        self.queue.iter().map(|deposit| deposit.amount).sum()
    }

    /// Micro-units that `account` may claim.
    pub fn claim(&self, account: &Address) -> u128 {
        self.claims.get(account).copied().unwrap_or(0)
    }

    /// Applies a change, or leaves the books as they are.
    ///
    /// # Errors
    /// [`Distrust`].
    pub fn apply(&mut self, change: &Change, proofs: Proofs) -> Result<(), Distrust> {
        match change {
            Change::Key(circuit, key) => {
                self.keys.insert(*circuit, key.clone());
            }
            Change::Deposit(deposit) => {
                if deposit.index != self.queued {
                    return Err(Distrust::Queue { queued: self.queued, found: deposit.index });
                }
                self.queued += 1;
                self.queue.push_back(deposit.clone());
            }
            Change::Markets(round) => self.markets(round)?,
            Change::Batch(accepted) => self.batch(accepted, proofs)?,
            Change::Owed(account, amount) => {
                *self.claims.entry(*account).or_default() += amount;
                self.owed += amount;
            }
            Change::Paid(account, amount) => {
                let owed = self.claims.remove(account).unwrap_or(0);
                if owed != *amount {
                    return Err(Distrust::Claim { account: account.to_string(), paid: *amount, owed });
                }
                self.owed -= amount;
            }
        }
        Ok(())
    }

    fn markets(&mut self, round: &Round) -> Result<(), Distrust> {
        let number = round.number;
        let mut markets = self.markets.clone();
        let update = markets.update(round.changes.iter().cloned(), round.time);
        let update = update.map_err(|reason| Distrust::MarketsRule { number, reason })?;
        if update.root != round.root || update.number != number {
            return Err(Distrust::MarketsRoot { number, rebuilt: hex(&update.root), claimed: hex(&round.root) });
        }
        for (id, leaf) in &round.changes {
            match self.markets.get(*id).and_then(|old| odd_move(number, old, leaf, self.odd_percent)) {
                Some(odd) => self.odd.insert(id.get(), odd),
                None => self.odd.remove(&id.get()),
            };
        }
        self.markets = markets;
        self.rounds.insert(number, (round.root, round.time.get() as u64));
        Ok(())
    }

    fn batch(&mut self, accepted: &Accepted, proofs: Proofs) -> Result<(), Distrust> {
        let submission = &accepted.submission;
        let data = &submission.batch;
        let (header, batch) = (&data.header, data.header.batch);
        if batch != self.batch + 1 {
            return Err(Distrust::Order { last: self.batch, found: batch });
        }
        if proofs == Proofs::Verify {
            self.check_proof(accepted)?;
        }
        if self.rounds.get(&header.markets_number) != Some(&(header.markets_root, submission.markets_time)) {
            return Err(Distrust::BatchMarkets { batch, number: header.markets_number });
        }
        let consumed = self.known.deposits_consumed;
        let mut credited = 0;
        for (k, (deposit, depositor)) in data.deposits.iter().zip(&submission.depositors).enumerate() {
            let index = consumed + k as u64;
            let [[ax, ay], [vx, vy]] = [deposit.owner_eighth, deposit.viewing_eighth];
            let queued = self.queue.get(k).map(|w| (w.index, w.slot, w.keys, w.amount, w.depositor));
            if queued != Some((index, deposit.slot, [ax, ay, vx, vy], deposit.amount, *depositor)) {
                return Err(Distrust::Deposit { batch, index });
            }
            // What is refunded becomes a claim, which has its own event.
            credited += if deposit.credited { deposit.amount } else { 0 };
        }
        let leaving: u128 = data.withdrawals.iter().map(|withdrawal| withdrawal.amount).sum();
        let inside = self.inside + credited;
        let inside = inside.checked_sub(leaving).ok_or(Distrust::Overdrawn { batch, inside, leaving })?;
        self.write_leaves(accepted)?;
        self.inside = inside;
        self.queue.drain(..data.deposits.len());
        self.known = Known {
            deployment: self.known.deployment,
            old_root: header.new_root,
            log_last: header.log_last,
            deposits_consumed: consumed + data.deposits.len() as u64,
        };
        (self.batch, self.batch_time) = (batch, accepted.time);
        // The contract lets no batch go back behind the markets of the one before.
        self.rounds = self.rounds.split_off(&header.markets_number);
        Ok(())
    }

    /// The proof, and that the contract computed from its storage what follows here from calldata.
    fn check_proof(&self, accepted: &Accepted) -> Result<(), Distrust> {
        let header = &accepted.submission.batch.header;
        let (batch, circuit) = (header.batch, header.circuit);
        let data = accepted.submission.public_data();
        for (what, announced, computed) in [("root", accepted.root, header.new_root), ("challenge", accepted.z, data.z)]
        {
            if announced != computed {
                let (announced, computed) = (hex(&announced), hex(&computed));
                return Err(Distrust::Announced { batch, what, announced, computed });
            }
        }
        let key = self.keys.get(&circuit).ok_or(Distrust::Circuit { batch, circuit })?;
        verify(key, &accepted.submission.proof, &data.inputs()).map_err(|reason| Distrust::Proof { batch, reason })
    }

    /// Writes the published leaf hashes and compares the root; on a mismatch the tree is put back.
    fn write_leaves(&mut self, accepted: &Accepted) -> Result<(), Distrust> {
        let data = &accepted.submission.batch;
        let (batch, header) = (data.header.batch, &data.header);
        let slot = HOUSE.get() as u32;
        let mut written: Vec<(u32, &[Fr])> = vec![(slot, &data.house[..])];
        written.extend(data.accounts.iter().map(|account| (account.slot, &account.sealed[..])));
        debug_assert!(data.house.len() == HOUSE_WORDS && data.accounts[0].sealed.len() == ACCOUNT_WORDS - 1);
        let new: Vec<(u64, Fr)> = written.iter().map(|(slot, words)| (u64::from(*slot), words[0])).collect();
        let old: Vec<(u64, Fr)> = new.iter().map(|(index, _)| (*index, self.tree.leaf(*index))).collect();
        self.tree.set_batch(&new);
        let rebuilt = self.tree.root();
        if rebuilt != header.new_root {
            self.tree.set_batch(&old);
            return Err(Distrust::Root { batch, rebuilt: hex(&rebuilt), claimed: hex(&header.new_root) });
        }
        for (slot, words) in written {
            // An entry that pads the batch leaves an unopened account as it is: no leaf, nothing to read.
            if words[0] != Fr::from(0) {
                let ephemeral = [header.r_x, header.r_y];
                self.leaves.insert(slot, SealedLeaf { words: words.to_vec(), batch, ephemeral });
            }
        }
        Ok(())
    }
}

/// Whether an instrument moved further than its margin covers, or to where no fill could have been.
fn odd_move(round: u32, old: &MarketLeaf, new: &MarketLeaf, percent: u32) -> Option<OddMove> {
    if old.status == Status::Settled || new.mark == old.mark {
        return None;
    }
    let moved = (new.mark.wide() - old.mark.wide()) * old.tick_value.wide();
    let scan = old.risk.iter().map(|entry| entry.wide().abs()).max().unwrap_or(0);
    let outside = new.mark < old.band_low || new.mark > old.band_high;
    // A series that is about to expire may have no scan range left; then its band alone speaks.
    let far = scan > 0 && moved.abs() * 100 > scan * i128::from(percent);
    (far || outside).then(|| OddMove {
        round,
        marks: [old.mark.get(), new.mark.get()],
        moved,
        scan,
        band: [old.band_low.get(), old.band_high.get()],
    })
}
