//! The JSON types: one spelling each, and back to the same values.

use crate::rest::harness::{deployment, Trader};
use novation_api::rest::reasons;
use novation_api::wire::{AddressHex, BytesHex, CommandRequest, Micro, OrderRequest, SignatureHex, Word};
use novation_sequencer::reason::{Deferred, Refused};
use novation_sequencer::Execution;
use novation_state::message::{Action, Side};
use novation_state::reject::Rejection;
use novation_state::units::Cash;
use serde_json::json;

#[test]
fn words_have_one_spelling() {
    let read = |text: &str| text.parse::<Micro>().map(|micro| micro.0);
    assert_eq!(
        (read("0"), read("-12"), read("170141183460469231731687303715884105727")),
        (Ok(0), Ok(-12), Ok(i128::MAX))
    );
    let rule = Err("not a decimal number of micro-units in its one spelling".to_owned());
    for text in ["", "+1", "-0", "007", "1.0", " 1", "170141183460469231731687303715884105728"] {
        assert_eq!(read(text), rule, "{text:?}");
    }
    let word = |text: &str| text.parse::<Word>();
    assert_eq!(word(&format!("0x{:064x}", 42)), Ok(Word(42.into())));
    assert_eq!(word("0x2a"), Err("not 0x and 64 hexadecimal digits".into()));
    assert_eq!(word(&format!("0x{}", "f".repeat(64))), Err("number is not below the field's modulus".into()));
    assert_eq!("0xab".parse::<BytesHex>(), Ok(BytesHex(vec![0xab])));
    assert_eq!("0xa".parse::<BytesHex>(), Err("not 0x and an even number of hexadecimal digits".into()));
    assert_eq!("ab".parse::<BytesHex>(), Err("not 0x and hexadecimal digits".into()));
    assert_eq!("0x12".parse::<AddressHex>(), Err("not 0x and 40 hexadecimal digits".into()));
    let high = format!("0x{}", "ff".repeat(64));
    assert_eq!(high.parse::<SignatureHex>(), Err("the first 32 bytes name no curve point".into()));
}

#[test]
fn orders_and_commands_come_back_as_they_were() {
    let trader = Trader::new(3);
    let mut order = trader.order(7, Side::Sell, 5, 1_000);
    for peg_offset in [None, Some(-3)] {
        order.peg_offset = peg_offset;
        for execution in [Execution::UntilValid, Execution::ThisWindow, Execution::Stop] {
            let request = trader.sign(order, execution);
            let text = serde_json::to_string(&request).unwrap();
            let read: OrderRequest = serde_json::from_str(&text).unwrap();
            let signed = read.signed().unwrap();
            assert_eq!((signed.order, signed.execution), (order, execution));
            assert_eq!(signed.signature, trader.key.sign(order.hash()));
        }
    }
    let amount = Cash::new(12).unwrap();
    let withdraw = Action::Withdraw { amount, recipient: [0xab; 20], chain: deployment().chain };
    let rotate = Action::Rotate { owner_eighth: trader.viewing.public() };
    for action in [withdraw, Action::Cancel, Action::Epoch, rotate] {
        let request = trader.command(1, 2, action);
        let read: CommandRequest = serde_json::from_str(&serde_json::to_string(&request).unwrap()).unwrap();
        assert_eq!(read.signed().unwrap().command.action, action);
    }
    let json = serde_json::to_value(trader.command(1, 2, withdraw)).unwrap();
    let recipient = format!("0x{}", "ab".repeat(20));
    assert_eq!(json["action"], json!({"withdraw": {"amount": "12", "recipient": recipient, "chain": 31_337}}));
}

#[test]
fn refusals_have_stable_statuses_codes_and_fields() {
    let account = Trader::new(3).slot;
    let told = |refused: &Refused| {
        let told = reasons::refused(refused);
        (told.status.as_u16(), told.code, told.field)
    };
    let seen = Refused::NonceSeen { account, order_slot: 1, nonce: 2, last: 3 };
    assert_eq!(told(&seen), (409, "nonce_seen", Some("nonce")));
    assert_eq!(told(&Refused::EpochEnds { account }), (409, "epoch_ends", Some("epoch")));
    assert_eq!(told(&Refused::Full { queue: "q", limit: 1 }), (503, "queue_full", None));
    assert_eq!(told(&Refused::Rule(Rejection::Unopened { account })), (404, "unopened", Some("account")));
    assert_eq!(told(&Refused::Unsatisfied("x".into())), (500, "unsatisfied", None));
    assert_eq!(reasons::deferred(&Deferred::CashRange), "cash_range");
}
