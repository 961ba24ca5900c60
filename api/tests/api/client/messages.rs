//! Messages: signed, recorded, sent, answered.

use crate::client::kit::{deployment, now, run, slot, Say, Venue, NOW};
use novation_api::client::{ClientError, Journal, NewOrder, Placed, Trader, Wallet};
use novation_api::wire::{ActionJson, CommandRequest, ExecutionName, OrderRequest};
use novation_state::crypto::eddsa::EddsaError;
use novation_state::message::Side;
use novation_state::units::{Cash, Fee, InstrumentId, Lots, Ticks, Time};
use serde_json::json;

fn wish() -> NewOrder {
    NewOrder {
        instrument: InstrumentId::new(3).unwrap(),
        side: Side::Sell,
        lots: Lots::new(25).unwrap(),
        limit: Ticks::new(885_302).unwrap(),
        peg_offset: Some(-5),
        valid_until: Time::new(NOW + 600).unwrap(),
        fee_cap: Fee::new(40).unwrap(),
        reduce_only: true,
        execution: ExecutionName::ThisWindow,
    }
}

async fn fresh() -> (Venue, Trader) {
    let venue = Venue::start().await;
    let trader = venue.trader(Journal::in_memory());
    (venue, trader)
}

fn order_of(body: &str) -> OrderRequest {
    serde_json::from_str(body).unwrap()
}

#[test]
fn an_order_arrives_as_it_was_meant_and_the_receipt_is_checked() {
    run(async {
        let (venue, mut trader) = fresh().await;
        let Placed { order_slot, nonce, receipt, request } = trader.order(&wish(), now()).await.unwrap();
        let second = trader.order(&wish(), now()).await.unwrap();
        assert_eq!((receipt.receipt.position, second.receipt.receipt.position), (1, 2));
        assert_eq!((second.order_slot, second.nonce), (order_slot + 1, nonce + 1));
        assert_eq!(venue.arrived()[0], request);
        let arrived = order_of(&request);
        let signed = arrived.signed().unwrap();
        assert_eq!(signed.order.hash(), receipt.receipt.message);
        let NewOrder { instrument, side, lots, limit, peg_offset, valid_until, fee_cap, reduce_only, execution } =
            wish();
        assert_eq!((signed.order.instrument, signed.order.side, signed.order.lots), (instrument, side, lots));
        assert_eq!((signed.order.limit, signed.order.peg_offset), (limit, peg_offset));
        assert_eq!((signed.order.valid_until, signed.order.fee_cap), (valid_until, fee_cap));
        assert_eq!((signed.order.reduce_only, arrived.execution), (reduce_only, execution));
        assert_eq!((signed.order.binding.epoch, signed.order.binding.account), (3, slot()));
        assert_eq!(signed.order.binding.deployment, deployment());
        assert_eq!(trader.journal().pending(), []);
    });
}

#[test]
fn receipts_for_another_message_or_by_another_key_are_refused_and_the_order_stays_pending() {
    run(async {
        let (venue, mut trader) = fresh().await;
        venue.will([Say::AnotherMessage, Say::AnotherKey]);
        let refused = trader.order(&wish(), now()).await.unwrap_err();
        assert!(matches!(refused, ClientError::ReceiptMessage { .. }), "{refused}");
        assert_eq!(trader.journal().pending().len(), 1);
        let refused = trader.order(&wish(), now()).await.unwrap_err();
        assert!(matches!(refused, ClientError::ReceiptSignature { reason: EddsaError::EquationFails }), "{refused}");
        assert_eq!(trader.journal().pending().len(), 2);
    });
}

#[test]
fn a_lost_answer_is_asked_for_with_the_same_bytes() {
    run(async {
        let (venue, mut trader) = fresh().await;
        let busy = json!({ "error": { "code": "busy", "message": "later" } }).to_string();
        venue.will([Say::TakeAndHangUp, Say::Status(503, busy)]);
        let placed = trader.order(&wish(), now()).await.unwrap();
        assert_eq!(placed.receipt.receipt.position, 1);
        let arrived = venue.arrived();
        assert_eq!(arrived.len(), 3);
        assert!(arrived.iter().all(|body| *body == arrived[0]), "{arrived:?}");
        assert_eq!(trader.journal().pending(), []);
    });
}

#[test]
fn a_process_that_dies_before_the_answer_sends_the_same_bytes_after_its_restart() {
    run(async {
        let venue = Venue::start().await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let open = || Journal::open(&path, &deployment(), slot()).unwrap();
        // Taken in, and no answer ever comes.
        venue.will([Say::TakeAndHangUp, Say::HangUp, Say::HangUp]);
        let mut trader = venue.trader(open());
        let unknown = trader.order(&wish(), now()).await.unwrap_err();
        let ClientError::Unknown { order_slot, nonce, .. } = unknown else { panic!("{unknown}") };
        drop(trader);

        let mut trader = venue.trader(open());
        // A new order before the old one is settled: another slot, another nonce.
        let next = trader.order(&wish(), now()).await.unwrap();
        assert_ne!(next.order_slot, order_slot);
        assert!(next.nonce > nonce);
        // A full venue says nothing of what it may have taken in before.
        let busy = json!({ "error": { "code": "busy", "message": "full" } }).to_string();
        venue.will(vec![Say::Status(503, busy); 3]);
        let outcomes = trader.resend().await.unwrap();
        assert!(matches!(&outcomes[..], [(_, Err(ClientError::Unknown { .. }))]), "{outcomes:?}");
        let outcomes = trader.resend().await.unwrap();
        let [(sent, Ok(placed))] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert_eq!((placed.order_slot, placed.nonce, placed.receipt.receipt.position), (order_slot, nonce, 1));
        let arrived = venue.arrived();
        assert_eq!((arrived.first(), arrived.last()), (Some(&sent.body), Some(&sent.body)));
        assert_eq!(venue.state.lock().unwrap().log.len(), 2, "taken in once each");
        assert!(trader.resend().await.unwrap().is_empty());
    });
}

#[test]
fn an_answer_that_is_not_the_venues_own_refusal_settles_nothing() {
    run(async {
        for say in [
            // A proxy's page, its own limit, and a success without a receipt.
            Say::Status(404, "<html>no such thing</html>".into()),
            Say::Status(429, "slow down".into()),
            Say::Status(503, json!({ "error": { "code": "unknown_outcome", "message": "?" } }).to_string()),
            Say::Status(500, json!({ "error": { "code": "unknown_outcome", "message": "?" } }).to_string()),
            Say::Status(200, "{}".into()),
        ] {
            let (venue, mut trader) = fresh().await;
            venue.will([say.clone(), say.clone(), say.clone()]);
            let unknown = trader.order(&wish(), now()).await.unwrap_err();
            assert!(matches!(unknown, ClientError::Unknown { .. }), "{say:?}: {unknown}");
            assert_eq!(trader.journal().pending().len(), 1, "{say:?}");
        }
    });
}

#[test]
fn a_venue_that_is_full_changed_nothing_unless_an_earlier_attempt_left_a_doubt() {
    run(async {
        let full = || Say::Status(503, json!({ "error": { "code": "busy", "message": "full" } }).to_string());
        let (venue, mut trader) = fresh().await;
        venue.will([full(), full(), full()]);
        let refused = trader.order(&wish(), now()).await.unwrap_err();
        assert!(matches!(refused, ClientError::NotTaken { .. }), "{refused}");
        assert_eq!(trader.journal().pending(), []);
        venue.will([Say::HangUp, full(), full()]);
        let unknown = trader.order(&wish(), now()).await.unwrap_err();
        assert!(matches!(unknown, ClientError::Unknown { .. }), "{unknown}");
        assert_eq!(trader.journal().pending().len(), 1);
    });
}

#[test]
fn a_refusal_is_told_in_the_venues_words_and_settles_the_order() {
    run(async {
        let (venue, mut trader) = fresh().await;
        let body =
            json!({ "error": { "code": "empty_order", "field": "lots", "message": "an order is for something" } });
        venue.will([Say::Status(422, body.to_string())]);
        let refused = trader.order(&wish(), now()).await.unwrap_err();
        let ClientError::Refused(refusal) = &refused else { panic!("{refused}") };
        assert_eq!((refusal.status, refusal.detail.code.as_str()), (422, "empty_order"));
        assert_eq!(refused.to_string(), "refused: an order is for something (empty_order, field `lots`)");
        assert_eq!(trader.journal().pending(), []);
        assert_eq!(venue.arrived().len(), 1, "a refusal is not tried again");
    });
}

#[test]
fn a_client_that_lost_its_journal_learns_the_nonces_that_were_used() {
    run(async {
        let (venue, mut trader) = fresh().await;
        let used = u32::try_from(NOW).unwrap() + 50;
        // Known before the first message.
        venue.state.lock().unwrap().nonces = vec![(4, Some(used + 1))];
        venue.page("/v1/account/orders", json!([]));
        let placed = trader.order(&wish(), now()).await.unwrap();
        assert_eq!(placed.nonce, used + 1);
        // Used elsewhere since: refused, learnt, signed anew.
        let body = json!({ "error": { "code": "nonce_seen", "field": "nonce", "message": "seen" } });
        venue.state.lock().unwrap().nonces = vec![(9, Some(used + 71))];
        venue.will([Say::Status(409, body.to_string())]);
        let placed = trader.order(&wish(), now()).await.unwrap();
        assert_eq!(placed.nonce, used + 71);
        assert_eq!(trader.journal().pending(), []);
    });
}

#[test]
fn a_raised_epoch_is_noticed_and_signed_for() {
    run(async {
        let (venue, mut trader) = fresh().await;
        let order = trader.order(&wish(), now()).await.unwrap();
        venue.state.lock().unwrap().epoch = 4;
        let body = json!({ "error": { "code": "epoch", "field": "epoch", "message": "another epoch" } }).to_string();
        venue.will([Say::Status(409, body)]);
        trader.cancel(order.order_slot, order.nonce, now()).await.unwrap();
        let cancel: CommandRequest = serde_json::from_str(venue.arrived().last().unwrap()).unwrap();
        assert_eq!((cancel.action, cancel.epoch), (ActionJson::Cancel {}, 4));
        assert_eq!((cancel.order_slot, cancel.nonce), (order.order_slot, order.nonce), "those of the order");
    });
}

#[test]
fn commands_use_their_own_order_slot_and_nonces_that_rise() {
    run(async {
        let (venue, mut trader) = fresh().await;
        let order = trader.order(&wish(), now()).await.unwrap();
        let withdrawal = trader.withdraw(Cash::new(1_250_000).unwrap(), [0xab; 20], now()).await.unwrap();
        let ended = trader.cancel_all(now()).await.unwrap();
        assert_eq!((withdrawal.order_slot, ended.order_slot), (255, 255));
        assert!(order.nonce < withdrawal.nonce && withdrawal.nonce < ended.nonce);
        let command: CommandRequest = serde_json::from_str(&venue.arrived()[1]).unwrap();
        let ActionJson::Withdraw { amount, recipient, chain } = command.action else { panic!("{command:?}") };
        assert_eq!((amount.0, recipient.0, chain), (1_250_000, [0xab; 20], crate::client::kit::CHAIN));
        // The epoch is asked for again after it was raised.
        venue.state.lock().unwrap().epoch = 4;
        trader.order(&wish(), now()).await.unwrap();
        assert_eq!(order_of(venue.arrived().last().unwrap()).epoch, 4);
    });
}

#[test]
fn a_rotation_proves_possession_of_a_key_that_is_in_the_file_already() {
    run(async {
        let venue = Venue::start().await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wallet");
        let wallet = Wallet::create_from(&path, crate::client::kit::SEED).unwrap();
        let mut trader = Trader::new(venue.rest(), venue.view(), wallet, Journal::in_memory(), slot());
        trader.rotate(now()).await.unwrap();
        let command: CommandRequest = serde_json::from_str(&venue.arrived()[0]).unwrap();
        let signed = command.signed().unwrap();
        let next = Wallet::open(&path).unwrap().next_owner().expect("kept");
        let novation_state::message::Action::Rotate { owner_eighth } = signed.command.action else {
            panic!("{command:?}")
        };
        assert_eq!(owner_eighth.mul8(), next);
        let possession = signed.possession.expect("a rotation has one");
        assert_eq!(novation_state::crypto::eddsa::verify(&next, signed.command.hash(), &possession), Ok(()));
    });
}

#[test]
fn a_full_set_of_order_slots_is_cleared_of_orders_that_are_over() {
    run(async {
        let (venue, mut trader) = fresh().await;
        let mut placed = Vec::new();
        for _ in 0..255 {
            placed.push(trader.order(&wish(), now()).await.unwrap());
        }
        let views = |state: &str| {
            let Placed { order_slot, nonce, .. } = placed[17];
            let word = format!("0x{:064x}", 1);
            let signature = format!("0x{}", "00".repeat(64));
            let receipt = json!({ "position": 18, "message": word, "root": word, "time": NOW, "signature": signature });
            json!([{
                "position": 18, "message": word, "time": NOW, "receipt": receipt, "order_slot": order_slot, "nonce": nonce, "epoch": 3,
                "instrument": 3, "side": "sell", "lots": 25, "limit": 885_302, "peg_offset": -5, "valid_until": NOW + 600,
                "fee_cap": "40", "reduce_only": true, "execution": "this_window", "state": state, "filled": 0, "left": 25,
                "deferred": null, "lapsed": null,
            }])
        };
        let path = "/v1/account/orders";
        venue.page(path, views("open"));
        let full = trader.order(&wish(), now()).await.unwrap_err();
        assert!(matches!(full, ClientError::Journal(novation_api::client::JournalError::NoFreeSlot)), "{full}");
        venue.page(path, views("lapsed"));
        let next = trader.order(&wish(), now()).await.unwrap();
        assert_eq!(next.order_slot, placed[17].order_slot);
    });
}
