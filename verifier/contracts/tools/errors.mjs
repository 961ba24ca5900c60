#!/usr/bin/env node
// Fails unless every custom error that src/ declares is expected, by its selector, somewhere in test/.
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = (folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .filter((name) => name.endsWith(".sol"))
    .map((name) => readFileSync(join(root, folder, name), "utf8"));

const declared = sources("src").flatMap((text) => [...text.matchAll(/^ +error (\w+)\(/gm)].map((match) => match[1]));
const tests = sources("test").join("\n");
const untested = declared.filter((name) => !new RegExp(`\\.${name}\\.selector\\b`).test(tests));
for (const name of untested) console.error(`no test expects the error ${name}`);
if (declared.length === 0) throw new Error("no errors found in src: is the pattern stale?");
console.log(`${declared.length} custom errors, ${declared.length - untested.length} expected by tests`);
process.exit(untested.length === 0 ? 0 : 1);
