//! Nobody learns a fill before its batch, not even whose it is; and nobody learns of others.

use crate::rest::harness::{Server, Setup};
use novation_sequencer::Execution;
use novation_state::message::{Action, Order, Side};
use novation_state::units::Time;
use serde_json::{json, Value};

/// Every read that the first trader can make, signed ones too.
async fn everything(server: &Server) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for path in ["/v1/health", "/v1/marks", "/v1/auctions", "/v1/batches", "/v1/accounts/1/leaf", "/v1/accounts/2/leaf"]
    {
        all.push((path.to_owned(), server.get(path).await.1));
    }
    let own = ["/v1/account", "/v1/account/orders", "/v1/account/orders?open=true", "/v1/account/fills"];
    for path in own {
        all.push((path.to_owned(), server.read(0, path).await.1));
    }
    let orders = json!({"orders": [
        {"instrument": 1, "side": "buy", "lots": 2_000, "limit": 1_000},
        {"instrument": 1, "side": "sell", "lots": 3, "limit": 1_000, "reduce_only": true},
    ]});
    let answer = server.post_as(&server.credential(0), "/v1/account/what-if", &orders).await;
    all.push(("what-if".to_owned(), answer.1));
    all
}

/// Takes the counterparty's side or another price, which does not trade.
fn counter(server: &Server, trades: bool) -> Order {
    server.traders[1].order(1, Side::Sell, 4_000, if trades { 1_000 } else { 1_400 })
}

/// Three orders of the first trader: one that trades if the other side is there, one for the window, one that then
/// lacks margin. Then a window, and what makes the first one over.
async fn story(trades: bool, end: fn(&mut Order)) -> (Server, Vec<Vec<(String, Value)>>) {
    let server = Server::start(Setup::default()).await;
    let mut reads = Vec::new();
    let trader = &server.traders[0];
    let mut first = trader.order(1, Side::Buy, 4_000, 1_000);
    end(&mut first);
    server.send(0, first, Execution::UntilValid).await;
    server.send(0, trader.order(2, Side::Buy, 3_000, 990), Execution::ThisWindow).await;
    server.send(1, counter(&server, trades), Execution::UntilValid).await;
    server.window().await;
    reads.push(everything(&server).await);
    // If the first one traded, this one lacks margin and the reason counts the fill; if not, it lacks it behind the open one.
    server.send(0, trader.order(3, Side::Buy, 9_000, 1_000), Execution::UntilValid).await;
    server.send(0, trader.order(4, Side::Sell, 1_000, 1_000), Execution::UntilValid).await;
    server.wait(30);
    server.window().await;
    reads.push(everything(&server).await);
    let mut replacing = trader.order(1, Side::Buy, 1, 500);
    replacing.binding.nonce = 2;
    replacing.valid_until = Time::MAX;
    server.send(0, replacing, Execution::UntilValid).await;
    server.window().await;
    reads.push(everything(&server).await);
    (server, reads)
}

#[tokio::test]
async fn until_its_batch_a_fill_changes_no_answer() {
    for end in
        [(|_| {}) as fn(&mut Order), |order| order.valid_until = Time::new(order.valid_until.get() - 3_580).unwrap()]
    {
        let (traded, with) = story(true, end).await;
        let (quiet, without) = story(false, end).await;
        let unannounced = traded.handle.inspect(|engine| engine.backlog().windows).await.unwrap();
        assert_eq!(unannounced, 1, "the story is about a fill that waits for its batch");
        assert_eq!(quiet.handle.inspect(|engine| engine.backlog().windows).await.unwrap(), 0);
        for (moment, (with, without)) in with.iter().zip(&without).enumerate() {
            for ((path, with), (_, without)) in with.iter().zip(without) {
                assert_eq!(with, without, "{path}, moment {moment}");
            }
        }
        // With its batch everything is there.
        traded.batch().await;
        quiet.batch().await;
        let (_, fills) = traded.read(0, "/v1/account/fills").await;
        assert_eq!(fills[0]["lots"], json!(4_000));
        assert_eq!(quiet.read(0, "/v1/account/fills").await.1, json!([]));
        let (_, orders) = traded.read(0, "/v1/account/orders").await;
        assert_eq!((&orders[0]["state"], &orders[0]["lapsed"]), (&json!("filled"), &json!(null)));
        // Only now is it said why the third one stayed out.
        assert_eq!(orders[2]["deferred"]["code"], json!("margin"));
    }
}

#[tokio::test]
async fn reasons_are_held_back_until_their_window_is_announced() {
    let server = Server::start(Setup::default()).await;
    let position = server.send(0, server.traders[0].order(1, Side::Buy, 20_000, 1_000), Execution::UntilValid).await;
    server.window().await;
    let path = format!("/v1/account/orders/{position}");
    assert_eq!(server.read(0, &path).await.1["order"]["deferred"], json!(null));
    server.batch().await;
    let deferred = &server.read(0, &path).await.1["order"]["deferred"];
    assert_eq!((&deferred["code"], &deferred["window"]), (&json!("margin"), &json!(1)));
}

#[tokio::test]
async fn strangers_learn_no_nonce_epoch_or_rate_of_an_account() {
    let quiet = Server::start(Setup::default()).await;
    let busy = Server::start(Setup::default()).await;
    busy.send(0, busy.traders[0].order(1, Side::Buy, 5, 900), Execution::UntilValid).await;
    let epoch = busy.traders[0].command(2, 7, Action::Epoch);
    assert_eq!(busy.post("/v1/commands", &epoch).await.0, 200);
    for server in [&quiet, &busy] {
        let stranger = &server.traders[1];
        for (order_slot, nonce, epoch) in [(1, 1, 0), (2, 7, 0), (3, 1, 0), (3, 1, 9)] {
            let mut order = server.traders[0].order(order_slot, Side::Sell, 5, 900);
            (order.binding.nonce, order.binding.epoch) = (nonce, epoch);
            let (status, body) = server.post("/v1/orders", &stranger.sign(order, Execution::UntilValid)).await;
            let message =
                "the signature of account 1 is refused: the signature does not belong to this key and message";
            let expected = json!({"error": {"code": "signature", "field": "signature", "message": message}});
            assert_eq!((status, body), (422, expected));
        }
    }
}

#[tokio::test]
async fn what_others_do_changes_no_public_answer_but_with_a_batch() {
    let server = Server::start(Setup::default()).await;
    let before = everything(&server).await;
    for order_slot in 1..20 {
        let order = server.traders[1].order(order_slot, Side::Sell, 5, 1_200);
        server.send(1, order, Execution::UntilValid).await;
    }
    assert_eq!(everything(&server).await, before);
}
