//! Words back into what was packed: the inverse of `novation_state::leaf`.
//!
//! Whoever unpacks must not believe the words: a market leaf is packed again and compared, and an account's hash is checked by
//! [`super::open`].

use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use novation_state::leaf::{
    Kind, MarketLeaf, Position, Status, CHUNK, CIPHERTEXT_WORDS, MAX_POSITIONS, POSITION_WORD_BITS, SCENARIOS,
    SIGNED_SPACING,
};
use novation_state::units::{
    Cash, Charge, Fee, InstrumentId, Lots, OutOfRange, PerLot, Strike, TickValue, Ticks, Time, CASH_BITS, FEE_BITS,
    INSTRUMENT_WORD_BITS, LOTS_BITS, PER_LOT_BITS, PRICE_BITS, TICK_VALUE_BITS, TIME_BITS,
};
use num_bigint::{BigInt, Sign};

/// Words of a market leaf.
pub const MARKET_WORDS: usize = 7;

/// Why words are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// A field is outside its type.
    #[error(transparent)]
    Range(#[from] OutOfRange),
    /// Packing what was read gives other words: something stands in bits that belong to no field.
    #[error("the words hold bits that belong to no field")]
    StrayBits,
}

/// The integer of smallest magnitude that the field element stands for.
fn signed(x: Fr) -> BigInt {
    let magnitude = |x: Fr| BigInt::from_bytes_be(Sign::Plus, &x.into_bigint().to_bytes_be());
    if x.into_bigint() > Fr::MODULUS_MINUS_ONE_DIV_TWO {
        -magnitude(-x)
    } else {
        magnitude(x)
    }
}

/// Takes packed fields off a word, least significant first.
struct Fields(BigInt);

impl Fields {
    fn of(word: Fr) -> Fields {
        Fields(signed(word))
    }

    /// The next field of so many bits, as a number from 0.
    fn next(&mut self, bits: usize) -> i128 {
        let modulus = BigInt::from(1) << bits;
        let low = ((&self.0 % &modulus) + &modulus) % &modulus;
        self.0 = (&self.0 - &low) >> bits;
        i128::try_from(low).expect("fields are narrower than 127 bits")
    }

    /// The next field of so many bits, as a signed number: what lies in the upper half counts down from zero.
    fn next_signed(&mut self, bits: usize) -> i128 {
        let low = self.next(bits);
        if low >> (bits - 1) == 0 {
            return low;
        }
        // What the negative field borrowed from those above goes back.
        self.0 += 1;
        low - (1 << bits)
    }
}

/// The market leaf of seven words.
///
/// # Errors
/// [`UnpackError`].
pub fn market_leaf(words: &[Fr; MARKET_WORDS]) -> Result<MarketLeaf, UnpackError> {
    let mut terms = Fields::of(words[0]);
    let kind = match terms.next(2) {
        0 => Kind::Future,
        1 => Kind::Perpetual,
        2 => Kind::Call,
        _ => Kind::Put,
    };
    let underlying = u8::try_from(terms.next(3)).expect("three bits");
    let tick_value = TickValue::try_from(terms.next(TICK_VALUE_BITS))?;
    let expiry = Time::try_from(terms.next(TIME_BITS))?;
    let strike = Strike::try_from(terms.next(40))?;
    let status = match terms.next(2) {
        0 => Status::Open,
        1 => Status::ReduceOnly,
        2 => Status::Halted,
        _ => Status::Settled,
    };
    let mark_time = Time::try_from(terms.next(TIME_BITS))?;
    let mark = Ticks::try_from(terms.next(PRICE_BITS))?;
    let daily_mark = Ticks::try_from(terms.next(PRICE_BITS))?;
    let mut values = Fields::of(words[1]);
    let settlement = PerLot::try_from(values.next_signed(SIGNED_SPACING))?;
    let index = PerLot::try_from(values.next_signed(SIGNED_SPACING))?;
    let charge_long = Charge::try_from(values.next(PER_LOT_BITS))?;
    let charge_short = Charge::try_from(values.next(PER_LOT_BITS))?;
    let mut limits = Fields::of(words[2]);
    let free = Lots::try_from(limits.next(LOTS_BITS))?;
    let limit = Lots::try_from(limits.next(LOTS_BITS))?;
    let fee = Fee::try_from(limits.next(FEE_BITS))?;
    let band_low = Ticks::try_from(limits.next(PRICE_BITS))?;
    let band_high = Ticks::try_from(limits.next(PRICE_BITS))?;
    let excess_charge = Charge::try_from(limits.next(PER_LOT_BITS))?;
    let mut risk = [PerLot::ZERO; SCENARIOS];
    for (quarter, word) in risk.chunks_mut(4).zip(&words[3..]) {
        let mut fields = Fields::of(*word);
        for entry in quarter {
            *entry = PerLot::try_from(fields.next_signed(SIGNED_SPACING))?;
        }
    }
    let leaf = MarketLeaf {
        kind,
        underlying,
        tick_value,
        expiry,
        strike,
        status,
        mark_time,
        mark,
        daily_mark,
        settlement,
        index,
        risk,
        charge_long,
        charge_short,
        free,
        excess_charge,
        limit,
        fee,
        band_low,
        band_high,
    };
    if leaf.words() == *words {
        Ok(leaf)
    } else {
        Err(UnpackError::StrayBits)
    }
}

/// What an account's plaintext says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Cash.
    pub cash: Cash,
    /// Cancel epoch.
    pub epoch: u32,
    /// Root of the order slots.
    pub orders_root: Fr,
    /// Positions; the places beyond the first chunk are empty.
    pub positions: [Position; MAX_POSITIONS],
}

/// The content of an account's plaintext: the inverse of `AccountLeaf::plaintext`.
///
/// # Errors
/// [`UnpackError`].
pub fn content(plaintext: &[Fr; CIPHERTEXT_WORDS]) -> Result<Content, UnpackError> {
    let mut first = Fields::of(plaintext[0]);
    let cash = Cash::try_from(first.next_signed(CASH_BITS + 1))?;
    let epoch = u32::try_from(first.next(32)).expect("32 bits");
    let mut positions = [Position::default(); MAX_POSITIONS];
    for (words, packed) in positions[..CHUNK].chunks_mut(3).zip(&plaintext[2..]) {
        let mut fields = Fields::of(*packed);
        for position in words {
            let word = fields.next_signed(POSITION_WORD_BITS);
            let id = word.rem_euclid(1 << INSTRUMENT_WORD_BITS);
            position.id = InstrumentId::try_from(id)?;
            position.lots = Lots::try_from((word - id) >> INSTRUMENT_WORD_BITS)?;
        }
    }
    Ok(Content { cash, epoch, orders_root: plaintext[1], positions })
}

/// A signed balance of the house.
///
/// # Errors
/// [`UnpackError`].
pub fn balance(word: Fr) -> Result<Cash, UnpackError> {
    let range = OutOfRange { unit: "Cash", value: i128::MAX };
    let value = i128::try_from(signed(word)).map_err(|_| range)?;
    Ok(Cash::try_from(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use novation_state::crypto::babyjub::BASE8;
    use novation_state::leaf::AccountLeaf;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn per_lot(rng: &mut ChaCha8Rng) -> PerLot {
        PerLot::new(rng.gen_range(PerLot::MIN.get()..=PerLot::MAX.get())).unwrap()
    }

    fn random_leaf(rng: &mut ChaCha8Rng) -> MarketLeaf {
        let kinds = [Kind::Future, Kind::Perpetual, Kind::Call, Kind::Put];
        let statuses = [Status::Open, Status::ReduceOnly, Status::Halted, Status::Settled];
        let mut ticks = || Ticks::new(rng.gen_range(0..=Ticks::MAX.get())).unwrap();
        let (mark, daily_mark, band_low, band_high) = (ticks(), ticks(), ticks(), ticks());
        let charge = |rng: &mut ChaCha8Rng| Charge::new(rng.gen_range(0..=Charge::MAX.get())).unwrap();
        let lots = |rng: &mut ChaCha8Rng| Lots::new(rng.gen_range(0..=Lots::MAX.get())).unwrap();
        MarketLeaf {
            kind: kinds[rng.gen_range(0..4)],
            underlying: rng.gen_range(0..8),
            tick_value: TickValue::new(rng.gen_range(0..=TickValue::MAX.get())).unwrap(),
            expiry: Time::new(rng.gen_range(0..=Time::MAX.get())).unwrap(),
            strike: Strike::new(rng.gen_range(0..=Strike::MAX.get())).unwrap(),
            status: statuses[rng.gen_range(0..4)],
            mark_time: Time::new(rng.gen_range(0..=Time::MAX.get())).unwrap(),
            mark,
            daily_mark,
            settlement: per_lot(rng),
            index: per_lot(rng),
            risk: std::array::from_fn(|_| per_lot(rng)),
            charge_long: charge(rng),
            charge_short: charge(rng),
            free: lots(rng),
            excess_charge: charge(rng),
            limit: lots(rng),
            fee: Fee::new(rng.gen_range(0..=Fee::MAX.get())).unwrap(),
            band_low,
            band_high,
        }
    }

    #[test]
    fn market_words_round_trip_at_random_and_at_the_bounds() {
        let seed = 5;
        println!("seed {seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..200 {
            let mut leaf = random_leaf(&mut rng);
            assert_eq!(market_leaf(&leaf.words()), Ok(leaf.clone()));
            (leaf.settlement, leaf.index) = (PerLot::MIN, PerLot::MIN);
            leaf.risk = [PerLot::MIN; SCENARIOS];
            (leaf.charge_long, leaf.charge_short) = (Charge::MAX, Charge::MAX);
            assert_eq!(market_leaf(&leaf.words()), Ok(leaf));
        }
    }

    #[test]
    fn bits_beyond_the_fields_are_refused() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let leaf = random_leaf(&mut rng);
        let mut words = leaf.words();
        words[0] += novation_state::units::pow2(215);
        assert_eq!(market_leaf(&words), Err(UnpackError::StrayBits));
        let mut words = leaf.words();
        words[3] = novation_state::units::pow2(57);
        let refused = OutOfRange { unit: "PerLot", value: -(1 << 57) };
        assert_eq!(market_leaf(&words), Err(UnpackError::Range(refused)));
    }

    #[test]
    fn plaintexts_round_trip_with_every_sign() {
        for (cash, epoch) in [(0, 0), (-1, 0), (-1, u32::MAX), (Cash::MIN.get(), 7), (Cash::MAX.get(), u32::MAX)] {
            let mut positions = [Position::default(); MAX_POSITIONS];
            let lots = [Lots::MAX, Lots::MIN, Lots::new(-1).unwrap(), Lots::new(1).unwrap()];
            for (k, position) in positions[..CHUNK].iter_mut().enumerate() {
                if k % 5 != 4 {
                    let id = InstrumentId::new(if k % 2 == 0 { InstrumentId::MAX.get() } else { 1 }).unwrap();
                    *position = Position { id, lots: lots[k % 4] };
                }
            }
            let leaf = AccountLeaf {
                owner: BASE8,
                viewing: BASE8,
                salt: Fr::from(1),
                cash: Cash::new(cash).unwrap(),
                epoch,
                positions,
                orders_root: Fr::from(99),
            };
            let expected = Content { cash: leaf.cash, epoch, orders_root: Fr::from(99), positions };
            assert_eq!(content(&leaf.plaintext()), Ok(expected), "cash {cash}, epoch {epoch}");
        }
    }

    #[test]
    fn balances_beyond_their_range_are_refused() {
        assert_eq!(balance(Cash::MIN.into()), Ok(Cash::MIN));
        let over = OutOfRange { unit: "Cash", value: Cash::MAX.get() + 1 };
        assert_eq!(balance(Fr::from(Cash::MAX) + Fr::from(1)), Err(UnpackError::Range(over)));
    }
}
