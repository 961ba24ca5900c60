//! Forgeries made to fail one constraint: values out of range in places where nothing else looks at them.

use crate::kit::*;
use ark_bn254::Fr;
use novation_state::crypto::poseidon;
use novation_state::tags::Tag;
use novation_state::transition::BatchInput;
use novation_state::tree::MarketsTree;
use novation_state::units::{field, pow2};
use rayon::prelude::*;

/// A field of a market leaf: name of its range, which of the values of that name, word and bit of the leaf where it lies, a value
/// just outside.
struct Field(&'static str, usize, usize, usize, Fr);

/// Out of range, and where the field is compared with the time of the batch, on the side that still compares.
fn fields() -> Vec<Field> {
    vec![
        Field("market.kind_range", 0, 0, 0, pow2(2)),
        Field("market.tick_value_range", 0, 0, 5, pow2(24)),
        Field("market.expiry_range", 0, 0, 29, field(-1)),
        Field("market.strike_range", 0, 0, 69, pow2(40)),
        Field("market.mark_time_range", 0, 0, 111, field(-1)),
        Field("market.mark_range", 0, 0, 151, pow2(32)),
        Field("market.daily_mark_range", 0, 0, 183, pow2(32)),
        Field("market.settlement_range", 0, 1, 0, pow2(56)),
        Field("market.index_range", 0, 1, 58, pow2(56)),
        Field("market.charge_range", 0, 1, 116, pow2(56)),
        Field("market.free_range", 0, 2, 0, pow2(40)),
        Field("market.limit_range", 0, 2, 40, pow2(40)),
        Field("market.fee_range", 0, 2, 80, pow2(32)),
        Field("market.band_range", 0, 2, 112, pow2(32)),
        Field("market.risk_range", 0, 3, 0, pow2(56)),
    ]
}

/// The role posts a leaf with such a field; the batch loads it and does not use it.
fn market_field(Field(name, nth, word, bit, value): &Field) -> Names {
    let mut world = bare();
    let input = BatchInput { extra_rows: vec![id(CALL)], ..world.input() };
    let (_, mut trace) = apply(&mut world, input);
    let row = trace.rows.iter().position(|row| row.id == id(CALL)).unwrap();
    let honest = Run::of(&trace, &novation_state::public_data::PublicData::of(&trace), &[]);
    let honest =
        honest.hints.iter().filter(|h| (h.lane, h.index, h.name) == ("markets", row, *name)).nth(*nth).unwrap();
    let mut words = trace.rows[row].leaf.as_ref().unwrap().words();
    words[*word] += (*value - honest.value) * pow2(*bit);
    let mut tree = MarketsTree::new();
    for (id, leaf) in world.markets.iter() {
        tree.set(id.get() as u64, leaf.hash());
    }
    tree.set(CALL as u64, poseidon::hash(Tag::Market.fr(), &words));
    for row in &mut trace.rows {
        row.path = tree.path(row.id.get() as u64);
    }
    trace.header.markets_root = tree.root();
    strongest(&trace, &[lie("markets", row, name, *nth, *value)])
}

/// Public numbers are fields of 40 bits.
fn header_word() -> Names {
    let mut world = bare();
    let input = world.input();
    let (_, trace) = apply(&mut world, input);
    strongest(&trace, &[lie("header", 0, "header.word", 8, pow2(40))])
}

/// Title and what fails.
pub fn outcomes() -> Vec<(String, Names)> {
    let mut all: Vec<(String, Names)> =
        fields().par_iter().map(|f| (format!("a leaf posted beyond {}", f.0), market_field(f))).collect();
    all.push(("a last window of 41 bits".into(), header_word()));
    all
}
