//! The one definition and the one order of the public data D, of the commitment c, and of z and y.
//!
//! The contract builds D from calldata and its own storage, the circuit from the witness; both agree because y, the value at
//! z of the polynomial whose coefficients are D, agrees, and z is a hash of D and c.
//!
//! Order: header (17 words), deposits (5 each), commands (2 each), account entries (10 each), house (4).

use crate::crypto::poseidon;
use crate::leaf::{CIPHERTEXT_WORDS, HOUSE_CIPHERTEXT_WORDS};
use crate::message::{address_word, Action};
use crate::seal;
use crate::size::Size;
use crate::tags::Tag;
use crate::trace::{BatchTrace, DepositTrace};
use crate::units::{pow2, INSTRUMENT_BITS, INSTRUMENT_WORD_BITS, LOTS_BITS, PRICE_BITS, SLOT_BITS, TIME_BITS};
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField, Zero};
use sha3::{Digest, Keccak256};

/// Words of the header.
pub const HEADER_WORDS: usize = 17;
/// Words of a deposit.
pub const DEPOSIT_WORDS: usize = 5;
/// Words of a command.
pub const COMMAND_WORDS: usize = 2;
/// Words of an account entry.
pub const ACCOUNT_WORDS: usize = 2 + CIPHERTEXT_WORDS;
/// Words of the house entry.
pub const HOUSE_WORDS: usize = 1 + HOUSE_CIPHERTEXT_WORDS;
/// Rate of the commitment's sponge.
pub const RATE: usize = 16;
/// Row ids packed into one absorbed word.
pub const IDS_PER_WORD: usize = 12;
/// Clearings packed into one absorbed word.
pub const CLEARINGS_PER_WORD: usize = 2;
/// Bits of a packed clearing: id, window, price.
pub const CLEARING_BITS: usize = INSTRUMENT_WORD_BITS + TIME_BITS + PRICE_BITS;
/// Fills packed into one absorbed word.
pub const FILLS_PER_WORD: usize = 4;
/// Bits of a packed fill: lots, clearing index.
pub const FILL_BITS: usize = LOTS_BITS + 16;
/// Bits of a row position (row + 1, 0 for none) and of a reduce-only count in an entry's absorbed word.
pub const POSITION_BITS: usize = 7;

/// Number of public words of a size.
pub fn num_words(size: &Size) -> usize {
    HEADER_WORDS
        + DEPOSIT_WORDS * size.deposits
        + COMMAND_WORDS * size.commands
        + ACCOUNT_WORDS * size.accounts
        + HOUSE_WORDS
}

/// D with its commitment and the three public inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicData {
    /// D.
    pub words: Vec<Fr>,
    /// The commitment.
    pub c: Fr,
    /// `keccak256(D, c) mod r`.
    pub z: Fr,
    /// `sum D_i z^i`.
    pub y: Fr,
}

impl PublicData {
    /// From D and c, as the contract computes it.
    pub fn from_words(words: Vec<Fr>, c: Fr) -> PublicData {
        let z = challenge(&words, c);
        let y = evaluate(&words, z);
        PublicData { words, c, z, y }
    }

    /// From a trace, as the prover computes it.
    pub fn of(trace: &BatchTrace) -> PublicData {
        Self::from_words(words(trace), commitment(trace))
    }

    /// The public inputs in the circuit's order.
    pub fn inputs(&self) -> [Fr; 3] {
        [self.c, self.z, self.y]
    }
}

/// `keccak256(D, c) mod r`, every word 32 bytes big-endian.
pub fn challenge(words: &[Fr], c: Fr) -> Fr {
    let mut hasher = Keccak256::new();
    for word in words.iter().chain([&c]) {
        hasher.update(word.into_bigint().to_bytes_be());
    }
    Fr::from_be_bytes_mod_order(&hasher.finalize())
}

/// `sum D_i z^i`, by Horner from the end.
pub fn evaluate(words: &[Fr], z: Fr) -> Fr {
    words.iter().rev().fold(Fr::zero(), |acc, word| acc * z + word)
}

/// The info word of an active deposit: slot + amount * 2^24 + outcome * 2^120 + 2^121.
pub fn deposit_info(deposit: &DepositTrace) -> Fr {
    Fr::from(deposit.account)
        + Fr::from(deposit.amount) * pow2(SLOT_BITS)
        + Fr::from(deposit.credited) * pow2(120)
        + pow2(121)
}

fn deposit_words(deposit: &DepositTrace) -> [Fr; DEPOSIT_WORDS] {
    let (a, v) = (&deposit.owner_eighth, &deposit.viewing_eighth);
    [a.x, a.y, v.x, v.y, deposit_info(deposit)]
}

/// The header.
pub fn header_words(trace: &BatchTrace) -> [Fr; HEADER_WORDS] {
    let h = &trace.header;
    let r = seal::ephemeral_point(&trace.ephemeral);
    [
        h.deployment,
        Fr::from(trace.size.circuit_id()),
        Fr::from(h.batch),
        h.old_root,
        h.new_root,
        Fr::from(h.markets_number),
        h.markets_root,
        h.time.into(),
        h.window_first.into(),
        h.window_last.into(),
        h.log_root,
        Fr::from(h.log_first),
        Fr::from(h.log_last),
        r.x,
        r.y,
        Fr::from(h.deposit_first),
        Fr::from(trace.deposits.len() as u64),
    ]
}

fn padded<const N: usize>(used: impl Iterator<Item = [Fr; N]>, total: usize) -> Vec<Fr> {
    let mut words: Vec<Fr> = used.flatten().collect();
    assert!(words.len() <= N * total, "more entries than the circuit size holds");
    words.resize(N * total, Fr::zero());
    words
}

/// D.
pub fn words(trace: &BatchTrace) -> Vec<Fr> {
    let mut words = header_words(trace).to_vec();
    words.extend(padded(trace.deposits.iter().map(deposit_words), trace.size.deposits));
    words.extend(padded(
        trace.commands.iter().map(|c| match c.command.action {
            Action::Withdraw { amount, recipient, chain } => {
                [address_word(&recipient) + Fr::from(chain) * pow2(160), amount.into()]
            }
            _ => [Fr::zero(); COMMAND_WORDS],
        }),
        trace.size.commands,
    ));
    for account in &trace.accounts {
        words.push(account.slot.into());
        match &account.after {
            Some(leaf) => {
                let hash = leaf.hash();
                let shared = seal::shared_secret(&trace.ephemeral, &leaf.viewing);
                words.push(hash);
                words.extend(seal::encrypt(shared, hash, leaf.plaintext()));
            }
            None => words.extend([Fr::zero(); ACCOUNT_WORDS - 1]),
        }
    }
    let house = &trace.house.after;
    let hash = house.hash();
    words.push(hash);
    words.extend(seal::encrypt(seal::shared_secret(&trace.ephemeral, &house.viewing), hash, house.plaintext()));
    words
}

/// Everything c absorbs, in order: header, deposits, packed row ids, house leaf hash, blind, packed clearings, packed fills,
/// order message hashes, command message hashes, and per account entry the new leaf hash and one word of slot, touch flag,
/// row positions and reduce-only counts.
pub fn absorbed(trace: &BatchTrace) -> Vec<Fr> {
    let size = &trace.size;
    let mut out = header_words(trace).to_vec();
    out.extend(padded(trace.deposits.iter().map(deposit_words), size.deposits));
    let ids: Vec<Fr> = trace.rows.iter().map(|r| Fr::from(r.id)).collect();
    out.extend(pack(&ids, size.rows, INSTRUMENT_BITS, IDS_PER_WORD));
    out.push(trace.house.after.hash());
    out.push(trace.blind);
    let clearings: Vec<Fr> = trace
        .clearings
        .iter()
        .map(|c| {
            Fr::from(trace.rows[c.row].id)
                + Fr::from(c.window) * pow2(INSTRUMENT_WORD_BITS)
                + Fr::from(c.price) * pow2(INSTRUMENT_WORD_BITS + TIME_BITS)
        })
        .collect();
    out.extend(pack(&clearings, size.clearings, CLEARING_BITS, CLEARINGS_PER_WORD));
    let fills: Vec<Fr> =
        trace.orders.iter().map(|o| Fr::from(o.fill) + Fr::from(o.clearing as u64) * pow2(LOTS_BITS)).collect();
    out.extend(pack(&fills, size.orders, FILL_BITS, FILLS_PER_WORD));
    out.extend(padded(trace.orders.iter().map(|o| [o.order.hash()]), size.orders));
    out.extend(padded(trace.commands.iter().map(|c| [c.command.hash()]), size.commands));
    for account in &trace.accounts {
        out.push(account.after.as_ref().map_or(Fr::zero(), |leaf| leaf.hash()));
        out.push(entry_word(trace, account));
    }
    out
}

/// Slot 24, touch 1, then 7 bits of row position and 7 bits of reduce-only count for each of 16 positions.
fn entry_word(trace: &BatchTrace, account: &crate::trace::AccountTrace) -> Fr {
    let mut word = Fr::from(account.slot) + Fr::from(account.touch) * pow2(SLOT_BITS);
    for (k, id) in account.ids.iter().enumerate().take(trace.size.slots) {
        if id.get() == 0 {
            continue;
        }
        let row = trace.rows.iter().position(|r| r.id == *id).expect("every named instrument has a row");
        let reducing = trace
            .orders
            .iter()
            .filter(|o| o.order.binding.account == account.slot && o.order.instrument == *id && o.order.reduce_only)
            .count();
        let shift = SLOT_BITS + 1 + 2 * POSITION_BITS * k;
        word += Fr::from(row as u64 + 1) * pow2(shift) + Fr::from(reducing as u64) * pow2(shift + POSITION_BITS);
    }
    word
}

fn pack(values: &[Fr], total: usize, bits: usize, per_word: usize) -> Vec<Fr> {
    assert!(values.len() <= total, "more entries than the circuit size holds");
    let mut words = vec![Fr::zero(); total.div_ceil(per_word)];
    for (i, value) in values.iter().enumerate() {
        words[i / per_word] += *value * pow2(bits * (i % per_word));
    }
    words
}

/// The commitment c: a Poseidon sponge of width 17 and rate 16 over [`absorbed`], capacity `tag + 2^32 * length`, words added
/// onto the state, output the first rate element. The length is in the capacity, so padding with zeros is unambiguous.
pub fn commitment(trace: &BatchTrace) -> Fr {
    sponge(&absorbed(trace))
}

/// The sponge of [`commitment`].
pub fn sponge(words: &[Fr]) -> Fr {
    let mut state = [Fr::zero(); RATE + 1];
    state[0] = Tag::Commitment.fr() + Fr::from(words.len() as u64) * pow2(32);
    for block in words.chunks(RATE) {
        for (s, word) in state[1..].iter_mut().zip(block) {
            *s += word;
        }
        poseidon::permute(&mut state);
    }
    state[1]
}
