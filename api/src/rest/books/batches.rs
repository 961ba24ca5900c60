//! Batches and their stages, and the auctions that they published.

use super::ledger::Published;
use super::{Notice, KEPT_AUCTIONS, KEPT_BATCHES};
use crate::wire::{
    AuctionView, BatchDetail, BatchView, BytesHex, Event, Moment, ProofData, PublicEvent, StageName, Stages, Word,
};
use ark_bn254::Fr;
use novation_state::public_data::PublicData;
use novation_state::trace::Header;
use novation_state::units::{AccountSlot, Time};
use std::collections::{BTreeMap, VecDeque};

/// A stage of a batch that the log does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "a few a minute, taken apart where they arrive")]
pub enum Stage {
    /// There is a proof.
    Proven {
        /// The commitment among the public inputs.
        c: Fr,
        /// The proof's eight words in the EVM's order.
        proof: [[u8; 32]; 8],
        /// Whether L1 is known to have accepted it: then this tells of what was before, and takes nothing back.
        accepted: bool,
    },
    /// A transaction is under way.
    Submitted {
        /// Its hash.
        tx: [u8; 32],
    },
    /// L1 accepted the proof.
    Accepted {
        /// The transaction's hash, where it is known.
        tx: Option<[u8; 32]>,
        /// The block.
        block: u64,
    },
    /// The block is final.
    Final {
        /// The block.
        block: u64,
    },
}

/// A batch as it is kept.
#[derive(Clone, Debug)]
pub struct BatchRecord {
    view: BatchView,
    words: Vec<Fr>,
    proof: Option<(Fr, [[u8; 32]; 8])>,
}

/// The batches and auctions that are kept.
#[derive(Clone, Debug)]
pub struct Batches {
    batches: BTreeMap<u64, BatchRecord>,
    /// Number of the last batch.
    last: u64,
    auctions: VecDeque<AuctionView>,
    /// Id of the next auction.
    next_auction: u64,
}

impl Batches {
    /// Behind a batch.
    pub fn after(last: u64) -> Batches {
        Batches { batches: BTreeMap::new(), last, auctions: VecDeque::new(), next_auction: 1 }
    }

    /// Number of the last batch.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// A batch was made.
    pub fn made(&mut self, header: &Header, published: Published, time: Time) -> Notice {
        let moment = Moment { time: time.get(), tx: None, block: None };
        let Published { words, deposits, slots, .. } = published;
        let view = BatchView {
            number: header.batch,
            time: header.time.get(),
            old_root: Word(header.old_root),
            new_root: Word(header.new_root),
            markets_number: header.markets_number,
            markets_root: Word(header.markets_root),
            window_first: header.window_first.get(),
            window_last: header.window_last.get(),
            log_root: Word(header.log_root),
            log_first: header.log_first,
            log_last: header.log_last,
            deposit_first: header.deposit_first,
            deposits,
            slots: slots.iter().map(|slot: &AccountSlot| slot.get()).collect(),
            stage: StageName::Made,
            stages: Stages { made: moment.clone(), proven: None, submitted: None, accepted: None, finalized: None },
        };
        self.last = header.batch;
        self.batches.insert(header.batch, BatchRecord { view, words, proof: None });
        while self.batches.len() > KEPT_BATCHES {
            self.batches.pop_first();
        }
        notice(PublicEvent::Batch { number: header.batch, stage: StageName::Made, moment })
    }

    /// A batch reached a stage; what it had reached beyond is taken back.
    pub fn stage(&mut self, batch: u64, stage: Stage, time: Time) -> Option<Notice> {
        let record = self.batches.get_mut(&batch)?;
        let stages = &mut record.view.stages;
        let hex = |tx: [u8; 32]| BytesHex(tx.to_vec());
        // Two clocks may tell of it; none of this happens before there is a batch.
        let mut moment = Moment { time: time.get().max(stages.made.time), tx: None, block: None };
        let place = match stage {
            Stage::Proven { c, proof, accepted } => {
                record.proof = Some((c, proof));
                if accepted {
                    stages.proven = Some(moment);
                    return None;
                }
                (stages.submitted, stages.accepted, stages.finalized) = (None, None, None);
                record.view.stage = StageName::Proven;
                &mut stages.proven
            }
            Stage::Submitted { tx } => {
                moment.tx = Some(hex(tx));
                (stages.accepted, stages.finalized) = (None, None);
                record.view.stage = StageName::Submitted;
                &mut stages.submitted
            }
            Stage::Accepted { tx, block } => {
                (moment.tx, moment.block) = (tx.map(hex), Some(block));
                // After a restart the log says when; a reorganisation has taken the moment away.
                moment.time = stages.accepted.as_ref().map_or(moment.time, |known| known.time);
                stages.finalized = None;
                record.view.stage = StageName::Accepted;
                &mut stages.accepted
            }
            Stage::Final { block } => {
                moment.block = Some(block);
                record.view.stage = StageName::Final;
                &mut stages.finalized
            }
        };
        *place = Some(moment.clone());
        Some(notice(PublicEvent::Batch { number: batch, stage: record.view.stage, moment }))
    }

    /// The log says that L1 accepted a batch: all that is known of it after a restart.
    pub fn accepted(&mut self, batch: u64, time: Time) -> Option<Notice> {
        let record = self.batches.get_mut(&batch)?;
        if record.view.stages.accepted.is_some() {
            return None;
        }
        let moment = Moment { time: time.get(), tx: None, block: None };
        record.view.stages.accepted = Some(moment.clone());
        record.view.stage = StageName::Accepted;
        Some(notice(PublicEvent::Batch { number: batch, stage: StageName::Accepted, moment }))
    }

    /// Publishes an auction.
    pub fn publish(&mut self, mut auction: AuctionView) -> Notice {
        auction.id = self.next_auction;
        self.next_auction += 1;
        self.auctions.push_back(auction.clone());
        if self.auctions.len() > KEPT_AUCTIONS {
            self.auctions.pop_front();
        }
        notice(PublicEvent::Auction { auction })
    }

    /// Batches behind a number, or the last ones; ascending.
    pub fn page(&self, after: Option<u64>, limit: usize) -> Vec<BatchView> {
        let view = |record: &BatchRecord| record.view.clone();
        match after {
            Some(after) => {
                let behind = self.batches.range(after.saturating_add(1)..).filter(|(number, _)| **number > after);
                behind.take(limit).map(|(_, record)| view(record)).collect()
            }
            None => {
                let mut last: Vec<BatchView> = self.batches.values().rev().take(limit).map(view).collect();
                last.reverse();
                last
            }
        }
    }

    /// A batch with its public data, without z and y: those take a hash over all of it, for the caller to make
    /// outside the lock.
    pub fn get(&self, number: u64) -> Option<BatchRecord> {
        self.batches.get(&number).cloned()
    }

    /// Auctions behind an id, or the last ones; ascending.
    pub fn auctions(&self, after: Option<u64>, limit: usize) -> Vec<AuctionView> {
        let first = match after {
            Some(after) => self.auctions.partition_point(|auction| auction.id <= after),
            None => self.auctions.len().saturating_sub(limit),
        };
        self.auctions.iter().skip(first).take(limit).cloned().collect()
    }
}

impl BatchRecord {
    /// Everything public, z and y computed.
    pub fn detail(self) -> BatchDetail {
        let BatchRecord { view, words, proof } = self;
        let public_data = words.iter().map(|word| Word(*word)).collect();
        let proof = proof.map(|(c, proof)| {
            let PublicData { c, z, y, .. } = PublicData::from_words(words, c);
            let words = proof.iter().map(|word| BytesHex(word.to_vec())).collect();
            ProofData { c: Word(c), z: Word(z), y: Word(y), words }
        });
        BatchDetail { batch: view, public_data, proof }
    }
}

fn notice(event: PublicEvent) -> Notice {
    Notice { account: None, event: Event::Public(event) }
}
