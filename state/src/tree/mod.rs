//! Sparse quaternary Poseidon trees.
//!
//! A node is `H(Tag::Node, 4 children)`, two index bits a level, so depth `D` holds `4^D` leaves. Only what differs from an
//! empty tree is stored, which makes equal trees equal in memory, whatever the order in which they were filled.
//!
//! [`Tree::set`] rewrites one path. [`Tree::set_batch`] rewrites many leaves and hashes every touched node once, in parallel.
//! [`Running`] rewrites leaves one after the other without touching the tree below: the circuit proves every entry under the
//! running root, and a refused batch must leave nothing behind.

mod running;

pub use running::{Changes, Running};

use crate::crypto::poseidon;
use crate::leaf::OrderSlot;
use crate::tags::Tag;
use crate::trace::{Path, ACCOUNTS_DEPTH, MARKETS_DEPTH, ORDERS_DEPTH};
use ark_bn254::Fr;
use ark_ff::Zero;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// Children of a node.
pub const ARITY: usize = 4;
/// Greatest depth: the widest table of empty subtrees that is cached.
pub const MAX_DEPTH: usize = 16;
/// Nodes a thread hashes before it is worth asking another: a hash takes some ten microseconds, a task about one.
const NODES_PER_TASK: usize = 8;

/// The tree of account leaves; its empty leaf is 0.
pub type AccountsTree = Tree<ACCOUNTS_DEPTH>;
/// The tree of market leaves; its empty leaf is 0.
pub type MarketsTree = Tree<MARKETS_DEPTH>;
/// An account's tree of order slots; its empty leaf is the hash of an unused slot.
pub type OrdersTree = Tree<ORDERS_DEPTH>;

/// The children of one node.
type Children = [Fr; ARITY];

/// A path does not lead to the root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("leaf {index} under this path has root {found}, not {expected}: take the path from the tree with that root")]
pub struct PathError {
    /// Leaf index.
    pub index: u64,
    /// The root that was to be met.
    pub expected: Fr,
    /// The root that leaf and path give.
    pub found: Fr,
}

/// The parent of four children.
pub fn node(children: &Children) -> Fr {
    poseidon::hash(Tag::Node.fr(), children)
}

/// Roots of empty subtrees by height: entry 0 is the empty leaf.
fn empty_subtrees(leaf: Fr) -> [Fr; MAX_DEPTH + 1] {
    let mut table = [leaf; MAX_DEPTH + 1];
    for height in 1..=MAX_DEPTH {
        table[height] = node(&[table[height - 1]; ARITY]);
    }
    table
}

static ZERO_LEAVES: LazyLock<[Fr; MAX_DEPTH + 1]> = LazyLock::new(|| empty_subtrees(Fr::zero()));
static UNUSED_SLOTS: LazyLock<[Fr; MAX_DEPTH + 1]> = LazyLock::new(|| empty_subtrees(OrderSlot::default().hash()));

/// The root of an orders tree none of whose slots was used.
pub fn empty_orders_root() -> Fr {
    UNUSED_SLOTS[ORDERS_DEPTH]
}

/// The root that `leaf` at `index` has under `path`.
pub fn root_of<const DEPTH: usize>(index: u64, leaf: Fr, path: &Path<DEPTH>) -> Fr {
    path.iter().enumerate().fold(leaf, |child, (level, siblings)| {
        let place = child_place(index, level);
        let mut others = siblings.iter();
        node(&std::array::from_fn(|k| {
            if k == place {
                child
            } else {
                *others.next().expect("three siblings stand beside one child")
            }
        }))
    })
}

/// Checks that `leaf` stands at `index` under `root`.
pub fn verify<const DEPTH: usize>(root: Fr, index: u64, leaf: Fr, path: &Path<DEPTH>) -> Result<(), PathError> {
    let found = root_of(index, leaf, path);
    if found == root {
        Ok(())
    } else {
        Err(PathError { index, expected: root, found })
    }
}

/// Which child of its parent the ancestor of `index` at `level` is.
fn child_place(index: u64, level: usize) -> usize {
    (index >> (2 * level)) as usize % ARITY
}

/// The parent, within its level, of the ancestor of `index` at `level`.
fn parent(index: u64, level: usize) -> u64 {
    index >> (2 * (level + 1))
}

/// A tree with `4^DEPTH` leaves.
#[derive(Clone, Debug)]
pub struct Tree<const DEPTH: usize> {
    /// Roots of empty subtrees by height.
    empty: &'static [Fr; MAX_DEPTH + 1],
    /// By level (0: leaves) and parent index, the four children. A group of empty children is not stored.
    groups: Vec<HashMap<u64, Children>>,
    root: Fr,
}

impl<const DEPTH: usize> PartialEq for Tree<DEPTH> {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root && self.empty[0] == other.empty[0] && self.groups == other.groups
    }
}

impl<const DEPTH: usize> Eq for Tree<DEPTH> {}

impl Tree<ORDERS_DEPTH> {
    /// An orders tree none of whose slots was used.
    pub fn orders() -> Self {
        Self::with_empty(&UNUSED_SLOTS)
    }
}

impl<const DEPTH: usize> Default for Tree<DEPTH> {
    fn default() -> Self {
        Self::with_empty(&ZERO_LEAVES)
    }
}

impl<const DEPTH: usize> Tree<DEPTH> {
    /// Leaves the tree has room for.
    pub const LEAVES: u64 = 1 << (2 * DEPTH);

    /// A tree whose leaves are all 0.
    pub fn new() -> Self {
        Self::default()
    }

    fn with_empty(empty: &'static [Fr; MAX_DEPTH + 1]) -> Self {
        assert!((1..=MAX_DEPTH).contains(&DEPTH), "a tree has 1 to {MAX_DEPTH} levels");
        Tree { empty, groups: vec![HashMap::new(); DEPTH], root: empty[DEPTH] }
    }

    /// The root.
    pub fn root(&self) -> Fr {
        self.root
    }

    /// The leaf at `index`.
    ///
    /// # Panics
    /// If `index` is not below [`Tree::LEAVES`]; indices are typed by their callers.
    pub fn leaf(&self, index: u64) -> Fr {
        Self::check(index);
        self.children(0, parent(index, 0))[child_place(index, 0)]
    }

    /// The siblings of the leaf at `index`, leaf level first.
    ///
    /// # Panics
    /// As [`Tree::leaf`].
    pub fn path(&self, index: u64) -> Path<DEPTH> {
        Self::check(index);
        std::array::from_fn(|level| siblings(&self.children(level, parent(index, level)), child_place(index, level)))
    }

    /// Writes one leaf and hashes its path.
    ///
    /// # Panics
    /// As [`Tree::leaf`].
    pub fn set(&mut self, index: u64, leaf: Fr) {
        Self::check(index);
        let mut child = leaf;
        for level in 0..DEPTH {
            let group = parent(index, level);
            let mut children = self.children(level, group);
            children[child_place(index, level)] = child;
            self.store(level, group, children);
            child = node(&children);
        }
        self.root = child;
    }

    /// Writes many leaves (the last one wins where an index repeats), hashes every touched node once, level by level in
    /// parallel, and returns how many nodes it hashed. The result is that of [`Tree::set`] one by one.
    ///
    /// # Panics
    /// As [`Tree::leaf`].
    pub fn set_batch(&mut self, updates: &[(u64, Fr)]) -> usize {
        let mut changed: BTreeMap<u64, Fr> = BTreeMap::new();
        for (index, leaf) in updates {
            Self::check(*index);
            changed.insert(*index, *leaf);
        }
        let mut hashed = 0;
        for level in 0..DEPTH {
            let mut groups: BTreeMap<u64, Children> = BTreeMap::new();
            for (index, child) in &changed {
                let group = index / ARITY as u64;
                let children = groups.entry(group).or_insert_with(|| self.children(level, group));
                children[*index as usize % ARITY] = *child;
            }
            hashed += groups.len();
            let groups: Vec<(u64, Children)> = groups.into_iter().collect();
            let nodes: Vec<Fr> =
                groups.par_iter().with_min_len(NODES_PER_TASK).map(|(_, children)| node(children)).collect();
            changed = groups.iter().zip(nodes).map(|((group, _), node)| (*group, node)).collect();
            for (group, children) in groups {
                self.store(level, group, children);
            }
        }
        if let Some(root) = changed.get(&0) {
            self.root = *root;
        }
        hashed
    }

    fn check(index: u64) {
        assert!(index < Self::LEAVES, "leaf {index} in a tree of {} leaves", Self::LEAVES);
    }

    fn children(&self, level: usize, group: u64) -> Children {
        self.groups[level].get(&group).copied().unwrap_or([self.empty[level]; ARITY])
    }

    fn store(&mut self, level: usize, group: u64, children: Children) {
        if children == [self.empty[level]; ARITY] {
            self.groups[level].remove(&group);
        } else {
            self.groups[level].insert(group, children);
        }
    }
}

fn siblings(children: &Children, place: usize) -> [Fr; ARITY - 1] {
    std::array::from_fn(|i| children[if i < place { i } else { i + 1 }])
}

#[cfg(test)]
mod tests;
