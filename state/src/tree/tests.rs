use super::*;

/// A fixed sequence of distinct field elements and indices; no randomness is needed to cover the shapes below.
fn updates(count: u64, leaves: u64) -> Vec<(u64, Fr)> {
    (0..count).map(|i| ((i * 2_654_435_761 + i * i) % leaves, Fr::from(i + 1))).collect()
}

#[test]
fn tree_of_depth_one_is_the_hash_of_its_leaves() {
    let mut tree = Tree::<1>::new();
    tree.set(2, Fr::from(7));
    assert_eq!(tree.root(), poseidon::hash(Tag::Node.fr(), &[Fr::zero(), Fr::zero(), Fr::from(7), Fr::zero()]));
}

#[test]
fn empty_root_is_the_hash_of_empty_subtrees_all_the_way_down() {
    let mut level = OrderSlot::default().hash();
    for _ in 0..ORDERS_DEPTH {
        level = poseidon::hash(Tag::Node.fr(), &[level; ARITY]);
    }
    assert_eq!(empty_orders_root(), level);
    assert_eq!(OrdersTree::orders().root(), level);
    assert_ne!(OrdersTree::new().root(), level);
}

#[test]
fn path_of_every_written_leaf_leads_to_the_root() {
    let mut tree = AccountsTree::new();
    let updates = updates(40, AccountsTree::LEAVES);
    for (index, leaf) in &updates {
        tree.set(*index, *leaf);
    }
    for (index, _) in &updates {
        assert_eq!(verify(tree.root(), *index, tree.leaf(*index), &tree.path(*index)), Ok(()));
    }
    assert_eq!(verify(tree.root(), 3, Fr::zero(), &tree.path(3)), Ok(()));
}

#[test]
fn path_of_another_leaf_or_index_is_refused_with_the_roots() {
    let mut tree = MarketsTree::new();
    tree.set(5, Fr::from(9));
    let path = tree.path(5);
    let found = root_of(5, Fr::from(8), &path);
    assert_eq!(verify(tree.root(), 5, Fr::from(8), &path), Err(PathError { index: 5, expected: tree.root(), found }));
    let found = root_of(6, Fr::from(9), &path);
    assert_eq!(verify(tree.root(), 6, Fr::from(9), &path), Err(PathError { index: 6, expected: tree.root(), found }));
}

#[test]
fn batch_and_sequence_of_writes_agree() {
    for count in [0, 1, 3, 64, 300] {
        let updates = updates(count, AccountsTree::LEAVES);
        let (mut one_by_one, mut batched) = (AccountsTree::new(), AccountsTree::new());
        one_by_one.set(77, Fr::from(5));
        batched.set(77, Fr::from(5));
        updates.iter().for_each(|(index, leaf)| one_by_one.set(*index, *leaf));
        batched.set_batch(&updates);
        assert_eq!(one_by_one, batched, "{count} updates");
    }
}

#[test]
fn batch_of_a_repeated_index_keeps_the_last_leaf() {
    let mut tree = OrdersTree::orders();
    tree.set_batch(&[(9, Fr::from(1)), (9, Fr::from(2))]);
    assert_eq!(tree.leaf(9), Fr::from(2));
}

#[test]
fn batch_hashes_every_touched_node_once() {
    let mut tree = Tree::<3>::new();
    let all: Vec<(u64, Fr)> = (0..64).map(|i| (i, Fr::from(i + 1))).collect();
    assert_eq!(tree.set_batch(&all), 16 + 4 + 1);
    assert_eq!(tree.set_batch(&[(0, Fr::from(5)), (3, Fr::from(6))]), 3);
    assert_eq!(tree.set_batch(&[]), 0);
}

#[test]
fn leaf_written_back_to_empty_leaves_no_trace() {
    let mut tree = OrdersTree::orders();
    tree.set(200, Fr::from(1));
    tree.set(200, OrderSlot::default().hash());
    assert_eq!(tree, OrdersTree::orders());
    assert!(tree.groups.iter().all(HashMap::is_empty));
}

#[test]
fn running_view_gives_paths_under_the_running_root_and_leaves_the_tree_alone() {
    let mut tree = AccountsTree::new();
    tree.set_batch(&updates(20, 64));
    let before = tree.clone();
    let mut oracle = tree.clone();
    let mut running = tree.running();
    for (index, leaf) in updates(30, 50) {
        assert_eq!(running.path(index), oracle.path(index));
        let old = oracle.leaf(index);
        let old_root = running.root();
        let path = running.set(index, leaf);
        assert_eq!(verify(old_root, index, old, &path), Ok(()));
        oracle.set(index, leaf);
        assert_eq!(verify(running.root(), index, leaf, &path), Ok(()));
        assert_eq!(running.root(), oracle.root());
    }
    let changes = running.into_changes();
    assert_eq!(tree, before);
    tree.absorb(changes);
    assert_eq!(tree, oracle);
}

#[test]
#[should_panic(expected = "the tree changed under its view")]
fn changes_of_another_tree_are_not_absorbed() {
    let mut tree = Tree::<2>::new();
    let mut running = tree.running();
    running.set(1, Fr::from(1));
    let changes = running.into_changes();
    tree.set(2, Fr::from(2));
    tree.absorb(changes);
}

#[test]
#[should_panic(expected = "leaf 16 in a tree of 16 leaves")]
fn index_beyond_the_leaves_panics() {
    Tree::<2>::new().leaf(16);
}
