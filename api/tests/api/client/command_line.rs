//! `novation trade`, as a process.

use crate::client::kit::{run, slot, Say, Venue};
use novation_api::client::pin::{journal_path, pin_path};
use novation_api::client::{Pin, Wallet};
use novation_state::crypto::viewing::ViewingKey;
use serde_json::{json, Value};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn trade(venue: &Venue, wallet: &Path, args: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_novation"));
    command.args(["trade", "--venue-clock", "--url", &venue.url, "--wallet"]).arg(wallet).args(args);
    command.env_remove("NOVATION_L1_KEY").env_remove("NOVATION_L1");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A venue with one instrument, and a wallet with an account there.
async fn stage(folder: &Path) -> (Venue, std::path::PathBuf) {
    let venue = Venue::start().await;
    let micro = |n: i64| json!(n.to_string());
    venue.page(
        "/v1/instruments",
        json!([{
            "id": 1, "name": "BTC-PERP", "kind": "perpetual", "underlying": 0, "asset": "BTC", "tick_value": micro(100),
            "expiry": null, "strike": null, "status": "open", "mark_time": 1_774_499_940, "mark": 885_000, "daily_mark": 885_000,
            "settlement": null, "index": micro(0), "risk": vec![micro(0); 16], "charge_long": micro(0), "charge_short": micro(0),
            "free": 0, "excess_charge": micro(0), "limit": 1_000, "fee": micro(40), "band_low": 800_000, "band_high": 950_000,
        }]),
    );
    let wallet = folder.join("ann");
    let seed = format!("0x{}\n", "01".repeat(32));
    let made = trade(&venue, &wallet, &["keygen", "--restore"], &seed);
    assert!(!text(&made).contains("0101"), "a seed is never printed");
    let mut pin = Pin::new(&venue.view());
    pin.account = Some(slot());
    pin.save(&pin_path(&wallet)).unwrap();
    (venue, wallet)
}

#[test]
fn a_trader_goes_from_a_key_to_a_cancelled_order() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let (venue, wallet) = stage(folder.path()).await;
        assert_eq!(
            text(&trade(&venue, &wallet, &["markets"], "")),
            "id  instrument  status     mark  taken                    band                fee a lot\n \
              1  BTC-PERP    open    88500.0  2026-03-26 04:39:00 UTC  80000.0 to 95000.0    0.00004\n"
        );
        let order =
            ["order", "sell", "BTC-PERP", "0.025", "--limit", "88530.2", "--peg", "-0.5", "--reduce-only", "--json"];
        let placed: Value = serde_json::from_str(&text(&trade(&venue, &wallet, &order, ""))).unwrap();
        assert_eq!((&placed["order_slot"], &placed["receipt"]["position"]), (&json!(0), &json!(1)));
        let sent: Value = serde_json::from_str(&venue.arrived()[0]).unwrap();
        for (field, value) in [
            ("instrument", json!(1)),
            ("side", json!("sell")),
            ("lots", json!(25)),
            ("limit", json!(885_302)),
            ("peg_offset", json!(-5)),
            ("fee_cap", json!("80")),
            ("reduce_only", json!(true)),
            ("execution", json!("until_valid")),
            ("account", json!(7)),
        ] {
            assert_eq!(sent[field], value, "{field}");
        }
        let id = format!("0:{}", placed["nonce"]);
        let said = text(&trade(&venue, &wallet, &["cancel", &id], ""));
        assert_eq!(said, format!("cancellation {id} is in the log at position 2; the receipt is signed and checked\n"));
        // No answer: the next process sends the same bytes.
        venue.will(vec![Say::HangUp; 4]);
        let error =
            refused(&trade(&venue, &wallet, &["order", "buy", "BTC-PERP", "--lots", "3", "--limit", "88000"], ""));
        assert!(error.contains("`novation trade resend` sends the same bytes again"), "{error}");
        let said = text(&trade(&venue, &wallet, &["resend"], ""));
        assert!(said.ends_with("taken in at log position 3\n"), "{said}");
        let arrived = venue.arrived();
        assert_eq!(arrived[arrived.len() - 1], arrived[arrived.len() - 2]);
        assert!(journal_path(&wallet, slot()).exists());
    });
}

#[test]
fn mistakes_are_named_and_nothing_is_sent() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let (venue, wallet) = stage(folder.path()).await;
        for (line, error) in [
            ("order buy BTC-PERP 0.0255 --limit 88000", "error: quantity 0.0255 is not a multiple of 0.001\n"),
            ("order buy BTC-PERP 1 --limit 88000.05", "error: price 88000.05 is not a multiple of 0.1\n"),
            (
                "order buy BTC-27MAR26 1 --limit 1",
                "error: `BTC-27MAR26` is not listed: `novation trade markets` shows what is\n",
            ),
            (
                "order buy BTC-PERP 1e3 --limit 1",
                "error: quantity `1e3` is not a plain decimal number like 12 or 12.5 of at most 6 decimals\n",
            ),
            (
                "withdraw 0 --to 0x1111111111111111111111111111111111111111",
                "error: amount 0 is out of range: from 0.000001 to 79228162514264337593543.950335\n",
            ),
            (
                "withdraw 5 --to 0x0000000000000000000000000000000000000000",
                "error: address 0 cannot claim anything: name your own with --to\n",
            ),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(refused(&trade(&venue, &wallet, &words, "")), error, "{line}");
        }
        assert!(venue.arrived().is_empty());
        let nobody = folder.path().join("nobody");
        let error = refused(&trade(&venue, &nobody, &["orders"], ""));
        assert_eq!(
            error,
            format!("error: there is no wallet at {}: make one with `novation trade keygen`\n", nobody.display())
        );
        let error = refused(&trade(&venue, &wallet, &["keygen"], ""));
        assert!(error.contains("exists already"), "{error}");
        let error = refused(&trade(&venue, &nobody, &["keygen", "--restore"], "0x12"));
        assert_eq!(error, "error: a seed is 0x and 64 hexadecimal digits\n");
        assert!(!nobody.exists());
    });
}

#[test]
fn the_viewing_key_is_printed_on_request_and_is_the_wallets() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let (venue, wallet) = stage(folder.path()).await;
        let said = text(&trade(&venue, &wallet, &["viewing-key"], ""));
        let mut bytes = [0; 32];
        hex::decode_to_slice(said.trim().strip_prefix("0x").unwrap(), &mut bytes).unwrap();
        let key = ViewingKey::from_bytes(&bytes).unwrap();
        assert_eq!(key.public(), Wallet::open(&wallet).unwrap().viewing().public());
    });
}
