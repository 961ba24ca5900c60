#!/usr/bin/env python3
"""Our prover beside others, in turn, on the same circuits and witnesses: CPU seconds of a proof, the least of the rounds.

    novation bench --log 17,19 --batch demo --export FILES
    prover/peers/compare.py FILES --rounds 3 --gnark prover/peers/gnark/gnark --rapidsnark PATH --snarkrs PATH --snarkjs PATH

Peers without a path are left out. Each is the program of its authors: rapidsnark's `prover`, `snarkrs`, `snarkjs`, and for gnark,
which is a library, the one in `gnark` (Go 1.25.7 or later: `cd prover/peers/gnark && go mod tidy && go build`).

Ours and gnark hold key and circuit, as a prover in service does, and count the proof alone. The others read key and witness for
every proof, which their figures include; their start is small beside proofs of this size. Keys are each prover's own: ours from
`novation`'s key folder, gnark's made here when it starts, the others' the exported .zkey.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def finished(process, what):
    """CPU seconds of a process that has been told everything."""
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{what} failed with status {status}")
    return usage.ru_utime + usage.ru_stime


class Ours:
    name = "novation"

    def __init__(self, circuit, command):
        # A batch is measured after a mix that takes no time.
        mix = circuit.stem.removeprefix("mix-")
        which = ["--log", mix] if mix != circuit.stem else ["--log", "4", "--batch", mix]
        self.command = [command, "bench", *which, "--rounds", "1", "--without-ark", "--json"]

    def prove(self):
        report = json.loads(subprocess.run(self.command, check=True, capture_output=True).stdout)
        self.constraints = report["sizes"][-1]["constraints"]
        return report["sizes"][-1]["ours_cpu_s"]


class Gnark:
    name = "gnark"

    def __init__(self, circuit, command):
        files = [circuit, circuit.with_suffix(".wtns")]
        self.process = subprocess.Popen([command, *files], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.hear()

    def hear(self):
        line = self.process.stdout.readline()
        return line.strip() or sys.exit("gnark stopped")

    def prove(self):
        self.process.stdin.write("prove\n")
        self.process.stdin.flush()
        return float(self.hear())


class CommandLine:
    """The provers that take a .zkey."""

    arguments = []

    def __init__(self, circuit, command):
        self.folder = tempfile.TemporaryDirectory()
        files = [circuit.with_suffix(suffix).resolve() for suffix in (".zkey", ".wtns")]
        self.command = [command, *self.arguments, *files, "proof.json", "public.json"]

    def prove(self):
        process = subprocess.Popen(self.command, cwd=self.folder.name, stdout=subprocess.DEVNULL)
        return finished(process, self.name)


class Rapidsnark(CommandLine):
    name = "rapidsnark"


class Snarkrs(CommandLine):
    name = "snarkrs"
    arguments = ["groth16", "prove"]


class Snarkjs(CommandLine):
    name = "snarkjs"
    arguments = ["groth16", "prove"]


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def compare(circuit, rounds, commands):
    """Prints a circuit's table. Provers that hold keys end with it."""
    provers = [prover(circuit, os.path.abspath(command)) for prover, command in commands]
    least = {}
    for turn in range(rounds):
        for prover in provers:
            progress(f"{circuit.stem}: round {turn + 1} of {rounds}, {prover.name}")
            seconds = prover.prove()
            least[prover.name] = min(seconds, least.get(prover.name, seconds))
    progress("")
    ours, constraints = least[Ours.name], provers[0].constraints
    print(f"{circuit.stem}, {constraints} constraints")
    for name, seconds in least.items():
        each = 1e6 * seconds / constraints
        print(f"  {name:12}{seconds:8.2f} CPU s{each:8.2f} us a constraint{seconds / ours:8.2f} x", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, help="folder that `bench --export` wrote")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--novation", default="target/release/novation")
    peers = [Gnark, Rapidsnark, Snarkrs, Snarkjs]
    for peer in peers:
        parser.add_argument(f"--{peer.name}", metavar="PATH")
    args = parser.parse_args()
    circuits = sorted(args.files.glob("*.r1cs"))
    if not circuits:
        sys.exit(f"no .r1cs in {args.files}: `novation bench --export {args.files}` writes some")
    commands = [(prover, getattr(args, prover.name)) for prover in [Ours, *peers]]
    for circuit in circuits:
        compare(circuit, args.rounds, [(prover, command) for prover, command in commands if command])


main()
