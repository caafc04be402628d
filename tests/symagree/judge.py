#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Judges wick's symbolizer by others: for random addresses inside the symbols of each file of a list, its
frames, functions, files and lines against what two references say, wherever these agree.

Usage: judge.py [options] LIST [NAME...]   LIST as tests/symagree/corpus.sh writes it; NAMEs are patterns
  --subject NAME        who is judged (wick); one of the references' names tests the judge itself
  --references A,B      where the list names none (llvm,gimli); one alone is believed
  -n N                  addresses of each file (1000); all of them when there are not more
  --seed N|random       which addresses (1)
  --bound PERCENT       what passes (99.9)
  --all FILE            writes every difference there
  --table FILE          rewrites the table between the marks in this Markdown file
Each file is one test, and so is each that could not be built (in LIST's folder, absent): skipped. The last
line counts them. Exit status 1 when one failed.
"""
import argparse
import collections
import fnmatch
import os
import random
import sys

sys.dont_write_bytecode = True
import agreement  # noqa: E402
import elfsymbols  # noqa: E402
import symbolizers  # noqa: E402

MARKS = ("<!-- made by `make symbolizer-agreement` -->\n", "<!-- end of what is made -->\n")


def show(frames):
    return " < ".join("%s %s:%d" % (f.name or "??", agreement.path(f.file) or "??", f.line) for f in frames) or "nothing"


class Verdict:
    """What came of one file."""

    def __init__(self, name, about, references):
        self.name, self.about, self.references = name, about, references
        self.asked = self.agreed = self.equal = 0
        self.counts = collections.Counter()  # how answers are equal, and how they differ
        self.differ = collections.Counter()
        self.apart = collections.Counter()   # where the references differ: with whom the subject is
        self.starts = [0, 0]                 # of frames: begins where a reference says so, they do
        self.examples = []

    def percent(self):
        return 100.0 * self.equal / self.agreed if self.agreed else 0.0

    def passed(self, bound):
        # References that hardly agree would let everything pass.
        return self.agreed * 2 >= self.asked > 0 and self.percent() >= bound

    def line(self):
        text = "%s: %d addresses, references agree on %d, equal %d (%.2f %%)" % (
            self.name, self.asked, self.agreed, self.equal, self.percent())
        for what, n in self.differ.most_common():
            text += "; %s %d" % (what, n)
        if self.starts[1]:
            text += "; start lines %.2f %%" % (100.0 * self.starts[0] / self.starts[1])
        return text


def starts(refs, got):
    """How many functions begin in the line that llvm says, which alone of the references tells it; of how many."""
    told = [(w.start, g.start) for w, g in zip(refs.get("llvm", []), got) if w.start]
    return sum(w == g for w, g in told), len(told)


def compare(verdict, judge, address, refs, got):
    wants = list(refs.values())
    if len(wants) == 2 and judge.chain(address, *wants)[0] is None:
        sides = [name for name, want in refs.items() if judge.chain(address, want, got)[0]]
        verdict.apart[sides[0] if sides else "neither"] += 1
        return "apart"
    verdict.agreed += 1
    # References may agree by two names of one place: whoever has either is right.
    results = [judge.chain(address, want, got) for want in wants]
    best = next((r for r in results if r[0]), results[0])
    if best[0]:
        verdict.equal += 1
        verdict.counts[best[0]] += 1
        if best[0] == "same":
            verdict.starts = [a + b for a, b in zip(verdict.starts, starts(refs, got))]
        return None
    verdict.differ[best[1]] += 1
    return best[1]


def judge_file(row, options, names):
    name, path, reference, refs, about = row
    refs = (options.references if refs == "-" else refs).split(",")
    verdict = Verdict(name, about, refs)
    symbols = elfsymbols.Symbols(reference)
    addresses = elfsymbols.sample(symbols.ranges(), options.n, "%s %s" % (options.seed, name))
    if not addresses:
        raise symbolizers.Failed("no symbols in " + reference)
    verdict.asked = len(addresses)
    answers = {r: symbolizers.ask(r, reference, addresses) for r in refs}
    subject = symbolizers.ask(options.subject, path, addresses)
    if "gotool" in refs:
        subject = [agreement.flat(frames) for frames in subject]
    for a in [*answers.values(), subject]:
        names.learn(f[0] for frames in a for f in frames)
    names.learn(s[2] for s in symbols.all)
    judge = agreement.Judge(symbols.covering, names)
    for i, address in enumerate(addresses):
        said = {r: answers[r][i] for r in refs}
        what = compare(verdict, judge, address, said, subject[i])
        if what:
            verdict.examples.append("%s 0x%x %s\n" % (name, address, what) + "".join(
                "  %-7s %s\n" % (r, show(f)) for r, f in [*said.items(), (options.subject, subject[i])]))
    return verdict


def table(verdicts, options):
    lines = ["%s is asked for %d addresses of each file (seed %s). The references are %s where no others are named." %
             (options.subject, options.n, options.seed, options.references.replace(",", " and ")), "",
             "| file | what it is | addresses | references agree | equal | % | of these by another name | start lines % | differences |",
             "|---|---|--:|--:|--:|--:|---|--:|---|"]
    for v in verdicts:
        other = ", ".join("%s %d" % (k, v.counts[k]) for k in ("alias", "folded", "shorter", "named") if v.counts[k])
        why = ", ".join("%s %d" % d for d in v.differ.most_common()) or "none"
        begins = "%.2f" % (100.0 * v.starts[0] / v.starts[1]) if v.starts[1] else ""
        refs = "" if ",".join(v.references) == options.references else " (by %s)" % " and ".join(v.references)
        lines.append("| %s | %s%s | %d | %d | %d | %.2f | %s | %s | %s |" % (
            v.name, v.about.strip(), refs, v.asked, v.agreed, v.equal, v.percent(), other, begins, why))
    all_of = [sum(getattr(v, k) for v in verdicts) for k in ("asked", "agreed", "equal")]
    lines += ["| **all** | | %d | %d | %d | %.3f | | | |" % (*all_of, 100.0 * all_of[2] / max(1, all_of[1])), "",
              "Where the references differ from each other, %s says the same as:" % options.subject, "",
              "| file | addresses | the first | the second | neither |", "|---|--:|--:|--:|--:|"]
    for v in verdicts:
        if v.apart:
            counts = [v.apart[r] for r in v.references] + [v.apart["neither"]]
            lines.append("| %s | %d | %s |" % (v.name, sum(counts), " | ".join(map(str, counts))))
    return "\n".join(lines) + "\n"


def rewrite(path, text):
    with open(path, encoding="utf-8") as f:
        old = f.read()
    before, _, rest = old.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    if not rest:
        raise SystemExit("judge.py: no mark in " + path)
    with open(path, "w", encoding="utf-8") as f:
        f.write(before + MARKS[0] + text + MARKS[1] + after)


def arguments():
    p = argparse.ArgumentParser(usage=__doc__.split("\n\n", 1)[1])
    p.add_argument("list")
    p.add_argument("names", nargs="*")
    p.add_argument("--subject", default="wick")
    p.add_argument("--references", default="llvm,gimli")
    p.add_argument("-n", type=int, default=1000)
    p.add_argument("--seed", default="1")
    p.add_argument("--bound", type=float, default=99.9)
    p.add_argument("--all")
    p.add_argument("--table")
    options = p.parse_args()
    if options.seed == "random":
        options.seed = str(random.SystemRandom().randrange(1 << 32))
        print("seed", options.seed)
    return options


def tell_absent(path):
    try:
        with open(path, encoding="utf-8") as f:
            lines = f.readlines()
    except FileNotFoundError:
        return 0
    for line in lines:
        print("skip " + line.partition(": ")[2], end="")
    return len(lines)


def main():
    options, names = arguments(), agreement.Names()
    verdicts, failed, examples = [], 0, []
    skipped = tell_absent(os.path.join(os.path.dirname(options.list), "absent"))
    with open(options.list, encoding="utf-8") as f:
        rows = [line.rstrip("\n").split("\t") for line in f]
    for row in rows:
        if options.names and not any(fnmatch.fnmatch(row[0], p) for p in options.names):
            continue
        try:
            v = judge_file(row, options, names)
        except symbolizers.Absent as e:
            skipped += 1
            print("skip %s: no %s" % (row[0], e))
            continue
        except symbolizers.Failed as e:
            failed += 1
            print("FAIL %s: %s" % (row[0], e))
            continue
        good = v.passed(options.bound)
        failed += not good
        verdicts.append(v)
        print("%s %s" % ("ok  " if good else "FAIL", v.line()), flush=True)
        examples += v.examples
        if not good:
            shown = [e for e in v.examples if " apart\n" not in e] or v.examples
            print("\n".join(line[:200] for e in shown[:3] for line in e.rstrip("\n").split("\n")))
    if options.all:
        with open(options.all, "w", encoding="utf-8") as f:
            f.writelines(examples)
    if options.table:
        rewrite(options.table, table(verdicts, options))
    sums = [sum(getattr(v, k) for v in verdicts) for k in ("asked", "agreed", "equal")]
    print("%d addresses, references agree on %d, equal %d (%.3f %%)" % (*sums, 100.0 * sums[2] / max(1, sums[1])))
    print("%d passed, %d failed, %d skipped" % (
        sum(v.passed(options.bound) for v in verdicts), failed, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
