//! Header: what the contract knows by itself, and the ephemeral key.

use crate::cs::{Bit, Cs, Lc};
use crate::gadgets::{babyjub, bits};
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use novation_state::crypto::babyjub::Scalar;
use novation_state::crypto::viewing::EPHEMERAL_BITS;
use novation_state::public_data::HEADER_WORDS;
use novation_state::size::Size;
use novation_state::trace::BatchTrace;
use novation_state::units::TIME_BITS;

/// Wires of the header.
pub struct Header {
    /// The words of D, in order.
    pub words: Vec<Lc>,
    /// The bits of e below its leading one, least significant first: e = 2^249 + sum bits_i 2^i.
    pub ephemeral: Vec<Bit>,
}

impl Header {
    pub fn deployment(&self) -> &Lc {
        &self.words[0]
    }
    pub fn batch(&self) -> &Lc {
        &self.words[2]
    }
    pub fn old_root(&self) -> &Lc {
        &self.words[3]
    }
    pub fn new_root(&self) -> &Lc {
        &self.words[4]
    }
    pub fn markets_root(&self) -> &Lc {
        &self.words[6]
    }
    pub fn time(&self) -> &Lc {
        &self.words[7]
    }
    pub fn window_first(&self) -> &Lc {
        &self.words[8]
    }
    pub fn window_last(&self) -> &Lc {
        &self.words[9]
    }
    pub fn deposit_count(&self) -> &Lc {
        &self.words[16]
    }
}

/// 1. `header.range`: time and windows below 2^40.
/// 2. `header.ephemeral`: e lies in [2^249, 2^250), below the subgroup order 2^250.6, so R determines e.
/// 3. R = e * B8 by construction: the words 13 and 14 are the outputs of the multiplication.
pub fn header(cs: &mut Cs, size: &Size, trace: Option<&BatchTrace>) -> Header {
    cs.scope("header", 0);
    let values: Vec<Fr> = trace.map(novation_state::public_data::header_words).map(|w| w.to_vec()).unwrap_or_default();
    let mut words: Vec<Lc> = (0..HEADER_WORDS)
        .map(|i| match i {
            1 => Lc::constant(size.circuit_id()),
            13 | 14 => Lc::zero(),
            _ => cs.alloc("header.word", || values[i]),
        })
        .collect();
    for word in &words[7..10] {
        bits::range(cs, "header.range", word, TIME_BITS);
    }
    let e = trace.map(|t| t.ephemeral.into_bigint()).unwrap_or_default();
    let ephemeral: Vec<Bit> = (0..EPHEMERAL_BITS).map(|i| cs.bit("header.ephemeral", || e.get_bit(i))).collect();
    let mut all = ephemeral.clone();
    all.push(Bit::constant(true));
    let r = babyjub::mul_base8(cs, &all, &Scalar::from(0u64));
    words[13] = r.x().clone();
    words[14] = r.y().clone();
    Header { words, ephemeral }
}
