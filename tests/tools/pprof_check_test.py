#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests pprof_check.py: a good profile passes, and each way of breaking it is reported."""
import copy
import gzip
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import pprof_check as pc  # noqa: E402

STRINGS = ["", "samples", "count", "cpu", "nanoseconds", "/bin/demo", "0123abcd", "main", "work",
           "inlined", "demo.c", "comm", "demo", "tid",
           "wick: ticks=20 recorded=7 idle=10 filtered=1 lost=2 lost.ring_full=2 "
           "truncated=3 truncated.depth=3", "cpu-cycles", "other"]

GOOD = {
    "sample_type": [{"type": 1, "unit": 2}, {"type": 3, "unit": 4}],
    "sample": [
        {"location_id": [2, 1], "value": [5, 50],
         "label": [{"key": 11, "str": 12}, {"key": 13, "num": 0, "num_unit": 13}]},
        {"location_id": [1], "value": [2, 20], "label": []},
    ],
    "mapping": [{"id": 1, "memory_start": 0x1000, "memory_limit": 0x3000, "filename": 5,
                 "build_id": 6, "has_functions": 1, "has_filenames": 1, "has_line_numbers": 1}],
    "location": [
        {"id": 1, "mapping_id": 1, "address": 0x1000, "line": [{"function_id": 1, "line": 3}]},
        {"id": 2, "mapping_id": 1, "address": 0x2fff,
         "line": [{"function_id": 3, "line": 9}, {"function_id": 2, "line": 7}]},
    ],
    "function": [{"id": 1, "name": 7, "filename": 10}, {"id": 2, "name": 8, "filename": 10},
                 {"id": 3, "name": 9, "filename": 10}],
    "string_table": STRINGS,
    "time_nanos": 1700000000 * 10**9, "duration_nanos": 10**9,
    "period_type": {"type": 3, "unit": 4}, "period": 10, "comment": [14],
    "default_sample_type": 3,
}


def varint(v):
    v &= (1 << 64) - 1
    out = bytearray()
    while v >= 0x80:
        out.append(v & 0x7F | 0x80)
        v >>= 7
    return bytes(out) + bytes([v])


def block(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def encode(fields, msg):
    out = b""
    for number, (name, kind) in fields.items():
        value = msg.get(name)
        if value is None:
            continue
        if isinstance(kind, dict):
            for sub in [value] if name in pc.SINGULAR else value:
                out += block(number, encode(kind, sub))
        elif kind == "s*":
            for s in value:
                out += block(number, s if isinstance(s, bytes) else s.encode())
        elif kind.endswith("*"):
            out += block(number, b"".join(map(varint, value))) if value else b""
        elif value:
            out += varint(number << 3) + varint(value)
    return out


def pack(profile):
    return encode(pc.PROFILE, profile)


def put(path, value):
    """A change of the good profile: the entry at `path` gets `value`."""
    def change(p):
        *way, last = path
        for step in way:
            p = p[step]
        p[last] = value
    return change


def unnamed(p):
    p["location"][1]["line"] = []


def wrong_order(p):
    """Location 3 says that work was inlined into inlined; all else says the opposite."""
    line = {"function_id": 2, "line": 1}
    p["location"].append({"id": 3, "mapping_id": 1, "address": 0x1100, "line": [line]})
    p["location"].append({"id": 4, "mapping_id": 1, "address": 0x1200,
                          "line": [line, {"function_id": 3, "line": 2}]})


def text(number, value):
    return put(["string_table", number], value)


ACCOUNT = STRINGS[14]
BROKEN = [
    (text(0, "x"), "string 0 is not empty"),
    (put(["string_table"], []), "no string table"),
    (text(7, b"\xff\xfe"), "is not UTF-8"),
    (text(7, b"\xed\xa0\x80"), "is not UTF-8"),
    (put(["sample_type"], []), "no sample type"),
    (put(["sample_type", 0, "type"], 15), "holds a '-'"),
    (put(["sample_type", 0, "unit"], 0), "empty type or unit"),
    (put(["sample_type", 0, "type"], 99), "type of sample type 0 is string 99"),
    (put(["mapping", 0, "id"], 2), "mapping 0 has the id 2"),
    (put(["mapping", 0, "id"], 0), "mapping 0 has the id 0"),
    (put(["location", 1, "id"], 7), "location 1 has the id 7"),
    (put(["location", 1, "id"], 1), "location 1 has the id 1"),
    (put(["function", 0, "id"], 3), "function 0 has the id 3"),
    (put(["comment"], [-1]), "a comment is string -1"),
    (put(["doc_url"], 77), "doc_url is string 77"),
    (put(["default_sample_type"], 0), "no default_sample_type"),
    (put(["default_sample_type"], 16), "is no sample type"),
    (put(["time_nanos"], 0), "time_nanos is not set"),
    (put(["time_nanos"], -5), "is negative"),
    (put(["period"], 0), "no period"),
    (put(["period_type"], None), "no period_type"),
    (put(["period_type", "unit"], 0), "no period_type"),
    (put(["mapping", 0, "filename"], 88), "file name of mapping 1"),
    (put(["mapping", 0, "build_id"], 10), "not lowercase hexadecimal"),
    (put(["mapping", 0, "memory_limit"], 0x1000), "mapping 1 is empty"),
    (put(["function", 0, "name"], 0), "function 1 has no name"),
    (put(["function", 0, "system_name"], 50), "system_name of function 1"),
    (put(["location", 0, "mapping_id"], 2), "mapping 2 is not there"),
    (put(["location", 0, "address"], 0xfff), "outside its mapping"),
    (put(["location", 1, "address"], 0x3000), "outside its mapping"),
    (put(["location", 0, "line", 0, "function_id"], 9), "function 9 is not there"),
    (put(["location", 0, "line", 0, "function_id"], 0), "function 0 is not there"),
    (put(["location", 0], {"id": 1}), "neither an address nor a line"),
    (put(["sample", 0, "value"], [1]), "1 values for 2 types"),
    (put(["sample", 0, "value"], [5, -1]), "negative value"),
    (put(["sample", 0, "value"], [0, 0]), "no value but zero"),
    (put(["sample", 0, "location_id"], [3]), "location 3 is not there"),
    (put(["sample", 0, "location_id"], [0]), "location 0 is not there"),
    (put(["sample", 0, "label", 0, "key"], 0), "a label without a key"),
    (put(["sample", 0, "label", 0, "key"], 13), "two labels 'tid'"),
    (put(["sample", 0, "label", 0, "num"], 4), "is a string and a number"),
    (put(["sample", 0, "label", 1, "num_unit"], 0), "is lost"),
    (put(["sample", 0, "label", 0, "str"], 99), "str of a label of sample 0"),
    (text(11, "pprof::base"), "reserved label"),
    (unnamed, "has_functions of mapping 1 is True"),
    (put(["mapping", 0, "has_functions"], 0), "has_functions of mapping 1 is False"),
    (put(["function", 2, "filename"], 0), "has_filenames of mapping 1"),
    (put(["location", 0, "line", 0, "line"], 0), "has_line_numbers of mapping 1"),
    (put(["location", 1, "line", 1], {"function_id": 3, "line": 9}), "same line twice"),
    (wrong_order, "in the wrong order"),
    (text(14, ACCOUNT.replace("idle=10", "idle=9")), "does not add up"),
    (text(14, ACCOUNT.replace("ring_full=2", "ring_full=1")), "lost=2, its reasons are 1"),
    (text(14, ACCOUNT.replace("truncated=3", "truncated=4")), "truncated=4, its reasons are 3"),
    (text(14, ACCOUNT.replace("=20 recorded=7", "=21 recorded=8")), "recorded=8, the samples are 7"),
    (text(14, ACCOUNT + " idle=10"), "has the item"),
    (text(14, ACCOUNT + " lost.x=-1"), "has the item"),
]

PUSH = [
    (put(["sample"], [{"location_id": [1], "value": [1, 1]}] * 16001), "there are 16001 samples"),
    (put(["sample", 0, "location_id"], [1] * 1001), "is 1001 deep"),
    (text(8, "x" * 65536), "is 65536 bytes long"),
    (put(["string_table"], STRINGS + ["x" * 65000] * 70), "servers take 4194304"),
    (put(["sample", 0, "label"], [{"key": 11, "str": 12}] * 101), "has 101 labels"),
]

good_bytes = pack(GOOD)
RAW = [
    (good_bytes + varint(9 << 3) + varint(5), "time_nanos is there 2 times"),
    (good_bytes[:-1], "malformed"),
    (good_bytes + b"\x7a", "malformed"),
    (good_bytes + b"\x80\x01\x01", "field 16 is unknown"),
    (good_bytes + b"\x0b", "wire type 3"),
    (good_bytes + b"\x3a\x00", "field drop_frames has wire type 2"),
    (gzip.compress(good_bytes)[:-4], "ends early"),
    (gzip.compress(good_bytes) * 2, "bytes follow the gzip data"),
    (b"\x1f\x8b" + good_bytes, "malformed: gzip"),
    (b"", "no string table"),
]


def expect(found, want, what):
    if any(want in f for f in found):
        return 0
    print("%s: wanted '%s', got %s" % (what, want, found or "no violation"))
    return 1


def broken(changes, **options):
    failed = 0
    for i, (change, want) in enumerate(changes):
        p = copy.deepcopy(GOOD)
        change(p)
        failed += expect(pc.check(pack(p), **options), want, "change %d" % i)
    return failed


def main():
    failed = broken(BROKEN) + broken(PUSH, push=True)
    for i, (data, want) in enumerate(RAW):
        failed += expect(pc.check(data), want, "raw %d" % i)
    for name, data in (("raw", good_bytes), ("gzip", gzip.compress(good_bytes))):
        found = pc.check(data, push=True)
        if found:
            failed += 1
            print("the good profile, %s: %s" % (name, found))
    bare = copy.deepcopy(GOOD)
    bare.update(time_nanos=0, period=0, period_type=None)
    if pc.check(pack(bare), converted=True):
        failed += 1
        print("--converted asks for a clock")
    print("%d ways to break a profile, %d not reported" %
          (len(BROKEN) + len(PUSH) + len(RAW), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
