#!/usr/bin/env node
// Copies what Rust needs of forge's output (ABI and creation code) to ../artifacts, one stable file a contract.
// With --check it writes nothing and fails if a committed file differs from the build.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, "..", "artifacts");
// source file in out/, contract
const contracts = [
  ["Novation.sol", "Novation"],
  ["GovernanceTimelock.sol", "GovernanceTimelock"],
  ["TestToken.sol", "TestToken"],
];

const check = process.argv.includes("--check");
let stale = 0;
mkdirSync(target, { recursive: true });
for (const [file, name] of contracts) {
  const built = JSON.parse(readFileSync(join(root, "out", file, `${name}.json`), "utf8"));
  const { compiler, settings } = built.metadata;
  if (/__\$/.test(built.bytecode.object)) throw new Error(`${name} is not linked`);
  const artifact = {
    contractName: name,
    compiler: compiler.version,
    evmVersion: settings.evmVersion,
    optimizerRuns: settings.optimizer.runs,
    viaIR: settings.viaIR === true,
    abi: built.abi,
    bytecode: built.bytecode.object,
  };
  const text = JSON.stringify(artifact, null, 1) + "\n";
  const path = join(target, `${name}.json`);
  let committed = "";
  try {
    committed = readFileSync(path, "utf8");
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  if (committed === text) continue;
  stale += 1;
  if (check) console.error(`verifier/artifacts/${name}.json differs from the build`);
  else {
    writeFileSync(path, text);
    console.log(`wrote verifier/artifacts/${name}.json`);
  }
}
if (check && stale > 0) {
  console.error("rebuild them: .ci/contracts.sh --write");
  process.exit(1);
}
