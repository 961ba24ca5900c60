//! Batches of the real ledger on the real contract: deposits through the queue, trades, withdrawals, decoys, with the root
//! of the contract compared to the ledger's after each. Only the proofs are simulated.

use crate::common::chains::{on_every_chain, TestChain};
use crate::common::setup::final_deposits;
use crate::common::venue::Venue;
use alloy::eips::BlockId;
use novation_state::size::TINY;

async fn run(chain: TestChain, seed: u64) {
    let mut venue = Venue::new(chain, seed).await;
    while venue.world.traders.len() < TINY.accounts + 2 {
        let input = venue.newcomers();
        venue.run(input).await;
    }
    for _ in 0..6 {
        let input = venue.random().await;
        venue.run(input).await;
    }
    // Nothing was refused and nothing is left over: the vault holds exactly what the ledger says.
    let Venue { setup, world } = venue;
    let (inside, owed) = setup.l1.balances(BlockId::latest()).await.expect("answered");
    let accounts: i128 = world.ledger.accounts().map(|(_, account)| account.leaf.cash.get()).sum();
    assert_eq!(inside as i128, accounts + world.ledger.house().total());
    let held = setup.l1.collateral_of(setup.l1.contract(), BlockId::latest()).await.expect("answered");
    assert_eq!(held.to::<u128>(), inside + owed);
    let queue = final_deposits(&setup).await;
    assert_eq!(queue.len() as u64, world.ledger.head().deposits);
}

#[tokio::test]
async fn ledger_and_contract_agree_on_random_batches() {
    on_every_chain(async |chain| run(chain, 1).await).await;
}
