//! What everybody may read, and how an account is opened.

use crate::rest::harness::{deployment, error, operator, Server, Setup, Trader, CASH, START};
use novation_api::rest::{Publication, Stage};
use novation_api::wire::{BatchDetail, LeafView, PointJson, Word};
use novation_state::crypto::babyjub::{Point, BASE8};
use novation_state::public_data::PublicData;
use novation_state::seal;
use novation_state::tree;
use novation_state::units::Time;
use serde_json::json;

#[tokio::test]
async fn venue_and_health_say_what_a_client_needs() {
    let server = Server::start(Setup::default()).await;
    let (status, venue) = server.get("/v1/venue").await;
    assert_eq!(status, 200);
    assert_eq!(venue["deployment"], json!(Word(deployment().id).to_string()));
    assert_eq!((&venue["chain"], &venue["size"], &venue["time"]), (&json!(31_337), &json!("tiny"), &json!(START)));
    assert_eq!(venue["contract"], json!(format!("0x{}", "07".repeat(20))));
    assert_eq!(venue["operator"], serde_json::to_value(PointJson::from(operator().public())).unwrap());
    assert_eq!(venue["lanes"]["accounts"], json!(4));
    assert_eq!(server.get("/v1/health").await, (200, json!({"status": "ok", "time": START, "batch": 3})));
}

#[tokio::test]
async fn opening_prepares_the_two_calls_and_refuses_bad_keys() {
    let server = Server::start(Setup::default()).await;
    let trader = Trader::new(9);
    let key = |point: Point| serde_json::to_value(PointJson::from(point)).unwrap();
    let (owner, viewing) = (key(trader.key.public()), key(trader.viewing.public()));
    let body = json!({"owner": owner, "viewing": viewing, "amount": "5000000"});
    let before = server.head().await;
    let (status, opening) = server.post("/v1/accounts", &body).await;
    assert_eq!(status, 200, "{opening}");
    assert_eq!(opening["owner_eighth"], key(trader.key.public().eighth().unwrap()));
    let calls = opening["calls"].as_array().unwrap();
    assert_eq!((&calls[0]["what"], &calls[0]["to"]), (&json!("approve"), &json!(format!("0x{}", "08".repeat(20)))));
    // approve(address,uint256) has the selector 095ea7b3.
    let approve = format!("0x095ea7b3{:0>24}{}{:064x}", "", "07".repeat(20), 5_000_000);
    assert_eq!(calls[0]["data"], json!(approve));
    assert_eq!((&calls[1]["what"], &calls[1]["to"]), (&json!("deposit"), &json!(format!("0x{}", "07".repeat(20)))));
    let data = calls[1]["data"].as_str().unwrap();
    let word = |n: usize| &data[10 + 64 * n..74 + 64 * n];
    assert_eq!(data.len(), 10 + 6 * 64);
    assert_eq!(word(0), "0".repeat(64));
    assert_eq!(format!("0x{}", word(1)), opening["owner_eighth"]["x"].as_str().unwrap());
    assert_eq!(format!("0x{}", word(4)), opening["viewing_eighth"]["y"].as_str().unwrap());
    assert_eq!(word(5), format!("{:064x}", 5_000_000));

    let two = Point { x: 0.into(), y: -ark_bn254::Fr::from(1) };
    let cases = [
        ("owner", key(Point { x: 1.into(), y: 1.into() }), "key_off_curve"),
        ("viewing", key(BASE8.add(&two)), "key_not_in_subgroup"),
        ("owner", key(Point::identity()), "identity_key"),
        ("amount", json!("0"), "invalid_value"),
        ("amount", json!("-1"), "invalid_value"),
        ("amount", json!((1u128 << 96).to_string()), "invalid_value"),
        ("slot", json!(0), "house_slot"),
    ];
    for (field, value, code) in cases {
        let mut changed = body.clone();
        changed[field] = value;
        let (status, body) = server.post("/v1/accounts", &changed).await;
        assert_eq!((status, error(&body)), (422, (code, field)));
    }
    let mut taken = body.clone();
    taken["slot"] = json!(1);
    let (status, answer) = server.post("/v1/accounts", &taken).await;
    assert_eq!((status, error(&answer)), (422, ("viewing_key_differs", "viewing")));
    assert_eq!(server.head().await, before);
}

#[tokio::test]
async fn slots_are_found_by_owner_key_from_queue_to_credit() {
    let mut server = Server::start(Setup::default()).await;
    server.traders.push(Trader::new(4));
    let path = format!("/v1/accounts?owner_x={}", Word(server.traders[3].key.public().x));
    assert_eq!(server.get(&path).await, (200, json!([])));
    server.deposit(3, CASH).await;
    assert_eq!(server.get(&path).await.1, json!([{"slot": 4, "deposit": 3, "state": "queued"}]));
    server.batch().await;
    assert_eq!(server.get(&path).await.1, json!([{"slot": 4, "deposit": 3, "state": "credited"}]));
    // A deposit into another's slot is refunded and names nobody's account.
    let mut stranger = server.traders[3].deposit(5);
    stranger.account = server.traders[0].slot;
    server.event(novation_sequencer::Event::Deposit { index: 4, deposit: stranger }).await;
    assert_eq!(server.get(&path).await.1.as_array().unwrap().len(), 2);
    server.batch().await;
    assert_eq!(server.get(&path).await.1, json!([{"slot": 4, "deposit": 3, "state": "credited"}]));
    for path in ["/v1/accounts", "/v1/accounts?owner_x=1", "/v1/accounts?colour=1"] {
        assert_eq!(server.get(path).await.0, 400, "{path}");
    }
}

#[tokio::test]
async fn leaf_lies_under_the_root_and_opens_with_the_viewing_key() {
    let server = Server::start(Setup::default()).await;
    server.trade(1, 7).await;
    let batch = server.batch().await;
    let (status, body) = server.get("/v1/accounts/1/leaf").await;
    assert_eq!(status, 200);
    let leaf: LeafView = serde_json::from_value(body).unwrap();
    assert_eq!((leaf.slot, leaf.batch, leaf.rewritten), (1, batch, batch));
    let path = std::array::from_fn(|level| std::array::from_fn(|i| leaf.path[level][i].0));
    assert_eq!(tree::verify::<12>(leaf.root.0, 1, leaf.leaf.0, &path), Ok(()));
    let root = server.handle.inspect(|engine| engine.ledger().root()).await.unwrap();
    assert_eq!(leaf.root.0, root);
    let secret = server.traders[0].viewing.shared_secret(&leaf.ephemeral.into()).unwrap().x;
    let words: [ark_bn254::Fr; 8] = std::array::from_fn(|i| leaf.ciphertext[i].0);
    let opened = seal::decrypt(secret, leaf.leaf.0, words);
    let account = server.traders[0].slot;
    let truth =
        server.handle.inspect(move |engine| engine.ledger().account(account).unwrap().leaf.clone()).await.unwrap();
    assert_eq!(opened, truth.plaintext());
    assert_eq!(Point::from(leaf.viewing), truth.viewing);
    for slot in ["0", "4", "16777216", "99999999999999999999"] {
        let (status, body) = server.get(&format!("/v1/accounts/{slot}/leaf")).await;
        let expected = if slot.len() > 18 { (400, ("invalid_path", "path")) } else { (404, ("unopened", "slot")) };
        assert_eq!((status, error(&body)), expected, "{slot}");
    }
}

#[tokio::test]
async fn instruments_and_marks_are_the_newest_rounds() {
    let server = Server::start(Setup::default()).await;
    let (_, instruments) = server.get("/v1/instruments").await;
    assert_eq!(instruments.as_array().unwrap().len(), 2);
    let perp = &instruments[0];
    assert_eq!((&perp["id"], &perp["kind"], &perp["expiry"]), (&json!(1), &json!("perpetual"), &json!(null)));
    assert_eq!((&perp["fee"], &perp["band_high"], &perp["risk"][0]), (&json!("10"), &json!(1_500), &json!("100000")));
    assert_eq!(server.get("/v1/instruments/1").await, (200, perp.clone()));
    let (status, body) = server.get("/v1/instruments/3").await;
    assert_eq!((status, error(&body)), (404, ("not_listed", "id")));
    let (status, body) = server.get("/v1/instruments/one").await;
    assert_eq!((status, error(&body)), (400, ("invalid_path", "path")));

    server.wait(10);
    let mut leaf = crate::rest::harness::perpetual(0, START + 10);
    leaf.mark = novation_state::units::Ticks::new(1_010).unwrap();
    let id = novation_state::units::InstrumentId::new(1).unwrap();
    server.event(novation_sequencer::Event::Markets(vec![(id, leaf)])).await;
    let (_, marks) = server.get("/v1/marks").await;
    assert_eq!((&marks["number"], &marks["time"]), (&json!(2), &json!(START + 10)));
    assert_eq!(marks["marks"][0], json!({"instrument": 1, "mark": 1_010, "mark_time": START + 10, "status": "open"}));
}

#[tokio::test]
async fn auctions_are_published_as_far_as_the_venue_wants() {
    for (publication, lots) in [
        (Publication::PricesAndLots, Some(json!(7))),
        (Publication::Prices, Some(json!(null))),
        (Publication::Nothing, None),
    ] {
        let server = Server::start(Setup { publication, ..Setup::default() }).await;
        server.trade(1, 7).await;
        assert_eq!(server.get("/v1/auctions").await.1, json!([]));
        let batch = server.batch().await;
        let expected = lots
            .map(|lots| json!({"id": 1, "window": 1, "instrument": 1, "price": 1_000, "lots": lots, "batch": batch}));
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(server.get("/v1/auctions").await.1, json!(expected));
        assert_eq!(server.get("/v1/auctions?after=1").await.1, json!([]));
    }
}

#[tokio::test]
async fn batches_go_through_their_stages_and_back() {
    let server = Server::start(Setup::default()).await;
    let batch = server.batch().await;
    let at = |seconds| Time::new(START + seconds).unwrap();
    let stage = |stage, seconds| server.books.stage(batch, stage, at(seconds));
    let path = format!("/v1/batches/{batch}");
    let read = || async { serde_json::from_value::<BatchDetail>(server.get(&path).await.1).unwrap() };
    let made = read().await;
    assert_eq!((made.batch.stages.made.time, made.proof), (START, None));

    let c = ark_bn254::Fr::from(77);
    let proof = std::array::from_fn(|n| [n as u8; 32]);
    stage(Stage::Proven { c, proof, accepted: false }, 1);
    stage(Stage::Submitted { tx: [1; 32] }, 2);
    stage(Stage::Accepted { tx: Some([1; 32]), block: 40 }, 3);
    stage(Stage::Final { block: 40 }, 4);
    let detail = read().await;
    let data = detail.proof.unwrap();
    let words: Vec<_> = detail.public_data.iter().map(|word| word.0).collect();
    let public = PublicData::from_words(words.clone(), c);
    assert_eq!((data.c.0, data.z.0, data.y.0), (c, public.z, public.y));
    assert_eq!((data.words.len(), data.words[7].0.clone()), (8, vec![7; 32]));
    // Batch number and new root are words 2 and 4 of the header.
    assert_eq!((words[2], words[4]), (batch.into(), detail.batch.new_root.0));
    let (_, list) = server.get("/v1/batches?limit=1").await;
    let stages = json!({
        "made": {"time": START}, "proven": {"time": START + 1},
        "submitted": {"time": START + 2, "tx": format!("0x{}", "01".repeat(32))},
        "accepted": {"time": START + 3, "tx": format!("0x{}", "01".repeat(32)), "block": 40},
        "final": {"time": START + 4, "block": 40},
    });
    assert_eq!((&list[0]["stage"], &list[0]["stages"]), (&json!("final"), &stages));
    // A reorganisation: it is submitted again.
    stage(Stage::Submitted { tx: [2; 32] }, 5);
    let again = server.get(&path).await.1;
    assert_eq!((&again["batch"]["stage"], &again["batch"]["stages"]["accepted"]), (&json!("submitted"), &json!(null)));

    // As after a restart: L1's acceptance is heard of first, by the log, and what was before it takes nothing back. No moment lies
    // before the batch's own.
    stage(Stage::Accepted { tx: Some([2; 32]), block: 41 }, 6);
    stage(Stage::Proven { c, proof, accepted: true }, -9);
    let known = server.get(&path).await.1["batch"].clone();
    assert_eq!((&known["stage"], &known["stages"]["accepted"]["block"]), (&json!("accepted"), &json!(41)));
    assert_eq!(known["stages"]["proven"], json!({"time": START}));
    // A proof is all that is left after a reorganisation that took the acceptance back.
    stage(Stage::Proven { c, proof, accepted: false }, 7);
    let back = server.get(&path).await.1["batch"].clone();
    assert_eq!((&back["stage"], &back["stages"]["accepted"]), (&json!("proven"), &json!(null)));

    let (_, list) = server.get("/v1/batches?after=2&limit=1").await;
    assert_eq!((list.as_array().unwrap().len(), &list[0]["number"]), (1, &json!(3)));
    assert_eq!(server.get(&format!("/v1/batches?after={}", i64::MAX)).await, (200, json!([])));
    let (status, body) = server.get(&format!("/v1/batches?after={}", u64::MAX)).await;
    assert_eq!((status, error(&body)), (400, ("invalid_query", "after")));
    for number in [0, batch + 1] {
        let (status, body) = server.get(&format!("/v1/batches/{number}")).await;
        assert_eq!((status, error(&body)), (404, ("no_batch", "number")));
    }
    let (status, body) = server.get("/v1/batches?limit=x").await;
    assert_eq!((status, error(&body).0), (400, "invalid_query"));
}

#[tokio::test]
async fn page_and_document_are_served_with_headers_and_the_rest_is_not_found() {
    let server = Server::start(Setup::default()).await;
    let page = server.http.get(&server.url).send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'"));
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    let script = server.http.get(format!("{}/assets/main.js", server.url)).send().await.unwrap();
    assert_eq!(script.headers()["content-type"], "text/javascript; charset=utf-8");
    let (status, document) = server.get("/openapi.json").await;
    assert_eq!(status, 200);
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths.len(), 19, "{paths:?}");
    let (status, body) = server.get("/v1/nothing").await;
    assert_eq!((status, error(&body).0), (404, "no_route"));
    let (status, body) = server.get("/assets/nothing.js").await;
    assert_eq!((status, error(&body).0), (404, "no_file"));
    let (status, body) = server.post("/v1/venue", &json!({})).await;
    assert_eq!((status, error(&body).0), (405, "method"));
    let get = server.http.get(format!("{}/v1/marks", server.url)).header("Origin", "https://elsewhere.example");
    assert_eq!(get.send().await.unwrap().headers()["access-control-allow-origin"], "*");
}
