//! Old leaves, opened before the lanes that refer to them.
//!
//! Statement: entry j names a slot, and either a leaf hash of the wires below (`was = 1`) or the unopened leaf 0
//! (`was = 0`), whose balances, positions and orders are then zero. Whether that leaf is in the tree is proven with the new
//! leaf, on the same path. For an unopened account `owner` and `viewing` are the keys a deposit of this batch opens it with.

use super::Leaf;
use crate::cs::{Bit, Cs, Lc};
use crate::gadgets::bits;
use ark_bn254::Fr;
use novation_state::leaf::AccountLeaf;
use novation_state::size::Size;
use novation_state::trace::{AccountTrace, BatchTrace};
use novation_state::tree::empty_orders_root;
use novation_state::units::SLOT_BITS;

/// Wires of an old leaf.
pub struct Old {
    /// Account slot, 24 bits.
    pub slot: Lc,
    /// Its bits: the path.
    pub slot_bits: Vec<Bit>,
    /// Opened before this batch.
    pub was: Bit,
    pub owner: (Lc, Lc),
    pub viewing: (Lc, Lc),
    pub cash: Lc,
    pub epoch: Lc,
    pub words: Vec<Lc>,
    pub orders_root: Lc,
    /// The leaf in the tree: 0 if unopened.
    pub leaf: Lc,
}

fn entry(cs: &mut Cs, size: &Size, input: Option<&AccountTrace>) -> Old {
    let before: Option<&AccountLeaf> = input.and_then(|i| i.before.as_ref());
    let keys: Option<&AccountLeaf> = input.and_then(|i| i.before.as_ref().or(i.after.as_ref()));
    let of = |leaf: Option<&AccountLeaf>, f: &dyn Fn(&AccountLeaf) -> Fr| leaf.map(f).unwrap_or_default();

    let slot_value = input.map_or(0, |i| i.slot.get() as u64);
    let slot_bits: Vec<Bit> = (0..SLOT_BITS).map(|i| cs.bit("account.slot", || slot_value >> i & 1 == 1)).collect();
    let slot = bits::from_bits(&slot_bits);
    let was = cs.bit("account.was", || before.is_some());
    let owner = (
        cs.alloc("account.owner", || of(keys, &|l| l.owner.x)),
        cs.alloc("account.owner", || of(keys, &|l| l.owner.y)),
    );
    let viewing = (
        cs.alloc("account.viewing", || of(keys, &|l| l.viewing.x)),
        cs.alloc("account.viewing", || of(keys, &|l| l.viewing.y)),
    );
    let salt = cs.alloc("account.salt", || of(before, &|l| l.salt));
    let cash = cs.alloc("account.cash", || of(before, &|l| l.cash.into()));
    let epoch = cs.alloc("account.epoch", || of(before, &|l| Fr::from(l.epoch)));
    let words: Vec<Lc> =
        (0..size.slots).map(|k| cs.alloc("account.word", || of(before, &|l| l.positions[k].word()))).collect();
    let orders_root = cs.alloc("account.orders_root", || before.map_or(empty_orders_root(), |l| l.orders_root));

    let fresh = was.not();
    for zero in [&cash, &epoch].into_iter().chain(&words) {
        cs.enforce("account.unopened_is_empty", fresh.lc(), zero, &Lc::zero());
    }
    let no_orders = &orders_root - Lc::constant(empty_orders_root());
    cs.enforce("account.unopened_is_empty", fresh.lc(), &no_orders, &Lc::zero());

    let leaf = Leaf {
        owner: (&owner.0, &owner.1),
        viewing: (&viewing.0, &viewing.1),
        salt: &salt,
        cash: &cash,
        epoch: &epoch,
        words: &words,
        orders_root: &orders_root,
    };
    let hash = leaf.hash(cs, "account.old_leaf");
    let leaf = cs.mul("account.old_leaf", was.lc(), &hash);
    Old { slot, slot_bits, was, owner, viewing, cash, epoch, words, orders_root, leaf }
}

/// All entries. `account.sorted`: slots strictly increase from 1, so no account has two entries and none is the house.
pub fn entries(cs: &mut Cs, size: &Size, trace: Option<&BatchTrace>) -> Vec<Old> {
    let entries = cs.parallel("accounts", size.accounts, |cs, j| entry(cs, size, trace.map(|t| &t.accounts[j])));
    let mut previous = Lc::zero();
    for (j, entry) in entries.iter().enumerate() {
        cs.scope("accounts", j);
        bits::range(cs, "account.sorted", &(&entry.slot - &previous - Lc::one()), SLOT_BITS);
        previous = entry.slot.clone();
    }
    entries
}
