//! The story of the demo size: ten traders, thirteen instruments, fifteen hours and an expiry.

use super::{at, buy, sell, Kind, Line, Stage, START, THROUGH};
use crate::calendar::HOUR;
use crate::demo::DemoError;
use novation_state::message::Side;

const INSTRUMENTS: [&str; 13] = [
    "BTC-PERP",
    "BTC-27MAR26",
    "BTC-27MAR26-88000-C",
    "BTC-27MAR26-87000-P",
    "BTC-26JUN26",
    "BTC-26JUN26-100000-C",
    "BTC-26JUN26-80000-P",
    "ETH-PERP",
    "ETH-27MAR26",
    "ETH-27MAR26-3000-C",
    "ETH-26JUN26",
    "ETH-26JUN26-3200-C",
    "ETH-26JUN26-2600-P",
];

pub(super) fn play(s: &mut Stage) -> Result<String, DemoError> {
    s.scene(START, "the oracle role lists thirteen instruments; four traders deposit")?;
    s.quote(at(88_500.0, 2_950.0, 0.000_6), &INSTRUMENTS)?;
    s.world.deposit(&[("alice", 150_000), ("bob", 80_000), ("carol", 200_000), ("dave", 250_000)])?;
    s.batch("deposits")?;

    s.scene(START + HOUR, "four more deposit; futures and perpetuals trade in two windows")?;
    s.world.deposit(&[("erin", 200_000), ("frank", 90_000), ("grace", 70_000), ("heidi", 120_000)])?;
    s.quote(at(88_640.0, 2_957.0, 0.000_7), &[])?;
    s.window(&[
        sell("alice", "BTC-27MAR26", 1.0),
        buy("bob", "BTC-27MAR26", 0.5),
        buy("dave", "BTC-27MAR26", 0.8),
        buy("bob", "BTC-PERP", 0.6),
        sell("carol", "BTC-PERP", 0.4),
        sell("dave", "BTC-PERP", 0.4),
    ])?;
    s.window(&[
        buy("dave", "BTC-26JUN26", 0.5),
        sell("carol", "BTC-26JUN26", 0.6),
        sell("alice", "ETH-PERP", 6.0),
        buy("bob", "ETH-PERP", 4.0),
    ])?;
    s.batch("futures, perpetuals, deposits")?;

    s.scene(START + 2 * HOUR, "the last two deposit; calls and puts on BTC")?;
    s.world.deposit(&[("ivan", 80_000), ("judy", 60_000)])?;
    s.quote(at(88_810.0, 2_961.0, 0.000_8), &[])?;
    s.window(&[
        buy("bob", "BTC-27MAR26-88000-C", 1.0),
        sell("carol", "BTC-27MAR26-88000-C", 0.6),
        sell("erin", "BTC-27MAR26-88000-C", 0.6),
        buy("alice", "BTC-27MAR26-87000-P", 1.0),
        sell("erin", "BTC-27MAR26-87000-P", 1.1),
    ])?;
    s.window(&[
        buy("bob", "BTC-26JUN26-100000-C", 0.4),
        sell("carol", "BTC-26JUN26-100000-C", 0.5),
        buy("alice", "BTC-26JUN26-80000-P", 0.5),
        sell("dave", "BTC-26JUN26-80000-P", 0.5),
    ])?;
    s.batch("options on BTC")?;

    s.scene(START + 3 * HOUR, "futures and options on ETH")?;
    s.quote(at(88_930.0, 2_975.0, 0.000_9), &[])?;
    s.window(&[
        buy("erin", "ETH-26JUN26", 10.0),
        sell("frank", "ETH-26JUN26", 12.0),
        buy("frank", "ETH-27MAR26", 6.0),
        sell("grace", "ETH-27MAR26", 5.0),
    ])?;
    s.window(&[
        buy("frank", "ETH-27MAR26-3000-C", 8.0),
        sell("dave", "ETH-27MAR26-3000-C", 8.0),
        buy("frank", "ETH-26JUN26-2600-P", 5.0),
        sell("erin", "ETH-26JUN26-2600-P", 6.0),
        buy("carol", "ETH-26JUN26-3200-C", 3.0),
        sell("erin", "ETH-26JUN26-3200-C", 3.0),
    ])?;
    s.batch("futures and options on ETH")?;

    s.scene(START + 5 * HOUR, "night: the oracle role quotes, funding accrues")?;
    for hour in [5, 7, 9, 11] {
        s.world.advance_to(START + hour * HOUR);
        let drift = hour as f64;
        s.quote(at(88_930.0 + 40.0 * drift, 2_975.0 + 4.0 * drift, 0.000_9), &[])?;
    }
    s.say_funding("BTC-PERP")?;
    s.window(&[
        Line("bob", "BTC-PERP", Side::Sell, 0.2, THROUGH, Kind::ReduceOnly),
        Line("dave", "BTC-PERP", Side::Buy, 0.15, THROUGH, Kind::ReduceOnly),
        Line("erin", "BTC-PERP", Side::Buy, 0.1, THROUGH, Kind::Pegged),
    ])?;
    s.batch("funding, reduce-only, a pegged order")?;

    let half_hour_before = at(89_420.0, 3_019.0, 0.000_9);
    s.scene(START + 12 * HOUR + HOUR / 2, "the last quotes before 27 March, 08:00")?;
    s.quote(half_hour_before, &[])?;
    s.scene(START + 13 * HOUR + 30, "27MAR26 expires: its future, call and put, and those on ETH, settle")?;
    s.model = at(89_510.0, 3_026.0, 0.000_8);
    s.settle(half_hour_before)?;
    s.window(&[sell("heidi", "ETH-PERP", 1.0), buy("alice", "ETH-PERP", 2.0)])?;
    s.batch("expiry: settled positions roll")?;

    s.scene(START + 14 * HOUR, "positions are closed and rolled on")?;
    s.quote(at(89_700.0, 3_033.0, 0.000_7), &[])?;
    s.window(&[
        sell("bob", "BTC-26JUN26", 0.4),
        buy("carol", "BTC-26JUN26", 0.4),
        Line("bob", "BTC-PERP", Side::Sell, 0.2, THROUGH, Kind::ReduceOnly),
        buy("ivan", "BTC-PERP", 0.3),
    ])?;
    s.window(&[
        buy("judy", "ETH-26JUN26", 6.0),
        Line("erin", "ETH-26JUN26", Side::Sell, 5.0, THROUGH, Kind::ReduceOnly),
    ])?;
    s.batch("closing and opening")?;

    s.scene(START + 15 * HOUR, "two traders withdraw and claim on L1")?;
    s.quote(at(89_650.0, 3_030.0, 0.000_7), &[])?;
    let alice = s.withdraw("alice", 50)?;
    let frank = s.withdraw("frank", 25)?;
    s.batch("withdrawals")?;
    s.claim("alice", alice)?;
    s.claim("frank", frank)?;
    Ok("alice".to_owned())
}
