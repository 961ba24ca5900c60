#!/usr/bin/env python3
"""What the assembler made of the CUDA kernels: refuses spills, too many registers, more instructions than a product needs.

Arguments: what `ptxas -v` said, and what `nvdisasm -c` prints. Budgets are what the kernels use now, with a little room: a
change that passes one has to say why here.
"""
import re
import sys

# Registers a thread. Fewer threads fit a multiprocessor (65,536 registers) beyond 255, 168, 128, 96, 80, 64.
REGISTERS = {
    "accumulate_g1": 128, "accumulate_g2": 255, "combine_g1": 128, "combine_g2": 255,
    "weigh_g1": 128, "weigh_g2": 255, "sum_g1": 128, "sum_g2": 255, "multiples_g1": 96, "multiples_g2": 208,
    "classify": 48, "digits": 48, "radix_count": 40, "radix_scan": 40, "radix_scatter": 40,
    "ntt_pass": 64, "powers": 48, "rows": 72, "multiply": 48, "subtract_from": 48,
}
# Kernels that are one Montgomery product and little else: wide multiply-additions (the product has 8 rows of 8 and 8; the
# assembler saves a few, and addresses add two or three), and instructions in all.
ONE_PRODUCT = {"subtract_from": (124, 264), "multiply": (124, 296)}
# Of a mixed addition of G1 (10 products) with the doubling beside it (9), inlined.
WIDE = {"accumulate_g1": 2320}


def resources(text):
    """(kernel, stores spilt, loads spilt) of every function, registers of every kernel."""
    spills, registers, kernel, function = [], {}, None, None
    for line in text:
        if m := re.search(r"Compiling entry function '(\w+)'", line):
            kernel = m[1]
        elif m := re.search(r"Function properties for (\w+)", line):
            function = m[1]
        elif m := re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", line):
            spills.append((f"{kernel}: {function}", int(m[1]), int(m[2])))
        elif m := re.search(r"Used (\d+) registers", line):
            registers[kernel] = int(m[1])
    return spills, registers


def instructions(text):
    """(wide multiplies, instructions) of each section of code, without the padding after the end."""
    counts, section = {}, None
    for line in text:
        if m := re.match(r"\s*\.section\s+\.text\.(\w+)", line):
            section = m[1]
        elif section and (m := re.search(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?\w+\s+)?([A-Z][A-Z0-9_.]*)", line)):
            if m[1] != "NOP":
                wide, total = counts.get(section, (0, 0))
                counts[section] = (wide + m[1].startswith("IMAD.WIDE"), total + 1)
    return counts


def main():
    with open(sys.argv[1]) as said, open(sys.argv[2]) as assembly:
        (spills, registers), counts = resources(said), instructions(assembly)
    problems = [f"{where}: {stores} bytes spilt, {loads} loaded back" for where, stores, loads in spills if stores or loads]
    if set(registers) != set(REGISTERS):
        problems.append(f"kernels compiled and kernels with a budget differ: {sorted(set(registers) ^ set(REGISTERS))}")
    for kernel, used in sorted(registers.items()):
        wide, total = counts[kernel]
        print(f"{kernel:15} {used:3} registers, {total:5} instructions, {wide:4} wide multiplies")
        if used > REGISTERS.get(kernel, 0):
            problems.append(f"{kernel}: {used} registers, budget {REGISTERS.get(kernel)}")
    for kernel, (most_wide, most) in ONE_PRODUCT.items():
        wide, total = counts[kernel]
        if wide > most_wide or total > most:
            problems.append(f"{kernel}: {wide} wide multiplies of {total} instructions, at most {most_wide} of {most}")
    for kernel, most in WIDE.items():
        if counts[kernel][0] > most:
            problems.append(f"{kernel}: {counts[kernel][0]} wide multiplies, at most {most}")
    for problem in problems:
        print(" ", problem, file=sys.stderr)
    sys.exit(bool(problems))


main()
