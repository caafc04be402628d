#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""perf_to_profile.py [comm] >FILE: a profile in the form that perf_to_profile of perf_data_converter gives it.

Nothing in it has a name but the objects: locations are addresses in mappings with build ids, there are no functions and
no times. Every event has two values, how many samples and how many events; the last one is the default. Comments tell
which perf recorded it, and how. With "comm", samples have the labels that the converter adds when it is asked to. The
kernel is one mapping of its own addresses; the first mapping is the program.
"""
import gzip
import sys

strings = {'': 0}


def varint(v):
    out = bytearray()
    v &= (1 << 64) - 1
    while v >= 0x80:
        out.append(v & 0x7f | 0x80)
        v >>= 7
    out.append(v)
    return bytes(out)


def number(field, v):
    return varint(field << 3) + varint(v) if v else b''


def message(field, b):
    return varint(field << 3 | 2) + varint(len(b)) + b


def packed(field, values):
    return message(field, b''.join(map(varint, values)))


def string(s):
    return strings.setdefault(s, len(strings))


MAPPINGS = [  # start, limit, offset, file, build id
    (0x55d0c0001000, 0x55d0c0090000, 0x1000, '/usr/sbin/nginx', '8f2e6c1f2a9d4b7730bb6f0a3c1de25b90a7c4e1'),
    (0x7f10a0026000, 0x7f10a017b000, 0x26000, '/lib/x86_64-linux-gnu/libc.so.6', '69389d485a9793dbe873f0ea2c93e02efaa9aa3d'),
    (0xffffffff81000000, 0xffffffff82200000, 0xffffffff81000000, '[kernel.kallsyms]', 'e3a1f0c2d4b5968778695a4b3c2d1e0f01234567'),
    (9 << 60, (9 << 60) + 1, 0, '[lost]', ''),  # what perf lost: an address that nothing else has
]
LOCATIONS = [  # mapping, address; of callers one less than where they return to
    (1, 0x55d0c0012345), (1, 0x55d0c0023450 - 1), (1, 0x55d0c0034560 - 1), (2, 0x7f10a0051234),
    (3, 0xffffffff81234567), (3, 0xffffffff81800abc - 1), (4, 9 << 60),
]
SAMPLES = [  # locations from the leaf on; samples, events; pid, comm
    ((1, 2, 3), 5, 5000000, 100, 'nginx'), ((4, 2, 3), 3, 3000000, 100, 'nginx'), ((5, 6, 4, 2, 3), 2, 2000000, 101, 'nginx: worker'),
    ((7,), 4, 4, 0, ''),
]


def main():
    labels = 'comm' in sys.argv[1:]
    out = [message(1, number(1, string('cycles:u_sample')) + number(2, string('count'))),
           message(1, number(1, string('cycles:u_event')) + number(2, string('count')))]
    default = string('cycles:u_event')
    mappings = [message(3, number(1, i) + number(2, start) + number(3, limit) + number(4, off) + number(5, string(file)) +
                        number(6, string(build_id))) for i, (start, limit, off, file, build_id) in enumerate(MAPPINGS, 1)]
    comments = [string('perf-version:5.10.162'), string('perf-command:/usr/bin/perf record -e cycles:u -g -a sleep 10')]
    for stack, count, events, pid, comm in SAMPLES:
        sample = packed(1, stack) + packed(2, (count, events))
        if labels:
            sample += message(3, number(1, string('pid')) + number(3, pid))
            sample += message(3, number(1, string('comm')) + number(2, string(comm))) if comm else b''
        out.append(message(2, sample))
    out += mappings
    out += [message(4, number(1, i) + number(2, m) + number(3, address)) for i, (m, address) in enumerate(LOCATIONS, 1)]
    out += [message(6, s.encode()) for s in strings]
    out += [packed(13, comments), number(14, default)]
    sys.stdout.buffer.write(gzip.compress(b''.join(out), mtime=0))


main()
