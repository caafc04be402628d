// SPDX-License-Identifier: Apache-2.0
// What opens over the page: the menu of a frame, the keys, how the profile was recorded.

const HELP = [
  ['Looking', [['Click', 'zoom to a frame'], ['0', 'show everything'], ['Wheel', 'scroll; with Ctrl zoom'], ['Drag', 'move'],
    ['a d', 'move left, right'], ['w s + -', 'zoom in, out'], ['Arrows', 'from frame to frame'], ['Enter', 'zoom to the frame selected'],
    ['Right click', 'all that can be done with a frame']]],
  ['Searching', [['/ Ctrl-F', 'search; Ctrl-F again is the browser’s'], ['n N', 'next, previous match'], ['Esc', 'end the search, then the zoom']]],
  ['Views', [['1 2 3 4', 'flame graph, table, call tree, sandwich'], ['t', 'table and back'], ['i', 'root at the top or the bottom'],
    ['b', 'merge from the leaves'], ['o', 'order by name or weight'], ['f', 'filters'], ['u', 'undo a filter'], ['D', 'light or dark'],
    ['Ctrl-C', 'copy the name of the frame'], ['?', 'this help']]],
  ['Filters', [['focus', 'only stacks in which some frame matches'], ['ignore', 'only stacks in which none does'],
    ['hide', 'frames that match are taken out of their stacks'], ['show-from', 'stacks begin at the match nearest the root'],
    ['pivot', 'stacks begin at the match nearest the leaf']]],
];

function showDialog(box, ...content) {
  box.replaceChildren(make('button', { type: 'button', text: 'Close', onclick: () => box.close() }), ...content);
  box.showModal();
}

const tableOf = rows => make('table', {}, make('tbody', {}, ...rows.map(([k, v]) =>
  make('tr', {}, make('th', { scope: 'row' }, k), make('td', {}, v)))));

function showHelp(box) {
  showDialog(box, make('h2', { text: 'Keys and what they do' }), ...HELP.flatMap(([title, rows]) =>
    [make('h3', { text: title }), tableOf(rows.map(([k, v]) =>
      [title === 'Filters' ? k : make('kbd', { text: k }), v]))]));
}

// The account of samples that wick leaves in a comment: { ticks, recorded, …, 'lost.ring_full', … } or null.
function readAccount(comments) {
  const line = comments.find(c => c.startsWith('wick: ticks='));
  if (!line)
    return null;
  const out = {};
  for (const [, k, v] of line.matchAll(/(\S+?)=(\d+)/g))
    out[k] = (out[k] || 0) + +v;
  return out;
}

function accountRows(a) {
  const n = (k, of) => grouped(a[k] || 0) + (of ? ` (${percent(a[k] || 0, of)})` : '');
  const why = p => Object.keys(a).filter(k => k.startsWith(p + '.')).map(k => [`· ${k.slice(p.length + 1)}`, n(k)]);
  return [['Sampler ran', n('ticks') + ' times'], ['Recorded', n('recorded', a.ticks)], ['On idle CPUs', n('idle', a.ticks)],
    ['Filtered', n('filtered', a.ticks)], ['Lost', n('lost', a.ticks)], ...why('lost'),
    ['Truncated stacks', n('truncated', a.recorded) + ' of those recorded'], ...why('truncated')];
}

// What ends in frames that are not in the page, of the sample type that is shown.
function prunedOf({ meta, tree }) {
  const own = meta.types.find(t => t.type === meta.type).tree;
  return absSum(own ? own.rest : tree.rest) * (meta.ratio || 1);
}

function showAbout(box, data, tree) {
  const { meta, frames } = data, account = readAccount(meta.comments);
  const when = meta.timeNs ? new Date(meta.timeNs / 1e6).toLocaleString() : 'not known';
  const rest = prunedOf(data), rows = [
    ['Shows', meta.type + (meta.unit ? ` in ${meta.unit}` : '')],
    ['Total', amount(meta.weight, meta.unit)],
    ...data.tree.baseSelf ? [['Base', `${meta.baseTitle}: ${amount(meta.baseWeight, meta.unit)}`]] : [],
    ['Recorded', when], ['For', meta.durationNs ? amount(meta.durationNs, 'ns') : 'not known'],
    ...meta.period ? [['A sample every', `${amount(meta.period, meta.periodUnit)} ${meta.periodType}`]] : [],
    ['In this page', `${grouped(data.tree.n - 1)} frames of ${grouped(frames.fnFrame.length)} functions`],
    ['Shown now', `${grouped(tree.n - 1)} frames, ${amount(tree.weight, meta.unit)}`],
    ['Pruned', rest || meta.prunedStacks ? `${percent(rest, meta.weight)} of the total ends in frames too small to be in this page` +
      (meta.prunedStacks ? ` (${grouped(meta.prunedStacks)} stacks)` : '') : 'nothing'],
  ];
  const others = meta.comments.filter(c => !c.startsWith('wick: ticks='));
  showDialog(box, make('h2', {}, make('bdi', { text: meta.title })), tableOf(rows),
    ...account ? [make('h3', { text: 'Every sample accounted for' }), tableOf(accountRows(account))] : [],
    ...others.length ? [make('h3', { text: 'Comments' }), ...others.map(c => make('pre', { text: c }))] : []);
}

// One line for the foot of the page, or ''.
function accountLine(data) {
  const a = readAccount(data.meta.comments), rest = prunedOf(data), out = [];
  if (a)
    out.push(`lost ${percent(a.lost || 0, a.ticks)}`, `truncated ${percent(a.truncated || 0, a.recorded)}`);
  if (rest)
    out.push(`pruned ${percent(rest, data.meta.weight)}`);
  return { text: out.join(' · '), warn: !!a && (a.lost || 0) > a.ticks / 100 };
}

// --- the menu ----------------------------------------------------------------------------------------

function closeMenu(box) {
  if (box.hidden)
    return;
  box.hidden = true;
  box.back?.focus({ preventScroll: true });
}

// @items: [text, key or '', action] or null for a line.
function openMenu(box, what, items, x, y) {
  box.back = document.activeElement;
  box.replaceChildren(make('div', { class: 'what' }, make('bdi', { text: what })), ...items.map(item => item
    ? make('button', { type: 'button', role: 'menuitem', tabindex: -1, onclick: () => { closeMenu(box); item[2](); } },
      item[0], make('small', { text: item[1] }))
    : make('hr', { role: 'separator' })));
  box.hidden = false;
  box.style.left = Math.max(4, Math.min(x, innerWidth - box.offsetWidth - 4)) + 'px';
  box.style.top = Math.max(4, Math.min(y, innerHeight - box.offsetHeight - 4)) + 'px';
  box.querySelector('button').focus();
}

function menuKeys(box) {
  listen(box, { keydown: e => {
    const all = [...box.querySelectorAll('button')], k = all.indexOf(document.activeElement);
    const to = { ArrowDown: k + 1, ArrowUp: k - 1, Home: 0, End: -1 }[e.key];
    if (to !== undefined)
      all.at(to % all.length).focus();
    else if (e.key === 'Escape' || e.key === 'Tab')
      closeMenu(box);
    else if (e.key.length > 1)
      return;
    if (e.key !== 'Enter' && e.key !== ' ')
      e.preventDefault();
    e.stopPropagation();
  } });
  listen(window, { pointerdown: e => box.contains(e.target) || closeMenu(box) }, true);
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.body.appendChild(make('textarea', { 'aria-hidden': 'true' }));
    area.value = text;
    area.select();
    document.execCommand('copy');
    area.remove();
  }
}
