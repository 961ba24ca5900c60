//! House lane: account slot 0, rewritten in every batch.
//!
//! Statement: under the root that the accounts lane left, slot 0 held the house leaf; its clearing balance pays what rolled,
//! its fee balance takes the fees, its insurance balance stays; the result is the header's new root.

use super::accounts::new::{seal, Account};
use super::header::Header;
use super::orders::Orders;
use crate::cs::{Bit, Cs, Lc};
use crate::gadgets::{bits, merkle, poseidon};
use ark_bn254::Fr;
use novation_state::leaf::HouseLeaf;
use novation_state::tags::Tag;
use novation_state::trace::{BatchTrace, ACCOUNTS_DEPTH};
use novation_state::units::CASH_BITS;

/// Wires of the house entry.
pub struct House {
    /// The four words of D; the first is the new leaf.
    pub words: Vec<Lc>,
}

/// The entry.
pub fn house(cs: &mut Cs, header: &Header, accounts: &[Account], orders: &Orders, trace: Option<&BatchTrace>) -> House {
    cs.scope("house", 0);
    let before = trace.map(|t| &t.house.before);
    let of = |f: &dyn Fn(&HouseLeaf) -> Fr| before.map(f).unwrap_or_default();
    let viewing =
        (cs.alloc("house.viewing", || of(&|h| h.viewing.x)), cs.alloc("house.viewing", || of(&|h| h.viewing.y)));
    let salt = cs.alloc("house.salt", || of(&|h| h.salt));
    let clearing = cs.alloc("house.balance", || of(&|h| h.clearing.into()));
    let fees = cs.alloc("house.balance", || of(&|h| h.fees.into()));
    let insurance = cs.alloc("house.balance", || of(&|h| h.insurance.into()));
    let leaf = |cs: &mut Cs, salt: &Lc, balances: [&Lc; 3]| {
        let [a, b, c] = balances.map(Lc::clone);
        let inputs = [viewing.0.clone(), viewing.1.clone(), salt.clone(), a, b, c];
        poseidon::hash(cs, "house.leaf", Tag::House.fr(), &inputs)
    };
    let old = leaf(cs, &salt, [&clearing, &fees, &insurance]);

    // At most 64 rolls below 2^102 each and 128 fees below 2^73: no wrap.
    let new_clearing = &clearing - Lc::sum(accounts.iter().map(|a| &a.roll));
    let new_fees = &fees + Lc::sum(orders.entries.iter().map(|o| &o.fee));
    let (new_clearing, new_fees) = (new_clearing.compact(), new_fees.compact());
    bits::signed_range(cs, "house.clearing_range", &new_clearing, CASH_BITS);
    bits::signed_range(cs, "house.fees_range", &new_fees, CASH_BITS);

    let seal = seal(cs, header, (&viewing.0, &viewing.1), &Lc::zero());
    let new = leaf(cs, &seal.salt, [&new_clearing, &new_fees, &insurance]);
    let place = vec![Bit::constant(false); 2 * ACCOUNTS_DEPTH];
    let (root_in, root_out) = merkle::update(cs, "house.path", &place, trace.map(|t| &t.house.path[..]), &old, &new);
    let expected = accounts.last().map_or_else(|| header.old_root().clone(), |a| a.root_out.clone());
    cs.enforce_eq("house.root_chain", &root_in, &expected);
    cs.enforce_eq("house.new_root", &root_out, header.new_root());

    let pad = seal.pad(cs, &new);
    let mut words = vec![new];
    for (text, pad) in [new_clearing, new_fees, insurance].iter().zip(&pad) {
        words.push(text + pad);
    }
    House { words }
}
