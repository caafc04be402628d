// SPDX-License-Identifier: Apache-2.0
// What is looked at, and how: kept in the address of the page, so links, bookmarks and the back button work.

const VIEWS = ['flame', 'table', 'tree', 'sandwich'];

function initialState(data) {
  const f = data.flags, diff = f & FLAG.diff;
  return { view: 'flame', zoom: '', search: '', ignoreCase: false, filters: [], byWeight: !!(f & FLAG.byWeight),
    icicle: !!(f & FLAG.icicle), leaves: !!(f & FLAG.byLeaf), colour: diff ? 'diff' : 'kind',
    absolute: !!(f & FLAG.absolute), time: null, fn: '', type: data.meta.types[0].type };
}

// The address holds what differs from how the page opens.
function stateToHash(s, initial) {
  const p = new URLSearchParams();
  for (const [k, v] of Object.entries(s))
    if (k === 'filters')
      v.forEach(f => p.append('filter', f.verb + ':' + f.text));
    else if (k === 'time' && v)
      p.set('time', v.join('-'));
    else if (k !== 'time' && v !== initial[k])
      p.set(k, typeof v === 'boolean' ? +v : v);
  return p.toString();
}

function stateFromHash(hash, initial, data) {
  const s = { ...initial, filters: [] };
  for (const [k, v] of new URLSearchParams(hash.replace(/^#/, '')))
    if (k === 'filter') {
      const at = v.indexOf(':'), verb = v.slice(0, at);
      if (Object.hasOwn(VERBS, verb) && at + 1 < v.length)
        s.filters.push({ verb, text: v.slice(at + 1) });
    } else if (k === 'time') {
      s.time = timeFromText(v, data);
    } else if (k === 'view') {
      s.view = VIEWS.includes(v) ? v : s.view;
    } else if (k === 'colour') {
      s.colour = Object.hasOwn(MODES, v) && (v !== 'diff' || data.flags & FLAG.diff) ? v : s.colour;
    } else if (k === 'type') {
      s.type = data.meta.types.some(t => t.type === v) ? v : s.type;
    } else if (Object.hasOwn(initial, k)) {
      s[k] = typeof initial[k] === 'boolean' ? v === '1' : v;
    }
  return s;
}

function timeFromText(text, data) {
  const m = /^(\d+)-(\d+)$/.exec(text), n = data.time ? data.time.starts.length : 0;
  return m && +m[1] <= +m[2] && +m[2] < n ? [+m[1], +m[2]] : null;
}

// The tree that a state asks for, step by step from the one in the page; what did not change is not made again.
class Pipeline {
  constructor(data) {
    this.data = data;
    this.kept = new Map();
    const { frames, strings } = data;
    const order = Array.from({ length: frames.n }, (_, i) => i);
    this.rankOf = () => {
      const name = f => strings[frames.name[f]];
      order.sort((a, b) => name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : a - b);
      const rank = new Uint32Array(frames.n);
      order.forEach((f, k) => { rank[f] = k; });
      this.rankOf = () => rank;
      return rank;
    };
  }

  order(s) {
    return { rank: this.rankOf(), byWeight: s.byWeight };
  }

  // { tree } or { error: sentence }. The steps before a bad one are taken.
  run(s) {
    const { data } = this, used = new Map();
    const type = data.meta.types.find(t => t.type === s.type);
    let tree = type.tree || data.tree, key = 'type ' + s.type, error = null;
    const step = (name, f) => {
      key += '\n' + name;
      used.set(key, tree = this.kept.get(key) || f(tree));
    };
    if (data.tree.baseSelf && s.absolute !== !!(data.flags & FLAG.absolute))
      step('absolute ' + s.absolute, t => t.scaled(s.absolute ? 1 : data.meta.weight / (data.meta.baseWeight || 1)));
    if (s.time)
      step('time ' + s.time, t => duringTime(t, data.time, s.time[0], s.time[1]));
    if (type.ratio && type.ratio !== 1)
      step('ratio', t => timesRatio(t, type.ratio));
    if (type.tree && s.byWeight || s.byWeight !== !!(data.flags & FLAG.byWeight))
      step('order ' + s.byWeight, t => reordered(t, this.order(s)));
    for (const f of s.filters) {
      const { re, error: bad } = makeRegex(f.text);
      if (bad) {
        error = bad;
        break;
      }
      const before = tree;
      step(f.verb + ':' + f.text, t => VERBS[f.verb](t, matchFilter(data, re), this.order(s)));
      if (tree.n === 1 && !ownsAny(tree, 0)) {
        tree = before;
        error = `Nothing is left when ${f.verb} is “${f.text}”; it was not applied.`;
        break;
      }
    }
    const whole = tree;
    if (s.leaves)
      step('leaves', t => fromLeaves(t, this.order(s)));
    this.kept = used;
    return { tree, whole, error };
  }
}
