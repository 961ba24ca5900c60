//! Signed reads: who may, and what they say.

use crate::rest::harness::{credential, deployment, error, Server, Setup, CASH, START};
use novation_sequencer::Execution;
use novation_state::ledger::Deployment;
use novation_state::message::Side;
use serde_json::{json, Value};

#[tokio::test]
async fn reads_without_the_owners_word_are_refused() {
    let server = Server::start(Setup::default()).await;
    let [first, second, ..] = &server.traders[..] else { panic!("three traders") };
    let good = first.credential(START + 60);
    let stranger = credential(&second.key, first.slot, deployment(), START + 60);
    let elsewhere = credential(&first.key, first.slot, Deployment::new(1, [7; 20]), START + 60);
    let unopened = credential(&first.key, crate::rest::harness::Trader::new(60).slot, deployment(), START + 60);
    let other_account = good.replacen("Novation 1.", "Novation 2.", 1);
    let longer = good.replacen(&(START + 60).to_string(), &(START + 61).to_string(), 1);
    let cases = [
        (stranger, "authorization_refused"),
        (elsewhere, "authorization_refused"),
        (unopened, "authorization_refused"),
        (other_account, "authorization_refused"),
        (longer, "authorization_refused"),
        (first.credential(START - 1), "authorization_expired"),
        (first.credential(START + 3_601), "authorization_too_long"),
        ("Bearer x".into(), "authorization_malformed"),
        ("Novation 1.2".into(), "authorization_malformed"),
        ("Novation +1.1800000001.0x00".into(), "authorization_malformed"),
        (good.replace("0x", ""), "authorization_malformed"),
    ];
    let routes =
        ["/v1/account", "/v1/account/orders", "/v1/account/orders/1", "/v1/account/commands", "/v1/account/fills"];
    for (credential, code) in &cases {
        for route in routes {
            let (status, body) = server.get_as(credential, route).await;
            assert_eq!((status, error(&body)), (401, (*code, "Authorization")), "{route} as {credential}");
        }
        let (status, body) = server.post_as(credential, "/v1/account/what-if", &json!({"orders": []})).await;
        assert_eq!((status, error(&body)), (401, (*code, "Authorization")));
    }
    let (status, body) = server.get("/v1/account").await;
    assert_eq!((status, error(&body)), (401, ("authorization_missing", "Authorization")));
    assert_eq!(server.get_as(&first.credential(START + 3_600), "/v1/account").await.0, 200);
    assert_eq!(server.get_as(&good, "/v1/account").await.0, 200);
    server.wait(61);
    let (status, body) = server.get_as(&good, "/v1/account").await;
    assert_eq!((status, error(&body)), (401, ("authorization_expired", "Authorization")));
}

#[tokio::test]
async fn account_shows_equity_margin_scenarios_and_nonces_of_announced_fills() {
    let server = Server::start(Setup::default()).await;
    let [bought, sold] = server.trade(4, 7).await;
    let batch = server.batch().await;
    let (_, account) = server.read(0, "/v1/account").await;
    let cash = CASH - 7 * 10;
    let worst = 7 * 100_000;
    assert_eq!(
        account["standing"],
        json!({
            "equity": cash.to_string(), "initial": worst.to_string(), "maintenance": (worst * 3 / 4).to_string(),
            "withdrawable": (cash - worst).to_string(),
        })
    );
    let position =
        json!([{"instrument": 1, "name": "#1", "lots": 7, "mark": 1_000, "value": "7000000", "settled": false}]);
    assert_eq!((&account["positions"], &account["batch"], &account["epoch"]), (&position, &json!(batch), &json!(0)));
    let scenario = &account["scenarios"][0];
    assert_eq!(
        (&scenario["underlying"], &scenario["asset"], &scenario["worst"]),
        (&json!(0), &json!("BTC"), &json!("700000"))
    );
    let losses: Vec<&str> = scenario["losses"].as_array().unwrap().iter().map(|loss| loss.as_str().unwrap()).collect();
    assert_eq!((losses.len(), &losses[..3]), (16, &["-700000", "700000", "0"][..]));
    assert_eq!(
        (account["scenarios"].as_array().unwrap().len(), &account["nonces"]),
        (1, &json!([{"order_slot": 4, "next": 2}]))
    );
    let (_, other) = server.read(1, "/v1/account").await;
    assert_eq!((&other["positions"][0]["lots"], &other["scenarios"][0]["losses"][0]), (&json!(-7), &json!("700000")));

    let (_, fills) = server.read(0, "/v1/account/fills").await;
    let fill = json!({"id": 1, "position": bought, "window": 1, "instrument": 1, "side": "buy", "price": 1_000, "lots": 7, "fee": "70", "batch": batch});
    assert_eq!(fills, json!([fill]));
    assert_eq!(server.read(0, "/v1/account/fills?after=1").await.1, json!([]));
    assert_eq!(server.read(0, "/v1/account/fills?after=0&limit=5").await.1, json!([fill]));
    // Nobody sees another's.
    let (status, body) = server.read(0, &format!("/v1/account/orders/{sold}")).await;
    assert_eq!((status, error(&body)), (404, ("no_order", "position")));
    assert_eq!(server.read(2, "/v1/account/fills").await.1, json!([]));
    assert_eq!(server.read(2, "/v1/account/orders").await.1, json!([]));
}

#[tokio::test]
async fn orders_are_listed_with_their_state_and_the_same_receipt() {
    let server = Server::start(Setup::default()).await;
    let trader = &server.traders[0];
    let request = trader.sign(trader.order(1, Side::Buy, 5, 900), Execution::UntilValid);
    let (_, receipt) = server.post("/v1/orders", &request).await;
    let rests = receipt["position"].as_u64().unwrap();
    let briefly = server.send(0, trader.order(2, Side::Buy, 6, 900), Execution::ThisWindow).await;
    let mut short = trader.order(3, Side::Buy, 7, 900);
    short.valid_until = novation_state::units::Time::new(START + 5).unwrap();
    let short = server.send(0, short, Execution::UntilValid).await;
    server.wait(6);
    server.window().await;
    let mut newer = trader.order(1, Side::Sell, 1, 1_100);
    newer.binding.nonce = 2;
    let newer = server.send(0, newer, Execution::UntilValid).await;
    let (_, orders) = server.read(0, "/v1/account/orders").await;
    let seen = |order: &Value| {
        let reason = order["lapsed"]["code"].as_str().unwrap_or("").to_owned();
        (order["position"].as_u64().unwrap(), order["state"].as_str().unwrap().to_owned(), reason)
    };
    let expected = [
        (rests, "lapsed", "replaced"),
        (briefly, "lapsed", "window_over"),
        (short, "lapsed", "expired"),
        (newer, "open", ""),
    ];
    let expected: Vec<_> = expected.iter().map(|(p, s, r)| (*p, s.to_string(), r.to_string())).collect();
    assert_eq!(orders.as_array().unwrap().iter().map(seen).collect::<Vec<_>>(), expected);
    let (_, open) = server.read(0, "/v1/account/orders?open=true").await;
    assert_eq!(open.as_array().unwrap().iter().map(seen).collect::<Vec<_>>(), expected[3..]);
    let (_, page) = server.read(0, &format!("/v1/account/orders?after={rests}&limit=1")).await;
    assert_eq!(page.as_array().unwrap().iter().map(seen).collect::<Vec<_>>(), expected[1..2]);
    let (_, detail) = server.read(0, &format!("/v1/account/orders/{rests}")).await;
    assert_eq!(
        (&detail["receipt"], &detail["order"]["limit"], &detail["order"]["left"]),
        (&receipt, &json!(900), &json!(5))
    );
}

#[tokio::test]
async fn what_if_says_margin_before_and_after_and_why_not() {
    let server = Server::start(Setup::default()).await;
    let order =
        |side: &str, lots: i64, limit: i64| json!({"instrument": 1, "side": side, "lots": lots, "limit": limit});
    let ask = |orders: Value| {
        let server = &server;
        async move { server.post_as(&server.credential(0), "/v1/account/what-if", &json!({ "orders": orders })).await }
    };
    let before = server.head().await;
    let (status, answer) =
        ask(json!([order("buy", 1_000, 1_000), order("sell", 5, 1_000), order("buy", 10_000, 1_000)])).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["before"]["equity"], json!(CASH.to_string()));
    let after = CASH - 1_000 * 10;
    assert_eq!(answer["after"]["equity"], json!(after.to_string()));
    assert_eq!(answer["after"]["initial"], json!("100000000"));
    assert_eq!(answer["after"]["withdrawable"], json!((after - 100_000_000).to_string()));
    assert_eq!(answer["orders"][0], json!({"admitted": true, "lots": 1_000, "reason": null}));
    assert_eq!(answer["orders"][1]["reason"]["code"], json!("self_cross"));
    assert_eq!(answer["orders"][1]["reason"]["message"], json!("the order crosses orders[0] of this request"));
    assert_eq!(answer["orders"][2]["reason"]["code"], json!("margin"));
    // Behind an open order.
    server.send(0, server.traders[0].order(1, Side::Buy, 9_000, 1_000), Execution::UntilValid).await;
    let (_, answer) = ask(json!([order("buy", 1_000, 1_000)])).await;
    assert_eq!(answer["orders"][0]["reason"]["code"], json!("margin"));
    let mut unlisted = order("buy", 1, 1);
    unlisted["instrument"] = json!(8);
    assert_eq!(ask(json!([unlisted])).await.1["orders"][0]["reason"]["code"], json!("not_listed"));
    let mut dear = order("buy", 1, 1);
    dear["fee_cap"] = json!("-1");
    let (status, body) = ask(json!([order("buy", 1, 1), dear])).await;
    assert_eq!((status, error(&body)), (422, ("invalid_value", "orders[1].fee_cap")));
    let mut far = order("buy", 1, 1);
    far["peg_offset"] = json!(-1_i64 << 32);
    let (status, body) = ask(json!([far])).await;
    assert_eq!((status, error(&body)), (422, ("peg_range", "orders[0].peg_offset")));
    let (status, body) = ask(json!([order("buy", 0, 1)])).await;
    assert_eq!((status, error(&body)), (422, ("empty_order", "orders[0].lots")));
    // In the words that an order that is sent gets.
    let empty = server.traders[0].sign(server.traders[0].order(2, Side::Buy, 0, 1_000), Execution::UntilValid);
    let (status, sent) = server.post("/v1/orders", &empty).await;
    assert_eq!((status, error(&sent)), (422, ("empty_order", "lots")));
    assert_eq!(sent["error"]["message"], body["error"]["message"]);
    assert_eq!(body["error"]["message"], json!("an order is for 0 lots: at least 1"));
    for count in [0, 33] {
        let (status, body) = ask(json!(vec![order("buy", 1, 1); count])).await;
        assert_eq!((status, error(&body)), (422, ("order_count", "orders")));
    }
    assert_eq!(server.head().await.position, before.position + 1);
}
