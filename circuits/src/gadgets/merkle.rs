//! Paths in quaternary Poseidon trees.
//!
//! Per level the prover gives the four children; the one at the position must be the node below, and the new children are
//! the old ones with that one replaced. Per level 297 constraints for a hash, 3 to select, 3 to replace, 3 for the position:
//! 303 for a membership path, 603 for an update.

use super::poseidon;
use crate::cs::{Bit, Cs, Lc};
use ark_bn254::Fr;
use novation_state::tags::Tag;

/// Children at one level: the node below in its place among the siblings.
fn children(cs: &mut Cs, name: &'static str, position: usize, siblings: Option<&[Fr; 3]>, node: &Lc) -> [Lc; 4] {
    std::array::from_fn(|i| {
        cs.alloc(name, || {
            let siblings = siblings.copied().unwrap_or_default();
            match i.cmp(&position) {
                std::cmp::Ordering::Less => siblings[i],
                std::cmp::Ordering::Equal => node.value(),
                std::cmp::Ordering::Greater => siblings[i - 1],
            }
        })
    })
}

/// Indicators of the two-bit position: one constraint.
fn indicators(cs: &mut Cs, name: &'static str, low: &Bit, high: &Bit) -> [Lc; 4] {
    let three = cs.mul(name, low.lc(), high.lc());
    let one = low.lc() - &three;
    let two = high.lc() - &three;
    let zero = Lc::one() - low.lc() - high.lc() + &three;
    [zero, one, two, three]
}

struct Level {
    children: [Lc; 4],
    at: [Lc; 4],
}

fn level(cs: &mut Cs, name: &'static str, bits: &[Bit], siblings: Option<&[Fr; 3]>, node: &Lc) -> Level {
    let position = usize::from(bits[0].value()) + 2 * usize::from(bits[1].value());
    let at = indicators(cs, name, &bits[0], &bits[1]);
    let children = children(cs, name, position, siblings, node);
    // The child at the position is the node below: sum at_i child_i = node, with at_0 = 1 - at_1 - at_2 - at_3.
    let mut rest = node - &children[0];
    for i in 1..3 {
        rest = rest - cs.mul(name, &at[i], &(&children[i] - &children[0]));
    }
    cs.enforce(name, &at[3], &(&children[3] - &children[0]), &rest);
    Level { children, at }
}

/// The root above `leaf` at the position given by `bits` (two a level, leaf level first).
///
/// `bits.len()` is twice the depth, whatever the path; the depth of a tree is thus a constant of the circuit.
pub fn root(cs: &mut Cs, name: &'static str, bits: &[Bit], siblings: Option<&[[Fr; 3]]>, leaf: &Lc) -> Lc {
    let mut node = leaf.clone();
    for (i, pair) in bits.chunks(2).enumerate() {
        let level = level(cs, name, pair, siblings.map(|s| &s[i]), &node);
        node = poseidon::hash(cs, name, Tag::Node.fr(), &level.children);
    }
    node
}

/// Roots above `old` and above `new` in the same place with the same siblings.
pub fn update(
    cs: &mut Cs,
    name: &'static str,
    bits: &[Bit],
    siblings: Option<&[[Fr; 3]]>,
    old: &Lc,
    new: &Lc,
) -> (Lc, Lc) {
    let (mut before, mut after) = (old.clone(), new.clone());
    for (i, pair) in bits.chunks(2).enumerate() {
        let Level { children, at } = level(cs, name, pair, siblings.map(|s| &s[i]), &before);
        let change = &after - &before;
        let mut replaced = children.clone();
        let mut rest = change.clone();
        for j in 1..4 {
            let part = cs.mul(name, &at[j], &change);
            replaced[j] += &part;
            rest = rest - part;
        }
        replaced[0] += &rest;
        before = poseidon::hash(cs, name, Tag::Node.fr(), &children);
        after = poseidon::hash(cs, name, Tag::Node.fr(), &replaced);
    }
    (before, after)
}
