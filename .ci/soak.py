#!/usr/bin/env python3
"""Measures a node over HTTP, then trades on one for a long time while everything around it fails.

    .ci/soak.py receipts [ORDERS]     orders a second with durable receipts
    .ci/soak.py soak [SECONDS]        default 600: a flow of orders; node and provers killed with -9, L1 requests broken, L1 reorganised

DATABASE_URL runs either on PostgreSQL (an empty database). Figures are printed as JSON. The soak runs against anvil by URL, with two
`novation prover` processes and none in the node. Afterwards every receipt must stand, every batch must be final, and a watcher must agree.
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

from venue import KEYS, NOVATION, ROOT, Anvil, FaultyL1, Node

SEED = 20260102
RATE = 2.0


def bench(*arguments: str, node: Node) -> subprocess.Popen:
    command = ["cargo", "bench", "--quiet", "-p", "novation-api", "--bench", "service", "--", *arguments, "--url", node.url]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def result(process: subprocess.Popen) -> dict:
    out, _ = process.communicate()
    if process.returncode != 0:
        raise SystemExit("the traders stopped")
    return json.loads(out)


def receipts(orders: str, folder: pathlib.Path):
    node = Node(folder)
    node.start()
    try:
        process = bench("receipts", "--l1", node.l1_url, "--orders", orders, "--pid", str(node.process.pid), node=node)
        figures = result(process)
        node.kill()
        begin = time.monotonic()
        node.start()
        figures["restart_seconds"] = round(time.monotonic() - begin, 1)
        figures["log"] = "PostgreSQL" if "DATABASE_URL" in os.environ else "SQLite"
        print(json.dumps(figures, indent=2))
    finally:
        node.kill()


class Provers:
    """Prover processes as on machines of their own."""

    def __init__(self, node: Node, folder: pathlib.Path, count: int):
        self.node, self.folder = node, folder
        self.processes = [self.start(n) for n in range(count)]

    def start(self, n: int) -> subprocess.Popen:
        command = [NOVATION, "prover", "--url", self.node.url, "--token-file", self.node.data / "worker.token", "--keys", KEYS,
                   "--name", f"soak-{n}"]
        with (self.folder / "prover.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, n: int):
        self.processes[n].kill()
        self.processes[n].wait()

    def stop(self):
        for n in range(len(self.processes)):
            self.kill(n)


def inject(node: Node, provers: Provers, l1: FaultyL1, anvil: Anvil, end: float, rng: random.Random) -> dict:
    """Breaks one thing after the other until `end`."""
    done = {"node_kills": 0, "prover_kills": 0, "reorgs": 0}
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, rng.uniform(2, 8)))
        what = rng.choice(["l1", "l1", "prover", "prover", "node", "reorg"])
        if what == "l1":
            l1.rate = rng.uniform(0.1, 0.5)
            time.sleep(rng.uniform(2, 6))
            l1.rate = 0.0
        elif what == "prover":
            n = rng.randrange(len(provers.processes))
            provers.kill(n)
            time.sleep(rng.uniform(0, 3))
            provers.processes[n] = provers.start(n)
            done["prover_kills"] += 1
        elif what == "node":
            node.kill()
            time.sleep(rng.uniform(0, 1))
            node.start()
            done["node_kills"] += 1
        else:
            # Blocks of the last seconds are taken back with everything in them; finality is six blocks away.
            snapshot = anvil.call("evm_snapshot")
            time.sleep(rng.uniform(1, 3))
            anvil.call("evm_revert", snapshot)
            # The chain's clock went back with it; a real one keeps the world's time.
            anvil.call("evm_setNextBlockTimestamp", int(time.time()))
            done["reorgs"] += 1
    l1.rate = 0.0
    return done


def soak(seconds: float, folder: pathlib.Path):
    rng = random.Random(SEED)
    anvil = Anvil(folder)
    l1 = FaultyL1(anvil.port, rng)
    node = Node(folder, {"l1": {"url": l1.url}, "prover": {"local": False}}, anvil.roles())
    deployed = subprocess.run(
        [NOVATION, "deploy", "--config", node.config, "--keys", KEYS, "--test-token"], env=node.environment, check=True,
        stdout=subprocess.PIPE, text=True).stdout
    print(deployed, flush=True)
    told = dict(line.split(" = ") for line in deployed.splitlines() if " = " in line)
    node.set({"l1": {"contract": json.loads(told["contract"]), "from_block": int(told["from_block"])}})
    node.start()
    provers = Provers(node, folder, 2)
    try:
        arguments = ["flow", "--l1", anvil.url, "--seconds", str(int(seconds)), "--rate", str(RATE)]
        process = bench(*arguments, node=node)
        node.wait("the first order", lambda: node.get("/v1/batches?limit=1") or process.poll() is not None, limit=300)
        # The last seconds are quiet: the traders ask for their fills then.
        faults = inject(node, provers, l1, anvil, time.monotonic() + seconds - 20, rng)
        figures = result(process)
        figures["faults"] = {**faults, "l1_requests": l1.faults}
        figures["node_peak_mib_since_last_kill"] = peak(node.process.pid)
        figures["log"] = "PostgreSQL" if "DATABASE_URL" in os.environ else "SQLite"
        node.wait("every batch final", lambda: all(b["stage"] == "final" for b in node.get("/v1/batches?limit=500")), limit=300)
        node.watch(anvil.url)
        figures["watcher"] = "agrees"
        print(json.dumps(figures, indent=2))
    finally:
        provers.stop()
        node.kill()
        anvil.stop()


def peak(pid: int) -> int:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))) // 1024


def main():
    what, number = (sys.argv[1:] + ["soak"])[0], (sys.argv + ["", "", ""])[2]
    with tempfile.TemporaryDirectory(prefix="novation-soak-") as place:
        folder = pathlib.Path(place)
        try:
            if what == "receipts":
                receipts(number or "20000", folder)
            elif what == "soak":
                soak(float(number or 600), folder)
            else:
                raise SystemExit(__doc__)
        except BaseException:
            for log in folder.glob("*.log"):
                tail = log.read_text(errors="replace").splitlines()[-30:]
                print(f"--- {log.name}", *tail, sep="\n", file=sys.stderr)
            raise


if __name__ == "__main__":
    main()
