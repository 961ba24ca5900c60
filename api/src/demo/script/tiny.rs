//! The story of the tiny size: three traders, five instruments, the same turns of events.

use super::{at, buy, sell, Kind, Line, Stage, START, THROUGH};
use crate::calendar::HOUR;
use crate::demo::DemoError;
use novation_state::message::Side;

const INSTRUMENTS: [&str; 5] = ["BTC-PERP", "BTC-27MAR26", "BTC-27MAR26-88000-C", "BTC-27MAR26-90000-P", "ETH-PERP"];

pub(super) fn play(s: &mut Stage) -> Result<String, DemoError> {
    s.scene(START, "the oracle role lists five instruments; two traders deposit")?;
    s.quote(at(88_500.0, 2_950.0, 0.000_6), &INSTRUMENTS)?;
    s.world.deposit(&[("alice", 60_000), ("bob", 60_000)])?;
    s.batch("deposits")?;

    s.scene(START + HOUR, "a third deposits; a future and a perpetual trade in two windows")?;
    s.world.deposit(&[("carol", 60_000)])?;
    s.quote(at(88_640.0, 2_957.0, 0.000_9), &[])?;
    s.window(&[sell("alice", "BTC-27MAR26", 0.5), buy("bob", "BTC-27MAR26", 0.6)])?;
    s.window(&[buy("alice", "BTC-PERP", 0.4), sell("bob", "BTC-PERP", 0.3)])?;
    s.batch("a future and a perpetual")?;

    s.scene(START + 2 * HOUR, "a call and a put")?;
    s.quote(at(88_810.0, 2_961.0, 0.000_9), &[])?;
    s.window(&[buy("bob", "BTC-27MAR26-88000-C", 0.4), sell("carol", "BTC-27MAR26-88000-C", 0.4)])?;
    s.window(&[buy("alice", "BTC-27MAR26-90000-P", 0.3), sell("carol", "BTC-27MAR26-90000-P", 0.2)])?;
    s.batch("a call and a put")?;

    let half_hour_before = at(89_420.0, 3_019.0, 0.000_9);
    s.scene(START + 12 * HOUR + HOUR / 2, "the last quotes before 27 March, 08:00; funding has accrued")?;
    s.quote(half_hour_before, &[])?;
    s.say_funding("BTC-PERP")?;
    s.scene(START + 13 * HOUR + 30, "27MAR26 expires: its future, call and put settle")?;
    s.model = at(89_510.0, 3_026.0, 0.000_8);
    s.settle(half_hour_before)?;
    s.window(&[
        Line("alice", "BTC-PERP", Side::Sell, 0.1, THROUGH, Kind::ReduceOnly),
        Line("carol", "BTC-PERP", Side::Buy, 0.1, THROUGH, Kind::Pegged),
    ])?;
    s.batch("expiry: settled positions roll")?;

    s.scene(START + 14 * HOUR, "a trader withdraws and claims on L1")?;
    s.quote(at(89_650.0, 3_030.0, 0.000_7), &[])?;
    let amount = s.withdraw("alice", 50)?;
    s.batch("a withdrawal")?;
    s.claim("alice", amount)?;
    Ok("alice".to_owned())
}
