"""A node under test, with what stands around it: an L1 by URL, proxies, faults."""

import http.client
import http.server
import json
import os
import pathlib
import random
import signal
import socket
import socketserver
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
NOVATION = TARGET / "release" / "novation"
KEYS = TARGET / "tmp" / "keys"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Node:
    """A node on its own folder and ports, which it keeps over restarts. Embedded L1 and local prover unless `sections` say otherwise."""

    def __init__(self, folder: pathlib.Path, sections: dict | None = None, environment: dict | None = None):
        self.port, self.metrics, self.l1 = free_port(), free_port(), free_port()
        self.url, self.l1_url = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.l1}"
        self.config, self.log, self.data = folder / "novation.toml", folder / "node.log", folder / "data"
        self.environment = {**os.environ, **(environment or {})}
        self.settings = {
            "": {
                "data": str(self.data), "size": "tiny",
                "listen": f"127.0.0.1:{self.port}", "metrics": f"127.0.0.1:{self.metrics}",
            },
            "api": {"address_rate": 50_000, "account_rate": 50_000},
            "l1": {"port": self.l1, "block_seconds": 1, "finalized_depth": 4},
            "cadence": {"window_seconds": 1, "batch_seconds": 4, "round_seconds": 60, "max_unproven": 3},
            "prover": {"lease_seconds": 3},
        }
        self.set(sections or {})
        self.process, self.starts = None, 0

    def set(self, sections: dict):
        """Changes settings; they hold from the next start."""
        for name, values in sections.items():
            self.settings[name] = {**self.settings.get(name, {}), **values}
        lines = []
        for name, values in self.settings.items():
            # JSON's strings, numbers and truth values are TOML's.
            lines += [f"[{name}]"] * bool(name) + [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        self.config.write_text("\n".join(lines) + "\n")

    def start(self):
        with self.log.open("ab") as log:
            command = [NOVATION, "node", "--config", self.config, "--keys", KEYS]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)
        self.starts += 1
        # The first start may have to make the key.
        for _ in range(3_000):
            if self.process.poll() is not None:
                raise SystemExit(f"the node stopped with {self.process.returncode}:\n{self.tail()}")
            try:
                self.get("/v1/health")
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        raise SystemExit(f"the node does not answer:\n{self.tail()}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        if code != 0:
            raise SystemExit(f"the node was asked to stop and ended with {code}:\n{self.tail()}")

    def get(self, path: str):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def tail(self) -> str:
        return "\n".join(self.log.read_text().splitlines()[-40:])

    def wait(self, what: str, done, limit: float = 240):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if found := done():
                return found
            time.sleep(0.3)
        raise SystemExit(f"in {limit:.0f} s not: {what}\n{self.tail()}")

    def watch(self, l1_url: str) -> str:
        """Has an independent watcher verify everything on L1 again."""
        contract = self.get("/v1/venue")["contract"]
        command = [NOVATION, "watch", "--l1", l1_url, "--contract", contract, "--once"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        if done.returncode != 0:
            raise SystemExit(f"the watcher does not agree: {done.stderr}\n{done.stdout}")
        return done.stdout


class TlsProxy(socketserver.ThreadingTCPServer):
    """Speaks TLS on a port of its own and passes everything on to a plain one, as the proxy before a public node does."""

    daemon_threads = allow_reuse_address = True

    def __init__(self, certificate: pathlib.Path, key: pathlib.Path, to: int):
        self.context, self.to = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), to
        self.context.load_cert_chain(certificate, key)
        super().__init__(("127.0.0.1", 0), None)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, client_address):
        try:
            outside = self.context.wrap_socket(request, server_side=True)
        except (ssl.SSLError, OSError):
            return  # A client that does not trust the certificate hangs up.
        with outside, socket.create_connection(("127.0.0.1", self.to)) as inside:
            back = threading.Thread(target=self.copy, args=(inside, outside), daemon=True)
            back.start()
            self.copy(outside, inside)
            back.join()

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class FaultyL1(http.server.ThreadingHTTPServer):
    """Passes JSON-RPC on to an L1 node, and while `rate` is not 0 breaks that share of the requests, each in one of four ways."""

    daemon_threads = True
    WAYS = ["lost", "unanswered", "refused", "late"]

    def __init__(self, to: int, rng: random.Random):
        self.to, self.rng, self.rate, self.faults = to, rng, 0.0, dict.fromkeys(self.WAYS, 0)
        super().__init__(("127.0.0.1", 0), FaultyL1.Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # A node that is killed leaves its connections as they are.

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            server, way = self.server, None
            if server.rng.random() < server.rate:
                way = server.rng.choice(server.WAYS)
                server.faults[way] += 1
            if way == "refused":
                return self.answer(503, b"busy")
            if way == "lost":
                self.close_connection = True
                return None
            if way == "late":
                time.sleep(server.rng.uniform(0.5, 3))
            inside = http.client.HTTPConnection("127.0.0.1", server.to, timeout=60)
            inside.request("POST", "/", body, {"content-type": "application/json"})
            answer = inside.getresponse()
            data = answer.read()
            inside.close()
            if way == "unanswered":
                # The node did what it was asked to; nobody hears of it.
                self.close_connection = True
                return None
            return self.answer(answer.status, data)

        def answer(self, status: int, data: bytes):
            try:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                self.close_connection = True

        def log_message(self, *_):
            pass


class Anvil:
    """An L1 node of somebody else's making, with a block a second."""

    # The first accounts of the mnemonic that every anvil starts with.
    KEYS = [
        "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
        "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
        "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    ]

    def __init__(self, folder: pathlib.Path):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        program = ROOT / "verifier" / "contracts" / "node_modules" / ".bin" / "anvil"
        command = [program, "--port", str(self.port), "--hardfork", "osaka", "--block-time", "1", "--slots-in-an-epoch", "3",
                   "--accounts", "32"]
        self.log = (folder / "anvil.log").open("wb")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        for _ in range(100):
            try:
                self.call("eth_blockNumber")
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("anvil does not answer")

    def call(self, method: str, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer = json.load(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def roles(self) -> dict:
        names = ["NOVATION_DEPLOYER_KEY", "NOVATION_OPERATOR_KEY", "NOVATION_ORACLE_KEY"]
        return dict(zip(names, self.KEYS))

    def stop(self):
        self.process.kill()
        self.process.wait()
