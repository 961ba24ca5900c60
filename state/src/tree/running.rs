//! Leaves rewritten one after the other above a tree that stays as it is.

use super::{child_place, node, parent, siblings, Children, Tree, ARITY};
use crate::trace::Path;
use ark_bn254::Fr;
use std::collections::HashMap;

/// A view of a tree with some leaves rewritten. [`Running::path`] is under the running root.
#[derive(Clone, Debug)]
pub struct Running<'a, const DEPTH: usize> {
    base: &'a Tree<DEPTH>,
    groups: Vec<HashMap<u64, Children>>,
    root: Fr,
}

/// What a [`Running`] view changed, to be written with [`Tree::absorb`].
#[derive(Clone, Debug)]
pub struct Changes<const DEPTH: usize> {
    base_root: Fr,
    groups: Vec<HashMap<u64, Children>>,
    root: Fr,
}

impl<const DEPTH: usize> Tree<DEPTH> {
    /// A view on which leaves can be rewritten.
    pub fn running(&self) -> Running<'_, DEPTH> {
        Running { base: self, groups: vec![HashMap::new(); DEPTH], root: self.root }
    }

    /// Makes the changes of a view of this tree permanent, without hashing anything again.
    ///
    /// # Panics
    /// If the tree changed since the view was taken.
    pub fn absorb(&mut self, changes: Changes<DEPTH>) {
        assert!(changes.base_root == self.root, "the tree changed under its view");
        for (level, groups) in changes.groups.into_iter().enumerate() {
            for (group, children) in groups {
                self.store(level, group, children);
            }
        }
        self.root = changes.root;
    }
}

impl<const DEPTH: usize> Running<'_, DEPTH> {
    /// The running root.
    pub fn root(&self) -> Fr {
        self.root
    }

    /// Siblings of the leaf at `index` under the running root.
    ///
    /// # Panics
    /// If `index` is not below [`Tree::LEAVES`].
    pub fn path(&self, index: u64) -> Path<DEPTH> {
        Tree::<DEPTH>::check(index);
        std::array::from_fn(|level| siblings(&self.children(level, parent(index, level)), child_place(index, level)))
    }

    /// Writes one leaf and hashes its path. Returns the siblings, which the write leaves as they are.
    ///
    /// # Panics
    /// As [`Running::path`].
    pub fn set(&mut self, index: u64, leaf: Fr) -> Path<DEPTH> {
        Tree::<DEPTH>::check(index);
        let mut child = leaf;
        let mut path = [[child; ARITY - 1]; DEPTH];
        for (level, out) in path.iter_mut().enumerate() {
            let group = parent(index, level);
            let mut children = self.children(level, group);
            *out = siblings(&children, child_place(index, level));
            children[child_place(index, level)] = child;
            self.groups[level].insert(group, children);
            child = node(&children);
        }
        self.root = child;
        path
    }

    /// What changed.
    pub fn into_changes(self) -> Changes<DEPTH> {
        Changes { base_root: self.base.root, groups: self.groups, root: self.root }
    }

    fn children(&self, level: usize, group: u64) -> Children {
        self.groups[level].get(&group).copied().unwrap_or_else(|| self.base.children(level, group))
    }
}
