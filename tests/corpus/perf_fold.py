#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Folds what `perf script -F comm,ip,sym,dso` prints: comm;root;...;leaf count, kernel frames _[k]."""
import collections
import os
import re
import sys

FRAME = re.compile(r"\s+([0-9a-f]+) (.*?) \(((?:[^()]|\([^()]*\))*)\)$")
ANON = re.compile(r"perf-\d+\.map$")


def frame_name(sym, dso):
    if sym == "[unknown]" and dso != "[unknown]":
        name = os.path.basename(dso.replace(" (deleted)", ""))
        sym = f"[{ANON.sub('//anon', name)}+?]"
    kernel = dso.startswith("[kernel") or dso.endswith(".ko")
    return sym.replace(";", ":") + ("_[k]" if kernel else "")


def main():
    counts = collections.Counter()
    comm, frames = None, []
    for line in sys.stdin:
        line = line.rstrip("\n")
        found = FRAME.match(line)
        if found:
            sym, dso = found.group(2), found.group(3)
            if dso != "inlined" and not sym.endswith(" (inlined)"):
                frames.append(frame_name(sym, dso))
        elif line.strip():
            comm = line.strip()
        elif comm is not None:
            counts[";".join([comm] + frames[::-1])] += 1
            comm, frames = None, []
    if comm is not None:
        counts[";".join([comm] + frames[::-1])] += 1
    for stack, n in sorted(counts.items()):
        print(stack, n)


main()
