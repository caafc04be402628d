# SPDX-License-Identifier: Apache-2.0
"""Asks symbolizers, wick among them, and gives their answers one shape: for each address a list of frames
(name, file, line, start), from the innermost inlined function outwards. Names are as in the symbol table
where the tool can say them; start is the line where the function begins, of tools that tell it; "" and 0
are what is not known.

  ask("llvm", PATH, [ADDRESS, ...]) -> [[Frame, ...], ...], one for each address
  present() -> {NAME: PROGRAM}
Raises Absent for a tool that is not here and Failed for one that gave no usable answer.
"""
import collections
import glob
import json
import os
import re
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


Frame = collections.namedtuple("Frame", "name file line start", defaults=(0,))


class Absent(Exception):
    pass


class Failed(Exception):
    pass


def newest_llvm():
    versions = glob.glob("/usr/bin/llvm-symbolizer-[0-9]*")
    return max(versions, key=lambda p: int(p.rsplit("-", 1)[1]), default=shutil.which("llvm-symbolizer"))


def crate(name):
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = os.path.join(os.environ.get("WICK_PEERS") or os.path.join(cache, "wick-peers"), "bin", name)
    return path if os.access(path, os.X_OK) else None


def go():
    places = [shutil.which("go"), *glob.glob("/usr/local/go/bin/go"), *glob.glob("/usr/lib/go*/bin/go")]
    return next((p for p in places if p), None)


def wick():
    path = os.environ.get("WICK") or os.path.join(ROOT, "build", "wick")
    return path if os.access(path, os.X_OK) else None


# What each tool is started with, before the file, and what reads its answers.
def frames_of_pairs(lines):
    """addr2line -a -f -i: the address, then two lines for each frame."""
    answers, at = [], 0
    while at < len(lines):
        if not lines[at].startswith("0x"):
            raise Failed("not the answer of an addr2line: " + lines[at][:80])
        at += 1
        frames = []
        while at + 1 < len(lines) and not re.fullmatch(r"0x[0-9a-f]{8,16}", lines[at]):
            name, place = lines[at], re.sub(r" \(discriminator \d+\)$", "", lines[at + 1])
            file, _, line = place.rpartition(":")
            frames.append(Frame("" if name == "??" else name, "" if file.startswith("??") else file,
                                int(line) if line.isdigit() else 0))
            at += 2
        answers.append(frames)
    return answers


def frames_of_llvm(lines):
    return [[Frame(s.get("FunctionName") or "", s.get("FileName") or "", s.get("Line") or 0, s.get("StartLine") or 0)
             for s in json.loads(line).get("Symbol", [])] for line in lines if line]


def frames_of_wick(lines):
    return [[Frame(f.get("system_name") or f.get("function") or "", f.get("file") or "", f.get("line") or 0,
                   f.get("start_line") or 0) for f in json.loads(line)["frames"]]
            for line in lines if line]


def frames_of_go(lines):
    """go tool addr2line: two lines an address, the outer function and the innermost place."""
    answers = []
    for name, place in zip(lines[0::2], lines[1::2]):
        file, _, line = place.rpartition(":")
        known = name != "?"
        answers.append([Frame(name, file, int(line))] if known else [])
    return answers


# Name: where it is, its arguments, what reads its answers.
TOOLS = {
    "wick": (wick, ["symbolize", "--cache", "off", "--json", "{}"], frames_of_wick),
    "llvm": (newest_llvm, ["--output-style=JSON", "--no-demangle", "-e", "{}"], frames_of_llvm),
    "gimli": (lambda: crate("addr2line"), ["-a", "-f", "-i", "-e", "{}"], frames_of_pairs),
    "blaze": (lambda: crate("blaze-addr2line"), ["-r", "{}"], frames_of_pairs),
    "gnu": (lambda: shutil.which("addr2line"), ["-a", "-f", "-i", "-e", "{}"], frames_of_pairs),
    "gotool": (go, ["tool", "addr2line", "{}"], frames_of_go),
}


def present():
    return {name: tool[0]() for name, tool in TOOLS.items() if tool[0]()}


def trimmed(frames):
    """A frame about which nothing is known is none."""
    while frames and frames[-1][:3] == ("", "", 0):
        frames = frames[:-1]
    return frames


def ask(name, path, addresses, seconds=600):
    where, arguments, read = TOOLS[name]
    program = where()
    if not program:
        raise Absent(name)
    text = "".join("0x%x\n" % a for a in addresses)
    command = [program, *(path if a == "{}" else a for a in arguments)]
    try:
        run = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise Failed("%s took more than %d s" % (name, seconds)) from None
    said = run.stderr.decode(errors="replace").strip().split("\n")[-1]
    try:
        answers = read(run.stdout.decode(errors="replace").split("\n")[:-1])
    except (ValueError, KeyError, TypeError, IndexError) as e:
        raise Failed("%s: %s: %s" % (name, type(e).__name__, said or e)) from None
    if len(answers) != len(addresses):
        raise Failed("%s answered %d of %d addresses, exit %d: %s" %
                     (name, len(answers), len(addresses), run.returncode, said))
    return [trimmed(frames) for frames in answers]
