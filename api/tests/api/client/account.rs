//! The own account: opened, valued and compared.

use crate::client::kit::{deployment, now, run, slot, Venue, CHAIN, NOW, SEED};
use novation_api::client::verify::{instrument_of, open_leaf, OnL1};
use novation_api::client::{ClientError, Journal, Pin, Trader, Wallet};
use novation_api::wire::{InstrumentView, LeafView, MarkView};
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa::SecretKey;
use novation_state::crypto::viewing::{EphemeralKey, ViewingKey};
use novation_state::crypto::Fr;
use novation_state::leaf::{AccountLeaf, Kind, MarketLeaf, Position, Status, MAX_POSITIONS, NEVER, SCENARIOS};
use novation_state::seal;
use novation_state::tree::AccountsTree;
use novation_state::units::{
    AccountSlot, Cash, Charge, Fee, InstrumentId, Lots, PerLot, Strike, TickValue, Ticks, Time,
};
use novation_verifier::encoding::to_hex_word;
use novation_verifier::watch::open::OpenError;
use serde_json::{json, Value};

/// A perpetual on BTC at 88,500 dollars.
pub fn perpetual() -> MarketLeaf {
    let time = Time::new(NOW - 60).unwrap();
    MarketLeaf {
        kind: Kind::Perpetual,
        underlying: 0,
        tick_value: TickValue::new(100).unwrap(),
        expiry: NEVER,
        strike: Strike::ZERO,
        status: Status::Open,
        mark_time: time,
        mark: Ticks::new(885_000).unwrap(),
        daily_mark: Ticks::new(884_000).unwrap(),
        settlement: PerLot::ZERO,
        index: PerLot::new(1_000).unwrap(),
        risk: std::array::from_fn(|s| PerLot::new(if s % 2 == 0 { 500_000 } else { -500_000 }).unwrap()),
        charge_long: Charge::new(10_000).unwrap(),
        charge_short: Charge::new(12_000).unwrap(),
        free: Lots::new(1_000).unwrap(),
        excess_charge: Charge::ZERO,
        limit: Lots::new(100_000).unwrap(),
        fee: Fee::new(40).unwrap(),
        band_low: Ticks::new(800_000).unwrap(),
        band_high: Ticks::new(950_000).unwrap(),
    }
}

/// The leaf of `owner` as a batch publishes it: 100 lots of the perpetual.
fn published(owner: Point) -> (AccountLeaf, Value) {
    let viewing = ViewingKey::from_seed(&SEED).public();
    let e = EphemeralKey::derive(&[1; 32], &[b"batch"]);
    let shared = seal::shared_secret(&e.scalar(), &viewing);
    let mut positions = [Position::default(); MAX_POSITIONS];
    positions[0] = Position { id: InstrumentId::new(1).unwrap(), lots: Lots::new(100).unwrap() };
    let leaf = AccountLeaf {
        owner,
        viewing,
        salt: seal::salt(shared, 4, slot()),
        // Bought at 88,450 dollars: 100 lots of 0.001 BTC, 100 micro-units per tick and lot.
        cash: Cash::new(10_000_000_000 - 100 * (884_500 * 100 - 1_000)).unwrap(),
        epoch: 3,
        positions,
        orders_root: 8.into(),
    };
    let mut tree = AccountsTree::new();
    tree.set(3, 99.into());
    tree.set(slot().get() as u64, leaf.hash());
    let path: Vec<Vec<String>> =
        tree.path(slot().get() as u64).iter().map(|level| level.iter().map(to_hex_word).collect()).collect();
    let point = |point: &Point| json!({ "x": to_hex_word(&point.x), "y": to_hex_word(&point.y) });
    let words = seal::encrypt(shared, leaf.hash(), leaf.plaintext());
    let view = json!({
        "slot": slot(), "batch": 5, "root": to_hex_word(&tree.root()), "leaf": to_hex_word(&leaf.hash()), "path": path,
        "rewritten": 4, "ephemeral": point(&e.public()), "ciphertext": words.iter().map(to_hex_word).collect::<Vec<_>>(),
        "owner": point(&owner), "viewing": point(&viewing),
    });
    (leaf, view)
}

/// Equity: 10,000 dollars and 100 lots that rose by 50 dollars a coin. Worst loss 100 * 0.5; charge 100 * 0.01.
fn account_view() -> Value {
    let standing = json!({ "equity": "10005000000", "initial": "51000000", "maintenance": MAINTENANCE, "withdrawable": "9944000000" });
    json!({
        "account": slot(), "batch": 5, "markets": 9, "epoch": 3, "standing": standing, "positions": [], "scenarios": [],
        "charges": "1000000", "nonces": [],
    })
}

/// Three quarters of initial margin, as `Margin::maintenance` has it.
const MAINTENANCE: &str = "38250000";

fn pages(venue: &Venue, owner: Point) {
    let id = InstrumentId::new(1).unwrap();
    let marks = json!({
        "number": 9, "root": to_hex_word(&Fr::from(0)), "time": NOW - 60, "marks": [MarkView::of(id, &perpetual())],
    });
    venue.page("/v1/instruments", json!([InstrumentView::of(id, &perpetual())]));
    venue.page("/v1/marks", marks);
    venue.page("/v1/account", account_view());
    venue.page(&format!("/v1/accounts/{}/leaf", slot()), published(owner).1);
}

fn owner() -> Point {
    SecretKey::from_seed(&SEED).public()
}

async fn honest() -> (Venue, Trader) {
    let venue = Venue::start().await;
    pages(&venue, owner());
    let trader = venue.trader(Journal::in_memory());
    (venue, trader)
}

#[test]
fn an_honest_venues_account_is_opened_and_valued_here_to_the_same_figures() {
    run(async {
        let (_venue, mut trader) = honest().await;
        let verified = trader.verified(now(), None).await.unwrap();
        assert_eq!(verified.leaf, published(owner()).0);
        assert_eq!(verified.standing, verified.view.standing);
        assert_eq!((verified.batch, verified.markets_number, verified.on_l1), (5, 9, OnL1::NotAsked));
        assert_eq!(verified.markets.get(InstrumentId::new(1).unwrap()), Some(&perpetual()));
    });
}

#[test]
fn every_figure_that_the_venue_makes_up_is_named() {
    run(async {
        for (field, what) in [
            ("equity", "equity"),
            ("initial", "initial margin"),
            ("maintenance", "maintenance margin"),
            ("withdrawable", "withdrawable"),
        ] {
            let (venue, mut trader) = honest().await;
            let mut view = account_view();
            let honest: i128 = view["standing"][field].as_str().unwrap().parse().unwrap();
            view["standing"][field] = json!((honest + 1).to_string());
            venue.page("/v1/account", view);
            let refused = trader.verified(now(), None).await.unwrap_err();
            let ClientError::Account { what: named, shown, computed } = refused else { panic!("{refused}") };
            assert_eq!((named, shown, computed), (what, honest + 1, honest));
        }
    });
}

#[test]
fn a_leaf_that_is_another_or_elsewhere_does_not_open() {
    let (leaf, view) = published(owner());
    let key = ViewingKey::from_seed(&SEED);
    let read = |view: &Value| serde_json::from_value::<LeafView>(view.clone()).unwrap();
    let open = |view: &Value| open_leaf(&read(view), slot(), &[owner()], &key);
    assert_eq!(open(&view).unwrap(), leaf);

    let word = |n: u64| json!(to_hex_word(&Fr::from(n)));
    let mut changed = view.clone();
    changed["path"][3][1] = word(5);
    assert!(matches!(open(&changed), Err(ClientError::Path { account }) if account == slot()));
    let mut changed = view.clone();
    changed["root"] = word(5);
    assert!(matches!(open(&changed), Err(ClientError::Path { .. })));
    let mut changed = view.clone();
    changed["slot"] = json!(8);
    assert!(matches!(open(&changed), Err(ClientError::Path { .. })));
    let mut changed = view.clone();
    changed["path"].as_array_mut().unwrap().pop();
    assert!(matches!(open(&changed), Err(ClientError::Path { .. })));
    let other = AccountSlot::new(8).unwrap();
    assert!(
        matches!(open_leaf(&read(&view), other, &[owner()], &key), Err(ClientError::Path { account }) if account == other)
    );

    // The root is one thing; what is in the leaf another.
    let stranger = SecretKey::from_seed(&[2; 32]).public();
    let hash = OpenError::Hash { slot: slot() };
    let refused = open_leaf(&read(&view), slot(), &[stranger], &key).unwrap_err();
    assert!(matches!(refused, ClientError::Open(ref why, _) if *why == hash), "{refused}");
    let mut changed = view.clone();
    changed["rewritten"] = json!(3);
    assert!(matches!(open(&changed), Err(ClientError::Open(why, _)) if why == hash));
}

#[test]
fn a_rotation_that_a_batch_carried_out_is_noticed_and_kept() {
    run(async {
        let (venue, _) = honest().await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wallet");
        let mut wallet = Wallet::create_from(&path, SEED).unwrap();
        let next = wallet.prepare_rotation().unwrap();
        let mut trader = Trader::new(venue.rest(), venue.view(), wallet, Journal::in_memory(), slot());
        let before = trader.credential(now());
        assert!(!trader.settle_rotation().await.unwrap(), "not yet");
        pages(&venue, next);
        venue.state.lock().unwrap().owner = next;
        assert!(trader.settle_rotation().await.unwrap());
        assert_eq!(Wallet::open(&path).unwrap().owner(), next);
        assert_ne!(trader.credential(now()), before, "signed by the new key");
        trader.verified(now(), None).await.unwrap();
    });
}

#[test]
fn credentials_are_used_while_they_are_good_and_then_signed_anew() {
    run(async {
        let (venue, mut trader) = honest().await;
        let at = |seconds: i64| Time::new(NOW + seconds).unwrap();
        for seconds in [0, 300, 480, 481, 900] {
            trader.account_view(at(seconds)).await.unwrap();
        }
        let used = venue.state.lock().unwrap().credentials.clone();
        assert!(used[0] == used[1] && used[1] == used[2] && used[2] != used[3] && used[3] == used[4], "{used:?}");
        assert!(used[3].starts_with(&format!("Novation 7.{}.", NOW + 481 + 600)), "{}", used[3]);
    });
}

#[test]
fn an_instrument_that_is_called_by_anothers_name_is_not_signed_for() {
    let id = InstrumentId::new(1).unwrap();
    let honest = InstrumentView::of(id, &perpetual());
    let (view, terms) = instrument_of(std::slice::from_ref(&honest), "BTC-PERP").unwrap();
    assert_eq!((view.id, terms.to_string().as_str()), (1, "BTC-PERP"));
    let refused = instrument_of(std::slice::from_ref(&honest), "ETH-PERP").unwrap_err();
    assert!(matches!(refused, ClientError::NotListed { ref name } if name == "ETH-PERP"), "{refused}");
    let misnamed = InstrumentView { name: "ETH-PERP".into(), ..honest.clone() };
    let refused = instrument_of(&[misnamed], "ETH-PERP").unwrap_err();
    assert!(matches!(refused, ClientError::Misnamed { id: 1, ref terms, .. } if terms == "BTC-PERP"), "{refused}");
    // Another grid under the right name: the limit would be read in other ticks.
    let grid = InstrumentView { tick_value: novation_api::wire::Micro(10), ..honest };
    let refused = instrument_of(&[grid], "BTC-PERP").unwrap_err();
    assert!(matches!(refused, ClientError::Misnamed { ref terms, .. } if terms == "nothing known"), "{refused}");
    assert_eq!(SCENARIOS, 16);
}

#[test]
fn a_venue_that_is_another_than_before_is_refused() {
    run(async {
        let venue = Venue::start().await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        assert_eq!(Pin::load(&path).unwrap(), None);
        let mut pin = Pin::new(&venue.view());
        pin.account = Some(slot());
        pin.save(&path).unwrap();
        let pin = Pin::load(&path).unwrap().unwrap();
        assert_eq!((pin.account, pin.deployment.0), (Some(slot()), deployment()));
        pin.check(&venue.view(), &path).unwrap();
        let mut other = venue.view();
        other.operator = SecretKey::from_seed(&[9; 32]).public().into();
        let refused = pin.check(&other, &path).unwrap_err();
        assert!(matches!(refused, ClientError::Pinned { what: "operator key", .. }), "{refused}");
        let mut other = venue.view();
        other.deployment.0 = novation_state::ledger::Deployment::new(CHAIN + 1, [0xc0; 20]).id;
        let refused = pin.check(&other, &path).unwrap_err();
        assert!(matches!(refused, ClientError::Pinned { what: "deployment", .. }), "{refused}");
    });
}
