#!/usr/bin/env python3
"""Runs the README's demo, and real markets and order flow through the converters; judges what they print as JSON.

Market data may not be committed. It is looked for where NOVATION_DATA says, else in ../shared/data beside the checkout; without it,
the converted runs are skipped with a line that says so.
"""
import json
import os
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The program that the tests were run with: `cargo run` leaves out what only tests need, and would build everything a second time.
NOVATION = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "novation"
DATA = pathlib.Path(os.environ.get("NOVATION_DATA", ROOT.parent / "shared" / "data"))
FLOWS = [
    ("deribit", "options/deribit_options_snapshot_20260205T155132Z.csv"),
    ("binance", "orderflow/binance_usdm_btcusdt_20240808_trades.csv.gz"),
]


def novation(*arguments: str) -> str:
    """Progress goes to standard error, as a user sees it; standard output comes back."""
    command = [NOVATION, *arguments]
    print("$ novation", *arguments, flush=True)
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def judge(report: dict) -> None:
    """What every run has to show. The command has failed already if the contract refused a batch."""
    batches, audit = report["batches"], report["audit"]
    assert report["clock"] == "simulated"
    assert batches and report["totals"]["batches"] == len(batches)
    assert report["totals"]["fills"] > 0, "nobody traded"
    assert all(b["gas"] > 200_000 and b["constraints"] > 500_000 for b in batches), "a batch was not proven and verified"
    assert audit["cash_of_accounts"] + audit["house"] == audit["vault"], audit
    assert all(s["settled"] or s["net"] == 0 for s in audit["series"].values()), audit
    totals, auditor = report["totals"], report["auditor"]
    assert (auditor["batches"], auditor["fills"]) == (len(batches), totals["fills"]), auditor
    assert auditor["cash_of_accounts"] + auditor["house"] == auditor["vault"] == audit["vault"], auditor
    live = {instrument: s["long"] for instrument, s in audit["series"].items() if not s["settled"]}
    assert auditor["open_interest"] == live, (auditor, live)
    print(f"{len(batches)} batches, {totals['fills']} fills, {totals['proving_cpu_seconds']:.0f} CPU s of proving, "
          f"{totals['gas_per_batch']} gas a batch: audit line holds, the auditor agrees", flush=True)


story = json.loads(novation("demo", "--json"))
judge(story)
# Everybody has rolled what expired: a settled series would otherwise still stand in the audit.
assert any("expiry" in b["title"] for b in story["batches"]) and story["audit"]["unrolled"] == 0, "nothing expired"
assert any(b["commands"] for b in story["batches"]) and story["claim_gas"], "nobody withdrew and claimed"

for source, name in FLOWS:
    path = DATA / name
    if not path.exists():
        print(f"skipped: {path} is not here", flush=True)
        continue
    with tempfile.TemporaryDirectory() as folder:
        print(novation("convert", source, str(path), "-o", folder), end="")
        judge(json.loads(novation("demo", "--json", "--batches", "1", "--orders", f"{folder}/orders.csv", "--markets", f"{folder}/markets.csv")))
