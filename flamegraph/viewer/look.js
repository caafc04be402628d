// SPDX-License-Identifier: Apache-2.0
// How numbers and names are written, and what colours mean.

// --- numbers ----------------------------------------------------------------------------------------

const NS = { nanoseconds: 1, ns: 1, microseconds: 1e3, us: 1e3, milliseconds: 1e6, ms: 1e6, seconds: 1e9, s: 1e9 };
const TIMES = [['h', 3600e9], ['min', 60e9], ['s', 1e9], ['ms', 1e6], ['µs', 1e3], ['ns', 1]];
const SIZES = [['TiB', 2 ** 40], ['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 2 ** 10]];

const thousands = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 }), grouped = v => thousands.format(v);

function threeDigits(v) {
  const a = Math.abs(v);
  return a >= 100 ? grouped(v) : v.toFixed(a >= 10 ? 1 : 2);
}

function amount(v, unit) {
  const table = unit in NS ? TIMES : unit === 'bytes' ? SIZES : [];
  const x = v * (NS[unit] || 1), step = table.find(([, size]) => Math.abs(x) >= size);
  if (step)
    return threeDigits(x / step[1]) + '\u202f' + step[0];
  const word = unit in NS ? 'ns' : unit === 'count' || !unit ? '' : unit;
  return grouped(v) + (word && '\u202f' + word);
}

function percent(v, of) {
  const p = of ? 100 * v / of : 0;
  if (p !== 0 && Math.abs(p) < 0.005)
    return (p < 0 ? '>\u2212' : '<') + '0.01\u202f%';
  return p.toFixed(2).replace('-', '\u2212') + '\u202f%';
}

function signed(v, text) {
  return (v > 0 ? '+' : v < 0 ? '\u2212' : '±') + text.replace(/^[-\u2212]/, '');
}

// A difference as a part of the whole, in points of percent, for the little room of a frame.
function points(v, of) {
  const p = of ? 100 * v / of : 0;
  return signed(Math.abs(p) < 0.05 ? 0 : p, Math.abs(p).toFixed(1)) + ' %';
}

// Class of a difference that is more than nothing in the text.
function trend(v, of) {
  const p = of ? 100 * v / of : 0;
  return p >= 0.05 ? 'more' : p <= -0.05 ? 'less' : '';
}

// --- names -------------------------------------------------------------------------------------------

// As much of a name as fits into @room characters: the short form before the long one is cut, both ends stay
// readable, and of little room the last part has most.
function fit(name, short, room) {
  if (name.length <= room)
    return name;
  if (short.length <= room)
    return short;
  if (room < 3)
    return '';
  const tail = room < 8 ? 0 : Math.ceil((room - 1) * 0.6), head = room - 1 - tail;
  return tail ? short.slice(0, head) + '…' + short.slice(-tail) : short.slice(0, room - 1) + '…';
}

// --- colours -----------------------------------------------------------------------------------------
// Dark text on light fills in both themes, a little less light in the dark one: tests/ui/test_looks.js measures
// every one at 4.5:1 or better.

const KINDS = [
  ['native', 28, 88], ['inlined', 48, 90], ['kernel', 207, 78], ['JIT code', 135, 50], ['note', 0, 0],
];
const MODES = { kind: 'Kind of code', module: 'Module', name: 'Name', self: 'Self share', diff: 'Difference' };

function hashOf(s) {
  let h = 7;
  for (let i = 0; i < s.length; i++)
    h = Math.imul(h, 31) + s.charCodeAt(i) | 0;
  h = Math.imul(h ^ h >>> 15, 0x2c1b3c6d);
  return (h ^ h >>> 12) >>> 0;
}

// As #rrggbb, which a canvas takes fastest.
function hsl(h, s, l) {
  const a = s / 100 * Math.min(l, 100 - l);
  return '#' + [0, 8, 4].map(n => {
    const k = (n + h / 30) % 12;
    return Math.round((l - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))) * 2.55).toString(16).padStart(2, '0');
  }).join('');
}

// One fill: hue, saturation, and where it lies (0 … 1) in the range of lightness of the theme.
function fill(dark, hue, sat, at) {
  return dark ? hsl(hue, sat * 0.6, 62 + at * 9) : hsl(hue, sat, 75 + at * 11);
}

class Colours {
  constructor(data) {
    this.data = data;
    this.mode = 'kind';
    this.dark = false;
    this.cache = new Map();
  }

  set(mode, dark, forced) {
    Object.assign(this, { mode, dark, forced });
    this.cache = new Map();
  }

  get ink() {
    return this.forced ? 'CanvasText' : this.dark ? '#0d0b09' : '#1a1714';
  }

  // Text on what is faded, and lines.
  get quiet() {
    return this.forced ? 'CanvasText' : this.dark ? '#d8d2c8' : '#1a1714';
  }

  // Colours by frame are kept, those that depend on the node are made from steps.
  of(t, i) {
    if (this.forced)
      return 'Canvas';
    if (this.mode === 'self')
      return this.ofShare(t.w[i] ? Math.abs(t.self[i]) / t.w[i] : 0);
    if (this.mode === 'diff' && t.baseTotal)
      return this.ofChange(t.total[i], t.baseTotal[i] * t.scale);
    const f = t.frame[i];
    let c = this.cache.get(f);
    if (!c)
      this.cache.set(f, c = this.ofFrame(f));
    return c;
  }

  ofFrame(f) {
    const { frames, strings } = this.data, name = strings[frames.name[f]], at = hashOf(name) % 97 / 96;
    const kind = frames.kind[f];
    if (kind === KIND.note)
      return fill(this.dark, 40, 5, at);
    if (this.mode === 'module')
      return this.ofModule(strings[frames.object[f]], at);
    if (this.mode === 'name')
      return fill(this.dark, hashOf(name) % 360, 70, at);
    const [, hue, sat] = KINDS[kind];
    return fill(this.dark, hue + (hashOf(name) >>> 9) % 13 - 6, sat, at);
  }

  ofModule(object, at) {
    return object ? fill(this.dark, hashOf(object) * 137.508 % 360, 68, at) : fill(this.dark, 40, 5, at);
  }

  ofShare(share) {
    const s = Math.round(share * 20) / 20;
    return this.dark ? hsl(36 - 16 * s, 10 + 62 * s, 68 - 8 * s) : hsl(40 - 20 * s, 40 + 58 * s, 91 - 22 * s);
  }

  // Red grew, blue shrank; grey is as it was.
  ofChange(now, before) {
    const most = Math.max(Math.abs(now), Math.abs(before));
    const d = most ? Math.round(Math.max(-1, Math.min(1, (now - before) / most)) * 10) / 10 : 0, a = Math.abs(d);
    const hue = d < 0 ? 214 : 8;
    return this.dark ? hsl(hue, 78 * Math.sqrt(a), 64 + 2 * a) : hsl(hue, 92 * Math.sqrt(a), 89 - 12 * a);
  }

  get match() {
    return this.forced ? 'Mark' : this.dark ? '#ea7bea' : '#fba7fb';
  }

  get faded() {
    return this.forced ? 'Canvas' : this.dark ? '#3d3b39' : '#e9e6e2';
  }

  get mist() {
    return this.forced ? 'GrayText' : this.dark ? '#5a5753' : '#d9d4c9';
  }

  // [[text, colour]] for the tree that is shown.
  legend(t) {
    if (this.mode === 'diff')
      return [['new', this.ofChange(1, 0)], ['more', this.ofChange(1, 0.6)], ['as before', this.ofChange(1, 1)],
        ['less', this.ofChange(0.6, 1)], ['gone', this.ofChange(0, 1)]];
    if (this.mode === 'self')
      return [['calls others', this.ofShare(0)], ['half', this.ofShare(0.5)], ['all its own', this.ofShare(1)]];
    if (this.mode === 'name')
      return [['one hue a name', fill(this.dark, 30, 70, 0.5)]];
    return this.mode === 'module' ? this.modules(t) : this.kinds(t);
  }

  kinds(t) {
    const { frames } = this.data, there = new Set();
    for (let i = 1; i < t.n; i++)
      there.add(frames.kind[t.frame[i]]);
    return KINDS.map(([text, hue, sat], k) => [text, k === KIND.note ? fill(this.dark, 40, 5, 0.5)
      : fill(this.dark, hue, sat, 0.5), k]).filter(([, , k]) => there.has(k));
  }

  modules(t) {
    const { frames, strings } = this.data, self = new Map();
    for (let i = 1; i < t.n; i++) {
      const o = frames.object[t.frame[i]];
      if (t.self[i])
        self.set(o, (self.get(o) || 0) + Math.abs(t.self[i]));
    }
    const all = [...self].sort((a, b) => b[1] - a[1]);
    return all.slice(0, 8).map(([o]) => [strings[o] || 'unknown', this.ofModule(strings[o], 0.5)])
      .concat(all.length > 8 ? [[`and ${all.length - 8} more`, this.faded]] : []);
  }
}
