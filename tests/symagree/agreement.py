# SPDX-License-Identifier: Apache-2.0
"""When two answers of symbolizers say the same.

Names are compared as symbols. Equal are: a symbol and its clone (.cold, .part.0, .constprop.1); two
mangled names that c++filt writes the same way (constructors of one class); two symbols of one address;
and, counted apart, a name and the same with its namespaces, parameters or template arguments. Paths are
compared after lexical normalisation.
"""
import posixpath
import re
import subprocess

CLONE = re.compile(r"(\.(cold|eh|part|constprop|isra|lto_priv|localalias|llvm|warm|hot|exit|unlikely|startup|__part|"
                   r"resume|destroy|cleanup|actor|__uniq|specialized|abi0|abiinternal)(\.\d+)*)+$")
# A number alone may be a part of the name, as in Go's main.main.func1.2.
NUMBERED = re.compile(r"([^.]+)\.\d+$")
TAIL = re.compile(r"(\s+(const|volatile|noexcept)|\s*&{1,2}|\s*\[clone [^]]*\]|\s*\[.*\])+$")


def stem(name):
    """Without version, clone and Go's calling convention; Go's dot in names of its own as a dot."""
    name = name.replace("\u00b7", ".")
    name = CLONE.sub("", name.split("@")[0]) or name
    return NUMBERED.sub(r"\1", name) if NUMBERED.fullmatch(name) else name


class Names:
    """Names in canonical form; what c++filt said is kept."""

    def __init__(self):
        self.canonical = {}
        self.short = {}

    def learn(self, names):
        """Demangles in one go what is not known yet."""
        new = sorted({n for n in names if n not in self.canonical and "\n" not in n})
        plain = [stem(n) for n in new]
        mangled = sorted({p for p in plain if p.startswith(("_Z", "_R", "__Z"))})
        said = {}
        if mangled:
            run = subprocess.run(["c++filt"], input="\n".join(mangled).encode() + b"\n", stdout=subprocess.PIPE,
                                 check=True)
            said = dict(zip(mangled, run.stdout.decode(errors="replace").split("\n")))
        for name, p in zip(new, plain):
            self.canonical[name] = said.get(p, p)

    def of(self, name):
        if name not in self.canonical:
            self.learn([name])
        return self.canonical.get(name, name)

    def bare(self, name):
        """Without namespaces, parameters and template arguments."""
        full = self.of(name)
        if full not in self.short:
            self.short[full] = bare(full)
        return self.short[full]


def without(text, opening, closing):
    """Without what stands in these brackets, however nested."""
    out, depth = [], 0
    for c in text:
        if c == opening:
            depth += 1
        elif c == closing and depth:
            depth -= 1
        elif not depth:
            out.append(c)
    return "".join(out)


def bare(name):
    text = name.replace("(anonymous namespace)", "anonymous").replace("->", "\1")
    text = re.sub(r"operator\s*\(\)", "operator\2", text)
    text = re.sub(r"operator\s*(<=>|<<=|>>=|<<|>>|<=|>=|<|>)",
                  lambda m: "operator" + "".join(chr(ord(c) ^ 0x80) for c in m.group(1)), text)
    text = TAIL.sub("", text)
    text = without(without(text, "<", ">"), "(", ")")
    text = TAIL.sub("", text)
    text = re.split(r"::|\.(?=\D)", text)[-1]
    if not text.startswith("operator"):
        text = text.split(" ")[-1]
    return text.strip()


def path(file):
    return posixpath.normpath(file) if file else ""


class Judge:
    """Compares answers about one file. aliases: address -> names of all symbols there."""

    def __init__(self, aliases, names):
        self.aliases = aliases
        self.names = names

    def name(self, address, a, b):
        """How b is equal to a: "same", "alias", "shorter", "named" where a says nothing; None when it is not."""
        if a == b or self.names.of(a) == self.names.of(b):
            return "same"
        if not a and b:
            return "named"
        if not a or not b:
            return None
        here = {self.names.of(n) for n in self.aliases(address)}
        if self.names.of(a) in here and self.names.of(b) in here:
            return "alias"
        if self.names.bare(a) == self.names.bare(b):
            return "shorter"
        return None

    def place(self, a, b):
        """None when equal, else "line" or "file"."""
        if a[2] != b[2]:
            return "line"
        if path(a[1]) != path(b[1]) and (a[2] or (a[1] and b[1])):
            return "file"
        return None

    def chain(self, address, want, got):
        """(how equal, None) or (None, what differs first, innermost frame first). Besides how names are
        equal there is "folded": an alias with lines of its own. Of several the last frame's is told."""
        if not got and want:
            return None, "no answer"
        if got and not want:
            return None, "an answer where there is none"
        if len(got) != len(want):
            return None, "fewer frames" if len(got) < len(want) else "more frames"
        how = "same"
        for i, (w, g) in enumerate(zip(want, got)):
            last = i == len(want) - 1
            equal = self.name(address if last else -1, w[0], g[0])
            if not equal:
                return None, ("no function" if not g[0] else "function" if last else "inlined function")
            if equal != "same":
                how = equal
            differs = self.place(w, g)
            # Of two functions that a linker made one, each has its own lines.
            if differs and equal == "alias":
                how = "folded"
            elif differs:
                return None, "no " + differs if not g[1] and w[1] else differs
        return how, None


def flat(frames):
    """As go tool addr2line tells it: the outer function, the innermost place."""
    return [frames[-1]._replace(file=frames[0].file, line=frames[0].line)] if frames else []
