// SPDX-License-Identifier: Apache-2.0
// The call tree as flat arrays in preorder: the children of node i begin at i + 1, its subtree ends at i + size[i].
// Node 0 is the root of all stacks. Trees are never changed: filters make new ones.

class Tree {
  // @columns: frame and depth of each node; self; rest (what was pruned below it) or null; for a difference the
  // same of the base. @meta: how the base is scaled.
  constructor(columns, meta, scale = 1) {
    Object.assign(this, columns);
    this.meta = meta;
    this.scale = scale;
    this.n = this.frame.length;
    this.shape();
    this.total = this.sums(this.self, this.rest);
    this.baseTotal = this.baseSelf && this.sums(this.baseSelf, this.baseRest);
    this.layout();
  }

  // parent, size and maxDepth follow from the depths.
  shape() {
    const { n, depth } = this, parent = new Int32Array(n), size = new Uint32Array(n).fill(1);
    let max = 0;
    for (let i = 1; i < n; i++)
      if (depth[i] > max)
        max = depth[i];
    const last = new Int32Array(max + 1);
    parent[0] = -1;
    for (let i = 1; i < n; i++) {
      parent[i] = last[depth[i] - 1];
      last[depth[i]] = i;
    }
    for (let i = n - 1; i > 0; i--)
      size[parent[i]] += size[i];
    Object.assign(this, { parent, size, maxDepth: max });
  }

  sums(self, rest) {
    const t = self.slice(), { n, parent } = this;
    for (let i = n - 1; i >= 0; i--) {
      if (rest)
        t[i] += rest[i];
      if (i)
        t[parent[i]] += t[i];
    }
    return t;
  }

  // Where each node lies from left to right. The width of a stack is its value; of a difference the larger of
  // the two, so that what is only in one of them can be seen, too.
  layout() {
    const { n, depth, self, rest, baseSelf, baseRest, scale } = this;
    let own = null;
    if (baseSelf) {
      own = i => Math.max(Math.abs(self[i]), Math.abs(baseSelf[i]) * scale) +
        (rest ? Math.max(Math.abs(rest[i]), Math.abs(baseRest[i]) * scale) : 0);
    } else if (self.some(v => v < 0) || rest && rest.some(v => v < 0)) {
      own = i => Math.abs(self[i]) + (rest ? Math.abs(rest[i]) : 0);
    }
    this.w = own ? this.sums(Float64Array.from({ length: n }, (_, i) => own(i)), null) : this.total;
    const x = new Float64Array(n), next = new Float64Array(this.maxDepth + 2);
    for (let i = 0; i < n; i++) {
      const d = depth[i];
      x[i] = next[d];
      next[d] += this.w[i];
      next[d + 1] = x[i];
    }
    this.x = x;
  }

  // 100 %: of the samples of this tree, signs ignored, and of the base's.
  get weight() {
    return this.weight_ ??= absSum(this.self) + absSum(this.rest);
  }

  get baseWeight() {
    return this.baseWeight_ ??= absSum(this.baseSelf) + absSum(this.baseRest);
  }

  // The same tree with the base's values at another scale.
  scaled(scale) {
    const { frame, depth, self, rest, baseSelf, baseRest } = this;
    return new Tree({ frame, depth, self, rest, baseSelf, baseRest }, this.meta, scale);
  }

  children(i) {
    const out = [], end = i + this.size[i];
    for (let c = i + 1; c < end; c += this.size[c])
      out.push(c);
    return out;
  }

  path(i) {
    const out = [];
    for (; i > 0; i = this.parent[i])
      out.push(i);
    return out.reverse();
  }
}

function absSum(a) {
  let sum = 0;
  if (a)
    for (let i = 0; i < a.length; i++)
      sum += Math.abs(a[i]);
  return sum;
}

// Nodes that are found by parent and frame, for trees that are put together stack by stack. A parent is always
// made before its children.
class Trie {
  constructor(capacity) {
    let bits = 4;
    while (1 << bits < capacity * 2)
      bits++;
    this.grow(1 << bits);
    this.n = 1;
  }

  grow(slots) {
    const old = this.frame, room = slots >> 1;
    this.table = new Int32Array(slots);
    for (const name of ['frame', 'parent'])
      this[name] = copied(this[name], new Uint32Array(room));
    for (const name of ['self', 'rest', 'baseSelf', 'baseRest'])
      this[name] = copied(this[name], new Float64Array(room));
    this.live = copied(this.live, new Uint8Array(room));
    if (old)
      for (let i = 1; i < this.n; i++)
        this.table[this.slot(this.parent[i], this.frame[i])] = i;
  }

  slot(parent, frame) {
    const mask = this.table.length - 1;
    let h = Math.imul(parent, 0x9e3779b1) ^ Math.imul(frame + 1, 0x85ebca6b);
    h = (h ^ h >>> 15) & mask;
    for (let i; (i = this.table[h]) !== 0; h = h + 1 & mask)
      if (this.parent[i] === parent && this.frame[i] === frame)
        break;
    return h;
  }

  child(parent, frame) {
    let h = this.slot(parent, frame), i = this.table[h];
    if (i)
      return i;
    if (this.n === this.frame.length) {
      this.grow(this.table.length * 2);
      h = this.slot(parent, frame);
    }
    i = this.table[h] = this.n++;
    this.parent[i] = parent;
    this.frame[i] = frame;
    return i;
  }

  // Adds what node @i of @from has of its own to node @to.
  add(to, from, i) {
    const { self, rest, baseSelf, baseRest } = from;
    if (!ownsAny(from, i))
      return;
    this.self[to] += self[i];
    if (rest)
      this.rest[to] += rest[i];
    if (baseSelf)
      this.baseSelf[to] += baseSelf[i];
    if (baseRest)
      this.baseRest[to] += baseRest[i];
    this.live[to] = 1;
  }

  // The tree of all nodes that lead to something. @like says which columns it has; @rank is the order of frames
  // by name, @byWeight puts larger siblings first.
  finish(like, rank, byWeight) {
    const { n, parent, live } = this;
    live[0] = 1;
    for (let i = n - 1; i > 0; i--)
      if (live[i])
        live[parent[i]] = 1;
    const order = this.preorder(this.siblings(rank, byWeight));
    const columns = { depth: new Uint32Array(order.length), rest: null, baseSelf: null, baseRest: null };
    for (const c of ['frame', 'self', 'rest', 'baseSelf', 'baseRest'])
      if (c === 'frame' || like[c])
        columns[c] = pick(this[c], order);
    const depthOf = new Uint32Array(n);
    for (let k = 1; k < order.length; k++)
      columns.depth[k] = depthOf[order[k]] = depthOf[parent[order[k]]] + 1;
    return new Tree(columns, like.meta, like.scale);
  }

  // First child and next sibling of each node, in the order wanted.
  siblings(rank, byWeight) {
    const { n, parent, frame, live } = this, first = new Int32Array(n), next = new Int32Array(n);
    const ids = byRank(n, i => rank[frame[i]], rank.length);
    for (let k = n - 2; k >= 0; k--) {
      const i = ids[k];
      if (live[i]) {
        next[i] = first[parent[i]];
        first[parent[i]] = i;
      }
    }
    if (byWeight)
      this.sortByWeight(first, next);
    return { first, next };
  }

  sortByWeight(first, next) {
    const { n, parent } = this, w = new Float64Array(n);
    for (let i = n - 1; i > 0; i--) {
      w[i] += Math.max(Math.abs(this.self[i]), Math.abs(this.baseSelf[i])) + Math.abs(this.rest[i]);
      w[parent[i]] += w[i];
    }
    for (let p = 0; p < n; p++) {
      if (!first[p] || !next[first[p]])
        continue;
      const kids = [];
      for (let c = first[p]; c; c = next[c])
        kids.push(c);
      kids.sort((a, b) => w[b] - w[a]);
      first[p] = kids[0];
      kids.forEach((c, k) => { next[c] = k + 1 < kids.length ? kids[k + 1] : 0; });
    }
  }

  preorder({ first, next }) {
    const out = new Uint32Array(this.n);
    let n = 0, i = 0;
    for (;;) {
      out[n++] = i;
      if (first[i]) {
        i = first[i];
        continue;
      }
      while (i && !next[i])
        i = this.parent[i];
      if (!i)
        return out.subarray(0, n);
      i = next[i];
    }
  }
}

function copied(from, to) {
  if (from)
    to.set(from);
  return to;
}

function pick(from, order) {
  const out = new from.constructor(order.length);
  for (let k = 0; k < order.length; k++)
    out[k] = from[order[k]];
  return out;
}

// The numbers 1 … n - 1 in the order of @key, which is below @limit; equal ones as they were.
function byRank(n, key, limit) {
  const at = new Uint32Array(limit + 1), out = new Uint32Array(n - 1);
  for (let i = 1; i < n; i++)
    at[key(i) + 1]++;
  for (let k = 1; k <= limit; k++)
    at[k] += at[k - 1];
  for (let i = 1; i < n; i++)
    out[at[key(i)]++] = i;
  return out;
}

function ownsAny(t, i) {
  return t.self[i] !== 0 || t.rest !== null && t.rest[i] !== 0 ||
    t.baseSelf !== null && t.baseSelf[i] !== 0 || t.baseRest !== null && t.baseRest[i] !== 0;
}

// The tree of the nodes that @place puts somewhere: place(i, placed) says in which node of the new tree node i of
// @t lies, given where its parent does; -1 leaves its own samples out.
function moved(t, order, place) {
  const trie = new Trie(Math.min(t.n, 1 << 20)), at = new Int32Array(t.n);
  for (let i = 0; i < t.n; i++) {
    const to = place(i, i ? at[t.parent[i]] : 0, trie);
    at[i] = to;
    if (to >= 0)
      trie.add(to, t, i);
  }
  return trie.finish(t, order.rank, order.byWeight);
}

// The tree without nodes that lead to nothing.
const onlyOwners = t => kept(t, new Uint8Array(t.n).fill(1));

// The tree without the samples that end in nodes for which keep[i] is 0.
function kept(t, keep) {
  const live = new Uint8Array(t.n);
  live[0] = 1;
  for (let i = t.n - 1; i >= 0; i--) {
    if (keep[i] && ownsAny(t, i))
      live[i] = 1;
    if (live[i] && i)
      live[t.parent[i]] = 1;
  }
  let n = 0;
  const order = new Uint32Array(t.n);
  for (let i = 0; i < t.n; i++)
    if (live[i])
      order[n++] = i;
  const ids = order.subarray(0, n), columns = { frame: pick(t.frame, ids), depth: pick(t.depth, ids) };
  for (const c of ['self', 'rest', 'baseSelf', 'baseRest']) {
    columns[c] = t[c] && pick(t[c], ids);
    if (t[c])
      ids.forEach((i, k) => { if (!keep[i]) columns[c][k] = 0; });
  }
  return new Tree(columns, t.meta, t.scale);
}

// The five verbs of include/profile_filter.h; @match has 1 for the frames that match.
const VERBS = {
  focus: (t, match) => kept(t, onPath(t, match)),
  ignore: (t, match) => kept(t, onPath(t, match).map(v => 1 - v)),
  hide: (t, match, order) =>
    moved(t, order, (i, up, trie) => i === 0 ? 0 : match[t.frame[i]] ? up : trie.child(up, t.frame[i])),
  'show-from': (t, match, order) => moved(t, order, (i, up, trie) =>
    i === 0 ? -1 : up >= 0 ? trie.child(up, t.frame[i]) : match[t.frame[i]] ? trie.child(0, t.frame[i]) : -1),
  pivot: (t, match, order) => moved(t, order, (i, up, trie) =>
    i === 0 ? -1 : match[t.frame[i]] ? trie.child(0, t.frame[i]) : up >= 0 ? trie.child(up, t.frame[i]) : -1),
};

function onPath(t, match) {
  const on = new Uint8Array(t.n);
  for (let i = 1; i < t.n; i++)
    on[i] = on[t.parent[i]] | match[t.frame[i]];
  return on;
}

function reordered(t, order) {
  return moved(t, order, (i, up, trie) => i === 0 ? 0 : trie.child(up, t.frame[i]));
}

// Only what was sampled in the windows first … last of @time, of the tree that the page came with.
function duringTime(t, time, first, last) {
  const self = new Float64Array(t.n), rest = t.rest && new Float64Array(t.n);
  for (let k = 0; k < time.node.length; k++)
    if (time.bucket[k] >= first && time.bucket[k] <= last)
      (time.isRest[k] ? rest : self)[time.node[k]] += time.value[k];
  const { frame, depth } = t, columns = { frame, depth, self, rest, baseSelf: null, baseRest: null };
  return onlyOwners(new Tree(columns, t.meta));
}

// Another sample type, whose values are those of the tree times @ratio.
function timesRatio(t, ratio) {
  const { frame, depth } = t, times = a => a && a.map(v => v * ratio);
  return new Tree({ frame, depth, self: times(t.self), rest: times(t.rest), baseSelf: null, baseRest: null }, t.meta);
}

// The outermost nodes of function @fn: no stack is met twice.
function outermost(t, frames, fn) {
  const out = [];
  for (let i = 1; i < t.n;)
    if (frames.fn[t.frame[i]] === fn) {
      out.push(i);
      i += t.size[i];
    } else {
      i++;
    }
  return out;
}

// What function @fn calls, from its outermost frames on.
function calleesOf(t, frames, order, fn) {
  const match = Uint8Array.from(frames.fn, f => f === fn ? 1 : 0);
  const first = frames.fnFrame[fn];
  return moved(t, order, (i, up, trie) => i === 0 ? -1 : up >= 0 ? trie.child(up, t.frame[i])
    : match[t.frame[i]] ? trie.child(0, first) : -1);
}

// The tree in which callers are children: from the nodes @starts, each with its share (whole: of all that goes
// through it; else of what ends in it), to the root. What comes to less than @least of it is cut and told as rest.
// Level by level, so that a group is known as a whole before anybody looks at what is above it.
function callersOf(t, order, starts, whole, least, oneFrame) {
  const trie = new Trie(1 << 12), values = sharesOf(t, whole);
  let node = Uint32Array.from(starts), at = new Uint32Array(starts.length), first = true;
  let origin = node.slice();
  while (node.length) {
    for (let k = 0; k < node.length; k++)
      at[k] = trie.child(at[k], first && oneFrame !== null ? oneFrame : t.frame[node[k]]);
    ({ node, origin, at } = climb(t, trie, values, { node, origin, at }, least));
    first = false;
  }
  const diff = t.baseSelf !== null, like = { self: true, rest: true, baseSelf: diff, baseRest: diff };
  return trie.finish({ ...like, meta: t.meta, scale: t.scale }, order.rank, order.byWeight);
}

function sharesOf(t, whole) {
  const plus = (a, b) => b ? a.map((v, i) => v + b[i]) : a;
  return whole ? { self: t.total, base: t.baseTotal }
    : { self: plus(t.self, t.rest), base: t.baseSelf && plus(t.baseSelf, t.baseRest) };
}

// One level up: stacks that are at their root, or in a group that is too small, end here.
function climb(t, trie, values, { node, origin, at }, least) {
  const sum = new Map();
  for (let k = 0; k < node.length; k++)
    sum.set(at[k], (sum.get(at[k]) || 0) + Math.max(Math.abs(values.self[origin[k]]),
      values.base ? Math.abs(values.base[origin[k]]) * t.scale : 0));
  let n = 0;
  for (let k = 0; k < node.length; k++) {
    const up = t.parent[node[k]], to = at[k], o = origin[k], small = sum.get(to) < least;
    if (up > 0 && !small) {
      node[n] = up;
      origin[n] = o;
      at[n++] = to;
      continue;
    }
    trie[small && up > 0 ? 'rest' : 'self'][to] += values.self[o];
    if (values.base)
      trie[small && up > 0 ? 'baseRest' : 'baseSelf'][to] += values.base[o];
    trie.live[to] = 1;
  }
  return { node: node.subarray(0, n), origin: origin.subarray(0, n), at: at.subarray(0, n) };
}

// The whole tree merged from the leaves.
function fromLeaves(t, order) {
  const starts = [];
  for (let i = 1; i < t.n; i++)
    if (ownsAny(t, i))
      starts.push(i);
  return callersOf(t, order, starts, false, t.w[0] / 20000, null);
}
