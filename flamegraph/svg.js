// SPDX-License-Identifier: Apache-2.0
// Makes the picture answer: zoom, search, details. Frames are <g> in preorder, placed in percent of the inner
// <svg class="frames">; zooming moves and widens that one alone, and then what is written on frames is fitted anew.
(() => {
'use strict';

const SVG = 'http://www.w3.org/2000/svg', XHTML = 'http://www.w3.org/1999/xhtml';
const root = document.currentScript.closest('svg');
const one = name => root.querySelector('.' + name);
const box = one('window'), stage = one('frames');
const details = one('details'), matched = one('matched'), reset = one('reset'), search = one('search');
// Percent that ends in frames that are not drawn.
const unseen = one('unseen') ? 100 * one('unseen').dataset.share : 0;
const groups = [...stage.children];
const n = groups.length;

// --- what is drawn ------------------------------------------------------------------------------

// By frame: place and width as parts of the whole, value, where its subtree ends, its parent.
const at = new Float64Array(n), wide = new Float64Array(n), value = new Float64Array(n);
const end = new Int32Array(n), parent = new Int32Array(n);
const facts = [], names = [], shorts = [], labels = [];

// A key that a frame also has in another picture in which it has the same callers; made when somebody asks.
const keys = [];

function keyOf(above, name) {
  let a = 0x811c9dc5 ^ above.a, b = 0x9e3779b9 ^ above.b;
  for (let i = 0; i < name.length; i++) {
    a = Math.imul(a ^ name.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ name.charCodeAt(i), 0x85ebca6b) ^ b >>> 13;
  }
  return { a: a >>> 0, b: b >>> 0, depth: above.depth + 1 };
}

// Callers come before their callees.
function keyText(i) {
  for (let k = keys.length; k <= i; k++)
    keys[k] = keyOf(k ? keys[parent[k]] : { a: 0, b: 0, depth: -1 }, names[k]);
  const { depth, a, b } = keys[i];
  return depth + '-' + a.toString(36) + '-' + b.toString(36);
}

function readFrame(i, open, base) {
  const g = groups[i], title = g.firstElementChild, rect = title.nextElementSibling, text = title.textContent;
  const depth = Math.round(Math.abs(rect.getAttribute('y') - base.y) / base.row), split = text.lastIndexOf(' (');
  at[i] = parseFloat(rect.getAttribute('x')) / 100;
  wide[i] = parseFloat(rect.getAttribute('width')) / 100;
  value[i] = +g.getAttribute('data-v');
  names[i] = text.slice(0, split);
  facts[i] = text.slice(split);
  shorts[i] = g.getAttribute('data-s') || names[i];
  labels[i] = rect.nextElementSibling;
  g.frame = i;
  while (open.length > depth)
    end[open.pop()] = i;
  parent[i] = depth ? open[depth - 1] : -1;
  open.push(i);
}

function readFrames() {
  const open = [], first = groups[0].children[1];
  const base = { y: +first.getAttribute('y'), row: +first.getAttribute('height') + 1 };
  for (let i = 0; i < n; i++)
    readFrame(i, open, base);
  for (const i of open)
    end[i] = n;
}

// --- names on frames ----------------------------------------------------------------------------

let view = { from: 0, to: 1, frame: 0 }, charWidth = 7, fontSize = 12;

// What is written on each frame: for how much room, and whether it begins at the edge of the view. Writing what
// is there already would lay the whole picture out anew.
const written = new Int16Array(n), shifted = new Uint8Array(n);

function fit(name, short, room) {
  if (name.length <= room)
    return name;
  if (short.length <= room)
    return short;
  if (room < 3)
    return '';
  const tail = room < 8 ? 0 : Math.floor((room - 1) * 0.6), head = room - 1 - tail;
  return tail ? short.slice(0, head) + '…' + short.slice(-tail) : short.slice(0, head) + '…';
}

function addLabel(i) {
  const rect = groups[i].firstElementChild.nextElementSibling, text = document.createElementNS(SVG, 'text');
  const middle = +rect.getAttribute('y') + (+rect.getAttribute('height') + fontSize * 0.7) / 2;
  text.setAttribute('y', middle.toFixed(1));
  text.setAttribute('x', at[i] * 100 + '%');
  text.setAttribute('dx', '3');
  groups[i].append(text);
  labels[i] = text;
}

function measure() {
  fontSize = parseFloat(getComputedStyle(details).fontSize) || fontSize;
  const was = details.textContent;
  details.textContent = 'abcdefghijklmnopqrstuvwxyz_:0123';
  const w = details.getComputedTextLength() / details.textContent.length;
  details.textContent = was;
  charWidth = w || charWidth;
}

function write(i, text, from, cut) {
  if (text && !labels[i])
    addLabel(i);
  if (!labels[i])
    return;
  if (labels[i].textContent !== text)
    labels[i].textContent = text;
  if (cut || shifted[i])
    labels[i].setAttribute('x', from * 100 + '%');
  shifted[i] = cut;
}

// Fits the names of frames in sight to their width there; those around the view begin at its edge.
function writeNames() {
  const px = box.width.baseVal.value / (view.to - view.from);
  for (let i = 0; i < n;) {
    if (at[i] + wide[i] <= view.from || at[i] >= view.to) {
      i = end[i];
      continue;
    }
    const from = Math.max(at[i], view.from), to = Math.min(at[i] + wide[i], view.to);
    const room = Math.max(0, Math.floor(((to - from) * px - 6) / charWidth));
    const cut = from > at[i] ? 1 : 0, state = Math.min(room, 15000) * 2 + cut + 1;
    if (state !== written[i])
      write(i, fit(names[i], shorts[i], room), from, cut);
    written[i] = state;
    i++;
  }
}

// --- zoom ---------------------------------------------------------------------------------------

// A point that rounding put beyond the neighbour is not in sight.
const EPSILON = 1e-7;

// All frames are laid out anew by it.
function change(element, name, value) {
  if (element.getAttribute(name) !== value)
    element.setAttribute(name, value);
}

function zoom(i) {
  const w = wide[i];
  for (let k = view.frame; k >= 0; k = parent[k])
    groups[k].classList.remove('around');
  view = { from: i ? at[i] + EPSILON * w : 0, to: i ? at[i] + w - EPSILON * w : 1, frame: i };
  change(stage, 'x', -100 * at[i] / w + '%');
  change(stage, 'width', 100 / w + '%');
  for (let k = parent[i]; k >= 0; k = parent[k])
    groups[k].classList.add('around');
  reset.classList.toggle('off', i === 0);
  writeNames();
}

// --- search -------------------------------------------------------------------------------------

let term = '', ignoreCase = false, field = null;

const found = new Uint8Array(n);

// What matches is counted once, however often it is in a stack: what is above a match is a part of it.
function mark(pattern) {
  const known = new Map();
  let sum = 0, frames = 0, counted = 0;
  for (let i = 0; i < n; i++) {
    let hit = false;
    if (pattern) {
      hit = known.get(names[i]);
      if (hit === undefined)
        known.set(names[i], hit = pattern.test(names[i]));
    }
    if (hit !== !!found[i])
      groups[i].classList.toggle('found', hit);
    found[i] = hit;
    if (!hit)
      continue;
    frames++;
    if (i >= counted) {
      sum += value[i];
      counted = end[i];
    }
  }
  return { share: value[0] ? 100 * sum / value[0] : 0, frames };
}

function say(text, bad) {
  matched.textContent = text || ' ';
  matched.classList.toggle('bad', !!bad);
}

function find(text) {
  term = text;
  if (!text) {
    mark(null);
    say('');
    return;
  }
  try {
    const m = mark(new RegExp(text, ignoreCase ? 'i' : ''));
    say('Matched: ' + m.share.toFixed(1) + '% in ' + m.frames + (m.frames === 1 ? ' frame' : ' frames') +
      (unseen ? ', at most ' + Math.min(100, m.share + unseen).toFixed(1) + '% with what is not drawn' : ''));
  } catch (e) {
    mark(null);
    say(e.message, true);
  }
}

function closeField() {
  if (!field)
    return;
  field.remove();
  field = null;
  search.classList.remove('off');
}

function html(name, style) {
  const e = document.createElementNS(XHTML, name);
  e.style.cssText = style;
  return e;
}

function openField() {
  if (field)
    return field.querySelector('input').focus();
  field = document.createElementNS(SVG, 'foreignObject');
  const width = Math.min(320, root.getBoundingClientRect().width - 24);
  for (const [k, v] of [['x', '99%'], ['y', 4], ['width', width], ['height', 30], ['transform', 'translate(-' + width + ')']])
    field.setAttribute(k, v);
  const row = html('div', 'display:flex;gap:6px;font:12px monospace');
  const input = html('input', 'flex:1;min-width:0;font:inherit;padding:3px 6px');
  const label = html('label', 'align-self:center;white-space:nowrap'), check = html('input', 'vertical-align:middle');
  check.type = 'checkbox';
  check.checked = ignoreCase;
  label.append(check, 'ignore case');
  label.style.background = '#fff';
  Object.assign(input, { type: 'text', value: term, placeholder: 'regular expression' });
  input.setAttribute('aria-label', 'Search names by regular expression');
  input.addEventListener('input', () => find(input.value));
  input.addEventListener('change', save);
  check.addEventListener('change', () => { ignoreCase = check.checked; find(term); save(); });
  row.append(input, label);
  field.append(row);
  root.append(field);
  search.classList.add('off');
  input.focus();
  input.select();
}

// --- state in the address -------------------------------------------------------------------------

// The address names the frame by what leads to it, so it means the same in a picture of another size.
function save() {
  const p = new URLSearchParams();
  if (view.frame)
    p.set('z', keyText(view.frame));
  if (term)
    p.set('s', term);
  if (term && ignoreCase)
    p.set('i', '1');
  const hash = p.toString();
  if (hash === location.hash.slice(1))
    return;
  try {
    history.pushState(null, '', hash ? '#' + hash : location.pathname + location.search);
  } catch (e) {
    // A picture inside of another page may have no history: then it has no state in the address.
  }
}

function restore() {
  const p = new URLSearchParams(location.hash.slice(1)), key = p.get('z');
  const i = key ? names.findIndex((_, k) => keyText(k) === key) : 0;
  ignoreCase = p.has('i');
  zoom(Math.max(i, 0));
  find(p.get('s') || '');
}

// --- events -------------------------------------------------------------------------------------

function frameOf(event) {
  const g = event.target.closest && event.target.closest('.frames > g');
  return g && root.contains(g) ? g.frame : -1;
}

function onClick(event) {
  const i = frameOf(event);
  if (i >= 0)
    zoom(i);
  else if (event.target === reset)
    zoom(0);
  else if (event.target === search)
    return openField();
  else
    return;
  save();
}

function onHover(event) {
  const i = frameOf(event);
  details.textContent = i < 0 ? ' ' : details.dataset.of + ' ' + names[i] + facts[i];
}

function onKey(event) {
  const typing = field && field.contains(event.target);
  if ((event.ctrlKey || event.metaKey) && event.key === 'f' && !typing) {
    event.preventDefault();
    openField();
  } else if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && event.target.tagName !== 'INPUT') {
    event.preventDefault();
    openField();
  } else if (event.key === 'Escape' && (field || term)) {
    closeField();
    find('');
    save();
  } else if (event.key === 'Escape' && view.frame) {
    zoom(0);
    save();
  }
}

// The line of details stays in sight where the picture is higher than the window.
function follow() {
  const b = root.getBoundingClientRect(), y = +details.getAttribute('y');
  const up = Math.max(0, Math.min(y - 40, b.top + y + 8 - innerHeight));
  for (const line of [backdrop, details, matched])
    line.setAttribute('transform', 'translate(0,' + -up + ')');
  backdrop.classList.toggle('off', up === 0);
}

const backdrop = document.createElementNS(SVG, 'rect');

function addBackdrop() {
  const y = +details.getAttribute('y'), size = fontSize;
  for (const [k, v] of [['x', 0], ['y', y - size * 1.3], ['width', '100%'], ['height', size * 2], ['fill', '#fff'],
    ['fill-opacity', 0.92]])
    backdrop.setAttribute(k, v);
  root.append(backdrop, details, matched);
}

readFrames();
measure();
addBackdrop();
search.classList.remove('off');
root.addEventListener('click', onClick);
root.addEventListener('mouseover', onHover);
addEventListener('keydown', onKey);
addEventListener('resize', () => { follow(); writeNames(); });
addEventListener('scroll', follow, { passive: true });
addEventListener('hashchange', restore);
addEventListener('popstate', restore);
// A flame grows upwards: what it stands on is where to begin.
if (root === document.documentElement && n > 1 && groups[1].getBoundingClientRect().y < groups[0].getBoundingClientRect().y)
  scrollTo(0, root.getBoundingClientRect().height);
follow();
restore();
})();
