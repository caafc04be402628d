#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of tests/bench/symbolize.sh, from lines "FILE N TOOL wall cpu memory" on standard input: the
medians of each tool, then wick beside the best peer with the bounds it is to keep. What misses is marked.
"""
import statistics
import sys

TOOLS = ["wick", "wick.warm", "wick.fill", "llvm", "gimli", "blaze", "gnu", "eu"]
PEERS = TOOLS[3:]
FILES = ["rgw", "rgw.z", "libc", "libc.z", "rust", "go", "rgw.sym"]
# Of the wall time of the fastest peer, and of that peer's memory, at so many addresses.
TIME = {1: 1.0, 10000: 0.45, 100000: 0.2}
COMPRESSED, MEMORY, WARM, SYMBOLS, SYMBOL_US = 0.5, 1 / 3, 20.0, 1.0, 1.0


def read(lines):
    runs = {}
    for line in lines:
        file, n, tool, *figures = line.split()
        if figures[0] != "over":
            figures = [float(x) for x in figures]
        runs.setdefault((file, int(n), tool), []).append(figures)
    return {k: ["over"] if v[0][0] == "over" else [statistics.median(x) for x in zip(*v)] for k, v in runs.items()}


def cell(figures):
    if not figures:
        return "-"
    if figures[0] == "over":
        return "over"
    return "%.3f/%.2f/%.0f" % tuple(figures)


def figures_table(found):
    tools = [t for t in TOOLS if any(k[2] == t for k in found)]
    print("\nwall s / CPU s / peak MB")
    print("%-16s" % "file, addresses" + "".join("%19s" % t for t in tools))
    for file in FILES:
        for n in TIME:
            if any(k[:2] == (file, n) for k in found):
                print("%-16s" % ("%s %d" % (file, n)) + "".join("%19s" % cell(found.get((file, n, t))) for t in tools))


def bound(what, wick, peer, ratio, limit, at_most=True, cpu=None):
    missed = ratio > limit if at_most else ratio < limit
    print("%-44s %12s  %-22s %7.2f %7s  %s %.2f%s" % (
        what, wick, peer, ratio, "" if cpu is None else "%.2f" % cpu, "≤" if at_most else "≥", limit,
        "  missed" if missed else ""))


def beside_best(found, file, n):
    wick = found.get((file, n, "wick"))
    # Of symbols alone, blazesym is the one to beat: the others look for more.
    names = ["blaze"] if file == "rgw.sym" else PEERS
    peers = {t: found[(file, n, t)] for t in names if found.get((file, n, t), ["over"])[0] != "over"}
    if not wick or wick[0] == "over" or not peers:
        return
    best = min(peers, key=lambda t: peers[t][0])
    limit = SYMBOLS if file == "rgw.sym" else COMPRESSED if file.endswith(".z") and n > 1 else TIME[n]
    what = "%s, %d address%s" % (file, n, "" if n == 1 else "es")
    bound(what + ", s", "%.4f" % wick[0], "%s %.4f" % (best, peers[best][0]), wick[0] / peers[best][0], limit,
          cpu=wick[1] / max(peers[best][1], 1e-4))
    if file != "rgw.sym" and n > 1:
        bound(what + ", MB", "%.0f" % wick[2], "%s %.0f" % (best, peers[best][2]), wick[2] / peers[best][2], MEMORY)


def warm(found, file, n):
    """Beside the run that finds nothing on disk and leaves its index there; and beside one without any cache,
    which reads what it is asked for and no more."""
    hot = found.get((file, n, "wick.warm"))
    for tool, what in ("wick.fill", "first"), ("wick", "cacheless"):
        cold = found.get((file, n, tool))
        if cold and hot and "over" not in (cold[0], hot[0]):
            bound("%s, %d: warm beside %s, s" % (file, n, what), "%.4f" % hot[0], "%s %.4f" % (what, cold[0]),
                  cold[0] / hot[0], WARM, at_most=False)


def symbols_each(found):
    few, many = found.get(("rgw.sym", 10000, "wick")), found.get(("rgw.sym", 100000, "wick"))
    if few and many and "over" not in (few[0], many[0]):
        each = (many[0] - few[0]) / 90000 * 1e6
        bound("symbols alone, each after loading, µs", "%.2f" % each, "with its output", each, SYMBOL_US)


def main():
    found = read(sys.stdin)
    figures_table(found)
    print("\n%-44s %12s  %-22s %7s %7s  bound" % ("", "wick", "best peer", "ratio", "of CPU"))
    for file in FILES:
        for n in TIME:
            beside_best(found, file, n)
        for n in TIME:
            warm(found, file, n)
    symbols_each(found)
    if not any(k[2] == "wick" for k in found):
        print("wick answered nothing")


if __name__ == "__main__":
    main()
