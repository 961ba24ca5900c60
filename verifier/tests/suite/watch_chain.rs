//! The watcher on honest chains: what it rebuilds is the ledger's, whatever reorgs it saw, and paths lead to the root.

use crate::common::chains::{on_every_chain, TestChain};
use crate::common::venue::Venue;
use novation_state::trace::{Path, ACCOUNTS_DEPTH};
use novation_state::tree;
use novation_verifier::encoding::from_hex_word;
use novation_verifier::watch::view::{AccountView, LeafView};
use novation_verifier::watch::{Limits, Picture, WatchConfig, Watcher};

/// Limits that the simulated clock of a world does not reach.
pub fn patient() -> Limits {
    let never = u64::MAX;
    Limits {
        queue_seconds: never,
        batch_seconds: never,
        mark_seconds: never,
        settlement_seconds: never,
        odd_percent: u32::MAX,
    }
}

pub fn config() -> WatchConfig {
    WatchConfig { limits: patient(), ..WatchConfig::default() }
}

pub async fn watcher(venue: &Venue, config: WatchConfig) -> Watcher {
    Watcher::new(venue.setup.l1.clone(), config).await.expect("the deployment is found")
}

/// What everybody is served.
fn served(picture: &Picture) -> String {
    assert_eq!(picture.distrust(), None);
    let accounts: Vec<Option<AccountView>> = (0..64).map(|slot| picture.account(slot)).collect();
    let batches = picture.batches(u32::MAX, usize::MAX);
    serde_json::json!([picture.status(), accounts, batches, picture.markets()]).to_string()
}

/// A watcher that has seen everything so far serves what one serves that starts now.
async fn same_as_fresh(venue: &Venue, watcher: &mut Watcher) {
    assert!(watcher.poll().await.synced);
    let mut fresh = self::watcher(venue, config()).await;
    assert!(fresh.poll().await.synced);
    let (old, fresh) = (watcher.shared(), fresh.shared());
    assert_eq!(served(&old.read()), served(&fresh.read()));
}

/// The leaf stands under the root, by the path, for whoever knows nothing else.
fn verify(slot: u32, view: &LeafView) {
    let element = |text: &str| from_hex_word(text).expect("an element");
    let path: Vec<[ark_bn254::Fr; 3]> =
        view.path.iter().map(|level| level.each_ref().map(|text| element(text))).collect();
    let path: Path<ACCOUNTS_DEPTH> = path.try_into().expect("as deep as the tree");
    tree::verify(element(&view.root), u64::from(slot), element(&view.leaf), &path).expect("the path leads to the root");
}

async fn follows(chain: TestChain) {
    let mut venue = Venue::new(chain, 3).await;
    let mut watcher = watcher(&venue, config()).await;
    let shared = watcher.shared();
    let mut raised = Vec::new();
    for round in 0..6 {
        let input = if round < 3 { venue.newcomers() } else { venue.random().await };
        venue.run(input).await;
        raised.extend(watcher.poll().await.raised.into_iter().filter(|alarm| alarm.name != "odd_mark"));
        let picture = shared.read();
        assert_eq!(picture.distrust(), None);
        assert_eq!(picture.newest().tree, *venue.world.ledger.tree(), "round {round}");
        assert_eq!(picture.newest().markets.root(), venue.world.markets.root());
        assert_eq!(u64::from(picture.status().accepted.batch), venue.world.ledger.head().batch);
        assert!(picture.status().settled.batch < picture.status().accepted.batch, "the newest is not final yet");
    }
    assert_eq!(raised, []);
    venue.setup.chain.finalize().await;
    assert!(watcher.poll().await.synced);
    everything_is_final(&venue, &shared.read());
    same_as_fresh(&venue, &mut watcher).await;
}

fn everything_is_final(venue: &Venue, picture: &Picture) {
    assert_eq!((picture.settled().batch, picture.unfinal()), (6, 0));
    assert_eq!(picture.settled().tree, *venue.world.ledger.tree());
    for (slot, account) in venue.world.ledger.accounts() {
        let view = picture.account(slot.get() as u32).expect("opened");
        for leaf in [view.accepted, view.settled] {
            let leaf = leaf.expect("opened in both");
            assert_eq!(leaf.leaf, novation_verifier::encoding::to_hex_word(&account.leaf.hash()));
            verify(slot.get() as u32, &leaf);
        }
    }
    assert_eq!(picture.account(4_000_000), None);
    let batch = picture.batch(6).expect("kept");
    assert_eq!((batch.status, batch.slots.len()), ("final", venue.world.size.accounts));
}

#[tokio::test]
async fn watcher_rebuilds_the_ledger_from_l1_alone() {
    on_every_chain(follows).await;
}

#[tokio::test]
async fn reorgs_below_and_above_batches_leave_what_a_fresh_watcher_sees() {
    on_every_chain(async |chain| {
        let mut venue = Venue::new(chain, 4).await;
        let mut watcher = watcher(&venue, config()).await;
        let input = venue.newcomers();
        venue.run(input).await;
        venue.setup.chain.finalize().await;
        same_as_fresh(&venue, &mut watcher).await;
        for lost in 1..=2 {
            // Batches above the fork are seen and taken back; others come instead.
            let (snapshot, before) = (venue.setup.chain.snapshot().await, venue.world.clone());
            for _ in 0..lost {
                let input = venue.newcomers();
                venue.run(input).await;
                assert!(watcher.poll().await.synced);
            }
            venue.setup.chain.revert(snapshot).await;
            venue.world = before;
            // As high as before: what was final stays so, also for one who starts now.
            venue.setup.chain.mine(10).await;
            same_as_fresh(&venue, &mut watcher).await;
            let input = venue.random().await;
            venue.run(input).await;
            same_as_fresh(&venue, &mut watcher).await;
            // A reorg above the batch leaves it where it is.
            let snapshot = venue.setup.chain.snapshot().await;
            venue.setup.chain.mine(2).await;
            assert!(watcher.poll().await.synced);
            venue.setup.chain.revert(snapshot).await;
            venue.setup.chain.set_time(venue.setup.chain.time().await + 50).await;
            venue.setup.chain.mine(3).await;
            same_as_fresh(&venue, &mut watcher).await;
        }
        let picture = watcher.shared();
        assert_eq!(picture.read().newest().tree, *venue.world.ledger.tree());
    })
    .await;
}
