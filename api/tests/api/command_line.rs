//! The binary: tables in, JSON out; dumped witnesses proven again; proofs checked offline and refused when something was changed.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const ORDERS: &str = "\
# Two traders who meet twice, and one order that is refused: post-dated limits are fine, an empty side is not.
minute,trader,instrument,side,lots,limit,minutes,reduce_only,peg
0,ann,BTC-PERP,buy,100,89000,1,no,
0,ben,BTC-PERP,sell,60,88000,3,no,
2,ann,BTC-PERP,sell,20,88000,1,yes,
2,ben,BTC-PERP,buy,20,89000,1,yes,-0.0
";

pub fn novation(folder: &Path, args: &[&str]) -> Output {
    let keys = Path::new(env!("CARGO_TARGET_TMPDIR")).join("keys");
    let mut command = Command::new(env!("CARGO_BIN_EXE_novation"));
    command.current_dir(folder).env("NOVATION_KEYS", keys).args(args).output().expect("the binary starts")
}

pub fn succeed(folder: &Path, args: &[&str]) -> String {
    let output = novation(folder, args);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{args:?}:\n{out}\n{err}");
    out.into_owned()
}

pub fn fail(folder: &Path, args: &[&str]) -> String {
    let output = novation(folder, args);
    assert_eq!(output.status.code(), Some(1), "{args:?} fails");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_table_is_played_and_every_batch_can_be_proven_and_checked_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("orders.csv"), ORDERS).unwrap();
    let text = succeed(at, &["demo", "--json", "--size", "tiny", "--orders", "orders.csv", "--dump", "out"]);
    let report: Value = serde_json::from_str(&text).expect("standard output is JSON and nothing else");
    assert_eq!(report["clock"], "simulated");
    let titles: Vec<&str> =
        report["batches"].as_array().unwrap().iter().map(|b| b["title"].as_str().unwrap()).collect();
    // Reduce-only orders wait for the batch that made the position.
    assert_eq!(titles, ["deposits", "orders of the table", "orders of the table", "a withdrawal"]);
    assert_eq!(report["totals"]["orders"], 4);
    assert_eq!(report["totals"]["fills"], 4);
    // 60 lots changed hands, then 20 went back.
    assert_eq!(report["lots"], 80);
    assert_eq!(report["account"]["trader"], "ann");
    assert_eq!(report["account"]["private"]["positions"][0]["lots"], 40);
    assert_eq!(report["audit"]["series"]["1"]["net"], 0);

    let check = ["verify", "--vk", "out/verification_key.json", "--public", "out/batch-2.data.json", "--proof"];
    let with = |proof| [&check[..], &[proof]].concat();
    assert_eq!(
        succeed(at, &with("out/batch-2.proof.json")),
        "accepted: the proof shows the batch of out/batch-2.data.json\n"
    );
    let refused = fail(at, &with("out/batch-3.proof.json"));
    assert_eq!(refused, "error: refused: the pairing equation does not hold\n");

    // The same batch, proven again from its witness: another proof of the same statement.
    let text = succeed(at, &["prove", "out/batch-2.witness", "-o", "again"]);
    assert!(text.contains("with a key that was cached"), "{text}");
    succeed(at, &with("again/proof.json"));
    let read = |name: &str| std::fs::read_to_string(at.join(name)).unwrap();
    assert_eq!(read("again/public.json"), read("out/batch-2.public.json"));
    assert_ne!(read("again/proof.json"), read("out/batch-2.proof.json"), "proofs are blinded");

    // A word of the public data changed: the proof is of something else.
    let mut data: Value = serde_json::from_str(&read("out/batch-2.data.json")).unwrap();
    let object = data.as_object_mut().unwrap();
    object.remove("z");
    object.remove("y");
    let words = object["words"].as_array_mut().unwrap();
    let last = words.len() - 1;
    words.swap(last, last - 1);
    std::fs::write(at.join("changed.json"), data.to_string()).unwrap();
    let changed = ["verify", "--vk", "out/verification_key.json", "--public", "changed.json", "--proof"];
    let refused = fail(at, &[&changed[..], &["out/batch-2.proof.json"]].concat());
    assert_eq!(refused, "error: refused: the pairing equation does not hold\n");

    succeed(at, &["export", "vk", "--size", "tiny", "-o", "vk.json"]);
    assert_eq!(read("vk.json"), read("out/verification_key.json"));
    succeed(at, &["export", "wtns", "out/batch-2.witness", "-o", "batch.wtns"]);
    assert!(std::fs::read(at.join("batch.wtns")).unwrap().starts_with(b"wtns"));
    succeed(at, &["export", "r1cs", "--size", "tiny", "-o", "tiny.r1cs"]);
    assert!(std::fs::read(at.join("tiny.r1cs")).unwrap().starts_with(b"r1cs"));
}

#[test]
fn bad_input_is_refused_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("orders.csv"), ORDERS.replace(",100,", ",1e2,")).unwrap();
    let error = fail(at, &["demo", "--size", "tiny", "--orders", "orders.csv"]);
    let rule = "`1e2` is not a whole number from 1 to 1099511627775";
    assert_eq!(error, format!("error: orders.csv, line 3, column `lots`: {rule}\n"));
    let error = fail(at, &["convert", "deribit", "missing.csv", "-o", "out"]);
    assert!(error.starts_with("error: missing.csv: "), "{error}");
    std::fs::write(at.join("no.zkey"), "no key").unwrap();
    let error = fail(at, &["keys", "--size", "tiny", "--keys", "kept", "--zkey", "no.zkey"]);
    assert_eq!(error, "error: no.zkey was not taken\n  because not a zkey file of a version that is read here\n");
    assert!(!at.join("kept").exists(), "nothing was kept");
    std::fs::write(at.join("no.witness"), "no witness").unwrap();
    let error = fail(at, &["prove", "no.witness"]);
    assert!(error.contains("no.witness was not proven"), "{error}");
}

#[test]
fn figures_are_the_pinned_ones() {
    let folder = tempfile::tempdir().unwrap();
    let figures: Value = serde_json::from_str(&succeed(folder.path(), &["figures"])).unwrap();
    let pins: Value = serde_json::from_str(include_str!("../../../circuits/pins/constraints.json")).unwrap();
    for name in ["account", "order", "row", "batch_demo", "batch_large"] {
        assert_eq!(figures[format!("constraints.{name}")], pins[name], "{name}");
    }
    let gas: Value = serde_json::from_str(include_str!("../../../verifier/contracts/gas.json")).unwrap();
    for name in ["batch_fixed", "word", "deposit", "withdrawal"] {
        assert_eq!(figures[format!("gas.{name}")], gas[name], "{name}");
    }
    assert_eq!(figures.as_object().unwrap().len(), 9);
}
