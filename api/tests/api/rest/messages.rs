//! Orders and commands: receipts, repetition, and every refusal.

use crate::rest::harness::{deployment, error, operator, Server, Setup, Trader, START};
use novation_api::wire::{CommandRequest, OrderRequest, PointJson, Receipt, Word};
use novation_sequencer::Execution;
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa::SecretKey;
use novation_state::message::{Action, Command, Side};
use novation_state::transition::SignedCommand;
use novation_state::units::Cash;
use serde_json::{json, Value};

/// A good order of the first trader as JSON, to be edited, and signed no more.
fn good(server: &Server) -> Value {
    let trader = &server.traders[0];
    let order = trader.order(9, Side::Buy, 5, 1_000);
    serde_json::to_value(trader.sign(order, Execution::UntilValid)).unwrap()
}

fn withdraw(amount: i128) -> Action {
    Action::Withdraw { amount: Cash::new(amount).unwrap(), recipient: [3; 20], chain: deployment().chain }
}

#[tokio::test]
async fn receipt_is_signed_by_the_operator_and_the_same_for_the_same_message() {
    let server = Server::start(Setup::default()).await;
    let trader = &server.traders[0];
    let order = trader.order(1, Side::Buy, 5, 1_000);
    let request = trader.sign(order, Execution::UntilValid);
    let send = || async {
        let answer = server.http.post(format!("{}/v1/orders", server.url)).json(&request).send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap())
    };
    let (status, first) = send().await;
    assert_eq!(status, 200);
    let receipt: Receipt = serde_json::from_slice(&first).unwrap();
    assert_eq!(receipt.message, Word(order.hash()));
    assert_eq!(receipt.signed().unwrap().verify(&operator().public(), &deployment().id), Ok(()));
    let head = server.head().await;
    assert_eq!((receipt.position, receipt.root.0), (head.position, head.root));
    server.window().await;
    let between = server.head().await;
    assert_eq!(send().await, (200, first));
    assert_eq!(server.head().await, between);

    // The same id, another message.
    let other = trader.order(1, Side::Buy, 6, 1_000);
    let (status, body) = server.post("/v1/orders", &trader.sign(other, Execution::UntilValid)).await;
    assert_eq!((status, error(&body)), (409, ("nonce_seen", "nonce")));

    let cancel = trader.command(1, 1, Action::Cancel);
    let (status, receipt) = server.post("/v1/commands", &cancel).await;
    assert_eq!(status, 200);
    assert_eq!(server.post("/v1/commands", &cancel).await, (200, receipt));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_its_field_and_changes_nothing() {
    let server = Server::start(Setup::default()).await;
    let before = server.head().await;
    let edits: [(&str, Value, u16, &str, &str); 15] = [
        ("deployment", json!("0x12"), 400, "invalid_field", "deployment"),
        ("deployment", json!(format!("0x{}", "f".repeat(64))), 400, "invalid_field", "deployment"),
        ("account", json!(1 << 24), 400, "invalid_field", "account"),
        ("account", json!("1"), 400, "invalid_field", "account"),
        ("order_slot", json!(256), 400, "invalid_field", "order_slot"),
        ("nonce", json!(-1), 400, "invalid_field", "nonce"),
        ("side", json!("hold"), 400, "invalid_field", "side"),
        ("lots", json!(1i64 << 40), 400, "invalid_field", "lots"),
        ("limit", json!(1.5), 400, "invalid_field", "limit"),
        ("valid_until", json!(-5), 400, "invalid_field", "valid_until"),
        ("fee_cap", json!(5), 400, "invalid_field", "fee_cap"),
        ("fee_cap", json!("007"), 400, "invalid_field", "fee_cap"),
        ("fee_cap", json!("4294967296"), 422, "invalid_value", "fee_cap"),
        ("signature", json!("0x00"), 400, "invalid_field", "signature"),
        ("colour", json!("red"), 400, "invalid_field", "colour"),
    ];
    for (field, value, status, code, at) in edits {
        let mut order = good(&server);
        order[field] = value.clone();
        let (found, body) = server.post("/v1/orders", &order).await;
        assert_eq!((found, error(&body)), (status, (code, at)), "{field} = {value}");
    }
    let mut order = good(&server);
    order.as_object_mut().unwrap().remove("nonce");
    let (status, body) = server.post("/v1/orders", &order).await;
    assert_eq!((status, error(&body)), (400, ("invalid_field", "nonce")));

    let raw = |body: &'static str, kind: &'static str| {
        server.http.post(format!("{}/v1/orders", server.url)).header("Content-Type", kind).body(body)
    };
    for (body, kind, status, code) in [
        ("{", "application/json", 400, "malformed_json"),
        ("{}", "application/json", 400, "invalid_field"),
        ("{} {}", "application/json", 400, "malformed_json"),
        ("", "application/json", 400, "malformed_json"),
        ("{}", "text/plain", 415, "media_type"),
    ] {
        let answer = raw(body, kind).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{body:?}");
        assert_eq!(error(&answer.json().await.unwrap()).0, code, "{body:?}");
    }
    assert_eq!(server.head().await, before);
}

#[tokio::test]
async fn orders_that_break_a_rule_are_refused_by_its_name_and_change_nothing() {
    let server = Server::start(Setup::default()).await;
    let trader = &server.traders[0];
    server.send(0, trader.order(1, Side::Buy, 5, 999), Execution::UntilValid).await;
    let before = server.head().await;
    type Edit = fn(&mut novation_state::message::Order);
    let edits: [(Edit, u16, &str, &str); 11] = [
        (|o| o.binding.account = Trader::new(0).slot, 422, "house_slot", "account"),
        (|o| o.binding.account = Trader::new(77).slot, 404, "unopened", "account"),
        (|o| o.binding.deployment = 5.into(), 422, "deployment", "deployment"),
        (|o| o.binding.epoch = 3, 409, "epoch", "epoch"),
        (|o| o.binding.order_slot = 1, 409, "nonce_seen", "nonce"),
        (|o| o.binding.nonce = 0, 409, "nonce_seen", "nonce"),
        (|o| o.lots = novation_state::units::Lots::ZERO, 422, "empty_order", "lots"),
        (|o| o.lots = novation_state::units::Lots::new(-1).unwrap(), 422, "empty_order", "lots"),
        (|o| o.instrument = novation_state::units::InstrumentId::new(9).unwrap(), 422, "not_listed", "instrument"),
        (|o| o.peg_offset = Some(1 << 32), 422, "peg_range", "peg_offset"),
        (|o| o.valid_until = novation_state::units::Time::new(START - 1).unwrap(), 422, "order_expired", "valid_until"),
    ];
    for (n, (edit, status, code, field)) in edits.into_iter().enumerate() {
        let mut order = trader.order(2, Side::Buy, 5, 1_000);
        edit(&mut order);
        let (found, body) = server.post("/v1/orders", &trader.sign(order, Execution::UntilValid)).await;
        assert_eq!((found, error(&body)), (status, (code, field)), "edit {n}");
    }
    for (execution, code) in
        [(Execution::FillOrKill, "fill_or_kill"), (Execution::PostOnly, "post_only"), (Execution::Stop, "stop")]
    {
        let (found, body) =
            server.post("/v1/orders", &trader.sign(trader.order(2, Side::Buy, 5, 1_000), execution)).await;
        assert_eq!((found, error(&body)), (422, (code, "execution")));
    }
    // Signed by somebody else, and changed after it was signed.
    let order = trader.order(2, Side::Buy, 5, 1_000);
    let forged = server.traders[1].sign(order, Execution::UntilValid);
    let mut changed: OrderRequest = trader.sign(order, Execution::UntilValid);
    changed.limit = novation_state::units::Ticks::new(1_001).unwrap();
    for request in [forged, changed] {
        let (status, body) = server.post("/v1/orders", &request).await;
        assert_eq!((status, error(&body)), (422, ("signature", "signature")));
    }
    assert_eq!(server.head().await, before);
}

#[tokio::test]
async fn commands_that_break_a_rule_are_refused_by_its_name_and_change_nothing() {
    let server = Server::start(Setup::default()).await;
    let trader = &server.traders[0];
    let before = server.head().await;
    let amount = Cash::new(5).unwrap();
    let chain = deployment().chain;
    let new = SecretKey::from_seed(&[99; 32]);
    let rotate = |owner_eighth| Action::Rotate { owner_eighth };
    let eighth = new.public().eighth().unwrap();
    let mut stolen = trader.command(1, 1, rotate(eighth));
    stolen.possession = Some(stolen.signature);
    let mut extra = trader.command(1, 1, Action::Epoch);
    extra.possession = Some(extra.signature);
    let off = Point { x: 1.into(), y: 1.into() };
    let at = "action.withdraw.amount";
    let cases: Vec<(CommandRequest, u16, &str, &str)> = vec![
        (trader.command(1, 1, withdraw(0)), 422, "empty_withdrawal", at),
        (trader.command(1, 1, withdraw(-5)), 422, "empty_withdrawal", at),
        (
            trader.command(1, 1, Action::Withdraw { amount, recipient: [0; 20], chain }),
            422,
            "no_recipient",
            "action.withdraw.recipient",
        ),
        (
            trader.command(1, 1, Action::Withdraw { amount, recipient: [1; 20], chain: 1 }),
            422,
            "chain",
            "action.withdraw.chain",
        ),
        (trader.command(1, 0, Action::Epoch), 409, "nonce_seen", "nonce"),
        (trader.command(1, 1, rotate(off)), 422, "key_off_curve", "action.rotate.owner_eighth"),
        (trader.command(1, 1, rotate(Point::identity())), 422, "identity_key", "action.rotate.owner_eighth"),
        (trader.command(1, 1, rotate(eighth)), 422, "no_possession", "possession"),
        (stolen, 422, "possession", "possession"),
        (extra, 422, "invalid_value", "possession"),
        (Trader::new(50).command(1, 1, Action::Cancel), 404, "unopened", "account"),
    ];
    for (request, status, code, field) in cases {
        let (found, body) = server.post("/v1/commands", &request).await;
        assert_eq!((found, error(&body)), (status, (code, field)));
    }
    let mut request = serde_json::to_value(trader.command(1, 1, withdraw(5))).unwrap();
    request["action"]["withdraw"]["amount"] = json!(format!("1{}", "0".repeat(38)));
    let (status, body) = server.post("/v1/commands", &request).await;
    assert_eq!((status, error(&body)), (422, ("invalid_value", at)));
    for (action, field) in [
        (json!({"cancel": {"why": 1}}), "action.cancel.why"),
        (json!({"explode": {}}), "action"),
        (json!({"withdraw": {"amount": "1", "recipient": "0x12", "chain": 1}}), "action.withdraw.recipient"),
    ] {
        request["action"] = action.clone();
        let (status, body) = server.post("/v1/commands", &request).await;
        assert_eq!(status, 400, "{action}");
        assert!(error(&body).1.starts_with(field), "{action}: {body}");
    }
    assert_eq!(server.head().await, before);
}

#[tokio::test]
async fn epoch_ends_every_order_and_rotation_changes_who_signs() {
    let server = Server::start(Setup::default()).await;
    let trader = &server.traders[0];
    let position = server.send(0, trader.order(1, Side::Buy, 5, 1_000), Execution::UntilValid).await;
    let new = SecretKey::from_seed(&[99; 32]);
    let action = Action::Rotate { owner_eighth: new.public().eighth().unwrap() };
    let command = Command { binding: trader.binding(2, 1), action };
    let possession = Some(new.sign(command.hash()));
    let signed = SignedCommand { command, signature: trader.key.sign(command.hash()), possession };
    let (status, receipt) = server.post("/v1/commands", &CommandRequest::from(&signed)).await;
    assert_eq!(status, 200, "{receipt}");
    let (_, order) = server.read(0, &format!("/v1/account/orders/{position}")).await;
    assert_eq!((&order["order"]["state"], &order["order"]["lapsed"]["code"]), (&json!("lapsed"), &json!("epoch_over")));
    let late = trader.sign(trader.order(3, Side::Buy, 5, 1_000), Execution::UntilValid);
    let (status, body) = server.post("/v1/orders", &late).await;
    assert_eq!((status, error(&body)), (409, ("epoch_ends", "epoch")));
    let old = server.credential(0);
    let (_, commands) = server.get_as(&old, "/v1/account/commands").await;
    assert_eq!(commands[0]["state"], json!("queued"));

    let batch = server.batch().await;
    let (status, body) = server.get_as(&old, "/v1/account").await;
    assert_eq!((status, error(&body)), (401, ("authorization_refused", "Authorization")));
    let fresh = crate::rest::harness::credential(&new, trader.slot, deployment(), START + 60);
    let (status, account) = server.get_as(&fresh, "/v1/account").await;
    assert_eq!((status, &account["epoch"], &account["nonces"]), (200, &json!(1), &json!([])));
    let (_, commands) = server.get_as(&fresh, "/v1/account/commands").await;
    assert_eq!((&commands[0]["state"], &commands[0]["batch"]), (&json!("executed"), &json!(batch)));
    // The rotated key is not public: the leaf shows what the deposit named.
    let (_, leaf) = server.get("/v1/accounts/1/leaf").await;
    assert_eq!(leaf["owner"], serde_json::to_value(PointJson::from(trader.key.public())).unwrap());
}

#[tokio::test]
async fn withdrawal_over_equity_is_dropped_with_its_reason() {
    let server = Server::start(Setup::default()).await;
    let request = server.traders[0].command(1, 1, withdraw(crate::rest::harness::CASH + 1));
    let (status, _) = server.post("/v1/commands", &request).await;
    assert_eq!(status, 200);
    server.batch().await;
    let (_, commands) = server.read(0, "/v1/account/commands").await;
    assert_eq!(commands[0]["state"], json!("dropped"));
    assert_eq!(commands[0]["dropped"]["code"], json!("withdrawal_over_equity"));
}
