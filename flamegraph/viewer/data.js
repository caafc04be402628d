// SPDX-License-Identifier: Apache-2.0
// The block of data: base64 of gzip of the bytes that flamegraph/htmldata.c writes. Nothing in it is trusted:
// a number out of range ends in one sentence on the page.

// @on: { click: f, … }
function listen(target, on, options) {
  for (const [type, f] of Object.entries(on))
    target.addEventListener(type, f, options);
}

const KIND = { native: 0, inlined: 1, kernel: 2, jit: 3, note: 4 };
const FLAG = { diff: 1, time: 2, rest: 4, icicle: 8, byLeaf: 16, byWeight: 32, absolute: 64 };

function damaged(what) {
  throw new Error(what + ' of this page is damaged; write the file again');
}

class Reader {
  constructor(bytes) {
    this.b = bytes;
    this.p = 0;
  }

  uint() {
    const b = this.b;
    let c = b[this.p++];
    if (c < 0x80)
      return c;
    let v = c & 0x7f, scale = 128;
    do {
      if (this.p >= b.length)
        damaged('the end');
      c = b[this.p++];
      v += (c & 0x7f) * scale;
      scale *= 128;
    } while (c & 0x80);
    return v;
  }

  int() {
    const v = this.uint();
    return v % 2 ? -(v + 1) / 2 : v / 2;
  }

  below(limit) {
    const v = this.uint();
    if (!(v < limit))
      damaged('the data');
    return v;
  }

  column(into, limit) {
    for (let i = 0; i < into.length; i++)
      into[i] = this.below(limit);
    return into;
  }

  ints(n) {
    const into = new Float64Array(n);
    for (let i = 0; i < n; i++)
      into[i] = this.int();
    return into;
  }
}

function fromBase64(text) {
  if (Uint8Array.fromBase64)
    return Uint8Array.fromBase64(text);
  const s = atob(text), out = new Uint8Array(s.length);
  for (let i = 0; i < s.length; i++)
    out[i] = s.charCodeAt(i);
  return out;
}

async function inflate(bytes) {
  if (typeof DecompressionStream === 'undefined')
    throw new Error('this browser is too old for this page: it needs one of 2023 or later');
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// What drives a terminal or turns text around is shown, never obeyed.
function visible(text) {
  return text.replace(/[\x01-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, c => {
    const n = c.charCodeAt(0).toString(16);
    return n.length < 3 ? '\\x' + n.padStart(2, '0') : '\\u' + n.padStart(4, '0');
  });
}

function readStrings(r) {
  const n = r.uint(), size = r.below(r.b.length + 1);
  const all = new TextDecoder().decode(r.b.subarray(r.p, r.p + size)).split('\0');
  r.p += size;
  if (all.length !== n)
    damaged('a name');
  return all.map(visible);
}

function readMeta(r, strings) {
  const str = () => strings[r.below(strings.length)];
  const meta = {
    title: str(), baseTitle: str(), type: str(), unit: str(),
    weight: r.uint(), baseWeight: r.uint(), prunedStacks: r.uint(),
    timeNs: r.uint(), durationNs: r.uint(), period: r.int(), periodType: str(), periodUnit: str(),
    comments: [],
  };
  for (let n = r.below(r.b.length); n > 0; n--)
    meta.comments.push(str());
  meta.ratio = 1;
  // What can be shown: the sample type that the tree is of, then others; those of ratio 0 have values of their own.
  meta.types = [{ type: meta.type, unit: meta.unit, weight: meta.weight, ratio: 1 }];
  for (let n = r.below(100); n > 0; n--) {
    const t = { type: str(), unit: str(), weight: r.uint(), ratio: r.uint() }, div = r.uint();
    t.ratio = div && t.ratio / div;
    meta.types.push(t);
  }
  return meta;
}

// Columns of the frames, and the functions they belong to: a name in an object, however it was inlined.
function readFrames(r, strings) {
  const n = r.below(r.b.length), s = strings.length;
  const f = {
    n, name: new Uint32Array(n), short: new Uint32Array(n), object: new Uint32Array(n),
    source: new Uint32Array(n), line: new Float64Array(n), kind: new Uint8Array(n), fn: new Uint32Array(n),
    fnFrame: [],
  };
  const functions = new Map();
  for (let i = 0; i < n; i++) {
    f.name[i] = r.below(s);
    f.short[i] = r.below(s);
    f.object[i] = r.below(s);
    f.source[i] = r.below(s);
    f.line[i] = r.uint();
    f.kind[i] = r.below(5);
    const key = f.name[i] * s + f.object[i];
    let fn = functions.get(key);
    if (fn === undefined) {
      fn = f.fnFrame.push(i) - 1;
      functions.set(key, fn);
    }
    f.fn[i] = fn;
  }
  return f;
}

function readNodes(r, frames, flags, meta) {
  const n = r.below(r.b.length), maxDepth = r.uint();
  if (n < 1)
    damaged('the tree');
  const up = r.column(new Uint32Array(n), maxDepth + 1), frame = r.column(new Uint32Array(n), frames.n + 1);
  const depth = new Uint32Array(n);
  for (let i = 1, d = 0; i < n; i++) {
    d += 1 - up[i];
    if (d < 1 || d > maxDepth || frame[i] >= frames.n)
      damaged('the tree');
    depth[i] = d;
  }
  const self = r.ints(n), rest = flags & FLAG.rest ? r.ints(n) : null;
  const diff = flags & FLAG.diff;
  const baseSelf = diff ? r.ints(n) : null, baseRest = diff && rest ? r.ints(n) : null;
  const scale = flags & FLAG.absolute || !meta.baseWeight ? 1 : meta.weight / meta.baseWeight;
  const tree = new Tree({ frame, depth, self, rest, baseSelf, baseRest }, meta, scale), own = meta.types.filter(t => !t.ratio);
  for (const t of own)
    t.tree = onlyOwners(new Tree({ frame, depth, self: r.ints(n), rest: rest && r.ints(n), baseSelf, baseRest }, meta));
  return own.length ? onlyOwners(tree) : tree;
}

// When samples were taken: entry i says that value[i] of node[i] belongs to the window that began at
// starts[bucket[i]]; what was pruned below the node is marked.
function readTime(r, nodes) {
  const starts = new Float64Array(r.below(100000));
  for (let i = 0, t = 0; i < starts.length; i++)
    starts[i] = t += r.uint();
  const n = r.below(r.b.length);
  const t = {
    starts, step: r.uint(), node: new Uint32Array(n), bucket: new Uint32Array(n), isRest: new Uint8Array(n),
    value: null, sums: new Float64Array(starts.length),
  };
  for (let i = 0, node = 0; i < n; i++) {
    t.node[i] = node += r.uint();
    if (node >= nodes)
      damaged('a time');
  }
  for (let i = 0; i < n; i++) {
    const v = r.below(2 * starts.length);
    t.bucket[i] = v >> 1;
    t.isRest[i] = v & 1;
  }
  t.value = r.ints(n);
  for (let i = 0; i < n; i++)
    t.sums[t.bucket[i]] += t.value[i];
  return t;
}

// The whole page's data: { meta, flags, strings, frames, tree, time }.
async function readData(text) {
  const r = new Reader(await inflate(fromBase64(text.trim())));
  if (String.fromCharCode(...r.b.subarray(0, 5)) !== 'wick1')
    throw new Error('the data of this page is of another version; write the file again');
  r.p = 5;
  const flags = r.uint(), strings = readStrings(r), meta = readMeta(r, strings);
  const frames = readFrames(r, strings), tree = readNodes(r, frames, flags, meta);
  const time = flags & FLAG.time ? readTime(r, tree.n) : null;
  return { flags, strings, meta, frames, tree, time };
}
