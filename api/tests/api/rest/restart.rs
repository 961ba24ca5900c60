//! The read model is the same after a replay.

use crate::rest::harness::{deployment, Server, Setup};
use novation_api::rest::{Books, Publication};
use novation_sequencer::{Event, Execution};
use novation_state::crypto::viewing::ViewingKey;
use novation_state::ledger::Ledger;
use novation_state::markets::Markets;
use novation_state::message::{Action, Side};
use novation_state::units::AccountSlot;

/// Everything that the books say.
fn everything(books: &Books) -> String {
    let state = books.read();
    let batches = state.batches.page(None, 500);
    let details: Vec<_> = batches.iter().map(|batch| state.batches.get(batch.number).unwrap().detail()).collect();
    let mut all = serde_json::to_string(&(details, state.batches.auctions(None, 500))).unwrap();
    for (slot, book) in &state.accounts {
        let told = (book.orders(None, false, 500), book.commands(None, 500), book.fills(None, 500), book.nonces());
        all += &format!("{slot:?} {} {:?}", serde_json::to_string(&told).unwrap(), book.leaf);
    }
    all + &format!("{:?} {:?} {:?}", state.markets, state.leaves.keys(), state.deposits)
}

#[tokio::test]
async fn books_of_a_replayed_log_are_the_same() {
    let (sender, effects) = std::sync::mpsc::channel();
    let server = Server::start_observed(Setup::default(), sender).await;
    server.trade(1, 7).await;
    let trader = &server.traders[2];
    server.send(2, trader.order(2, Side::Buy, 90_000, 1_000), Execution::UntilValid).await;
    server.post("/v1/commands", &trader.command(3, 1, Action::Epoch)).await;
    server.window().await;
    let batch = server.batch().await;
    server.batch().await;
    for batch in 1..=batch {
        server.event(Event::Proven { batch }).await;
    }
    server.trade(5, 2).await;

    let ledger = Ledger::genesis(deployment(), ViewingKey::from_seed(&[0xaa; 32]).public());
    let again = Books::new(&ledger, &Markets::new(), Publication::PricesAndLots);
    for effects in effects.try_iter() {
        again.hear(&effects);
    }
    let first = everything(&server.books);
    assert_eq!(everything(&again), first);
    assert!(
        first.contains("\"stage\":\"accepted\"") && first.contains("epoch_over") && first.contains("\"fee\":\"70\"")
    );
    assert!(again.read().leaf(AccountSlot::new(1).unwrap()).is_some());
}
