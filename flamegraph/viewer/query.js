// SPDX-License-Identifier: Apache-2.0
// Questions to a tree: which frames match an expression, what they cost, what every function costs.

// Classes of POSIX expressions, which the commands of wick take, too.
const POSIX = {
  alpha: 'A-Za-z', digit: '0-9', alnum: 'A-Za-z0-9', upper: 'A-Z', lower: 'a-z', space: '\\s', blank: ' \\t',
  xdigit: '0-9A-Fa-f', word: '\\w', punct: '!-\\/:-@\\[-`{-~', cntrl: '\\x00-\\x1f\\x7f', print: ' -~', graph: '!-~',
};

// The expression, or { error: sentence }.
function makeRegex(text, ignoreCase) {
  const js = text.replace(/\[:(\w+):\]/g, (all, name) => POSIX[name] || all);
  try {
    return { re: new RegExp(js, ignoreCase ? 'i' : '') };
  } catch (e) {
    return { error: 'Not a regular expression: ' + String(e.message).replace(/^Invalid regular expression: /, '') };
  }
}

// For each frame whether its name matches; each distinct name is asked once.
function matchNames(data, re) {
  const { frames, strings } = data, known = new Int8Array(strings.length), out = new Uint8Array(frames.n);
  for (let i = 0; i < frames.n; i++)
    out[i] = known[frames.name[i]] ||= re.test(strings[frames.name[i]]) ? 1 : -1;
  return out.map(v => v === 1 ? 1 : 0);
}

// The same for filters, which look at names, objects and source files.
function matchFilter(data, re) {
  const { frames, strings } = data, known = new Int8Array(strings.length), out = new Uint8Array(frames.n);
  const hit = s => (known[s] ||= re.test(strings[s]) ? 1 : -1) === 1;
  for (let i = 0; i < frames.n; i++)
    out[i] = hit(frames.name[i]) || frames.object[i] && hit(frames.object[i]) ||
      frames.source[i] && hit(frames.source[i]) ? 1 : 0;
  return out;
}

// The outermost nodes that match, and what goes through them: recursion and matches inside of matches are
// counted once.
function searchTree(t, match) {
  const nodes = [];
  let total = 0, baseTotal = 0;
  for (let i = 1; i < t.n;) {
    if (!match[t.frame[i]]) {
      i++;
      continue;
    }
    nodes.push(i);
    total += t.total[i];
    if (t.baseTotal)
      baseTotal += t.baseTotal[i];
    i += t.size[i];
  }
  return { nodes, total, baseTotal };
}

// Self and total of every function of the tree, of a recursive one once a stack.
function functionTable(t, frames) {
  const n = frames.fnFrame.length, make = () => new Float64Array(n);
  const out = { self: make(), total: make(), baseSelf: make(), baseTotal: make(), fns: [] };
  const end = new Uint32Array(n), seen = new Uint8Array(n);
  for (let i = 1; i < t.n; i++) {
    const fn = frames.fn[t.frame[i]];
    if (!seen[fn]) {
      seen[fn] = 1;
      out.fns.push(fn);
    }
    out.self[fn] += t.self[i];
    if (t.baseSelf)
      out.baseSelf[fn] += t.baseSelf[i] * t.scale;
    if (i >= end[fn]) {
      end[fn] = i + t.size[i];
      out.total[fn] += t.total[i];
      if (t.baseTotal)
        out.baseTotal[fn] += t.baseTotal[i] * t.scale;
    }
  }
  return out;
}

// Names of nodes for the page's address: a hash of the path to the node, which stays the same when the order of
// siblings changes or the file is written again.
function frameHashes(data) {
  const { frames, strings } = data, out = new Uint32Array(frames.n);
  for (let i = 0; i < frames.n; i++) {
    let h = 0x811c9dc5;
    const s = strings[frames.name[i]] + '\0' + strings[frames.object[i]] + '\0' + frames.kind[i];
    for (let k = 0; k < s.length; k++)
      h = Math.imul(h ^ s.charCodeAt(k), 0x01000193);
    out[i] = h >>> 0;
  }
  return out;
}

const stepHash = (h, frame) => (Math.imul(h ^ h >>> 13, 0x5bd1e995) + frame) >>> 0;

function nodeKey(t, hashes, i) {
  return t.path(i).reduce((h, k) => stepHash(h, hashes[t.frame[k]]), 1).toString(36);
}

function nodeOfKey(t, hashes, key) {
  const h = new Uint32Array(t.n), want = parseInt(key, 36);
  h[0] = 1;
  for (let i = 1; i < t.n; i++)
    if ((h[i] = stepHash(h[t.parent[i]], hashes[t.frame[i]])) === want)
      return i;
  return 0;
}
