#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks pprof files against everything that pprof, Parca and Pyroscope ask of one, and against
wick's own promise that every sample is accounted for. It decodes the wire format by itself and shares
no code with wick, so that a mistake cannot hide in both.

Usage: pprof_check.py [--converted] [--push] FILE...
  --converted  the source had no clock and no period (folded stacks): do not ask for them
  --push       also the limits of servers: samples, bytes, string lengths, labels, depth
Prints each violation and exits 1, or exits 0 in silence.
"""
import sys
import zlib

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

# Field number -> (name, kind). Kinds: i signed, u unsigned, b bool, s text, * repeated, M message.
VALUE_TYPE = {1: ("type", "i"), 2: ("unit", "i")}
LABEL = {1: ("key", "i"), 2: ("str", "i"), 3: ("num", "i"), 4: ("num_unit", "i")}
SAMPLE = {1: ("location_id", "u*"), 2: ("value", "i*"), 3: ("label", LABEL)}
MAPPING = {1: ("id", "u"), 2: ("memory_start", "u"), 3: ("memory_limit", "u"),
           4: ("file_offset", "u"), 5: ("filename", "i"), 6: ("build_id", "i"),
           7: ("has_functions", "b"), 8: ("has_filenames", "b"),
           9: ("has_line_numbers", "b"), 10: ("has_inline_frames", "b")}
LINE = {1: ("function_id", "u"), 2: ("line", "i"), 3: ("column", "i")}
LOCATION = {1: ("id", "u"), 2: ("mapping_id", "u"), 3: ("address", "u"), 4: ("line", LINE),
            5: ("is_folded", "b")}
FUNCTION = {1: ("id", "u"), 2: ("name", "i"), 3: ("system_name", "i"), 4: ("filename", "i"),
            5: ("start_line", "i")}
PROFILE = {1: ("sample_type", VALUE_TYPE), 2: ("sample", SAMPLE), 3: ("mapping", MAPPING),
           4: ("location", LOCATION), 5: ("function", FUNCTION), 6: ("string_table", "s*"),
           7: ("drop_frames", "i"), 8: ("keep_frames", "i"), 9: ("time_nanos", "i"),
           10: ("duration_nanos", "i"), 11: ("period_type", VALUE_TYPE), 12: ("period", "i"),
           13: ("comment", "i*"), 14: ("default_sample_type", "i"), 15: ("doc_url", "i")}
SINGULAR = {"period_type"}

MAX_SAMPLES, MAX_BYTES, MAX_STRING, MAX_LABELS, MAX_DEPTH = 16000, 4 << 20, 65535, 100, 1000


class Malformed(Exception):
    pass


def varint(data, at, end):
    value = shift = 0
    while True:
        if at >= end or shift > 63:
            raise Malformed("a varint does not end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >= 1 << 64:
                raise Malformed("a varint has more than 64 bits")
            return value, at
        shift += 7


def scalar(kind, value):
    if kind == "b":
        return value != 0
    if kind == "i" and value >= 1 << 63:
        return value - (1 << 64)
    return value


def empty(fields):
    msg = {"count": {}}
    for name, kind in fields.values():
        if isinstance(kind, dict):
            msg[name] = None if name in SINGULAR else []
        else:
            msg[name] = [] if kind.endswith("*") else scalar(kind, 0)
    return msg


def add_scalars(msg, name, kind, wire, value, data, span):
    if wire == VARINT:
        msg[name].append(scalar(kind, value))
    elif wire == BYTES:
        at, end = span
        while at < end:
            value, at = varint(data, at, end)
            msg[name].append(scalar(kind, value))
    else:
        raise Malformed("field %s has wire type %d" % (name, wire))


def add_field(msg, name, kind, wire, value, data, span):
    msg["count"][name] = msg["count"].get(name, 0) + 1
    if isinstance(kind, dict) or kind == "s*":
        if wire != BYTES:
            raise Malformed("field %s has wire type %d" % (name, wire))
        if kind == "s*":
            msg[name].append(bytes(data[span[0]:span[1]]))
        elif name in SINGULAR:
            msg[name] = message(kind, data, *span)
        else:
            msg[name].append(message(kind, data, *span))
    elif kind.endswith("*"):
        add_scalars(msg, name, kind[0], wire, value, data, span)
    elif wire != VARINT:
        raise Malformed("field %s has wire type %d" % (name, wire))
    else:
        msg[name] = scalar(kind, value)


def message(fields, data, at, end):
    msg = empty(fields)
    while at < end:
        tag, at = varint(data, at, end)
        number, wire, value, span = tag >> 3, tag & 7, 0, (0, 0)
        if number == 0:
            raise Malformed("field number 0")
        if wire == VARINT:
            value, at = varint(data, at, end)
        elif wire == BYTES:
            n, at = varint(data, at, end)
            span, at = (at, at + n), at + n
        elif wire in (FIXED32, FIXED64):
            at += 8 if wire == FIXED64 else 4
        else:
            raise Malformed("wire type %d" % wire)
        if at > end:
            raise Malformed("field %d is longer than its message" % number)
        if number not in fields:
            raise Malformed("field %d is unknown" % number)
        name, kind = fields[number]
        add_field(msg, name, kind, wire, value, data, span)
    return msg


def inflate(data):
    """The bytes of the first gzip member, and how many bytes follow it."""
    if data[:2] != b"\x1f\x8b":
        return data, 0
    z = zlib.decompressobj(31)
    try:
        out = z.decompress(data)
    except zlib.error as e:
        raise Malformed("gzip: %s" % e)
    if not z.eof:
        raise Malformed("the gzip data ends early")
    return out, len(z.unused_data)


class Checker:
    def __init__(self, profile, size):
        self.p = profile
        self.size = size
        self.found = []

    def bad(self, text, *args):
        self.found.append(text % args)

    def text(self, index):
        table = self.p["string_table"]
        return table[index].decode("utf-8", "replace") if 0 <= index < len(table) else ""

    def string(self, index, what, *args):
        if not 0 <= index < len(self.p["string_table"]):
            self.bad("%s is string %d of %d", what % args, index, len(self.p["string_table"]))

    def check(self, converted, push):
        self.strings()
        self.types()
        self.ids()
        self.header(converted)
        self.mappings()
        self.functions()
        self.locations()
        self.samples()
        self.flags()
        self.inlines()
        self.accounts()
        if push:
            self.limits()
        return self.found

    def strings(self):
        table = self.p["string_table"]
        if not table:
            self.bad("there is no string table")
        elif table[0] != b"":
            self.bad("string 0 is not empty")
        for i, s in enumerate(table):
            try:
                s.decode("utf-8")
            except UnicodeDecodeError:
                self.bad("string %d is not UTF-8: %r", i, s)

    def types(self):
        if not self.p["sample_type"]:
            self.bad("there is no sample type")
        for i, t in enumerate(self.p["sample_type"]):
            self.string(t["type"], "type of sample type %d", i)
            self.string(t["unit"], "unit of sample type %d", i)
            if not self.text(t["type"]) or not self.text(t["unit"]):
                self.bad("sample type %d has an empty type or unit", i)
            if "-" in self.text(t["type"]):
                self.bad("sample type '%s' holds a '-'", self.text(t["type"]))

    def ids(self):
        for table in ("mapping", "location", "function"):
            for i, entry in enumerate(self.p[table]):
                if entry["id"] != i + 1:
                    self.bad("%s %d has the id %d instead of %d", table, i, entry["id"], i + 1)

    def header(self, converted):
        p = self.p
        for name in ("drop_frames", "keep_frames", "default_sample_type", "doc_url"):
            self.string(p[name], name)
        for i in p["comment"]:
            self.string(i, "a comment")
        if p["count"].get("time_nanos", 0) > 1:
            self.bad("time_nanos is there %d times", p["count"]["time_nanos"])
        if p["time_nanos"] < 0 or p["duration_nanos"] < 0:
            self.bad("the time or the duration is negative")
        default = self.text(p["default_sample_type"])
        if not default:
            self.bad("there is no default_sample_type")
        elif default not in [self.text(t["type"]) for t in p["sample_type"]]:
            self.bad("default_sample_type '%s' is no sample type", default)
        period = p["period_type"]
        if period is not None:
            self.string(period["type"], "type of the period")
            self.string(period["unit"], "unit of the period")
        if converted:
            return
        if p["time_nanos"] == 0:
            self.bad("time_nanos is not set")
        if p["period"] <= 0:
            self.bad("there is no period")
        if period is None or not self.text(period["type"]) or not self.text(period["unit"]):
            self.bad("there is no period_type")

    def mappings(self):
        for m in self.p["mapping"]:
            self.string(m["filename"], "file name of mapping %d", m["id"])
            self.string(m["build_id"], "build id of mapping %d", m["id"])
            if m["memory_start"] >= m["memory_limit"]:
                self.bad("mapping %d is empty", m["id"])
            if self.text(m["build_id"]).strip("0123456789abcdef"):
                self.bad("build id of mapping %d is not lowercase hexadecimal", m["id"])

    def functions(self):
        for f in self.p["function"]:
            for name in ("name", "system_name", "filename"):
                self.string(f[name], "%s of function %d", name, f["id"])
            if not self.text(f["name"]):
                self.bad("function %d has no name", f["id"])

    def locations(self):
        mappings, functions = self.p["mapping"], len(self.p["function"])
        for l in self.p["location"]:
            if l["mapping_id"] > len(mappings):
                self.bad("location %d: mapping %d is not there", l["id"], l["mapping_id"])
            elif l["mapping_id"]:
                m = mappings[l["mapping_id"] - 1]
                if not m["memory_start"] <= l["address"] < m["memory_limit"]:
                    self.bad("location %d: address %#x is outside its mapping [%#x, %#x)", l["id"],
                             l["address"], m["memory_start"], m["memory_limit"])
            for line in l["line"]:
                if not 1 <= line["function_id"] <= functions:
                    self.bad("location %d: function %d is not there", l["id"], line["function_id"])
            if not l["line"] and l["address"] == 0:
                self.bad("location %d has neither an address nor a line", l["id"])

    def samples(self):
        types, locations = len(self.p["sample_type"]), len(self.p["location"])
        for i, s in enumerate(self.p["sample"]):
            if len(s["value"]) != types:
                self.bad("sample %d has %d values for %d types", i, len(s["value"]), types)
            if any(v < 0 for v in s["value"]):
                self.bad("sample %d has a negative value", i)
            if not any(s["value"]):
                self.bad("sample %d has no value but zero", i)
            for id_ in s["location_id"]:
                if not 1 <= id_ <= locations:
                    self.bad("sample %d: location %d is not there", i, id_)
            self.labels(i, s["label"])

    def labels(self, i, labels):
        seen = set()
        for l in labels:
            for name in ("key", "str", "num_unit"):
                self.string(l[name], "%s of a label of sample %d", name, i)
            key = self.text(l["key"])
            if not key:
                self.bad("sample %d has a label without a key", i)
            if key.startswith("pprof::"):
                self.bad("sample %d uses the reserved label '%s'", i, key)
            if key in seen:
                self.bad("sample %d has two labels '%s'", i, key)
            seen.add(key)
            if l["str"] and (l["num"] or l["num_unit"]):
                self.bad("label '%s' of sample %d is a string and a number", key, i)
            if not l["str"] and not l["num"] and not l["num_unit"]:
                self.bad("label '%s' of sample %d is lost: it is 0 and has no unit", key, i)

    def line_facts(self, location):
        """What every line of a location has: a function name, a file name, a line number."""
        functions, facts = self.p["function"], [bool(location["line"])] * 3
        for line in location["line"]:
            if not 1 <= line["function_id"] <= len(functions):
                continue
            f = functions[line["function_id"] - 1]
            name = self.text(f["name"])
            # "[libc.so.6+0x1234]" says where an address without a name lies. It is no name: pprof
            # may still look for a better one, which it does where has_functions is not set.
            facts[0] &= bool(name) and not (name.startswith("[") and name.endswith("]"))
            facts[1] &= bool(self.text(f["filename"]))
            facts[2] &= line["line"] > 0
        return facts

    def flags(self):
        count = len(self.p["mapping"])
        used, facts = [False] * (count + 1), [[True] * 3 for _ in range(count + 1)]
        for l in self.p["location"]:
            if 1 <= l["mapping_id"] <= count:
                used[l["mapping_id"]] = True
                for k, fact in enumerate(self.line_facts(l)):
                    facts[l["mapping_id"]][k] &= fact
        for i, m in enumerate(self.p["mapping"], 1):
            if not used[i]:
                continue
            if m["has_functions"] != facts[i][0]:
                self.bad("has_functions of mapping %d is %s, but %s of its locations have names", i,
                         m["has_functions"], "all" if facts[i][0] else "not all")
            for k, name in ((1, "has_filenames"), (2, "has_line_numbers")):
                if m[name] and not facts[i][k]:
                    self.bad("%s of mapping %d is set, but not all of its locations are so", name, i)

    def inlines(self):
        """The order of lines, as far as the profile tells it: of two functions of a location, the one
        that is really called elsewhere and not inlined belongs outside. A function may well be called
        here and inlined there, so single locations prove nothing; most of them do."""
        called, inlined = {}, {}
        for l in self.p["location"]:
            ids = [line["function_id"] for line in l["line"]]
            for a, b in zip(l["line"], l["line"][1:]):
                # Without a number it may be a function that is inlined into itself.
                if a == b and a["line"]:
                    self.bad("location %d has the same line twice in a row", l["id"])
            for id_ in set(ids[-1:]):
                called[id_] = called.get(id_, 0) + 1
            for id_ in set(ids[:-1]):
                inlined[id_] = inlined.get(id_, 0) + 1
        right, wrong = 0, []
        for l in self.p["location"]:
            if len(l["line"]) < 2:
                continue
            first, last = l["line"][0]["function_id"], l["line"][-1]["function_id"]
            if first == last:
                continue
            outside = called.get(last, 0) > 1 and not inlined.get(last)
            inside = inlined.get(first, 0) > 1 and not called.get(first)
            if called.get(first) and inlined.get(first, 0) == 1 and \
                    called.get(last, 0) == 1 and inlined.get(last):
                wrong.append(l["id"])
            elif outside or inside:
                right += 1
        if len(wrong) > right:
            self.bad("location %d seems to have its lines in the wrong order, and %d more have",
                     wrong[0], len(wrong) - 1)

    def accounts(self):
        recorded = None
        for index in self.p["comment"]:
            text = self.text(index)
            if text.startswith("wick: ticks="):
                recorded = (recorded or 0) + self.account(text)
        total = sum(s["value"][0] for s in self.p["sample"] if s["value"])
        if recorded is not None and recorded != total:
            self.bad("the account says recorded=%d, the samples are %d", recorded, total)

    def account(self, text):
        numbers = {}
        for item in text[len("wick: "):].split(" "):
            key, _, value = item.partition("=")
            if not value.isdigit() or key in numbers:
                self.bad("the account has the item '%s'", item)
                continue
            numbers[key] = int(value)
        n = {k: numbers.get(k, 0) for k in
             ("ticks", "recorded", "idle", "filtered", "lost", "truncated")}
        if n["ticks"] != n["recorded"] + n["idle"] + n["filtered"] + n["lost"]:
            self.bad("the account does not add up: %s", text)
        for whole in ("lost", "truncated"):
            parts = sum(v for k, v in numbers.items() if k.startswith(whole + "."))
            if parts != n[whole]:
                self.bad("the account says %s=%d, its reasons are %d", whole, n[whole], parts)
        return n["recorded"]

    def limits(self):
        p = self.p
        if len(p["sample"]) > MAX_SAMPLES:
            self.bad("there are %d samples, servers take %d", len(p["sample"]), MAX_SAMPLES)
        if self.size > MAX_BYTES:
            self.bad("it is %d bytes long, servers take %d", self.size, MAX_BYTES)
        for i, s in enumerate(p["string_table"]):
            if len(s) > MAX_STRING:
                self.bad("string %d is %d bytes long, servers take %d", i, len(s), MAX_STRING)
        for i, s in enumerate(p["sample"]):
            if len(s["label"]) > MAX_LABELS:
                self.bad("sample %d has %d labels, servers take %d", i, len(s["label"]), MAX_LABELS)
            if len(s["location_id"]) > MAX_DEPTH:
                self.bad("sample %d is %d deep, servers take %d", i, len(s["location_id"]),
                         MAX_DEPTH)


def check(data, converted=False, push=False):
    """The violations in the bytes of one file."""
    try:
        raw, rest = inflate(data)
        found = ["%d bytes follow the gzip data" % rest] if rest else []
        profile = message(PROFILE, raw, 0, len(raw))
    except Malformed as e:
        return ["malformed: %s" % e]
    return found + Checker(profile, len(raw)).check(converted, push)


def main(argv):
    options = [a for a in argv if a.startswith("--")]
    paths = [a for a in argv if not a.startswith("--")]
    if not paths or set(options) - {"--converted", "--push"}:
        sys.stderr.write(__doc__)
        return 2
    failed = False
    for path in paths:
        with open(path, "rb") as f:
            found = check(f.read(), "--converted" in options, "--push" in options)
        for text in found:
            print("%s: %s" % (path, text))
        failed |= bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
