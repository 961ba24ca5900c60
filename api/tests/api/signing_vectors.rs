//! `vectors/signing.json`: what a client in another language has to reproduce byte by byte, from seeds to signatures and
//! opened leaves. `.ci/signing/check.mjs` recomputes all of it with circomlibjs.
//!
//! `NOVATION_BLESS=1 cargo test --release -p novation-api --test api signing_vectors` rewrites the file.

use ark_bn254::Fr;
use novation_api::wire::{CommandRequest, OrderRequest};
use novation_sequencer::durable::receipt::{statement, SignedReceipt};
use novation_sequencer::io::Receipt;
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa::{self, SecretKey, Signature};
use novation_state::crypto::poseidon;
use novation_state::crypto::viewing::{EphemeralKey, ViewingKey};
use novation_state::leaf::{AccountLeaf, Position, MAX_POSITIONS};
use novation_state::ledger::Deployment;
use novation_state::message::{Action, Binding, Command, Order, Read, Side, MESSAGE_WORDS};
use novation_state::seal;
use novation_state::tags::Tag;
use novation_state::units::{AccountSlot, Cash, Fee, InstrumentId, Lots, Ticks, Time};
use novation_verifier::encoding::to_hex_word;
use serde_json::{json, Value};

const CHAIN: u64 = 31_337;
const CONTRACT: [u8; 20] = [0xc0; 20];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn point(point: &Point) -> Value {
    json!({ "x": to_hex_word(&point.x), "y": to_hex_word(&point.y) })
}

/// What everybody starts from: a signing seed of 32 bytes. The bytes count up from `first`.
fn seed(first: u8) -> [u8; 32] {
    std::array::from_fn(|i| first.wrapping_add(i as u8))
}

fn key(first: u8) -> Value {
    let seed = seed(first);
    let (owner, viewing) = (SecretKey::from_seed(&seed).public(), ViewingKey::from_seed(&seed));
    let eighth = |key: &Point| point(&key.eighth().unwrap());
    json!({
        "seed": hex(&seed),
        "owner": point(&owner),
        "owner_packed": hex(&owner.pack()),
        "owner_eighth": eighth(&owner),
        "viewing_key": hex(&viewing.to_bytes()),
        "viewing": point(&viewing.public()),
        "viewing_eighth": eighth(&viewing.public()),
    })
}

/// A message with its request's body, words, hash and signature. `possession` is a second seed that signs the same hash.
fn message(
    name: &str,
    kind: &str,
    mut body: Value,
    words: [Fr; MESSAGE_WORDS],
    hash: Fr,
    possession: Option<u8>,
) -> Value {
    assert_eq!(poseidon::hash(Tag::Message.fr(), &words), hash);
    let signed = |first: u8| {
        let key = SecretKey::from_seed(&seed(first));
        let signature = key.sign(hash);
        assert_eq!(eddsa::verify(&key.public(), hash, &signature), Ok(()));
        (key.public(), signature)
    };
    let mine = signed(SIGNER).1;
    body["signature"] = json!(hex(&mine.to_bytes()));
    let mut value = json!({
        "name": name,
        "type": kind,
        "seed": hex(&seed(SIGNER)),
        "words": words.iter().map(to_hex_word).collect::<Vec<_>>(),
        "hash": to_hex_word(&hash),
        "signature": signature(&mine),
    });
    if let Some(first) = possession {
        let theirs = signed(first).1;
        body["possession"] = json!(hex(&theirs.to_bytes()));
        value["possession"] = json!({ "seed": hex(&seed(first)), "signature": signature(&theirs) });
    }
    value["body"] = body;
    value
}

/// The bytes that travel, and what they pack.
fn signature(signature: &Signature) -> Value {
    json!({ "bytes": hex(&signature.to_bytes()), "r": point(&signature.r), "s": to_hex_word(&signature.s) })
}

/// First bytes of the seeds: the trader's, the one that the trader rotates to, the operator's.
const SIGNER: u8 = 1;
const NEXT: u8 = 101;
const OPERATOR: u8 = 201;

fn binding(order_slot: u8, nonce: u32, epoch: u32) -> Binding {
    Binding {
        deployment: Deployment::new(CHAIN, CONTRACT).id,
        account: AccountSlot::new(7).unwrap(),
        order_slot,
        nonce,
        epoch,
    }
}

/// The shared fields of a request's body.
fn body(binding: &Binding) -> Value {
    json!({
        "deployment": to_hex_word(&binding.deployment),
        "account": binding.account.get(),
        "order_slot": binding.order_slot,
        "nonce": binding.nonce,
        "epoch": binding.epoch,
    })
}

fn order(name: &str, order: &Order) -> Value {
    let mut body = body(&order.binding);
    body["instrument"] = json!(order.instrument.get());
    body["side"] = json!(order.side);
    body["lots"] = json!(order.lots.get());
    body["limit"] = json!(order.limit.get());
    if let Some(offset) = order.peg_offset {
        body["peg_offset"] = json!(offset);
    }
    body["valid_until"] = json!(order.valid_until.get());
    body["fee_cap"] = json!(order.fee_cap.get().to_string());
    body["reduce_only"] = json!(order.reduce_only);
    message(name, "order", body, order.words(), order.hash(), None)
}

fn command(name: &str, command: &Command) -> Value {
    let mut body = body(&command.binding);
    let (kind, fields) = match command.action {
        Action::Withdraw { amount, recipient, chain } => {
            let amount = amount.get().to_string();
            ("withdraw", json!({ "amount": amount, "recipient": hex(&recipient), "chain": chain }))
        }
        Action::Rotate { owner_eighth } => ("rotate", json!({ "owner_eighth": point(&owner_eighth) })),
        Action::Cancel => ("cancel", json!({})),
        Action::Epoch => ("epoch", json!({})),
    };
    body["action"] = json!({ kind: fields });
    let possession = (kind == "rotate").then_some(NEXT);
    message(name, kind, body, command.words(), command.hash(), possession)
}

fn orders() -> Vec<Value> {
    let plain = Order {
        binding: binding(0, 1, 0),
        instrument: InstrumentId::new(3).unwrap(),
        side: Side::Buy,
        lots: Lots::new(250).unwrap(),
        limit: Ticks::new(885_302).unwrap(),
        peg_offset: None,
        valid_until: Time::new(1_774_598_400).unwrap(),
        fee_cap: Fee::new(5_000).unwrap(),
        reduce_only: false,
    };
    vec![
        order("a buy", &plain),
        order("a sell", &Order { binding: binding(1, 2, 0), side: Side::Sell, ..plain }),
        order("a buy that may only shrink the position", &Order { reduce_only: true, ..plain }),
        order("a buy pegged 25 ticks above the mark", &Order { peg_offset: Some(25), ..plain }),
        order(
            "a reduce-only sell pegged 25 ticks below the mark",
            &Order { side: Side::Sell, reduce_only: true, peg_offset: Some(-25), ..plain },
        ),
        order(
            "a buy pegged at the mark: the offset is 0 and the flag says so",
            &Order { peg_offset: Some(0), ..plain },
        ),
        order(
            "every field at its greatest",
            &Order {
                binding: Binding { account: AccountSlot::MAX, ..binding(u8::MAX, u32::MAX, u32::MAX) },
                instrument: InstrumentId::MAX,
                side: Side::Sell,
                lots: Lots::MAX,
                limit: Ticks::MAX,
                peg_offset: Some(-i64::from(u32::MAX)),
                valid_until: Time::MAX,
                fee_cap: Fee::MAX,
                reduce_only: true,
            },
        ),
    ]
}

fn commands() -> Vec<Value> {
    let withdraw = Action::Withdraw { amount: Cash::new(1_250_000).unwrap(), recipient: [0xab; 20], chain: CHAIN };
    let owner_eighth = SecretKey::from_seed(&seed(NEXT)).public().eighth().unwrap();
    let given = |action, order_slot, nonce| Command { binding: binding(order_slot, nonce, 4), action };
    vec![
        command("a withdrawal of 1.25 USD", &given(withdraw, 255, 9)),
        command("the cancellation of order slot 3, nonce 8", &given(Action::Cancel, 3, 8)),
        command("a raised epoch: every order is cancelled", &given(Action::Epoch, 255, 10)),
        command("a rotation to another owner key", &given(Action::Rotate { owner_eighth }, 255, 11)),
    ]
}

/// The credential of signed reads: type 6, deployment, account, last second at which it is good.
fn read() -> Value {
    let Binding { deployment, account, .. } = binding(0, 0, 0);
    let expires = 1_774_598_400i64;
    let read = Read { deployment, account, expires: Time::new(expires).unwrap() };
    let body = json!({ "deployment": to_hex_word(&deployment), "account": account.get(), "expires": expires });
    let mut value = message("a signed read", "read", body, read.words(), read.hash(), None);
    let bytes = value["signature"]["bytes"].as_str().unwrap().to_owned();
    value["authorization"] = json!(format!("Novation {account}.{expires}.{}", &bytes[2..]));
    value
}

/// One account's leaf as a batch publishes it, and what its viewing key makes of it.
fn leaf() -> Value {
    let owner = SecretKey::from_seed(&seed(SIGNER)).public();
    let viewing = ViewingKey::from_seed(&seed(SIGNER));
    let (batch, slot) = (42u64, AccountSlot::new(7).unwrap());
    let ephemeral = EphemeralKey::derive(&[9; 32], &[b"signing vectors"]);
    let shared = viewing.shared_secret(&ephemeral.public()).unwrap();
    assert_eq!(shared, ephemeral.shared_secret(&viewing.public()).unwrap());
    let mut positions = [Position::default(); MAX_POSITIONS];
    for (place, id, lots) in [(0, 1, 250), (1, 3, -77), (4, 5, 1), (15, 1_048_575, -1_099_511_627_775)] {
        positions[place] = Position { id: InstrumentId::new(id).unwrap(), lots: Lots::new(lots).unwrap() };
    }
    let leaf = AccountLeaf {
        owner,
        viewing: viewing.public(),
        salt: seal::salt(shared.x, batch, slot),
        cash: Cash::new(-12_345_678).unwrap(),
        epoch: 4,
        positions,
        orders_root: Fr::from(8),
    };
    let hash = leaf.hash();
    let words = |words: &[Fr]| words.iter().map(to_hex_word).collect::<Vec<_>>();
    let held = positions.iter().enumerate().filter(|(_, position)| !position.is_empty());
    json!({
        "seed": hex(&seed(SIGNER)),
        "batch": batch,
        "account": slot.get(),
        "r": point(&ephemeral.public()),
        "shared_secret": point(&shared),
        "salt": to_hex_word(&leaf.salt),
        "hash": to_hex_word(&hash),
        "pad": words(&seal::pad(shared.x, hash)),
        "ciphertext": words(&seal::encrypt(shared.x, hash, leaf.plaintext())),
        "plaintext": words(&leaf.plaintext()),
        "cash": leaf.cash.get().to_string(),
        "epoch": leaf.epoch,
        "orders_root": to_hex_word(&leaf.orders_root),
        "positions": held
            .map(|(place, p)| json!({ "place": place, "instrument": p.id.get(), "lots": p.lots.get() }))
            .collect::<Vec<_>>(),
    })
}

/// A receipt that the operator signed.
fn receipt() -> Value {
    let operator = SecretKey::from_seed(&seed(OPERATOR));
    let deployment = binding(0, 0, 0).deployment;
    let plain = Receipt { position: 1_234, message: 6.into(), root: 7.into(), time: Time::new(1_774_598_400).unwrap() };
    let signed = SignedReceipt::sign(&operator, &deployment, plain);
    assert_eq!(signed.verify(&operator.public(), &deployment), Ok(()));
    json!({
        "seed": hex(&seed(OPERATOR)),
        "operator": point(&operator.public()),
        "deployment": to_hex_word(&deployment),
        "position": plain.position,
        "message": to_hex_word(&plain.message),
        "root": to_hex_word(&plain.root),
        "time": plain.time.get(),
        "statement": to_hex_word(&statement(&deployment, &plain)),
        "signature": signature(&signed.signature),
    })
}

fn vectors() -> Value {
    json!({
        "about": "Byte-exact vectors for clients. The seeds are public: never use them. README.md beside this file says how each is made.",
        "deployment": { "chain": CHAIN, "contract": hex(&CONTRACT), "id": to_hex_word(&Deployment::new(CHAIN, CONTRACT).id) },
        "keys": [key(SIGNER), key(NEXT), key(OPERATOR)],
        "messages": orders().into_iter().chain(commands()).chain([read()]).collect::<Vec<_>>(),
        "leaf": leaf(),
        "receipt": receipt(),
    })
}

/// The bodies are requests as the service reads them, of the messages that were signed.
#[test]
fn bodies_are_requests_of_the_signed_messages() {
    let mut read = 0;
    for vector in vectors()["messages"].as_array().unwrap() {
        let (kind, body) = (vector["type"].as_str().unwrap(), vector["body"].clone());
        let hash = match kind {
            "order" => serde_json::from_value::<OrderRequest>(body).unwrap().signed().unwrap().order.hash(),
            "read" => continue,
            _ => serde_json::from_value::<CommandRequest>(body).unwrap().signed().unwrap().command.hash(),
        };
        assert_eq!(to_hex_word(&hash), vector["hash"], "{kind}");
        read += 1;
    }
    assert_eq!(read, 11);
}

#[test]
fn vectors_are_the_committed_ones() {
    let text = serde_json::to_string_pretty(&vectors()).unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/signing.json");
    if std::env::var_os("NOVATION_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert!(std::fs::read_to_string(path).unwrap() == text, "the vectors changed: see the head of this file");
}
