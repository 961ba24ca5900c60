#!/usr/bin/env python3
"""Refuses dependencies whose licence or origin nobody agreed to, and two versions of a crate whose types must meet."""
import json
import subprocess
import sys

ALLOWED = {
    "Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "CC0-1.0", "Unlicense", "Unicode-3.0",
    "Unicode-DFS-2016", "MIT-0", "0BSD", "BSL-1.0", "MPL-2.0", "CDLA-Permissive-2.0", "Apache-2.0 WITH LLVM-exception",
}
# Types of these crates cross our crates' boundaries: one version each. (ark-ff is not on the list: the EVM's integer crate
# converts to every version of it that ever was.)
SINGLE = {"ark-bn254", "ark-ec", "ark-relations", "ark-groth16", "revm", "alloy-primitives"}


def acceptable(expression: str) -> bool:
    """An SPDX expression of the shapes that occur: (A OR B) AND C, and the old A/B."""
    alternatives = expression.replace("/", " OR ").replace("(", " ( ").replace(")", " ) ")
    words, out = alternatives.split(), []
    i = 0
    while i < len(words):
        word = words[i]
        if word in ("OR", "AND"):
            out.append(word.lower())
        elif word in ("(", ")"):
            out.append(word)
        else:
            name = word
            if i + 2 < len(words) and words[i + 1] == "WITH":
                name, i = f"{word} WITH {words[i + 2]}", i + 2
            out.append(str(name in ALLOWED))
        i += 1
    return bool(eval(" ".join(out), {"__builtins__": {}}))


metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--locked"]))
used = {node["id"] for node in metadata["resolve"]["nodes"]}
problems, versions = [], {}
for package in metadata["packages"]:
    if package["id"] not in used:
        continue
    name, source = package["name"], package["source"]
    versions.setdefault(name, set()).add(package["version"])
    if source is not None and not source.startswith("registry+"):
        problems.append(f"{name}: comes from {source}, not from the registry")
    licence = package["license"]
    if licence is None and package["license_file"] is None:
        problems.append(f"{name}: states no licence")
    elif licence is not None and not acceptable(licence):
        problems.append(f"{name}: licence {licence} is not on the list")
problems += [f"{name}: versions {sorted(v)} side by side" for name, v in versions.items() if name in SINGLE and len(v) > 1]
print(f"{len(versions)} crates, {len(problems)} problems")
for problem in problems:
    print(" ", problem)
sys.exit(bool(problems))
