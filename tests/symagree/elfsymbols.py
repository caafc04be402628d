# SPDX-License-Identifier: Apache-2.0
"""The code symbols of an ELF file, by readelf: addresses inside them, and which names one address has."""
import bisect
import random
import re
import subprocess
import sys

SYMBOL = re.compile(r"\s*\d+: ([0-9a-f]+) +(\d+|0x[0-9a-f]+) (FUNC|IFUNC|NOTYPE) +\S+ +\S+ +(?:\[.*?\] +)?(\w+) (\S+)")
SECTION = re.compile(r"\s*\[ *(\d+)\] (\S*) +(\S+) +([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) \S+ +([A-Za-z]*) ")


def readelf(*arguments):
    run = subprocess.run(["readelf", "-W", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return run.stdout.decode(errors="replace").split("\n")


def code_sections(path):
    """Index -> (name, start, end) of the sections that hold code."""
    found = {}
    for line in readelf("-S", path):
        m = SECTION.match(line)
        if m and "X" in m.group(7) and "A" in m.group(7):
            start, size = int(m.group(4), 16), int(m.group(6), 16)
            found[int(m.group(1))] = (m.group(2), start, start + size)
    return found


class Symbols:
    """Functions of a file: [(start, end, name)], those of no size left out."""

    def __init__(self, path):
        sections = code_sections(path)
        seen = set()
        for line in readelf("-s", path):
            m = SYMBOL.match(line)
            if not m or m.group(4) == "UND" or not m.group(4).isdigit() or int(m.group(4)) not in sections:
                continue
            start, size = int(m.group(1), 16), int(m.group(2), 0)
            if size:
                seen.add((start, start + size, m.group(5).split("@")[0]))
        self.all = sorted(seen)
        self.starts = [s[0] for s in self.all]
        # The furthest end so far: where a search backwards may stop.
        self.reach, far = [], 0
        for s in self.all:
            far = max(far, s[1])
            self.reach.append(far)

    def covering(self, address):
        """The names of all symbols that an address is inside."""
        names, i = set(), bisect.bisect_right(self.starts, address) - 1
        while i >= 0 and self.reach[i] > address:
            if self.all[i][1] > address:
                names.add(self.all[i][2])
            i -= 1
        return names

    def ranges(self):
        """Their union: [(start, end)], ascending, apart."""
        union = []
        for start, end, _ in self.all:
            if union and start <= union[-1][1]:
                union[-1][1] = max(union[-1][1], end)
            else:
                union.append([start, end])
        return union


def text_ranges(path):
    """The section .text, or all of them that hold code when there is none."""
    sections = code_sections(path).values()
    return [(s, e) for name, s, e in sections if name == ".text"] or [(s, e) for _, s, e in sections]


def sample(ranges, n, seed):
    """n addresses, all of them equally likely; each one when there are not more."""
    total, ends = 0, []
    for start, end in ranges:
        total += end - start
        ends.append(total)
    if not total:
        return []
    if total <= n:
        return [a for start, end in ranges for a in range(start, end)]
    rng = random.Random(seed)
    picked = []
    for _ in range(n):
        at = rng.randrange(total)
        i = bisect.bisect_right(ends, at)
        picked.append(ranges[i][1] - (ends[i] - at))
    return picked


def main():
    """elfsymbols.py text|symbols FILE N SEED: N addresses in the text, or in symbols, one a line."""
    where, path, n, seed = sys.argv[1:]
    ranges = text_ranges(path) if where == "text" else Symbols(path).ranges()
    print("\n".join("0x%x" % a for a in sample(ranges, int(n), seed)))


if __name__ == "__main__":
    main()
