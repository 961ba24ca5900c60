//! A proven batch as a `submitBatch` call, and back: what the operator sends, and what a stranger reads from the chain to
//! verify it again.

use super::bindings::{INovation, Novation::submitBatchCall};
use super::convert::word;
use crate::batch::{Account, Batch, Deposit, Header, Withdrawal};
use crate::encoding::{from_word, ScalarError};
use crate::groth16::{proof_from_words, proof_words, Proof, ProofWordError};
use alloy::primitives::aliases::{U24, U40, U96};
use alloy::primitives::{Address, U256};
use ark_bn254::Fr;
use novation_state::public_data::{PublicData, ACCOUNT_WORDS, HOUSE_WORDS};
use novation_state::size;
use thiserror::Error;

/// A batch with its proof, and what only L1 needs to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The public data.
    pub batch: Batch,
    /// The commitment.
    pub c: Fr,
    /// Of (c, z, y).
    pub proof: Proof,
    /// Time under which the batch's markets root was accepted, seconds.
    pub markets_time: u64,
    /// Who made each of the batch's deposits: part of the queue's hash, not of the public data.
    pub depositors: Vec<Address>,
}

/// What the contract takes from its own storage when a batch arrives, i.e. what the batches before left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Chain and contract.
    pub deployment: Fr,
    /// State root before the batch.
    pub old_root: Fr,
    /// Last log position before the batch.
    pub log_last: u64,
    /// Deposits consumed before the batch.
    pub deposits_consumed: u64,
}

/// Why a call is not a batch.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SubmissionError {
    /// As many depositors as deposits are needed.
    #[error("{deposits} deposits, {depositors} depositors")]
    Depositors {
        /// Deposits of the batch.
        deposits: usize,
        /// Addresses given.
        depositors: usize,
    },
    /// Names no circuit that this program knows.
    #[error("no circuit of this program has the id {id}")]
    UnknownCircuit {
        /// Version and size.
        id: u64,
    },
    /// Accounts and house take another number of words in this circuit.
    #[error("{got} words of accounts and house, the circuit has {expected}")]
    BodyLength {
        /// What the circuit has.
        expected: usize,
        /// What the call brings.
        got: usize,
    },
    /// A word is not below r.
    #[error("{what}: {reason}")]
    Word {
        /// Which.
        what: &'static str,
        /// What is wrong with it.
        reason: ScalarError,
    },
    /// A slot word is wider than 24 bits.
    #[error("account entry {entry}: the slot has more than 24 bits")]
    Slot {
        /// Position in the lane.
        entry: usize,
    },
    /// An amount is wider than the contract accepts.
    #[error("withdrawal of command {command}: the amount has more than 106 bits")]
    Amount {
        /// Position in the lane.
        command: u16,
    },
    /// The proof's words are not points.
    #[error(transparent)]
    Proof(#[from] ProofWordError),
}

impl Submission {
    /// The public data with z and y, as the contract computes them.
    pub fn public_data(&self) -> PublicData {
        PublicData::from_words(self.batch.words(), self.c)
    }

    /// The call that submits the batch.
    ///
    /// # Errors
    /// [`SubmissionError::Depositors`].
    ///
    /// # Panics
    /// When a field of the batch is outside its documented range.
    pub fn call(&self) -> Result<submitBatchCall, SubmissionError> {
        let Batch { header: h, deposits, withdrawals, .. } = &self.batch;
        if self.depositors.len() != deposits.len() {
            return Err(SubmissionError::Depositors { deposits: deposits.len(), depositors: self.depositors.len() });
        }
        let header = INovation::Header {
            circuitId: h.circuit,
            batch: h.batch,
            marketsNumber: h.markets_number,
            marketsTime: U40::from(self.markets_time),
            time: U40::from(h.time),
            windowFirst: U40::from(h.window_first),
            windowLast: U40::from(h.window_last),
            logLast: h.log_last,
            marketsRoot: word(&h.markets_root),
            newRoot: word(&h.new_root),
            logRoot: word(&h.log_root),
            rx: word(&h.r_x),
            ry: word(&h.r_y),
            c: word(&self.c),
        };
        let deposit = |(d, &depositor): (&Deposit, &Address)| INovation::DepositEntry {
            slot: U24::from(d.slot),
            amount: U96::from(d.amount),
            depositor,
            credited: d.credited,
            ax8: word(&d.owner_eighth[0]),
            ay8: word(&d.owner_eighth[1]),
            vx8: word(&d.viewing_eighth[0]),
            vy8: word(&d.viewing_eighth[1]),
        };
        let withdrawal = |w: &Withdrawal| INovation::WithdrawalEntry {
            command: u16::try_from(w.command).expect("a lane is short"),
            chainId: w.chain,
            recipient: Address::from(w.recipient),
            amount: U256::from(w.amount),
        };
        Ok(submitBatchCall {
            header,
            proof: proof_words(&self.proof).map(U256::from_be_bytes),
            deposits: deposits.iter().zip(&self.depositors).map(deposit).collect(),
            withdrawals: withdrawals.iter().map(withdrawal).collect(),
            body: self.batch.body().iter().map(word).collect(),
        })
    }

    /// The batch of a call that the contract has accepted: with it and a verifying key anybody verifies again.
    ///
    /// # Errors
    /// [`SubmissionError`]; the contract refuses each of these too, so an accepted call gives none.
    pub fn from_call(call: &submitBatchCall, known: &Known) -> Result<Self, SubmissionError> {
        let h = &call.header;
        let size = size::ALL.into_iter().find(|size| size.circuit_id() == h.circuitId);
        let size = size.ok_or(SubmissionError::UnknownCircuit { id: h.circuitId })?;
        let header = Header {
            deployment: known.deployment,
            circuit: h.circuitId,
            batch: h.batch,
            old_root: known.old_root,
            new_root: element("new root", h.newRoot)?,
            markets_number: h.marketsNumber,
            markets_root: element("markets root", h.marketsRoot)?,
            time: h.time.to(),
            window_first: h.windowFirst.to(),
            window_last: h.windowLast.to(),
            log_root: element("log root", h.logRoot)?,
            log_first: known.log_last + 1,
            log_last: h.logLast,
            r_x: element("R.x", h.rx)?,
            r_y: element("R.y", h.ry)?,
            deposit_first: known.deposits_consumed,
        };
        let expected = ACCOUNT_WORDS * size.accounts + HOUSE_WORDS;
        if call.body.len() != expected {
            return Err(SubmissionError::BodyLength { expected, got: call.body.len() });
        }
        let (accounts, house) = call.body.split_at(ACCOUNT_WORDS * size.accounts);
        Ok(Self {
            batch: Batch {
                size,
                header,
                deposits: call.deposits.iter().map(read_deposit).collect::<Result<_, _>>()?,
                withdrawals: call.withdrawals.iter().map(read_withdrawal).collect::<Result<_, _>>()?,
                accounts: accounts.chunks(ACCOUNT_WORDS).enumerate().map(read_account).collect::<Result<_, _>>()?,
                house: elements("house", house)?,
            },
            c: element("c", h.c)?,
            proof: proof_from_words(&call.proof.map(|word| word.to_be_bytes()))?,
            markets_time: h.marketsTime.to(),
            depositors: call.deposits.iter().map(|entry| entry.depositor).collect(),
        })
    }
}

fn element(what: &'static str, word: U256) -> Result<Fr, SubmissionError> {
    from_word(&word.to_be_bytes()).map_err(|reason| SubmissionError::Word { what, reason })
}

fn elements<const N: usize>(what: &'static str, words: &[U256]) -> Result<[Fr; N], SubmissionError> {
    let elements: Vec<Fr> = words.iter().map(|&word| element(what, word)).collect::<Result<_, _>>()?;
    Ok(elements.try_into().expect("the body was cut by the lanes"))
}

fn read_deposit(entry: &INovation::DepositEntry) -> Result<Deposit, SubmissionError> {
    Ok(Deposit {
        owner_eighth: [element("owner key", entry.ax8)?, element("owner key", entry.ay8)?],
        viewing_eighth: [element("viewing key", entry.vx8)?, element("viewing key", entry.vy8)?],
        slot: entry.slot.to(),
        amount: entry.amount.to(),
        credited: entry.credited,
    })
}

fn read_withdrawal(entry: &INovation::WithdrawalEntry) -> Result<Withdrawal, SubmissionError> {
    if entry.amount.bit_len() > 106 {
        return Err(SubmissionError::Amount { command: entry.command });
    }
    Ok(Withdrawal {
        command: entry.command.into(),
        chain: entry.chainId,
        recipient: entry.recipient.into(),
        amount: entry.amount.to(),
    })
}

fn read_account((entry, words): (usize, &[U256])) -> Result<Account, SubmissionError> {
    let slot = u32::try_from(words[0]).ok().filter(|slot| slot >> 24 == 0).ok_or(SubmissionError::Slot { entry })?;
    Ok(Account { slot, sealed: elements("account", &words[1..])? })
}
