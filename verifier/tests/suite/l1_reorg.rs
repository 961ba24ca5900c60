//! Reorgs of L1: what was seen and is gone must not count, what was submitted and is gone must be submitted again.

use crate::common::chains::{on_every_chain, FINALIZED_DEPTH};
use crate::common::setup::{deposit_request, Belief, Setup};
use alloy::eips::BlockId;
use alloy::primitives::U256;
use novation_verifier::l1::bindings::Novation::{self, NovationErrors, NovationEvents};
use novation_verifier::l1::{word, DepositReader, Event, L1Error, Revert};

fn deposits(events: &[Event]) -> Vec<(u64, u128)> {
    let deposit = |event: &Event| match &event.event {
        NovationEvents::Deposited(d) => Some((d.index.to(), d.amount.to())),
        _ => None,
    };
    events.iter().filter_map(deposit).collect()
}

fn batches(events: &[Event]) -> Vec<u32> {
    let batch = |event: &Event| match &event.event {
        NovationEvents::BatchAccepted(b) => Some(b.batch),
        _ => None,
    };
    events.iter().filter_map(batch).collect()
}

#[tokio::test]
async fn deposit_counts_when_its_block_is_final_and_not_before() {
    on_every_chain(async |chain| {
        let setup = Setup::new(chain).await;
        let [alice, bob] = setup.depositors;
        let mut reader = DepositReader::new(setup.l1.clone(), setup.start);
        let mut amounts = Vec::new();
        setup.deposit(alice, 1, 100).await;
        let first = setup.chain.height().await;
        setup.deposit(bob, 2, 200).await;
        while setup.chain.height().await < first + FINALIZED_DEPTH + 1 {
            let height = setup.chain.height().await;
            amounts.extend(reader.poll().await.expect("a consistent queue").iter().map(|d| d.amount));
            let expected: &[u128] = if height >= first + FINALIZED_DEPTH { &[100] } else { &[] };
            assert_eq!(amounts, expected, "height {height}, deposit at {first}");
            setup.chain.mine(1).await;
        }
        let second = reader.poll().await.expect("a consistent queue");
        assert_eq!(second.iter().map(|d| (d.index, d.amount, d.depositor)).collect::<Vec<_>>(), [(1, 200, bob)]);
        assert_eq!(reader.poll().await.expect("nothing new"), []);
        assert_eq!(reader.next_index(), 2);
    })
    .await;
}

#[tokio::test]
async fn deposit_that_was_reorged_away_is_not_credited() {
    on_every_chain(async |chain| {
        let setup = Setup::new(chain).await;
        let [alice, bob] = setup.depositors;
        let mut reader = DepositReader::new(setup.l1.clone(), setup.start);
        let (mut follower, mut belief) = (setup.follower(), Belief::default());

        let before = setup.chain.snapshot().await;
        setup.deposit(alice, 1, 100).await;
        belief.apply(follower.step().await.expect("read"));
        assert_eq!(deposits(&belief.events), [(0, 100)], "seen, and not final");
        assert_eq!(reader.poll().await.expect("a consistent queue"), []);

        // Alice's block is replaced by one in which Bob's deposit takes the same place of the queue.
        setup.chain.revert(before).await;
        setup.deposit(bob, 2, 200).await;
        belief.apply(follower.step().await.expect("read"));
        assert_eq!((deposits(&belief.events), belief.rollbacks), (vec![(0, 200)], 1));
        assert_eq!(reader.poll().await.expect("a consistent queue"), []);

        setup.chain.finalize().await;
        let credited = reader.poll().await.expect("a consistent queue");
        assert_eq!(credited.iter().map(|d| (d.index, d.amount, d.depositor)).collect::<Vec<_>>(), [(0, 200, bob)]);
        belief.apply(follower.step().await.expect("read"));
        assert_eq!((deposits(&belief.events), belief.rollbacks), (vec![(0, 200)], 1));

        // A batch that consumes what was reorged away does not match the queue.
        setup.accept_markets().await;
        let mut ghost = credited[0].clone();
        let request = deposit_request(1, 100);
        (ghost.owner_eighth, ghost.viewing_eighth) = (request.owner_eighth, request.viewing_eighth);
        (ghost.amount, ghost.depositor) = (100, alice);
        let stale = setup.next_batch(&[ghost], None).await;
        match setup.l1.submit_batch(setup.operator, &stale).await {
            Err(L1Error::Reverted(Revert::Contract(error))) => {
                let mismatch = Novation::DepositMismatch { index: U256::ZERO };
                assert_eq!(*error, NovationErrors::DepositMismatch(mismatch));
            }
            other => panic!("{other:?}"),
        }
        let batch = setup.next_batch(&credited, None).await;
        setup.l1.submit_batch(setup.operator, &batch).await.expect("accepted");
        assert_eq!(setup.l1.balances(BlockId::latest()).await.expect("answered"), (200, 0));
    })
    .await;
}

#[tokio::test]
async fn batch_that_was_reorged_away_is_submitted_again_as_it_was() {
    on_every_chain(async |chain| {
        let setup = Setup::new(chain).await;
        setup.accept_markets().await;
        let (mut follower, mut belief) = (setup.follower(), Belief::default());
        let submission = setup.next_batch(&[], None).await;
        let genesis = setup.l1.head(BlockId::latest()).await.expect("answered").root;

        let before = setup.chain.snapshot().await;
        let lost = setup.l1.submit_batch(setup.operator, &submission).await.expect("accepted");
        belief.apply(follower.step().await.expect("read"));
        assert_eq!(batches(&belief.events), [1]);

        setup.chain.revert(before).await;
        belief.apply(follower.step().await.expect("read"));
        assert_eq!((batches(&belief.events), belief.rollbacks), (vec![], 1));
        assert_eq!(setup.l1.head(BlockId::latest()).await.expect("answered").root, genesis);

        // The same words and the same proof: nothing in a batch depends on the block that it lands in.
        setup.chain.mine(2).await;
        let again = setup.l1.submit_batch(setup.operator, &submission).await.expect("accepted again");
        assert!(again.block_number > lost.block_number);
        belief.apply(follower.step().await.expect("read"));
        assert_eq!((batches(&belief.events), belief.rollbacks), (vec![1], 1));
        let head = setup.l1.head(BlockId::latest()).await.expect("answered");
        assert_eq!(head.root, word(&submission.batch.header.new_root));
        setup.chain.finalize().await;
        let step = follower.step().await.expect("read");
        assert!(step.finalized >= again.block_number.expect("mined") && step.events.is_empty());
    })
    .await;
}

#[tokio::test]
async fn follower_that_slept_through_reorgs_ends_with_the_chain_that_is() {
    on_every_chain(async |chain| {
        let setup = Setup::new(chain).await;
        let [alice, bob] = setup.depositors;
        let (mut follower, mut belief) = (setup.follower().with_page(2), Belief::default());
        let (mut amount, mut kept) = (1, Vec::new());
        for round in 0..4u64 {
            let before = setup.chain.snapshot().await;
            for _ in 0..=round {
                setup.deposit(alice, 1, 1_000 + amount).await;
                amount += 1;
            }
            if round % 2 == 0 {
                belief.apply(follower.step().await.expect("read"));
            }
            setup.chain.revert(before).await;
            setup.chain.mine(round).await;
            setup.deposit(bob, 2, amount).await;
            kept.push((round, amount));
            amount += 1;
        }
        belief.apply(follower.step().await.expect("read"));
        assert_eq!(deposits(&belief.events), kept);
        // Whoever starts now, page by page, reads the same.
        setup.chain.finalize().await;
        let mut fresh = Belief::default();
        fresh.apply(setup.follower().with_page(1).step().await.expect("read"));
        assert_eq!(fresh.events, belief.events);
    })
    .await;
}

#[tokio::test]
async fn reorg_of_final_blocks_stops_every_reader() {
    on_every_chain(async |chain| {
        let setup = Setup::new(chain).await;
        let [alice, bob] = setup.depositors;
        let mut reader = DepositReader::new(setup.l1.clone(), setup.start);
        let mut follower = setup.follower();
        let before = setup.chain.snapshot().await;
        setup.deposit(alice, 1, 100).await;
        setup.chain.finalize().await;
        assert_eq!(reader.poll().await.expect("a consistent queue").len(), 1);
        follower.step().await.expect("read");
        // Ethereum does not do this; a reader that is told so must not go on.
        setup.chain.revert(before).await;
        setup.deposit(bob, 2, 200).await;
        setup.chain.finalize().await;
        for error in [reader.poll().await.expect_err("stops"), follower.step().await.expect_err("stops")] {
            assert!(matches!(error, L1Error::FinalityViolated { .. }), "{error}");
        }
    })
    .await;
}
