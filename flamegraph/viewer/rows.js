// SPDX-License-Identifier: Apache-2.0
// Long lists in the DOM: the table of functions and the call tree. Only rows in sight exist, with their numbers
// told to those who listen (aria-rowindex).

const LINE = 24, OVER = 8;

function make(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes || {}))
    if (k === 'text')
      e.textContent = v;
    else if (k.startsWith('on'))
      listen(e, { [k.slice(2)]: v });
    else if (v !== false && v !== null)
      e.setAttribute(k, v === true ? '' : v);
  e.append(...children);
  return e;
}

// A grid of rows of one height. @kind: { role, label, columns: [{ key, title, num }], row(index) → element,
// count(), act(index, key) → whether the key meant something }.
class Rows {
  constructor(host, kind) {
    Object.assign(this, { host, kind, focus: 0 });
    this.head = make('div', { role: 'row', class: 'row head', 'aria-rowindex': 1 });
    this.body = make('div', { role: 'rowgroup', class: 'rows' });
    this.grid = make('div', { role: kind.role, class: 'grid', 'aria-label': kind.label }, make('div', { role: 'rowgroup',
      class: 'headgroup' }, this.head), this.body);
    host.append(this.grid);
    listen(host, { scroll: () => this.draw() });
    new ResizeObserver(() => this.draw()).observe(host);
    listen(this.grid, { keydown: e => this.key(e) });
    listen(this.body, { focusin: e => {
      const row = e.target.closest('[data-row]');
      if (row)
        this.focus = +row.dataset.row;
    } });
  }

  update() {
    this.grid.setAttribute('aria-rowcount', this.kind.count() + 1);
    this.body.style.height = this.kind.count() * LINE + 'px';
    this.focus = Math.max(0, Math.min(this.focus, this.kind.count() - 1));
    this.drawn = null;
    this.draw();
  }

  draw() {
    const { host, body, kind } = this, n = kind.count();
    const first = Math.max(0, Math.floor(host.scrollTop / LINE) - OVER);
    const last = Math.min(n, Math.ceil((host.scrollTop + host.clientHeight) / LINE) + OVER);
    const key = first + ' ' + last;
    if (!host.clientHeight || key === this.drawn)
      return;
    const held = body.contains(document.activeElement);
    this.drawn = key;
    const rows = [];
    for (let i = first; i < last; i++) {
      const row = kind.row(i);
      row.dataset.row = i;
      row.style.top = i * LINE + 'px';
      row.setAttribute('aria-rowindex', i + 2);
      row.tabIndex = i === this.focus ? 0 : -1;
      rows.push(row);
    }
    body.replaceChildren(...rows);
    if (held)
      this.rowAt(this.focus)?.focus({ preventScroll: true });
  }

  rowAt(i) {
    return this.body.querySelector(`[data-row="${i}"]`);
  }

  go(i) {
    const n = this.kind.count(), h = this.host, top = h.scrollTop, head = this.head.offsetHeight;
    this.focus = i = Math.max(0, Math.min(n - 1, i));
    if (i * LINE < top)
      h.scrollTop = i * LINE;
    else if (i * LINE + LINE + head > top + h.clientHeight)
      h.scrollTop = i * LINE + LINE + head - h.clientHeight;
    this.drawn = null;
    this.draw();
    this.rowAt(i)?.focus({ preventScroll: true });
  }

  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey || !e.target.closest('[data-row]'))
      return;
    const page = Math.max(1, Math.floor(this.host.clientHeight / LINE) - 2);
    const to = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[e.key];
    if (to)
      this.go(this.focus + to);
    else if (!this.kind.act(this.focus, e.key))
      return;
    e.preventDefault();
    e.stopPropagation();
  }
}

const cell = (text, num, more) => make('span', { role: 'gridcell', class: num ? 'num' : 'name', text, ...more });

// A value with its unit: not on narrow screens, where its share has to do.
const valueCell = (v, unit) => cell(amount(v, unit), true, { class: 'num amount' });

// Share of the whole as a number with a bar behind it.
function share(v, of) {
  const e = cell(percent(v, of), true, { class: 'num bar' });
  e.style.setProperty('--share', Math.min(100, of ? 100 * Math.abs(v) / of : 0) + '%');
  return e;
}

// --- the table of functions --------------------------------------------------------------------------

class FunctionTable {
  constructor(host, app) {
    Object.assign(this, { app, list: [], sort: 'self', down: true });
    this.rows = new Rows(host, {
      role: 'grid', label: 'Functions, their own cost and with what they call',
      count: () => this.list.length, row: i => this.row(this.list[i]),
      act: (i, key) => key === 'Enter' && (app.sandwich(this.list[i]), true),
    });
  }

  columns() {
    const diff = this.tree.baseTotal !== null;
    return [['self', 'Self', true], ['selfShare', 'Self %', true], ...diff ? [['selfChange', 'Self ±', true]] : [],
      ['total', 'Total', true], ['totalShare', 'Total %', true], ...diff ? [['totalChange', 'Total ±', true]] : [],
      ['name', 'Function'], ['object', 'Module']];
  }

  setTree(tree) {
    const { app } = this, frames = app.data.frames;
    this.tree = tree;
    this.sums = functionTable(tree, frames);
    this.header();
    this.arrange();
  }

  header() {
    const cells = this.columns().map(([key, title, num]) => {
      const sorted = this.sort === key;
      return make('span', { role: 'columnheader', class: num ? key === 'self' || key === 'total' ? 'num amount' : 'num' : key,
        'aria-sort': sorted ? this.down ? 'descending' : 'ascending' : 'none' },
      make('button', { type: 'button', text: title + (sorted ? this.down ? ' ↓' : ' ↑' : ''), 'data-sort': key,
        onclick: () => this.sortBy(key) }));
    });
    this.rows.head.replaceChildren(...cells);
    this.rows.grid.classList.toggle('diff', this.tree.baseTotal !== null);
  }

  sortBy(key) {
    this.down = this.sort === key ? !this.down : key !== 'name' && key !== 'object';
    this.sort = key;
    this.header();
    this.rows.head.querySelector(`[data-sort="${key}"]`).focus();
    this.arrange();
  }

  value(fn) {
    const s = this.sums;
    return { self: s.self[fn], selfShare: s.self[fn], total: s.total[fn], totalShare: s.total[fn],
      selfChange: s.self[fn] - s.baseSelf[fn], totalChange: s.total[fn] - s.baseTotal[fn] }[this.sort];
  }

  // All functions, or those that the search matches, in the order of the column.
  arrange() {
    const { app, sort } = this, { frames, strings } = app.data, way = this.down ? -1 : 1;
    const column = sort === 'object' ? frames.object : frames.name;
    const text = fn => strings[column[frames.fnFrame[fn]]];
    const number = sort !== 'name' && sort !== 'object';
    this.list = this.sums.fns.filter(fn => !app.match || app.match[frames.fnFrame[fn]]);
    const byName = (a, b) => (text(a) > text(b)) - (text(a) < text(b));
    this.list.sort(number ? (a, b) => way * (this.value(a) - this.value(b)) || this.sums.total[b] - this.sums.total[a] ||
      byName(a, b) : (a, b) => way * byName(a, b));
    this.rows.update();
  }

  row(fn) {
    const { app, sums: s, tree: t } = this, { frames, strings } = app.data, f = frames.fnFrame[fn], of = app.weight();
    const unit = app.meta.unit, diff = t.baseTotal !== null;
    const change = v => cell(points(v, app.meta.weight), true, { class: 'num ' + trend(v, app.meta.weight) });
    return make('div', { role: 'row', class: 'row', onclick: () => app.chosen(fn), ondblclick: () => app.sandwich(fn),
      oncontextmenu: e => (e.preventDefault(), app.menuOfFunction(fn, e.clientX, e.clientY)) },
    valueCell(s.self[fn], unit), share(s.self[fn], of), ...diff ? [change(s.self[fn] - s.baseSelf[fn])] : [],
    valueCell(s.total[fn], unit), share(s.total[fn], of), ...diff ? [change(s.total[fn] - s.baseTotal[fn])] : [],
    make('span', { role: 'gridcell', class: 'name', title: strings[frames.name[f]].slice(0, 1000) },
      make('bdi', { text: fit(strings[frames.name[f]], strings[frames.short[f]], 200) })),
    make('span', { role: 'gridcell', class: 'object' }, make('bdi', { text: strings[frames.object[f]] })));
  }
}

// --- the call tree -----------------------------------------------------------------------------------

class CallTree {
  constructor(host, app) {
    Object.assign(this, { app, open: new Set([0]), list: [] });
    this.rows = new Rows(host, {
      role: 'treegrid', label: 'Call tree', count: () => this.list.length, row: k => this.row(this.list[k]),
      act: (k, key) => this.act(k, key),
    });
    this.rows.head.replaceChildren(...[['Total', 'num amount'], ['Total %', 'num'], ['Self', 'num amount'], ['Function', 'name'],
      ['Module', 'object']].map(([text, kind]) => make('span', { role: 'columnheader', class: kind, text })));
  }

  // The path of the largest children is open to where it splits.
  setTree(tree) {
    this.tree = tree;
    this.open = new Set([0]);
    for (let i = 0; ;) {
      const kids = this.kids(i);
      if (!kids.length || i && tree.w[kids[0]] < tree.w[i] / 2)
        break;
      this.open.add(i = kids[0]);
    }
    this.rows.focus = 0;
    this.flatten();
  }

  kids(i) {
    const { tree } = this;
    return tree.children(i).sort((a, b) => tree.w[b] - tree.w[a]);
  }

  flatten() {
    const list = [], stack = [0];
    while (stack.length) {
      const i = stack.pop();
      list.push(i);
      if (this.open.has(i))
        stack.push(...this.kids(i).reverse());
    }
    this.list = list;
    this.rows.update();
  }

  toggle(i) {
    if (this.tree.size[i] > 1 && !this.open.delete(i))
      this.open.add(i);
    this.flatten();
  }

  act(k, key) {
    const { tree, list } = this, i = list[k], isOpen = this.open.has(i) && tree.size[i] > 1;
    if (key === 'ArrowRight' && tree.size[i] > 1)
      isOpen ? this.rows.go(k + 1) : this.toggle(i);
    else if (key === 'ArrowLeft')
      isOpen ? this.toggle(i) : this.rows.go(list.indexOf(Math.max(0, tree.parent[i])));
    else if (key === 'Enter')
      this.app.zoomFromTree(i);
    else if (key === ' ')
      this.toggle(i);
    else if (key === '*')
      this.openAll(i);
    else
      return false;
    return true;
  }

  // All that is below @i and costs anything to speak of.
  openAll(i) {
    const { tree } = this, end = i + tree.size[i], least = tree.w[i] / 200;
    for (let k = i; k < end;)
      if (tree.w[k] < least) {
        k += tree.size[k];
      } else {
        this.open.add(k++);
      }
    this.flatten();
  }

  // Opens the way to node @i and goes there.
  reveal(i, focus) {
    for (let p = this.tree.parent[i]; p >= 0; p = this.tree.parent[p])
      this.open.add(p);
    this.flatten();
    const k = this.list.indexOf(i);
    if (focus)
      this.rows.go(k);
    else
      this.rows.host.scrollTop = Math.max(0, k * LINE - this.rows.host.clientHeight / 2);
  }

  row(i) {
    const { app, tree: t } = this, of = app.weight(), unit = app.meta.unit, [name, short] = app.names(t, i);
    const f = t.frame[i], { frames, strings } = app.data, leaf = t.size[i] < 2, match = app.match && i && app.match[f];
    const arrow = make('span', { class: 'twist', 'aria-hidden': 'true', text: leaf ? '' : this.open.has(i) ? '▾' : '▸' });
    const label = make('span', { role: 'gridcell', class: 'name' + (match ? ' match' : ''), title: name.slice(0, 1000) },
      arrow, make('bdi', { text: fit(name, short, 160) }));
    label.style.textIndent = Math.min(40, t.depth[i]) * 12 + 'px';
    if (t.baseTotal && i)
      label.append(make('span', { class: trend(t.total[i] - t.baseTotal[i] * t.scale, app.meta.weight),
        text: '  ' + points(t.total[i] - t.baseTotal[i] * t.scale, app.meta.weight) }));
    return make('div', { role: 'row', class: 'row', 'aria-level': t.depth[i] + 1,
      'aria-expanded': leaf ? null : String(this.open.has(i)), onclick: () => this.click(i),
      oncontextmenu: e => { if (i) { e.preventDefault(); app.menu(null, i, e.clientX, e.clientY); } } },
    valueCell(t.total[i], unit), share(t.total[i], of), valueCell(t.self[i], unit), label,
    make('span', { role: 'gridcell', class: 'object' }, make('bdi', { text: i ? strings[frames.object[f]] : '' })));
  }

  click(i) {
    this.app.detailsOf(this.tree, i);
    this.toggle(i);
    this.rows.go(this.list.indexOf(i));
  }
}
