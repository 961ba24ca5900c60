//! The public data of a batch as the contract sees it: every word taken apart, its width checked, and put together again.
//!
//! `novation_state::public_data` defines D and its order, from the operator's side. Here is the stranger's side: D arrives
//! as words, and every word must be one that the contract could have written (it takes narrow types from calldata and its
//! own storage). A word that no contract writes would make a proof meaningless although the pairing equation holds, so the
//! offline check refuses it by name. [`Batch::words`] is the inverse, and calldata is made from the parts.

use crate::encoding::{from_word, to_word};
use ark_bn254::Fr;
use novation_state::public_data::{num_words, ACCOUNT_WORDS, COMMAND_WORDS, DEPOSIT_WORDS, HEADER_WORDS, HOUSE_WORDS};
use novation_state::size::{self, Size, CIRCUIT_VERSION};
use thiserror::Error;

/// Bits of the deployment id: a keccak digest without its last byte.
const DEPLOYMENT_BITS: usize = 248;
/// Bits of an amount deposited, in micro-units.
const DEPOSIT_BITS: usize = 96;
/// Bits of an amount withdrawn, in micro-units.
const WITHDRAWAL_BITS: usize = 106;
/// Bits of the counter of deposits.
const DEPOSIT_INDEX_BITS: usize = 40;
/// Bits of a slot of the accounts tree.
const SLOT_BITS: usize = 24;

/// Why a vector of words is not the public data of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BatchError {
    /// Shorter than the header.
    #[error("{got} words are less than a header's {HEADER_WORDS}")]
    NoHeader {
        /// Words given.
        got: usize,
    },
    /// Names no circuit that this program knows.
    #[error("no circuit of this program (version {CIRCUIT_VERSION}) has the id {id}")]
    UnknownCircuit {
        /// The second word.
        id: u64,
    },
    /// Not as long as the circuit's public data.
    #[error("{got} words, the circuit {size} has {expected}")]
    Length {
        /// Name of the circuit's size.
        size: &'static str,
        /// Its number of words.
        expected: usize,
        /// Words given.
        got: usize,
    },
    /// A word is wider than its field.
    #[error("word {index} ({what}) has more than {bits} bits")]
    Width {
        /// Position in D.
        index: usize,
        /// What the word means.
        what: &'static str,
        /// Its width.
        bits: usize,
    },
    /// A word that counts from one is zero.
    #[error("word {index} ({what}) is zero")]
    Zero {
        /// Position in D.
        index: usize,
        /// What the word means.
        what: &'static str,
    },
    /// A range whose last element lies more than one before its first.
    #[error("the {what} run from {first} to {last}")]
    Range {
        /// Windows or log positions.
        what: &'static str,
        /// First of the range.
        first: u64,
        /// Last of the range; one before the first when it is empty.
        last: u64,
    },
    /// More deposits than the circuit's lane holds.
    #[error("{got} deposits, the lane holds {lane}")]
    DepositCount {
        /// The header's count.
        got: u64,
        /// Room in the lane.
        lane: usize,
    },
    /// A deposit below the count lacks the mark of a used entry.
    #[error("deposit {entry} is counted but not marked as used")]
    DepositUnmarked {
        /// Position in the lane.
        entry: usize,
    },
    /// A deposit of nothing, or into the house's slot: the queue has none such.
    #[error("deposit {entry} has no amount or no slot")]
    DepositEmpty {
        /// Position in the lane.
        entry: usize,
    },
    /// A withdrawal to the zero address, which the contract refuses.
    #[error("command {command} pays nobody")]
    NoRecipient {
        /// Position in the commands lane.
        command: usize,
    },
    /// A word of a lane entry that is not in use is not zero.
    #[error("word {index} belongs to an unused {what} and is not zero")]
    Padding {
        /// Position in D.
        index: usize,
        /// Deposit or command.
        what: &'static str,
    },
}

/// The header: one value per word, in the order of D.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Chain and contract: `keccak256(abi.encode("novation", chain id, contract)) >> 8`.
    pub deployment: Fr,
    /// Circuit version * 2^32 + size id.
    pub circuit: u64,
    /// Serial number of the batch.
    pub batch: u32,
    /// State root before.
    pub old_root: Fr,
    /// State root after.
    pub new_root: Fr,
    /// Serial number of the markets root.
    pub markets_number: u32,
    /// The markets root.
    pub markets_root: Fr,
    /// Batch time, seconds since 1970, below 2^40.
    pub time: u64,
    /// First window, below 2^40.
    pub window_first: u64,
    /// Last window; `window_first - 1` when there is none.
    pub window_last: u64,
    /// Commitment to the order log.
    pub log_root: Fr,
    /// First log position.
    pub log_first: u64,
    /// Last log position; `log_first - 1` when there is none.
    pub log_last: u64,
    /// The batch's ephemeral point R, first coordinate.
    pub r_x: Fr,
    /// Second coordinate of R.
    pub r_y: Fr,
    /// Queue position of the first deposit, below 2^40.
    pub deposit_first: u64,
}

/// A deposit consumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// An eighth of the owner key, x then y.
    pub owner_eighth: [Fr; 2],
    /// An eighth of the viewing key, x then y.
    pub viewing_eighth: [Fr; 2],
    /// Account slot, below 2^24.
    pub slot: u32,
    /// Micro-units, below 2^96.
    pub amount: u128,
    /// Credited to the slot, or else refunded on L1.
    pub credited: bool,
}

/// A withdrawal of the commands lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// Position in the commands lane.
    pub command: usize,
    /// Chain on which it is paid.
    pub chain: u64,
    /// L1 address that gets the claim.
    pub recipient: [u8; 20],
    /// Micro-units, below 2^106.
    pub amount: u128,
}

/// An account entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Account slot, below 2^24.
    pub slot: u32,
    /// Hash of the new leaf, then its ciphertext.
    pub sealed: [Fr; ACCOUNT_WORDS - 1],
}

/// The public data D of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The circuit's size.
    pub size: Size,
    /// The header.
    pub header: Header,
    /// Deposits consumed, in queue order.
    pub deposits: Vec<Deposit>,
    /// Withdrawals, in the order of the lane.
    pub withdrawals: Vec<Withdrawal>,
    /// Account entries, as many as the size has.
    pub accounts: Vec<Account>,
    /// The house: hash of its new leaf, then its ciphertext.
    pub house: [Fr; HOUSE_WORDS],
}

/// Words with their position, to name the one that is wrong.
struct Reader<'a> {
    words: &'a [Fr],
    index: usize,
}

impl Reader<'_> {
    fn element(&mut self) -> Fr {
        let word = self.words[self.index];
        self.index += 1;
        word
    }

    fn narrow(&mut self, what: &'static str, bits: usize) -> Result<Word, BatchError> {
        let word = Word(to_word(&self.element()));
        if word.bits() > bits {
            return Err(BatchError::Width { index: self.index - 1, what, bits });
        }
        Ok(word)
    }

    fn counter(&mut self, what: &'static str, bits: usize) -> Result<Word, BatchError> {
        let word = self.narrow(what, bits)?;
        if word.bits() == 0 {
            return Err(BatchError::Zero { index: self.index - 1, what });
        }
        Ok(word)
    }

    fn skip_zeros(&mut self, count: usize, what: &'static str) -> Result<(), BatchError> {
        for _ in 0..count {
            if self.element() != Fr::from(0) {
                return Err(BatchError::Padding { index: self.index - 1, what });
            }
        }
        Ok(())
    }
}

/// A word as the EVM holds it.
struct Word([u8; 32]);

impl Word {
    fn bits(&self) -> usize {
        let zeros = self.0.iter().take_while(|&&byte| byte == 0).count();
        self.0.get(zeros).map_or(0, |byte| 8 * (32 - zeros) - byte.leading_zeros() as usize)
    }

    /// Bits `from .. from + len`; `from` is a multiple of 8 and `len` at most 128 less what is left of a byte.
    fn field(&self, from: usize, len: usize) -> u128 {
        assert!(from.is_multiple_of(8) && len <= 120);
        let end = 32 - from / 8;
        let start = end - len.div_ceil(8);
        let value = self.0[start..end].iter().fold(0u128, |value, &byte| value << 8 | u128::from(byte));
        value & ((1 << len) - 1)
    }

    fn low(&self) -> u64 {
        self.field(0, 64) as u64
    }

    fn element(&self) -> Fr {
        from_word(&self.0).expect("it was the word of an element")
    }
}

impl Batch {
    /// Takes D apart.
    ///
    /// # Errors
    /// [`BatchError`], naming the first word that no contract would have written.
    pub fn from_words(words: &[Fr]) -> Result<Self, BatchError> {
        if words.len() < HEADER_WORDS {
            return Err(BatchError::NoHeader { got: words.len() });
        }
        let mut reader = Reader { words, index: 0 };
        let (header, deposits) = read_header(&mut reader)?;
        let unknown = BatchError::UnknownCircuit { id: header.circuit };
        let size = *size::ALL.iter().find(|size| size.circuit_id() == header.circuit).ok_or(unknown)?;
        if words.len() != num_words(&size) {
            return Err(BatchError::Length { size: size.name, expected: num_words(&size), got: words.len() });
        }
        let used = usize::try_from(deposits).ok().filter(|&used| used <= size.deposits);
        let used = used.ok_or(BatchError::DepositCount { got: deposits, lane: size.deposits })?;
        let deposits = (0..used).map(|entry| read_deposit(&mut reader, entry)).collect::<Result<_, _>>()?;
        reader.skip_zeros(DEPOSIT_WORDS * (size.deposits - used), "deposit")?;
        let mut withdrawals = Vec::new();
        for command in 0..size.commands {
            withdrawals.extend(read_command(&mut reader, command)?);
        }
        let mut accounts = Vec::with_capacity(size.accounts);
        for _ in 0..size.accounts {
            let slot = reader.narrow("account slot", SLOT_BITS)?.low() as u32;
            accounts.push(Account { slot, sealed: std::array::from_fn(|_| reader.element()) });
        }
        let house = std::array::from_fn(|_| reader.element());
        assert_eq!(reader.index, words.len(), "every word is read");
        Ok(Self { size, header, deposits, withdrawals, accounts, house })
    }

    /// D again: the inverse of [`Batch::from_words`].
    ///
    /// # Panics
    /// When a lane holds more than the size has, or a withdrawal's place is outside the lane.
    pub fn words(&self) -> Vec<Fr> {
        let h = &self.header;
        let mut words = vec![
            h.deployment,
            h.circuit.into(),
            h.batch.into(),
            h.old_root,
            h.new_root,
            h.markets_number.into(),
            h.markets_root,
            h.time.into(),
            h.window_first.into(),
            h.window_last.into(),
            h.log_root,
            h.log_first.into(),
            h.log_last.into(),
            h.r_x,
            h.r_y,
            h.deposit_first.into(),
            (self.deposits.len() as u64).into(),
        ];
        assert!(self.deposits.len() <= self.size.deposits && self.accounts.len() == self.size.accounts);
        for deposit in &self.deposits {
            words.extend(deposit.owner_eighth);
            words.extend(deposit.viewing_eighth);
            words.push(deposit.info());
        }
        words.resize(HEADER_WORDS + DEPOSIT_WORDS * self.size.deposits, Fr::from(0));
        let commands = words.len();
        words.resize(commands + COMMAND_WORDS * self.size.commands, Fr::from(0));
        for withdrawal in &self.withdrawals {
            assert!(withdrawal.command < self.size.commands);
            let at = commands + COMMAND_WORDS * withdrawal.command;
            words[at] = withdrawal.target();
            words[at + 1] = withdrawal.amount.into();
        }
        words.extend(self.body());
        words
    }

    /// The words of accounts and house, which calldata brings as they are.
    pub fn body(&self) -> Vec<Fr> {
        let mut body = Vec::with_capacity(ACCOUNT_WORDS * self.accounts.len() + HOUSE_WORDS);
        for account in &self.accounts {
            body.push(account.slot.into());
            body.extend(account.sealed);
        }
        body.extend(self.house);
        body
    }
}

impl Deposit {
    /// The fifth word: slot, amount, outcome and the mark of a used entry.
    fn info(&self) -> Fr {
        Fr::from(u128::from(self.slot) | self.amount << 24 | u128::from(self.credited) << 120 | 1 << 121)
    }
}

impl Withdrawal {
    /// The first word: recipient and chain.
    fn target(&self) -> Fr {
        let mut word = [0u8; 32];
        word[4..12].copy_from_slice(&self.chain.to_be_bytes());
        word[12..].copy_from_slice(&self.recipient);
        from_word(&word).expect("224 bits are below r")
    }
}

fn read_header(reader: &mut Reader<'_>) -> Result<(Header, u64), BatchError> {
    let header = Header {
        deployment: reader.narrow("deployment id", DEPLOYMENT_BITS)?.element(),
        circuit: reader.narrow("circuit id", 64)?.low(),
        batch: reader.counter("batch number", 32)?.low() as u32,
        old_root: reader.element(),
        new_root: reader.element(),
        markets_number: reader.counter("markets number", 32)?.low() as u32,
        markets_root: reader.element(),
        time: reader.narrow("time", 40)?.low(),
        window_first: reader.counter("first window", 40)?.low(),
        window_last: reader.narrow("last window", 40)?.low(),
        log_root: reader.element(),
        log_first: reader.counter("first log position", 64)?.low(),
        log_last: reader.narrow("last log position", 64)?.low(),
        r_x: reader.element(),
        r_y: reader.element(),
        deposit_first: reader.narrow("first deposit", DEPOSIT_INDEX_BITS)?.low(),
    };
    let deposits = reader.narrow("deposit count", 64)?.low();
    assert_eq!(reader.index, HEADER_WORDS);
    for (what, first, last) in
        [("windows", header.window_first, header.window_last), ("log positions", header.log_first, header.log_last)]
    {
        if last < first - 1 {
            return Err(BatchError::Range { what, first, last });
        }
    }
    Ok((header, deposits))
}

fn read_deposit(reader: &mut Reader<'_>, entry: usize) -> Result<Deposit, BatchError> {
    let owner_eighth = [reader.element(), reader.element()];
    let viewing_eighth = [reader.element(), reader.element()];
    let info = reader.narrow("deposit", SLOT_BITS + DEPOSIT_BITS + 2)?;
    let flags = info.field(120, 2);
    if flags & 2 == 0 {
        return Err(BatchError::DepositUnmarked { entry });
    }
    let (slot, amount) = (info.field(0, SLOT_BITS) as u32, info.field(24, DEPOSIT_BITS));
    if slot == 0 || amount == 0 {
        return Err(BatchError::DepositEmpty { entry });
    }
    Ok(Deposit { owner_eighth, viewing_eighth, slot, amount, credited: flags & 1 == 1 })
}

fn read_command(reader: &mut Reader<'_>, command: usize) -> Result<Option<Withdrawal>, BatchError> {
    let target = reader.narrow("withdrawal's recipient and chain", 224)?;
    if target.bits() == 0 {
        // No recipient: not a withdrawal, so nothing may be paid.
        reader.skip_zeros(COMMAND_WORDS - 1, "command")?;
        return Ok(None);
    }
    let amount = reader.narrow("withdrawn amount", WITHDRAWAL_BITS)?;
    let mut recipient = [0u8; 20];
    recipient.copy_from_slice(&target.0[12..]);
    if recipient == [0; 20] {
        return Err(BatchError::NoRecipient { command });
    }
    Ok(Some(Withdrawal {
        command,
        chain: target.field(160, 64) as u64,
        recipient,
        amount: amount.field(0, WITHDRAWAL_BITS),
    }))
}
