// SPDX-License-Identifier: Apache-2.0
// Profiles for the tests: pprof made byte by byte, and the sums that a page must show, counted from the stacks
// themselves.
'use strict';

function varint(v) {
  const out = [];
  for (let n = BigInt.asUintN(64, BigInt(v)); ; n >>= 7n) {
    if (n < 128n) {
      out.push(Number(n));
      return Buffer.from(out);
    }
    out.push(Number(n & 127n) | 128);
  }
}

const number = (field, v) => Buffer.concat([varint(field << 3), varint(v)]);
const bytes = (field, b) => Buffer.concat([varint(field << 3 | 2), varint(b.length), b]);
const packed = (field, list) => bytes(field, Buffer.concat(list.map(varint)));

// @stacks: [{ stack: ['root', …, 'leaf'], value, time }], a frame a name, a Buffer, or { name, file, source, line };
// with @types: [[type, unit], …] a value is a list of as many, and the last type is the one to show first.
function pprof(stacks, { type = 'samples', unit = 'count', types = [[type, unit]], comments = [], durationNs = 0, timeNs = 0 } = {}) {
  const strings = new Map(), list = [];
  const str = s => {
    const key = Buffer.isBuffer(s) ? s.toString('latin1') + '\0raw' : s;
    if (!strings.has(key)) {
      strings.set(key, list.length);
      list.push(Buffer.from(s));
    }
    return strings.get(key);
  };
  str('');
  const frames = new Map(), files = new Map(), out = [];
  for (const [t, u] of types)
    out.push(bytes(1, Buffer.concat([number(1, str(t)), number(2, str(u))])));
  const location = frame => {
    const f = typeof frame === 'string' || Buffer.isBuffer(frame) ? { name: frame } : frame;
    const key = JSON.stringify([f.name.toString('latin1'), f.file, f.source, f.line, Buffer.isBuffer(f.name)]);
    if (!frames.has(key))
      frames.set(key, { ...f, id: frames.size + 1 });
    const file = f.file || '/usr/bin/program';
    if (!files.has(file))
      files.set(file, files.size + 1);
    return frames.get(key).id;
  };
  for (const { stack, value, time } of stacks) {
    const label = time === undefined ? [] : [bytes(3, Buffer.concat([number(1, str('time')), number(3, time),
      number(4, str('nanoseconds'))]))];
    out.push(bytes(2, Buffer.concat([packed(1, stack.map(location).reverse()), packed(2, [].concat(value)), ...label])));
  }
  for (const [file, id] of files)
    out.push(bytes(3, Buffer.concat([number(1, id), number(2, id * 0x1000000), number(3, id * 0x1000000 + 0x800000),
      number(5, str(file))])));
  for (const f of frames.values()) {
    const file = files.get(f.file || '/usr/bin/program');
    out.push(bytes(4, Buffer.concat([number(1, f.id), number(2, file), number(3, file * 0x1000000 + f.id * 16),
      bytes(4, Buffer.concat([number(1, f.id), number(2, f.line || 0)]))])));
    out.push(bytes(5, Buffer.concat([number(1, f.id), number(2, str(f.name)), number(4, str(f.source || '')),
      number(5, f.line || 0)])));
  }
  for (const c of comments)
    out.push(number(13, str(c)));
  out.push(number(9, timeNs), number(10, durationNs));
  return Buffer.concat([...out, ...list.map(s => bytes(6, s))]);
}

// The same numbers always: a small generator of its own.
function random(seed) {
  let s = seed >>> 0;
  return () => {
    s = Math.imul(s ^ s >>> 15, 0x2c1b3c6d) + 0x9e3779b9 >>> 0;
    return (s ^ s >>> 13) >>> 0;
  };
}

// Stacks that look like those of a server: shared roots, recursion, several modules.
function someStacks(n, seed, times = 0) {
  const next = random(seed), out = [];
  const names = Array.from({ length: 60 }, (_, i) => ['parse', 'read', 'write', 'hash', 'sort', 'encode'][i % 6] +
    '_' + ['row', 'page', 'block', 'item', 'table'][i % 5] + (i > 29 ? '_' + i : ''));
  for (let i = 0; i < n; i++) {
    const stack = [{ name: '_start', file: '/usr/bin/server' }, { name: 'main', file: '/usr/bin/server', source: 'main.c', line: 12 }];
    for (let d = next() % 14 + 1, at = next() % 5; d > 0; d--, at = (at * 7 + next() % 3) % names.length)
      stack.push({ name: names[at], file: at % 4 ? '/usr/bin/server' : '/usr/lib/libdata.so.3', source: 'data.c', line: at + 1 });
    if (next() % 4 === 0)
      stack.push({ name: 'do_syscall_64', file: '[kernel.kallsyms]' }, { name: 'copy_page', file: '[kernel.kallsyms]' });
    const s = { stack, value: next() % 90 + 1 };
    if (times)
      s.time = 1.7e18 + (next() % times) * 1e9;
    out.push(s);
  }
  return out;
}

// What flows through frames whose name matches, and in all, by looking at each stack.
function shareOf(stacks, re, where = () => true) {
  let hit = 0, all = 0;
  for (const s of stacks.filter(where)) {
    all += s.value;
    if (s.stack.some(f => re.test(f.name || f)))
      hit += s.value;
  }
  return { hit, all, percent: (100 * hit / all).toFixed(2) };
}

function selfOf(stacks, name) {
  return stacks.reduce((sum, s) => sum + (s.stack.at(-1).name === name ? s.value : 0), 0);
}

module.exports = { pprof, someStacks, shareOf, selfOf, random };
