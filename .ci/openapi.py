#!/usr/bin/env python3
"""Fuzzes a running node from its own OpenAPI document with schemathesis.

    .ci/openapi.py VENV URL AUTHORIZATION

Installs schemathesis, pinned, into VENV (a virtual environment, made if missing). AUTHORIZATION is what `novation trade credential` prints:
with it the private routes answer too. The seed is fixed, so that a failure repeats.
"""

import json
import pathlib
import subprocess
import sys
import urllib.request
import venv

PINNED = "schemathesis==4.32.5"
SEED = "20260101"
CHECKS = ",".join([
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
])


def installed(place: pathlib.Path) -> pathlib.Path:
    program = place / "bin" / "schemathesis"
    if not program.exists():
        venv.create(place, with_pip=True)
        subprocess.run([place / "bin" / "pip", "install", "--quiet", PINNED], check=True)
    return program


def fuzz(program: pathlib.Path, url: str, authorization: str) -> int:
    with urllib.request.urlopen(f"{url}/openapi.json") as answer:
        routes = len(json.load(answer)["paths"])
    print(f"{url}: {routes} routes", flush=True)
    command = [
        program, "run", f"{url}/openapi.json", "--checks", CHECKS, "--mode", "all", "--max-examples", "60",
        "--phases", "examples,coverage,fuzzing", "--seed", SEED, "--workers", "1", "--request-timeout", "20",
        # A WebSocket handshake is not a request that can be generated; the tests of novation-api talk to it.
        "--exclude-path", "/v1/events",
        "--header", f"Authorization: {authorization}",
    ]
    return subprocess.run(command, cwd=program.parent, check=False).returncode


def main() -> int:
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    return fuzz(installed(pathlib.Path(sys.argv[1]).resolve()), sys.argv[2].rstrip("/"), sys.argv[3])


if __name__ == "__main__":
    sys.exit(main())
