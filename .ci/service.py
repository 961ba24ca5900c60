#!/usr/bin/env python3
"""Runs a node as an operator would and trades on it as traders would, over HTTP alone; kills it again and again meanwhile.

    .ci/service.py [SECONDS]        trades for so many seconds (default 40), then settles, checks and stops

The node is killed with -9 at random points while orders are under way and batches are proven and submitted. Afterwards every receipt that a
trader holds must stand in the log as it was given, every batch must be final, an independent watcher must agree with every root, the account
opened with the viewing key must say what the venue says, and a withdrawal must be claimable to the cent. Then the page is opened in a
browser and the API is fuzzed from its own document. DATABASE_URL runs it on PostgreSQL.
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import urllib.request

from venue import NOVATION, ROOT, TARGET, Node, TlsProxy

SEED = 20260101
DOLLARS = 200_000


class Trader:
    def __init__(self, node: Node, folder: pathlib.Path, name: str, dev: int):
        self.node, self.name, self.dev = node, name, str(dev)
        self.wallet = folder / f"{name}.wallet"
        self.receipts = []
        self.trade("keygen")

    def run(self, *words: str) -> subprocess.CompletedProcess:
        command = [NOVATION, "trade", "--url", self.node.url, "--wallet", self.wallet, "--json", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    def trade(self, *words: str):
        done = self.run(*words)
        if done.returncode != 0:
            raise SystemExit(f"{self.name}: trade {' '.join(words)}: {done.stderr}\n{self.node.tail()}")
        return json.loads(done.stdout)

    def try_order(self, side: str, lots: int, limit: str) -> bool:
        """Sends an order, whatever becomes of it. A receipt is kept: from here on it has to stand."""
        done = self.run("order", side, "BTC-PERP", "--lots", str(lots), "--limit", limit, "--valid-for", "20")
        if done.returncode == 0:
            self.receipts.append(json.loads(done.stdout)["receipt"])
        return done.returncode == 0


def batches(node: Node) -> list:
    return node.get("/v1/batches?limit=500")


def settled(node: Node):
    """All batches, once there has been nothing to do for a while and each is final."""
    before = batches(node)
    if not before or any(batch["stage"] != "final" for batch in before):
        return None
    time.sleep(8)
    after = batches(node)
    return after if len(after) == len(before) and after[-1]["stage"] == "final" else None


def trade_and_kill(node: Node, traders: list, seconds: float, rng: random.Random) -> int:
    """Trades, and kills the node at random points. Returns how many orders had no certain answer at first."""
    end, uncertain = time.monotonic() + seconds, 0
    kill_at = time.monotonic() + rng.uniform(3, 8)
    while time.monotonic() < end:
        mark = next(m for m in node.get("/v1/instruments") if m["name"] == "BTC-PERP")["mark"]
        for trader, side, limit in zip(traders, rng.sample(["buy", "sell"], 2), [mark, mark]):
            away = 300 if side == "buy" else -300
            lots, limit = rng.randint(1, 20), f"{(limit + away) // 10}.{(limit + away) % 10}"
            if time.monotonic() >= kill_at:
                # Under way when the process goes.
                command = [NOVATION, "trade", "--url", node.url, "--wallet", trader.wallet, "--json", "order", side,
                           "BTC-PERP", "--lots", str(lots), "--limit", limit, "--valid-for", "20"]
                order = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
                time.sleep(rng.uniform(0, 0.08))
                node.kill()
                time.sleep(rng.uniform(0, 1))
                node.start()
                out, _ = order.communicate(timeout=300)
                if order.returncode == 0:
                    trader.receipts.append(json.loads(out)["receipt"])
                kill_at = time.monotonic() + rng.uniform(1, 9)
            else:
                trader.try_order(side, lots, limit)
        for trader in traders:
            uncertain += len(trader.trade("resend"))
    return uncertain


def check_receipts(traders: list):
    for trader in traders:
        listed = trader.trade("orders")
        assert listed["pending"] == [], listed["pending"]
        logged = {order["position"]: (order["message"], order["time"]) for order in listed["orders"]}
        for receipt in trader.receipts:
            held = receipt["message"], receipt["time"]
            assert logged.get(receipt["position"]) == held, f"{trader.name} holds {receipt}, the log has another"
        print(f"{trader.name}: {len(trader.receipts)} receipts stand, {len(trader.trade('fills'))} fills")


def account(node: Node, trader: Trader) -> dict:
    shown = trader.trade("account", "--l1", node.l1_url)
    # Computed by the client from the opened ciphertext; the client refuses where it differs from the venue's words.
    return shown


def withdraw(node: Node, trader: Trader):
    shown = account(node, trader)
    amount = int(shown["account"]["standing"]["withdrawable"]) // 2 // 1_000_000
    owner = dev_address(node, int(trader.dev))
    trader.trade("withdraw", str(amount), "--to", owner)
    last = batches(node)[-1]["number"]
    node.wait("the batch with the withdrawal", lambda: batches(node)[-1]["number"] > last and settled(node))
    claimed = trader.trade("claim", "--dev", trader.dev)
    assert int(claimed["amount"]) == amount * 1_000_000, claimed
    print(f"{trader.name}: withdrew and claimed {amount} USD")


def dev_address(node: Node, index: int) -> str:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_accounts", "params": []}).encode()
    request = urllib.request.Request(node.l1_url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["result"][index]


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 40
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix="novation-service-") as place:
        folder = pathlib.Path(place)
        node = Node(folder)
        try:
            node.start()
            traders = [Trader(node, folder, name, 3 + i) for i, name in enumerate(["ann", "ben"])]
            for trader in traders:
                trader.trade("deposit", str(DOLLARS), "--dev", trader.dev)
            node.wait("both deposits credited", lambda: all(t.run("account").returncode == 0 for t in traders))
            uncertain = trade_and_kill(node, traders, seconds, rng)
            done = node.wait("every batch final", lambda: settled(node), limit=600)
            print(f"{len(done)} batches, all final; {node.starts - 1} kills, {uncertain} orders sent again")
            check_receipts(traders)
            withdraw(node, traders[0])
            print(node.watch(node.l1_url))
            https(node, traders[0], folder)
            page(node, traders[0])
            fuzz(node, traders[1])
            node.watch(node.l1_url)
            node.stop()
        finally:
            if node.process and node.process.poll() is None:
                node.kill()


def https(node: Node, trader: Trader, folder: pathlib.Path):
    """Client and watcher over https: with a certificate they trust they work, with another they say why not."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         "/CN=novation test", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    trusting = {**os.environ, "SSL_CERT_FILE": str(certificate)}
    with TlsProxy(certificate, key, node.port) as venue, TlsProxy(certificate, key, node.l1) as l1:
        url, l1_url = (f"https://localhost:{proxy.server_address[1]}" for proxy in (venue, l1))
        account = [NOVATION, "trade", "--url", url, "--wallet", trader.wallet, "--json", "account", "--l1", l1_url]
        shown = subprocess.run(account, env=trusting, capture_output=True, text=True, check=False, timeout=120)
        assert shown.returncode == 0, shown.stderr
        watch = [NOVATION, "watch", "--l1", l1_url, "--contract", node.get("/v1/venue")["contract"], "--once"]
        watched = subprocess.run(watch, env=trusting, capture_output=True, text=True, check=False, timeout=600)
        assert watched.returncode == 0, watched.stderr
        refused = subprocess.run(account, env=os.environ, capture_output=True, text=True, check=False, timeout=120)
        assert refused.returncode == 1 and "certificate" in refused.stderr, refused.stderr
        venue.shutdown(), l1.shutdown()
    print("https: client and watcher work over a certificate they trust; without trust the client refuses")


def page(node: Node, trader: Trader):
    """Opens the account in the browser. Its equity is the client's if no round of marks came in between."""
    while True:
        before = node.get("/v1/marks")["number"]
        shown = account(node, trader)["account"]
        variables = {
            "URL": node.url,
            "SLOT": str(shown["account"]),
            "VIEWING_KEY": trader.trade("viewing-key")["viewing_key"],
            "EQUITY": shown["standing"]["equity"],
        }
        command = ["node", "live.mjs"]
        done = subprocess.run(
            command, cwd=ROOT / ".ci" / "page", env={**os.environ, **variables}, capture_output=True, text=True,
            check=False, timeout=300)
        if done.returncode == 0:
            print(done.stdout, end="")
            return
        if node.get("/v1/marks")["number"] == before:
            raise SystemExit(f"the page: {done.stdout}{done.stderr}")


def fuzz(node: Node, trader: Trader):
    credential = trader.trade("credential")["authorization"]
    command = [ROOT / ".ci" / "openapi.py", TARGET / "tmp" / "schemathesis", node.url, credential]
    subprocess.run(command, check=True, timeout=900)


if __name__ == "__main__":
    main()
