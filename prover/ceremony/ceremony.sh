#!/usr/bin/env bash
# A snarkjs ceremony for an exported constraint system: powers of tau, then phase 2, then the checks that a stranger
# would make. Leaves circuit.zkey (for the prover) and verification_key.json (for the contract) in the output folder.
#
#   novation export r1cs --size SIZE --output CIRCUIT.r1cs
#   ceremony.sh CIRCUIT.r1cs OUT_FOLDER
#   novation keys --size SIZE --zkey OUT_FOLDER/circuit.zkey
#
# By itself this is a ceremony of one: whoever runs it could keep the trapdoor. For a key that guards value
#   * set PTAU to a prepared phase 1 file that many have contributed to (published ones reach 2^28): without it this
#     script makes its own, which takes snarkjs five CPU minutes for 2^13 constraints and hours for a batch circuit,
#   * check that file: `powersoftau verify` runs below; set PTAU_VERIFIED=1 only for a file on which you have seen it pass,
#   * pass OUT_FOLDER/circuit_0001.zkey on to further contributors (`snarkjs zkey contribute`), each of whom is honest if
#     any one is, and close with `snarkjs zkey beacon`; everybody repeats the `zkey verify` at the end of this script.
#
# Entropy is asked for by snarkjs unless ENTROPY is set (which is visible to other users of the machine while it runs:
# for tests). snarkjs is the one of package-lock.json; run `npm ci` in this folder first, or set NOVATION_SNARKJS to a
# snarkjs command.
set -euo pipefail

[ $# -eq 2 ] || { sed -n '2,18p' "$0" >&2; exit 2; }
r1cs=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
snarkjs=${NOVATION_SNARKJS:-$here/node_modules/.bin/snarkjs}
command -v "$snarkjs" >/dev/null || { echo "ceremony.sh: no $snarkjs; run 'npm ci' in $here" >&2; exit 2; }

run() { echo "+ snarkjs $*" >&2; "$snarkjs" "$@"; }
contribute() { # COMMAND... IN OUT
    if [ -n "${ENTROPY:-}" ]; then run "$@" --name="ceremony.sh" -e="$ENTROPY"; else run "$@" --name="ceremony.sh"; fi
}

# Power of two that holds the constraints and one row a public wire: bytes 32-bit little endian in the r1cs header, which
# is our first section (12 bytes of file header, 12 of section header, 36 of modulus, then wires, outputs, inputs,
# private inputs, 64-bit labels, constraints).
word() { od -An -t u4 -j "$1" -N 4 --endian=little "$r1cs" | tr -d ' '; }
rows=$(($(word 84) + $(word 64) + $(word 68) + 1))
power=1
while [ $((1 << power)) -lt "$rows" ]; do power=$((power + 1)); done
echo "ceremony.sh: $(word 84) constraints, domain 2^$power" >&2

if [ -z "${PTAU:-}" ]; then
    run powersoftau new bn128 "$power" "$out/pot_0000.ptau"
    contribute powersoftau contribute "$out/pot_0000.ptau" "$out/pot_0001.ptau"
    run powersoftau prepare phase2 "$out/pot_0001.ptau" "$out/pot_final.ptau"
    PTAU=$out/pot_final.ptau
fi
[ "${PTAU_VERIFIED:-}" = 1 ] || run powersoftau verify "$PTAU"
run groth16 setup "$r1cs" "$PTAU" "$out/circuit_0000.zkey"
contribute zkey contribute "$out/circuit_0000.zkey" "$out/circuit_0001.zkey"
run zkey verify "$r1cs" "$PTAU" "$out/circuit_0001.zkey"
cp "$out/circuit_0001.zkey" "$out/circuit.zkey"
run zkey export verificationkey "$out/circuit.zkey" "$out/verification_key.json"
