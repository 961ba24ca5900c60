//! Changes of markets.

use super::{ticks, Attempt, Case};
use crate::leaf::{Kind, MarketLeaf, Status};
use crate::markets::Markets;
use crate::reject::Rejection;
use crate::testkit::stage::{self, stage, FUTURE, PERP, SETTLED, UNLISTED};
use crate::testkit::World;
use crate::units::{InstrumentId, PerLot, Strike, TickValue, Time};

fn time(seconds: i64) -> Time {
    Time::new(crate::testkit::START + seconds).expect("in range")
}

fn update(changes: Vec<(InstrumentId, MarketLeaf)>, seconds: i64) -> (World, Attempt) {
    (stage(), Attempt::Markets { changes, time: time(seconds) })
}

/// One leaf of the stage, changed, at its present.
fn changed(id: InstrumentId, change: impl FnOnce(&mut MarketLeaf)) -> (World, Attempt) {
    let mut leaf = stage().markets.get(id).expect("listed").clone();
    change(&mut leaf);
    update(vec![(id, leaf)], stage::ELAPSED)
}

fn terms() -> Vec<Case> {
    type Change = fn(&mut MarketLeaf);
    let changes: [(&'static str, Change); 5] = [
        ("market_of_another_kind", |leaf| leaf.kind = Kind::Call),
        ("market_of_another_underlying", |leaf| leaf.underlying = 0),
        ("market_of_another_tick_value", |leaf| leaf.tick_value = TickValue::new(11).expect("in range")),
        ("market_of_another_expiry", |leaf| leaf.expiry = time(10_001)),
        ("market_of_another_strike", |leaf| leaf.strike = Strike::new(1).expect("in range")),
    ];
    let case = |(name, change): (&'static str, Change)| Case {
        name,
        good: changed(FUTURE, |leaf| leaf.mark = ticks(1_001)),
        bad: changed(FUTURE, change),
        broken: Rejection::TermsChanged { instrument: FUTURE },
    };
    changes.into_iter().map(case).collect()
}

fn settlement() -> Vec<Case> {
    type Change = fn(&mut MarketLeaf);
    let changes: [(&'static str, Change); 3] = [
        ("settlement_written_twice", |leaf| leaf.settlement = PerLot::new(10_501).expect("in range")),
        ("settled_market_opened_again", |leaf| {
            leaf.status = Status::Open;
            leaf.settlement = PerLot::ZERO;
        }),
        ("funding_of_a_settled_market", |leaf| leaf.index = PerLot::new(1).expect("in range")),
    ];
    let case = |(name, change): (&'static str, Change)| Case {
        name,
        good: changed(SETTLED, |_| {}),
        bad: changed(SETTLED, change),
        broken: Rejection::SettledChanged { instrument: SETTLED },
    };
    let mut all: Vec<Case> = changes.into_iter().map(case).collect();
    let settle = |status| {
        changed(PERP, move |leaf| {
            leaf.status = status;
            leaf.settlement = PerLot::new(-1).expect("in range");
        })
    };
    all.push(Case {
        name: "settlement_of_a_market_that_is_not_settled",
        good: settle(Status::Settled),
        bad: settle(Status::Halted),
        broken: Rejection::SettlementEarly { instrument: PERP },
    });
    all
}

fn listing() -> Vec<Case> {
    let id = |n: i64| InstrumentId::new(n).expect("in range");
    let list = |n: i64| update(vec![(id(n), stage::perpetual())], stage::ELAPSED);
    let next = UNLISTED.get();
    let serial = |instrument: i64| Rejection::IdNotSerial { instrument: id(instrument), next };
    let of_underlying =
        |underlying| update(vec![(UNLISTED, MarketLeaf { underlying, ..stage::perpetual() })], stage::ELAPSED);
    let marked = |seconds| changed(PERP, move |leaf| leaf.mark_time = time(seconds));
    let mut first = (stage(), Attempt::Markets { changes: Vec::new(), time: Time::new(1).expect("in range") });
    first.0.markets = Markets::new();
    let mut never = (stage(), Attempt::Markets { changes: Vec::new(), time: Time::ZERO });
    never.0.markets = Markets::new();
    let one = || (PERP, stage::perpetual());
    vec![
        Case {
            name: "markets_before_the_last_update",
            good: update(Vec::new(), stage::ELAPSED),
            bad: update(Vec::new(), stage::ELAPSED - 1),
            broken: Rejection::MarketsTime { time: time(stage::ELAPSED - 1), last: time(stage::ELAPSED) },
        },
        Case {
            name: "markets_at_time_zero",
            good: first,
            bad: never,
            broken: Rejection::MarketsTime { time: Time::ZERO, last: Time::new(1).expect("in range") },
        },
        Case {
            name: "market_changed_twice",
            good: update(vec![one()], stage::ELAPSED),
            bad: update(vec![one(), one()], stage::ELAPSED),
            broken: Rejection::ChangedTwice { instrument: PERP },
        },
        Case { name: "listing_that_skips_an_id", good: list(next), bad: list(next + 1), broken: serial(next + 1) },
        Case { name: "listing_of_id_zero", good: list(next), bad: list(0), broken: serial(0) },
        Case {
            name: "listing_of_a_ninth_underlying",
            good: of_underlying(7),
            bad: of_underlying(8),
            broken: Rejection::UnderlyingRange { instrument: UNLISTED, underlying: 8 },
        },
        Case {
            name: "mark_after_its_update",
            good: marked(stage::ELAPSED),
            bad: marked(stage::ELAPSED + 1),
            broken: Rejection::MarkAfterUpdate {
                instrument: PERP,
                mark_time: time(stage::ELAPSED + 1),
                time: time(stage::ELAPSED),
            },
        },
        Case {
            name: "band_from_high_to_low",
            good: changed(PERP, |leaf| leaf.band_low = leaf.band_high),
            bad: changed(PERP, |leaf| leaf.band_low = ticks(leaf.band_high.get() + 1)),
            broken: Rejection::BandReversed { instrument: PERP, low: ticks(1_101), high: ticks(1_100) },
        },
    ]
}

pub(super) fn cases() -> Vec<Case> {
    [terms(), settlement(), listing()].into_iter().flatten().collect()
}
