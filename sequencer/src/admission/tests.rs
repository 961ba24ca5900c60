//! Whatever is admitted, in whatever part and at whatever price it fills: the ledger's rules hold of the result, window by window and
//! for all windows of a batch together.

use super::*;
use crate::testing::{account, id, now};
use novation_state::math::margin::{check, only_shrank, Margin};
use novation_state::math::value::equity;
use novation_state::message::Binding;
use novation_state::units::Fee;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

const SEED: u64 = 0x5eed_0002;
const MARKETS: i64 = 5;
const SLOTS: usize = 4;

fn order(rng: &mut ChaCha20Rng, markets: &Markets) -> Order {
    let instrument = id(rng.gen_range(2..=MARKETS));
    let market = markets.get(instrument).unwrap();
    let side = if rng.gen() { Side::Buy } else { Side::Sell };
    let binding =
        Binding { deployment: 1.into(), account: AccountSlot::new(1).unwrap(), order_slot: 0, nonce: 1, epoch: 0 };
    Order {
        binding,
        instrument,
        side,
        lots: Lots::new(rng.gen_range(1..30)).unwrap(),
        limit: Ticks::new(market.mark.get() + side.sign() as i64 * rng.gen_range(-10..20)).unwrap(),
        peg_offset: rng.gen_ratio(1, 5).then(|| rng.gen_range(-20..20)),
        valid_until: now(),
        fee_cap: Fee::MAX,
        reduce_only: rng.gen_ratio(1, 4),
    }
}

/// An order that is in, with its interest.
type Admitted = (Order, Interest);

/// Admits random orders; counts the reasons of the others.
fn admit(
    rng: &mut ChaCha20Rng,
    view: &View,
    markets: &Markets,
    reasons: &mut BTreeMap<&'static str, usize>,
) -> Vec<Admitted> {
    let mut participant = Participant::new(view.clone(), markets);
    let mut admitted = Vec::new();
    for position in 1..=rng.gen_range(1..10) {
        let order = order(rng, markets);
        let market = markets.get(order.instrument).unwrap();
        let candidate = Candidate { position, order: &order, left: order.lots };
        let verdict =
            tradable(&order, market, now()).and_then(|limit| participant.admit(&candidate, market, limit, SLOTS));
        let name = match &verdict {
            Ok(_) => "admitted",
            Err(Deferred::Margin { relief: NoRelief::PositionGrew, .. }) => "margin, grew",
            Err(Deferred::Margin { relief: NoRelief::NegativeEquity, .. }) => "margin, negative",
            Err(Deferred::Margin { relief: NoRelief::InitialRose, .. }) => "margin, rose",
            Err(Deferred::Margin { relief: NoRelief::CoverFell, .. }) => "margin, cover",
            Err(Deferred::SelfCross { .. }) => "self-cross",
            Err(Deferred::PositionLimit { .. }) => "limit",
            Err(Deferred::NoFreeSlot { .. }) => "slot",
            Err(Deferred::NothingToReduce { .. }) => "nothing to reduce",
            Err(Deferred::BesideReduceOnly { .. }) => "beside reduce-only",
            Err(other) => panic!("unexpected: {other}"),
        };
        *reasons.entry(name).or_default() += 1;
        admitted.extend(verdict.ok().map(|interest| (order, interest)));
    }
    admitted
}

/// Fills some of the orders in part or whole, each at its limit or better, inside the band. Returns those filled.
fn fill(rng: &mut ChaCha20Rng, view: &mut View, markets: &Markets, admitted: &[Admitted]) -> Vec<Order> {
    let mut change = Change::default();
    let mut filled = Vec::new();
    for (order, interest) in admitted {
        let market = markets.get(order.instrument).unwrap();
        let most = interest.lots.get();
        let lots = match rng.gen_range(0..3) {
            0 => continue,
            1 => most,
            _ => rng.gen_range(1..=most),
        };
        let limit = interest.limit.get();
        let far = if order.side == Side::Buy { market.band_low.get() } else { market.band_high.get() };
        let price = if rng.gen() { limit } else { limit + (far - limit) * rng.gen_range(0..10) / 10 };
        let (lots, price) = (Lots::new(lots).unwrap(), Ticks::new(price).unwrap());
        change.fill(order.instrument, order.side, lots, price, market);
        filled.push(*order);
    }
    view.cash += change.cash;
    for (id, lots) in change.lots {
        *view.positions.entry(id).or_default() += lots;
    }
    view.positions.retain(|_, lots| *lots != 0);
    filled
}

/// The ledger's rules of an entry, as `state` defines them, apart from the two that the planner checks.
fn verdict(before: &View, after: &View, markets: &Markets) -> Result<(), String> {
    let lots = |view: &View, id: &InstrumentId| Lots::try_from(view.positions.get(id).copied().unwrap_or(0)).unwrap();
    let ids: BTreeSet<InstrumentId> = before.positions.keys().chain(after.positions.keys()).copied().collect();
    let mut all_shrank = true;
    for id in &ids {
        let market = markets.get(*id).unwrap();
        if market.status == Status::Settled || only_shrank(lots(before, id), lots(after, id)) {
            continue;
        }
        all_shrank = false;
        if lots(after, id).get().abs() > market.limit.get() {
            return Err(format!("limit of {id}"));
        }
        if market.status == Status::ReduceOnly {
            return Err(format!("reduce-only {id}"));
        }
    }
    let plain = |view: &View| -> Vec<_> { view.holdings(markets).into_iter().map(|(_, holding)| holding).collect() };
    let held: Vec<_> = before.holdings(markets).into_iter().map(|(id, h)| (h, lots(after, &id))).collect();
    let start = Standing { equity: equity(before.cash, &plain(before)), initial: Margin::before(&held).initial() };
    let end = Standing::of(after.cash, &plain(after));
    check(&start, &end, all_shrank).map_err(|relief| format!("{relief}: {start:?} to {end:?}"))
}

#[test]
fn whatever_is_admitted_keeps_the_ledgers_rules_in_every_window_and_over_all_of_them() {
    const ACCOUNTS: u64 = 6_000;
    println!("seeds {SEED:#x} ^ 0..{ACCOUNTS}");
    let mut reasons = BTreeMap::new();
    let (mut relieved, mut chained) = (0, 0);
    for k in 0..ACCOUNTS {
        let seed = SEED ^ k;
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (markets, start) = account(&mut rng, MARKETS, SLOTS);
        let mut view = start.clone();
        for window in 0..4 {
            let admitted = admit(&mut rng, &view, &markets, &mut reasons);
            // Several outcomes of the same window; the last one is what happened.
            let before = view.clone();
            for _ in 0..4 {
                view = before.clone();
                let filled = fill(&mut rng, &mut view, &markets, &admitted);
                if filled.is_empty() {
                    continue;
                }
                for (name, from) in [("window", &before), ("batch", &start)] {
                    let verdict = verdict(from, &view, &markets);
                    assert_eq!(verdict, Ok(()), "seed {seed:#x} window {window}, judged by the {name}");
                }
                assert!(view.positions.len() <= SLOTS.max(before.positions.len()), "seed {seed:#x}");
                for order in filled.iter().filter(|order| order.reduce_only) {
                    let at = |view: &View| {
                        Lots::try_from(view.positions.get(&order.instrument).copied().unwrap_or(0)).unwrap()
                    };
                    assert!(at(&before) != Lots::ZERO && only_shrank(at(&before), at(&view)), "seed {seed:#x}");
                }
                let plain: Vec<_> = view.holdings(&markets).into_iter().map(|(_, holding)| holding).collect();
                let standing = Standing::of(view.cash, &plain);
                relieved += usize::from(standing.equity < standing.initial);
                chained += usize::from(standing.equity < standing.initial && before != start);
            }
        }
    }
    println!("{reasons:?}, {relieved} outcomes by the better-of rule, {chained} of them after others");
    let often = |name: &str| reasons.get(name).copied().unwrap_or(0);
    for (name, least) in [
        ("admitted", 10_000),
        ("margin, grew", 1_000),
        ("margin, negative", 10),
        ("margin, rose", 10),
        ("margin, cover", 10),
        ("self-cross", 100),
        ("limit", 100),
        ("slot", 100),
        ("nothing to reduce", 1_000),
        ("beside reduce-only", 100),
    ] {
        assert!(often(name) >= least, "{name}: {} of {least}", often(name));
    }
    assert!(relieved > 1_000 && chained > 300, "{relieved} {chained}");
}
