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
"$forge" build

if [ "$mode" = write ]; then
  node tools/artifacts.mjs
  # gas.json takes what is measured, as long as the marks hold.
  WRITE_GAS=true "$forge" test --match-contract GasTest
else
  node tools/artifacts.mjs --check
fi

"$forge" test
