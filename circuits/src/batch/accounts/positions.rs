//! Positions of an entry: unpacking, rows, roll, limits.
//!
//! Everything per slot is here; sums over rows are in `margin`. Widths: lots below 2^40 in magnitude.

use crate::batch::markets::{Row, LIMIT_SHIFT};
use crate::cs::{Bit, Cs, Lc};
use crate::gadgets::bits;
use ark_bn254::Fr;
use ark_ff::Field;
use novation_state::public_data::POSITION_BITS;
use novation_state::trace::{AccountTrace, BatchTrace};
use novation_state::units::{field, pow2, INSTRUMENT_WORD_BITS, LOTS_BITS};

/// Wires of one position slot.
pub struct Slot {
    /// Instrument, 0 when not in play.
    pub id: Lc,
    /// Indicators over rows.
    pub at: Vec<Bit>,
    /// Lots before, 0 if untouched.
    pub before: Lc,
    /// Lots after, 0 if untouched.
    pub after: Lc,
    pub before_magnitude: Lc,
    pub after_magnitude: Lc,
    /// Lots before beyond the free size, if the position still is beyond it: a lower bound of the excess before.
    pub before_excess: Lc,
    /// Lots after beyond the free size.
    pub after_excess: Lc,
    /// Lots after the roll, before fills.
    pub rolled: Lc,
    /// The position only shrank: its magnitude did not grow and its sign did not change.
    pub shrank: Bit,
    /// Claimed count of reduce-only orders; tied to the orders by poles.
    pub reducing: Lc,
    /// In an instrument that expired and is not settled.
    pub expired: Bit,
    /// Word of the new leaf.
    pub word: Lc,
}

struct Sides {
    id: Lc,
    in_play: Bit,
    held_before: Bit,
    before: Lc,
    after: Lc,
    word: Lc,
}

/// Unpacks the old word and packs the new one.
fn sides(cs: &mut Cs, touch: &Bit, word: &Lc, input: Option<&AccountTrace>, k: usize) -> Sides {
    let touched = input.filter(|i| i.touch);
    let lots_of = |leaf: Option<&novation_state::leaf::AccountLeaf>| {
        leaf.map(|l| field(l.positions[k].lots.wide())).unwrap_or_default()
    };
    let id = cs.alloc("position.id", || touched.map(|i| i.ids[k].into()).unwrap_or_default());
    let before = cs.alloc("position.before", || lots_of(touched.and_then(|i| i.before.as_ref())));
    let after = cs.alloc("position.after", || lots_of(touched.and_then(|i| i.after.as_ref())));
    let held_before = cs.bit("position.held_before", || before.value() != Fr::from(0u64));
    let held_after = bits::is_zero(cs, "position.held_after", &after).not();
    let in_play = cs.bit("position.in_play", || id.value() != Fr::from(0u64));

    // SOUND: `before` is below 2^40 (sign_magnitude) and `id`, when in play, is a row's id, below 2^20 and at least 1; a word
    // in a leaf is 0 or has both parts nonzero. So the word has one reading, and held_before says whether it is nonzero.
    let opened = cs.mul("position.unpack", touch.lc(), word);
    let id_part = &opened - &before * pow2(INSTRUMENT_WORD_BITS);
    cs.enforce("position.unpack", held_before.lc(), &id, &id_part);
    let id_after = cs.mul("position.pack", held_after.lc(), &id);
    let closed = id_after + &after * pow2(INSTRUMENT_WORD_BITS);
    // Without this an untouched entry could hold `after` lots that no leaf shows and that enter the equations at z.
    cs.enforce("position.untouched_stays", touch.not().lc(), &closed, &Lc::zero());
    let idle = in_play.not();
    cs.enforce("position.idle_is_empty", idle.lc(), &(held_before.lc() + held_after.lc()), &Lc::zero());
    cs.enforce("position.idle_is_empty", idle.lc(), &id, &Lc::zero());
    Sides { id, in_play, held_before, before, after, word: word - &opened + &closed }
}

/// `max(0, x)` for `|x| < 2^41`, and the bit `x >= 0`; 43 constraints. At 0 either bit gives 0.
fn positive_part(cs: &mut Cs, name: &'static str, x: &Lc) -> (Bit, Lc) {
    use ark_ff::PrimeField;
    let value = x.value();
    let positive = cs.bit(name, || value.into_bigint() <= Fr::MODULUS_MINUS_ONE_DIV_TWO);
    let sign = positive.lc() * Fr::from(2u64) - Lc::one();
    let magnitude = cs.mul(name, &sign, x);
    bits::range(cs, name, &magnitude, LOTS_BITS + 1);
    let half = Fr::from(2u64).inverse().expect("2 is invertible");
    (positive, (x + &magnitude) * half)
}

/// The slots of an entry.
pub fn slots(
    cs: &mut Cs,
    rows: &[Row],
    touch: &Bit,
    words: &[Lc],
    input: Option<&AccountTrace>,
    trace: Option<&BatchTrace>,
) -> Vec<Slot> {
    let zero = Lc::zero();
    let sides: Vec<Sides> = words.iter().enumerate().map(|(k, word)| sides(cs, touch, word, input, k)).collect();

    // Each slot in play matches exactly one row. SOUND: row ids are distinct (market.sorted).
    let ids: Vec<Lc> = rows.iter().map(|r| r.id.clone()).collect();
    let at: Vec<Vec<Bit>> = sides.iter().map(|s| bits::one_hot(cs, "position.row", &ids, &s.id, &s.in_play)).collect();
    // Each row matches at most one slot: the same instrument never sits in two.
    let mut flags = Lc::zero();
    for (r, row) in rows.iter().enumerate() {
        let matched = Lc::sum(at.iter().map(|e| e[r].lc()));
        cs.enforce("position.row_once", &matched, &(&matched - &Lc::one()), &zero);
        // The row's three flags land at the slot's three bits: indicators are bits and a row has one slot, so the
        // packed sum has no carries.
        let mut place = Lc::zero();
        for (k, e) in at.iter().enumerate() {
            place.add_scaled(e[r].lc(), pow2(3 * k));
        }
        flags += &cs.mul("position.flags", &place, &row.flags);
    }
    let flags = bits::to_bits(cs, "position.flags", &flags.compact(), 3 * words.len());
    let limits: Vec<Lc> = rows.iter().map(|r| r.limits.clone()).collect();

    let mut out = Vec::with_capacity(words.len());
    for (k, (side, at)) in sides.into_iter().zip(at).enumerate() {
        let Sides { id, held_before, before, after, word, .. } = side;
        let (settled, reduce_only, expired) = (&flags[3 * k], &flags[3 * k + 1], &flags[3 * k + 2]);
        let (before_negative, before_magnitude) = bits::sign_magnitude(cs, "position.before_range", &before, LOTS_BITS);
        let (after_negative, after_magnitude) = bits::sign_magnitude(cs, "position.after_range", &after, LOTS_BITS);
        let rolled = cs.mul("position.rolled", settled.not().lc(), &before);
        cs.enforce("position.settled_is_closed", settled.lc(), &after, &zero);

        // free + limit * 2^44 of the row. `free` is pinned to (-2^42, 2^42) by after_excess and `limit` to
        // (-2^42, 2^43) by the limit check, whether the position shrank or not: the sum has one reading.
        let gathered = bits::pick(cs, "position.limits", &at, &limits);
        let free_hint = gathered.value();
        let free = cs.alloc("position.free", || {
            use ark_ff::PrimeField;
            Fr::from(free_hint.into_bigint().0[0] & ((1 << LIMIT_SHIFT) - 1))
        });
        let limit = (&gathered - &free) * pow2(LIMIT_SHIFT).inverse().expect("a power of 2 is invertible");
        let (over, after_excess) = positive_part(cs, "position.excess", &(&after_magnitude - &free));
        let before_excess = cs.mul("position.excess_before", over.lc(), &(&before_magnitude - &free));

        let shrank = cs.bit("position.shrank", || {
            use ark_ff::PrimeField;
            let (b, a) = (before_magnitude.value().into_bigint(), after_magnitude.value().into_bigint());
            let same_sign = before_negative.value() == after_negative.value() || a.0[0] == 0;
            a <= b && same_sign
        });
        let both = cs.mul("position.sign_kept", before_negative.lc(), after_negative.lc());
        let flipped = before_negative.lc() + after_negative.lc() - both * Fr::from(2u64);
        let flipped = cs.mul("position.sign_kept", shrank.lc(), &flipped);
        cs.enforce("position.sign_kept", &flipped, &after, &zero);
        let less = cs.mul("position.shrank", shrank.lc(), &(&before_magnitude - &after_magnitude));
        bits::range(cs, "position.shrank", &less, LOTS_BITS);
        // Within the limit unless it only shrank: 2^41 of slack covers any magnitude below 2^40 against any limit.
        let room = &limit - &after_magnitude + shrank.lc() * pow2(LOTS_BITS + 1);
        bits::range(cs, "position.limit", &room, LOTS_BITS + 2);

        let reducing_count = trace.zip(input).map_or(0, |(t, i)| {
            t.orders
                .iter()
                .filter(|o| {
                    o.order.reduce_only
                        && o.order.binding.account == i.slot
                        && o.order.instrument.get() != 0
                        && o.order.instrument == i.ids[k]
                })
                .count()
        });
        let reducing = cs.alloc("position.reducing", || Fr::from(reducing_count as u64));
        bits::range(cs, "position.reducing_range", &reducing, POSITION_BITS);
        let grew = shrank.not();
        // There must be something to reduce: an empty slot can be in play, and nothing to nothing counts as shrinking. The
        // sum of two bits is zero only if both are.
        let not_reduced = grew.lc() + held_before.not().lc();
        cs.enforce("position.reduce_only_order", &not_reduced, &reducing, &zero);
        cs.enforce("position.reduce_only_market", grew.lc(), reduce_only.lc(), &zero);

        out.push(Slot {
            id,
            at,
            before,
            after,
            before_magnitude,
            after_magnitude,
            before_excess,
            after_excess,
            rolled,
            shrank,
            reducing,
            expired: expired.clone(),
            word,
        });
    }
    out
}
