//! Follows L1 and keeps the [`Picture`].

use super::alarm::Alarm;
use super::books::{Books, Placed};
use super::distrust::Distrust;
use super::picture::Picture;
use super::read::{change, ReadError};
use super::rules::{Limits, Money};
use crate::groth16::VerifyingKey;
use crate::l1::{BlockRef, Event, Follower, L1Error, L1};
use alloy::eips::BlockId;
use alloy::providers::Provider;
use ark_bn254::Fr;
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// What a watcher starts from. What is left open is read from the contract.
#[derive(Clone, Debug, Default)]
pub struct WatchConfig {
    /// Block of the deployment; else it is searched for, which needs a node that keeps old state.
    pub from_block: Option<u64>,
    /// State root before the first batch; else the contract's root at the block of the deployment, from such a node.
    pub genesis_root: Option<Fr>,
    /// Verifying keys to hold the contract to. Without any the contract's own are believed: then a deployer who forged
    /// the key goes unnoticed.
    pub keys: Vec<VerifyingKey>,
    /// When something is an alarm.
    pub limits: Limits,
}

/// A handle on what the watcher knows; clones share it. Reading never waits for L1.
#[derive(Clone, Debug)]
pub struct Shared(Arc<RwLock<Picture>>);

impl Shared {
    /// The picture now.
    pub fn read(&self) -> RwLockReadGuard<'_, Picture> {
        // A panic while it was written stops the watcher; what stands is still what was verified.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Picture> {
        self.0.write().expect("no writer panicked")
    }
}

/// What a poll brought.
#[derive(Clone, Debug, Default)]
pub struct Polled {
    /// Alarms raised.
    pub raised: Vec<Alarm>,
    /// Alarms cleared.
    pub cleared: Vec<Alarm>,
    /// Whether everything up to the newest block was read.
    pub synced: bool,
}

/// The watcher.
#[derive(Debug)]
pub struct Watcher {
    l1: L1,
    follower: Follower,
    keys: Vec<VerifyingKey>,
    /// Events that were read and whose calldata was not.
    backlog: VecDeque<Event>,
    finalized: u64,
    shared: Shared,
}

impl Watcher {
    /// Finds the deployment and starts before it. Nothing is read yet.
    ///
    /// # Errors
    /// [`L1Error`]; [`L1Error::Answer`] when the node does not know enough of the past to find what was left open.
    pub async fn new(l1: L1, config: WatchConfig) -> Result<Self, L1Error> {
        let from = match config.from_block {
            Some(block) => block,
            None => l1.deployment_block().await?,
        };
        let root = match config.genesis_root {
            Some(root) => root,
            None => l1.genesis_root(from).await?,
        };
        let books = Books::new(l1.deployment(), root, config.limits.odd_percent);
        let picture = Picture::new(l1.contract(), books, config.limits);
        let follower = Follower::new(l1.clone(), from);
        let shared = Shared(Arc::new(RwLock::new(picture)));
        Ok(Self { l1, follower, keys: config.keys, backlog: VecDeque::new(), finalized: 0, shared })
    }

    /// What is known, to be served while the watcher goes on.
    pub fn shared(&self) -> Shared {
        self.shared.clone()
    }

    /// Reads what is new on L1, verifies it, and judges. It does not fail: what cannot be read is an alarm, and the next call
    /// goes on where this one stopped.
    pub async fn poll(&mut self) -> Polled {
        let mut judged = (None, None);
        let mut unreadable = None;
        if !self.shared.read().stopped_for_good() {
            match self.advance().await {
                Ok(seen) => judged = seen,
                Err(L1Error::FinalityViolated { number }) => {
                    self.shared.write().stop(number, Distrust::Finality { number });
                }
                Err(error) => unreadable = Some(error.to_string()),
            }
        }
        let (tip, money) = judged;
        let synced = tip.is_some() && self.backlog.is_empty();
        let mut picture = self.shared.write();
        picture.set_unreadable(unreadable);
        let (raised, cleared) = picture.judge(tip, money, synced);
        Polled { raised, cleared, synced }
    }

    async fn advance(&mut self) -> Result<(Option<(BlockRef, u64)>, Option<Money>), L1Error> {
        let step = self.follower.step().await?;
        if let Some(last) = step.rolled_back_to {
            self.backlog.retain(|event| event.block <= last);
            self.shared.write().roll_back(last);
        }
        self.backlog.extend(step.events);
        self.finalized = step.finalized;
        while let Some(event) = self.backlog.front() {
            if self.shared.read().distrust().is_some() {
                break;
            }
            let known = self.shared.read().newest().known.clone();
            let (block, hash) = (event.block, event.block_hash);
            let read = change(&self.l1, event, &known, &self.keys).await;
            let believed = {
                let mut picture = self.shared.write();
                match read {
                    Ok(Some(change)) => picture.take(Placed { block, hash, change }),
                    Ok(None) => {}
                    Err(ReadError::Distrust(distrust)) => picture.stop(block, distrust),
                    Err(ReadError::L1(error)) => return Err(error),
                }
                picture.distrust().is_none()
            };
            // What stopped it stays in front: a reorg that takes it away goes on with what comes instead.
            if believed {
                self.backlog.pop_front();
                self.finalize();
            }
        }
        self.finalize();
        let Some(tip) = self.follower.tip() else { return Ok((None, None)) };
        let Some(header) = self.l1.provider().get_block_by_number(tip.number.into()).await? else {
            return Ok((None, None));
        };
        if header.header.hash != tip.hash {
            // Replaced meanwhile: judged after the next step.
            return Ok((None, None));
        }
        let at = BlockId::hash(tip.hash);
        let (inside, owed) = self.l1.balances(at).await?;
        let held = self.l1.collateral_of(self.l1.contract(), at).await?;
        Ok((Some((tip, header.header.timestamp)), Some(Money { held, inside, owed })))
    }

    /// Moves what is final and was read over to the final books, as early as possible: a long history is not kept twice.
    fn finalize(&self) {
        let reached = self.backlog.front().map_or(u64::MAX, |event| event.block.saturating_sub(1));
        self.shared.write().finalize(self.finalized.min(reached));
    }
}
