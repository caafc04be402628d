#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests what judges symbolizers (tests/symagree): what counts as equal, what does not and why, and that
each tool's answers are read as they are meant."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "symagree"))
sys.dont_write_bytecode = True
import agreement  # noqa: E402
import elfsymbols  # noqa: E402
import symbolizers  # noqa: E402

# Two names, and how they are equal at an address where there are one, uno and two.
NAMES = [
    ("f", "f", "same"),
    ("f", "g", None),
    ("f.cold", "f", "same"),
    ("f.part.0.constprop.12", "f", "same"),
    ("inner.3", "inner", "same"),
    ("read@@GLIBC_2.2.5", "read", "same"),
    ("main.main.func1.2", "main.main.func1", None),
    ("runtime.read.abi0", "runtime.read", "same"),
    ("one", "uno", "alias"),
    ("one", "three", None),
    ("_ZN1AC1Ei", "_ZN1AC2Ei", "same"),
    ("_ZN1AC1Ei", "A", "shorter"),
    ("_ZN2ns1fIiEEvT_", "f<int>", "shorter"),
    ("_ZN2ns1fIiEEvT_", "g<int>", None),
    ("_ZNK1AltERKS_", "operator<", "shorter"),
    ("_ZNK1AclEi", "operator()", "shorter"),
]
BARE = [
    ("std::vector<int, std::allocator<int> >::push_back(int const&)", "push_back"),
    ("void ns::f<int>(int)", "f"),
    ("ns::S::operator()(int) const", "operator\2"),
    ("(anonymous namespace)::f(int (*)(char))", "f"),
    ("core::ops::function::FnOnce::call_once", "call_once"),
    ("plain", "plain"),
]
W = ("f", "/a/./b/x.c", 3), ("main", "/a/c/../b/y.c", 9)
CHAINS = [
    (W, (("f", "/a/b/x.c", 3), ("main", "/a/b/y.c", 9)), "same", None),
    (W, (), None, "no answer"),
    ((), W, None, "an answer where there is none"),
    (W, W[1:], None, "fewer frames"),
    (W[1:], W, None, "more frames"),
    (W, (("g", "/a/b/x.c", 3), W[1]), None, "inlined function"),
    (W, (W[0], ("g", "/a/b/y.c", 9)), None, "function"),
    (W, (("f", "/a/b/z.c", 3), W[1]), None, "file"),
    (W, (("f", "/a/b/x.c", 4), W[1]), None, "line"),
    (W, (("f", "", 0), W[1]), None, "no line"),
    ((("f", "x.c", 0),), (("f", "", 0),), "same", None),
    # Two functions that are one code: each with lines of its own.
    ((("one", "x.c", 1),), (("two", "y.c", 2),), "folded", None),
    ((("one", "x.c", 1),), (("two", "x.c", 1),), "alias", None),
]
PAIRS = "0x0000000000001000\nf\n/x.c:3\nmain\n/y.c:9 (discriminator 2)\n0x0000000000002000\n??\n??:0\n" \
    "0x0000000000003000\ng\n/x.c:?".split("\n")
LLVM = ['{"Address":"0x1","Symbol":[{"FunctionName":"f","FileName":"/x.c","Line":3,"StartLine":2}]}', '{"Address":"0x2","Error":{}}']
WICK = ['{"address":"0x1","frames":[{"function":"f(int)","short":"f","system_name":"_Z1fi","file":"/x.c","line":3,'
        '"start_line":1}],"reason":"ok"}', '{"address":"0x2","frames":[],"reason":"no symbols"}']
READ = [
    (symbolizers.frames_of_pairs, PAIRS, [[("f", "/x.c", 3), ("main", "/y.c", 9)], [], [("g", "/x.c", 0)]]),
    (symbolizers.frames_of_llvm, LLVM, [[("f", "/x.c", 3)], []]),
    (symbolizers.frames_of_wick, WICK, [[("_Z1fi", "/x.c", 3)], []]),
    (symbolizers.frames_of_go, ["main.f", "/x.go:3", "?", "?:0"], [[("main.f", "/x.go", 3)], []]),
]


def main():
    bad = []

    def expect(what, got, want):
        if got != want:
            bad.append("%s: %r, wanted %r" % (what, got, want))

    judge = agreement.Judge(lambda address: {"one", "uno", "two"} if address == 1 else set(), agreement.Names())
    for a, b, how in NAMES:
        expect("%s = %s" % (a, b), judge.name(1, a, b), how)
        expect("%s = %s" % (b, a), judge.name(1, b, a), how)
    expect("a name where there is none", judge.name(1, "", "f"), "named")
    expect("no name where there is one", judge.name(1, "f", ""), None)
    expect("aliases of an inlined function", judge.name(-1, "one", "uno"), None)
    for name, short in BARE:
        expect("bare " + name, agreement.bare(name), short)
    for want, got, how, why in CHAINS:
        expect("%s = %s" % (want, got), judge.chain(1, want, got), (how, why))
    for read, lines, want in READ:
        expect(read.__name__, [[f[:3] for f in symbolizers.trimmed(a)] for a in read(lines)], want)
    starts = [f.start for read in (symbolizers.frames_of_llvm, symbolizers.frames_of_wick) for f in
              read(LLVM if read is symbolizers.frames_of_llvm else WICK)[0]]
    expect("start lines", starts, [2, 1])
    frames = [symbolizers.Frame(*w) for w in W]
    expect("flat", [f[:3] for f in agreement.flat(frames)], [("main", W[0][1], 3)])
    expect("all addresses", elfsymbols.sample([(1, 3), (10, 12)], 4, 1), [1, 2, 10, 11])
    picked = elfsymbols.sample([(100, 200), (1000, 1001)], 50, 7)
    expect("a sample", (len(picked), all(100 <= a < 200 or a == 1000 for a in picked)), (50, True))
    expect("the same seed", elfsymbols.sample([(100, 200)], 50, 7), elfsymbols.sample([(100, 200)], 50, 7))
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
