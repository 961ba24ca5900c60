#!/usr/bin/env bash
# Rebuilds and tests the contracts, then compares what is committed (artefacts, gas, fixture) with what was built.
#   .ci/contracts.sh            check: fails on any difference
#   .ci/contracts.sh --write    the one command that changes the committed files
# Needs node, npm and python3; everything else comes from package-lock.json and requirements.txt.
set -euo pipefail
cd "$(dirname "$0")/../verifier/contracts"

mode=check
case "${1:-}" in
  "") ;;
  --write) mode=write ;;
  *) echo "usage: $0 [--write]" >&2; exit 2 ;;
esac

# Not `npm ci`: it refuses a lock file without forge and anvil for every platform, and some mirrors hold only a few of them.
# `install --no-save` takes the same locked versions with the same checksums and leaves the lock file alone.
npm install --no-save --no-audit --no-fund --loglevel=error
forge=node_modules/.bin/forge
"$forge" fmt --check
node tools/errors.mjs
"$forge" build

if [ "$mode" = write ]; then
  node tools/artifacts.mjs
  # gas.json takes what is measured, as long as the pins hold.
  WRITE_GAS=true "$forge" test --match-contract GasTest
else
  node tools/artifacts.mjs --check
fi

"$forge" test

# The vault for all inputs at once. Halmos lives in its own environment; pip leaves one alone that is as required.
halmos=.venv/bin/halmos
if ! [ -x .venv/bin/pip ]; then
  python3 -m venv --clear .venv || {
    echo "python3 cannot make a virtual environment for halmos: install python3-venv (Debian: apt-get install python3-venv)" >&2
    exit 1
  }
fi
.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
PATH="$PWD/node_modules/.bin:$PATH" timeout 180 "$halmos" --contract VaultSymbolicTest --no-status
