use super::*;
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa::Signature;
use novation_state::leaf::{Kind, MarketLeaf, Status};
use novation_state::units::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

/// A number of 64 bits between two bounds, often one of them.
fn pick(rng: &mut ChaCha20Rng, low: i64, high: i64) -> i64 {
    match rng.gen_range(0..8) {
        0 => low,
        1 => high,
        _ => rng.gen_range(low..=high),
    }
}

macro_rules! unit {
    ($rng:expr, $unit:ident) => {
        $unit::new(pick($rng, $unit::MIN.get(), $unit::MAX.get())).unwrap()
    };
}

fn element(rng: &mut ChaCha20Rng) -> ark_bn254::Fr {
    use ark_ff::{Field, UniformRand};
    match rng.gen_range(0..6) {
        0 => 0.into(),
        1 => -ark_bn254::Fr::ONE,
        _ => ark_bn254::Fr::rand(rng),
    }
}

fn point(rng: &mut ChaCha20Rng) -> Point {
    Point { x: element(rng), y: element(rng) }
}

fn signature(rng: &mut ChaCha20Rng) -> Signature {
    Signature { r: point(rng), s: element(rng) }
}

fn binding(rng: &mut ChaCha20Rng) -> Binding {
    Binding {
        deployment: element(rng),
        account: unit!(rng, AccountSlot),
        order_slot: rng.gen(),
        nonce: rng.gen(),
        epoch: rng.gen(),
    }
}

fn order(rng: &mut ChaCha20Rng) -> SignedOrder {
    let order = Order {
        binding: binding(rng),
        instrument: unit!(rng, InstrumentId),
        side: if rng.gen() { Side::Buy } else { Side::Sell },
        lots: unit!(rng, Lots),
        limit: unit!(rng, Ticks),
        peg_offset: rng.gen::<bool>().then(|| pick(rng, i64::MIN, i64::MAX)),
        valid_until: unit!(rng, Time),
        fee_cap: unit!(rng, Fee),
        reduce_only: rng.gen(),
    };
    let execution =
        [Execution::UntilValid, Execution::ThisWindow, Execution::FillOrKill, Execution::PostOnly, Execution::Stop]
            [rng.gen_range(0..5)];
    SignedOrder { order, signature: signature(rng), execution }
}

fn command(rng: &mut ChaCha20Rng) -> SignedCommand {
    let amount = rng.gen_range(Cash::MIN.get()..=Cash::MAX.get());
    let action = match rng.gen_range(0..4) {
        0 => Action::Withdraw { amount: Cash::new(amount).unwrap(), recipient: rng.gen(), chain: rng.gen() },
        1 => Action::Cancel,
        2 => Action::Epoch,
        _ => Action::Rotate { owner_eighth: point(rng) },
    };
    let command = Command { binding: binding(rng), action };
    let possession = rng.gen::<bool>().then(|| signature(rng));
    SignedCommand { command, signature: signature(rng), possession }
}

fn leaf(rng: &mut ChaCha20Rng) -> MarketLeaf {
    MarketLeaf {
        kind: [Kind::Future, Kind::Perpetual, Kind::Call, Kind::Put][rng.gen_range(0..4)],
        underlying: rng.gen(),
        tick_value: unit!(rng, TickValue),
        expiry: unit!(rng, Time),
        strike: unit!(rng, Strike),
        status: [Status::Open, Status::ReduceOnly, Status::Halted, Status::Settled][rng.gen_range(0..4)],
        mark_time: unit!(rng, Time),
        mark: unit!(rng, Ticks),
        daily_mark: unit!(rng, Ticks),
        settlement: unit!(rng, PerLot),
        index: unit!(rng, PerLot),
        risk: std::array::from_fn(|_| unit!(rng, PerLot)),
        charge_long: unit!(rng, Charge),
        charge_short: unit!(rng, Charge),
        free: unit!(rng, Lots),
        excess_charge: unit!(rng, Charge),
        limit: unit!(rng, Lots),
        fee: unit!(rng, Fee),
        band_low: unit!(rng, Ticks),
        band_high: unit!(rng, Ticks),
    }
}

/// An input of a kind, 1 to 7, with nothing right about it but the ranges.
fn input(rng: &mut ChaCha20Rng, kind: u8) -> Input {
    let event = match kind {
        1 => Event::Order(order(rng)),
        2 => Event::Command(command(rng)),
        3 => {
            let amount = Amount::new(rng.gen_range(0..=Amount::MAX.get())).unwrap();
            let (owner_eighth, viewing_eighth) = (point(rng), point(rng));
            let deposit = Deposit { account: unit!(rng, AccountSlot), owner_eighth, viewing_eighth, amount };
            Event::Deposit { index: rng.gen(), deposit }
        }
        4 => Event::Markets((0..rng.gen_range(0..4)).map(|_| (unit!(rng, InstrumentId), leaf(rng))).collect()),
        5 => Event::Window,
        6 => Event::Batch,
        _ => Event::Proven { batch: rng.gen() },
    };
    Input { time: unit!(rng, Time), event }
}

fn inputs(seed: u64, each: usize) -> Vec<Input> {
    println!("seed {seed}");
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    (1..=7).flat_map(|kind| (0..each).map(move |_| kind)).map(|kind| input(&mut rng, kind)).collect()
}

#[test]
fn every_kind_of_input_is_read_as_it_was_written() {
    for input in inputs(1, 300) {
        assert_eq!(decode(&encode(&input)).as_ref(), Ok(&input));
    }
}

#[test]
fn bytes_that_end_early_or_late_are_refused() {
    for input in inputs(2, 5) {
        let bytes = encode(&input);
        for end in 0..bytes.len() {
            let cut = decode(&bytes[..end]);
            assert!(matches!(cut, Err(DecodeError::Short { .. })), "{end} of {} bytes: {cut:?}", bytes.len());
        }
        let longer = [&bytes[..], &[0; 3]].concat();
        assert_eq!(decode(&longer), Err(DecodeError::Trailing { bytes: 3 }));
    }
}

#[test]
fn a_changed_byte_is_refused_or_is_another_input_with_these_bytes() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let (mut refused, mut read) = (0, 0);
    for input in inputs(3, 100) {
        let mut bytes = encode(&input);
        let at = rng.gen_range(0..bytes.len());
        bytes[at] ^= rng.gen_range(1..=255u8);
        match decode(&bytes) {
            Ok(other) => {
                assert_ne!(other, input);
                assert_eq!(encode(&other), bytes, "one input, one string of bytes");
                read += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 50 && read > 50, "{refused} refused, {read} read");
}

#[test]
fn each_rule_of_the_encoding_is_refused_by_name() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let mut order = order(&mut rng);
    order.order.peg_offset = None;
    let bytes = encode(&Input { time: Time::ZERO, event: Event::Order(order) });
    let with = |at: usize, new: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        decode(&bytes)
    };
    assert_eq!(with(0, &[2]), Err(DecodeError::Version { found: 2 }));
    assert_eq!(with(1, &[8]), Err(DecodeError::Kind { found: 8 }));
    assert_eq!(with(2, &[0xff; 8]), Err(OutOfRange { unit: "Time", value: -1 }.into()));
    assert_eq!(with(10, &[0xff; 32]), Err(DecodeError::NotReduced { field: "the deployment" }));
    // Binding (49 bytes), instrument (8), side.
    assert_eq!(with(67, &[2]), Err(DecodeError::Code { field: "the side", found: 2 }));
    assert_eq!(with(84, &[2]), Err(DecodeError::Code { field: "the peg offset", found: 2 }));
    assert_eq!(with(101, &[7]), Err(DecodeError::Code { field: "the reduce-only flag", found: 7 }));
    assert_eq!(with(198, &[5]), Err(DecodeError::Code { field: "the execution", found: 5 }));
    assert_eq!(bytes.len(), 199);
}

#[test]
fn the_layout_is_that_of_the_table() {
    let proven = Input { time: Time::new(7).unwrap(), event: Event::Proven { batch: 5 } };
    assert_eq!(encode(&proven), [[1, 7, 0, 0, 0, 0, 0, 0, 0, 7].as_slice(), &[0, 0, 0, 0, 0, 0, 0, 5]].concat());

    let word = |n: u8| {
        let mut bytes = [0; 32];
        bytes[31] = n;
        bytes
    };
    let binding =
        Binding { deployment: 9.into(), account: AccountSlot::new(3).unwrap(), order_slot: 4, nonce: 5, epoch: 6 };
    let recipient = [0xab; 20];
    let action = Action::Withdraw { amount: Cash::new(-2).unwrap(), recipient, chain: 10 };
    let signature = Signature { r: Point { x: 11.into(), y: 12.into() }, s: 13.into() };
    let signed = SignedCommand { command: Command { binding, action }, signature, possession: None };
    let event = Event::Command(signed);
    let expected = [
        &[1, 2][..],
        &1_700_000_000u64.to_be_bytes(),
        &word(9),
        &3u64.to_be_bytes(),
        &[4],
        &5u32.to_be_bytes(),
        &6u32.to_be_bytes(),
        &[0],
        &[0xff; 15],
        &[0xfe],
        &recipient,
        &10u64.to_be_bytes(),
        &word(11),
        &word(12),
        &word(13),
        &[0],
    ];
    let time = Time::new(1_700_000_000).unwrap();
    assert_eq!(encode(&Input { time, event: event.clone() }), expected.concat());
    // The key of a submission leaves the time out.
    let key: [u8; 32] = Keccak256::digest([&expected[..1], &expected[2..]].concat().concat()).into();
    assert_eq!(submission(&event), Some(key));
    assert_eq!(submission(&Event::Window), None);
}
