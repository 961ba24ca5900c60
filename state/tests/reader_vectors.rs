//! `vectors/reader.json`: what a reader in another language has to reproduce of an account, in the JSON of the API. The page in
//! `api/page` opens it with the viewing key alone, checks the path, and computes equity and margin to the micro-unit.
//!
//! `NOVATION_BLESS=1 cargo test --release -p novation-state --test reader_vectors` rewrites the file.

use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use novation_state::crypto::babyjub::{Point, Scalar, BASE8};
use novation_state::crypto::viewing::EphemeralKey;
use novation_state::leaf::{AccountLeaf, Kind, MarketLeaf, Position, Status, MAX_POSITIONS, NEVER};
use novation_state::math::margin::{withdrawable, Margin};
use novation_state::math::value::{daily_equity, equity, Holding};
use novation_state::seal;
use novation_state::tree::{AccountsTree, MarketsTree};
use novation_state::units::{
    AccountSlot, Cash, Charge, Fee, InstrumentId, Lots, PerLot, Strike, TickValue, Ticks, Time,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{json, Value};

const SEED: u64 = 20_260_103;
const CASES: usize = 4;

fn bytes(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn word(x: &Fr) -> String {
    bytes(&x.into_bigint().to_bytes_be())
}

fn point(p: &Point) -> Value {
    json!({ "x": word(&p.x), "y": word(&p.y) })
}

/// A market at random. `scale` bounds what is per lot: small for sums that people would meet, 2^56 - 1 for the bounds.
fn market(rng: &mut ChaCha8Rng, scale: i64) -> MarketLeaf {
    let kind = [Kind::Future, Kind::Perpetual, Kind::Call, Kind::Put][rng.gen_range(0..4)];
    let status = [Status::Open, Status::Open, Status::ReduceOnly, Status::Halted, Status::Settled][rng.gen_range(0..5)];
    let option = matches!(kind, Kind::Call | Kind::Put);
    let per_lot = |rng: &mut ChaCha8Rng| PerLot::new(rng.gen_range(-scale..=scale)).unwrap();
    let charge = |rng: &mut ChaCha8Rng| Charge::new(rng.gen_range(0..=scale / 1_000)).unwrap();
    let ticks = |rng: &mut ChaCha8Rng| Ticks::new(rng.gen_range(0..=2_000_000)).unwrap();
    MarketLeaf {
        kind,
        underlying: rng.gen_range(0..3),
        tick_value: TickValue::new(rng.gen_range(1..=1_000)).unwrap(),
        expiry: if kind == Kind::Perpetual { NEVER } else { Time::new(1_774_598_400).unwrap() },
        strike: Strike::new(if option { rng.gen_range(1..=2_000_000) } else { 0 }).unwrap(),
        status,
        mark_time: Time::new(rng.gen_range(1_767_000_000..1_768_000_000)).unwrap(),
        mark: ticks(rng),
        daily_mark: ticks(rng),
        settlement: if status == Status::Settled { per_lot(rng) } else { PerLot::ZERO },
        index: per_lot(rng),
        risk: std::array::from_fn(|_| per_lot(rng)),
        charge_long: charge(rng),
        charge_short: charge(rng),
        free: Lots::new(rng.gen_range(0..=500)).unwrap(),
        excess_charge: charge(rng),
        limit: Lots::new(rng.gen_range(0..=Lots::MAX.get())).unwrap(),
        fee: Fee::new(rng.gen_range(0..=Fee::MAX.get())).unwrap(),
        band_low: ticks(rng),
        band_high: ticks(rng),
    }
}

/// As `GET /v1/instruments` shows it.
fn instrument(id: InstrumentId, leaf: &MarketLeaf) -> Value {
    let micro = |x: i128| x.to_string();
    json!({
        "id": id.get(),
        "name": format!("#{id}"),
        "kind": match leaf.kind {
            Kind::Future => "future",
            Kind::Perpetual => "perpetual",
            Kind::Call => "call",
            Kind::Put => "put",
        },
        "underlying": leaf.underlying,
        "asset": null,
        "tick_value": micro(leaf.tick_value.wide()),
        "expiry": (leaf.expiry != NEVER).then(|| leaf.expiry.get()),
        "strike": matches!(leaf.kind, Kind::Call | Kind::Put).then(|| leaf.strike.get()),
        "status": match leaf.status {
            Status::Open => "open",
            Status::ReduceOnly => "reduce_only",
            Status::Halted => "halted",
            Status::Settled => "settled",
        },
        "mark_time": leaf.mark_time.get(),
        "mark": leaf.mark.get(),
        "daily_mark": leaf.daily_mark.get(),
        "settlement": (leaf.status == Status::Settled).then(|| micro(leaf.settlement.wide())),
        "index": micro(leaf.index.wide()),
        "risk": leaf.risk.iter().map(|entry| micro(entry.wide())).collect::<Vec<_>>(),
        "charge_long": micro(leaf.charge_long.wide()),
        "charge_short": micro(leaf.charge_short.wide()),
        "free": leaf.free.get(),
        "excess_charge": micro(leaf.excess_charge.wide()),
        "limit": leaf.limit.get(),
        "fee": micro(leaf.fee.wide()),
        "band_low": leaf.band_low.get(),
        "band_high": leaf.band_high.get(),
    })
}

fn case(rng: &mut ChaCha8Rng, number: usize) -> Value {
    let scale = if number + 1 == CASES { PerLot::MAX.get() } else { 20_000_000 };
    let id = |i: usize| InstrumentId::new([1, 2, 3, 5, 8, 13, 700, 65_536, 1_048_575][i]).unwrap();
    let markets: Vec<(InstrumentId, MarketLeaf)> = (0..9).map(|i| (id(i), market(rng, scale))).collect();
    let mut markets_tree = MarketsTree::new();
    for (id, leaf) in &markets {
        markets_tree.set(id.get() as u64, leaf.hash());
    }

    let key = Scalar::from_le_bytes_mod_order(&rng.gen::<[u8; 32]>());
    let (viewing, batch) = (BASE8.mul(&key), 40 + number as u64);
    let owner = BASE8.mul(&Scalar::from(987_654_321u64 + number as u64));
    let slot = AccountSlot::new([1, 5, 70_000, AccountSlot::MAX.get()][number]).unwrap();
    let e = EphemeralKey::derive(&[9; 32], &[b"reader vectors", &[number as u8]]);
    let shared = e.shared_secret(&viewing).unwrap().x;
    let mut positions = [Position::default(); MAX_POSITIONS];
    for (i, (id, _)) in markets.iter().enumerate().take(9 - number) {
        // Gaps between places: a slot keeps its place while others are emptied.
        let lots = rng.gen_range(1..=2_000) * if rng.gen() { 1 } else { -1 };
        positions[(2 * i + number) % 16] = Position { id: *id, lots: Lots::new(lots).unwrap() };
    }
    let leaf = AccountLeaf {
        owner,
        viewing,
        salt: seal::salt(shared, batch, slot),
        cash: Cash::new(rng.gen_range(-4_000_000_000_000..4_000_000_000_000)).unwrap(),
        epoch: rng.gen(),
        positions,
        orders_root: Fr::from(rng.gen::<u64>()),
    };
    let mut accounts = AccountsTree::new();
    for other in [0, 2, 6, 7, 69_999, 1 << 20] {
        accounts.set(other, Fr::from(other + 1));
    }
    accounts.set(slot.get() as u64, leaf.hash());

    let held = positions.iter().filter(|position| !position.is_empty());
    let holdings: Vec<Holding> = held
        .map(|position| {
            let (_, market) = markets.iter().find(|(id, _)| *id == position.id).unwrap();
            Holding { lots: position.lots, market }
        })
        .collect();
    let (cash, margin) = (leaf.cash.get(), Margin::of(&holdings));
    json!({
        "viewing_key": bytes(&key.into_bigint().to_bytes_be()),
        "instruments": markets.iter().map(|(id, leaf)| instrument(*id, leaf)).collect::<Vec<_>>(),
        "markets_root": word(&markets_tree.root()),
        "leaf": {
            "slot": slot.get(),
            "batch": batch + 3,
            "root": word(&accounts.root()),
            "leaf": word(&leaf.hash()),
            "path": accounts.path(slot.get() as u64).iter().map(|siblings| siblings.iter().map(word).collect()).collect::<Vec<Vec<_>>>(),
            "rewritten": batch,
            "ephemeral": point(&e.public()),
            "ciphertext": seal::encrypt(shared, leaf.hash(), leaf.plaintext()).iter().map(word).collect::<Vec<_>>(),
            "owner": point(&leaf.owner),
            "viewing": point(&leaf.viewing),
        },
        "account": {
            "cash": cash.to_string(),
            "epoch": leaf.epoch,
            "equity": equity(cash, &holdings).to_string(),
            "daily_equity": daily_equity(cash, &holdings).to_string(),
            "loss": margin.loss.iter().map(i128::to_string).collect::<Vec<_>>(),
            "charges": margin.charges.to_string(),
            "initial": margin.initial().to_string(),
            "maintenance": margin.maintenance().to_string(),
            "withdrawable": withdrawable(cash, &holdings).to_string(),
        },
    })
}

#[test]
fn reader_vectors_are_the_committed_ones() {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let cases: Vec<Value> = (0..CASES).map(|number| case(&mut rng, number)).collect();
    let about = "Accounts as the API shows them, and what their viewing keys and the rules make of them. Made by tests/reader_vectors.rs.";
    let text = serde_json::to_string_pretty(&json!({ "about": about, "cases": cases })).unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/reader.json");
    if std::env::var_os("NOVATION_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert!(std::fs::read_to_string(path).unwrap() == text, "the vectors changed: see the head of this file");
}
