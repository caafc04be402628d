// SPDX-License-Identifier: Apache-2.0
// The page: one state, drawn anew when it changes; every button and key changes the state and nothing else.

const $ = id => document.getElementById(id);
const quoted = s => s.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

class App {
  constructor(data) {
    this.data = data;
    this.meta = data.meta;
    this.colours = new Colours(data);
    this.pipeline = new Pipeline(data);
    this.initial = initialState(data);
    this.hashes = frameHashes(data);
    this.state = this.initial;
    const scroll = id => $(id).querySelector('.scroll');
    this.flame = new FlameView(scroll('flame'), this, 'Flame graph; the call tree view has the same as text');
    this.callers = new FlameView($('callers'), this, 'Callers', true);
    this.callees = new FlameView($('callees'), this, 'Callees', true);
    this.table = new FunctionTable(scroll('table'), this);
    this.tree = new CallTree(scroll('tree'), this);
    this.time = data.time && new TimeLine($('time'), this, range => this.go({ time: range, zoom: '' }));
    $('time').hidden = !this.time;
    this.matches = [];
  }

  // --- state -------------------------------------------------------------------------------------

  go(change, replace) {
    const hash = stateToHash({ ...this.state, ...change }, this.initial);
    if (hash === this.hash)
      return;
    this.hash = hash;
    if (replace)
      location.replace('#' + hash);
    else
      location.hash = hash;
    this.show({ ...this.state, ...change });
  }

  fromAddress() {
    const hash = location.hash.slice(1);
    if (hash === this.hash)
      return;
    this.hash = hash;
    this.show(stateFromHash(hash, this.initial, this.data));
  }

  show(state) {
    const before = this.shown || {};
    this.state = this.shown = state;
    if (state.type !== before.type) {
      const { type, unit, weight, ratio } = this.meta.types.find(t => t.type === state.type);
      Object.assign(this.meta, { type, unit, weight, ratio });
      this.title();
    }
    const { tree, whole, error } = this.pipeline.run(state), fresh = whole !== this.whole || tree !== this.current;
    Object.assign(this, { current: tree, whole });
    this.search(fresh || state.search !== before.search || state.ignoreCase !== before.ignoreCase);
    this.controls(error);
    this.paint();
    this.view(state.view !== before.view || state.fn !== before.fn || fresh);
  }

  weight() {
    return this.whole.weight;
  }

  // The view that is seen gets its tree; the others when their turn comes.
  view(fresh) {
    const s = this.state;
    for (const v of VIEWS)
      $(v).hidden = v !== s.view;
    if (s.view === 'flame') {
      const other = this.flame.tree !== this.current || this.flame.icicle !== s.icicle;
      this.flame.setTree(this.current, s.icicle);
      const i = s.zoom ? nodeOfKey(this.current, this.hashes, s.zoom) : 0;
      if (i !== this.flame.zoomed || !i && this.flame.goal[1] - this.flame.goal[0] < this.current.w[0])
        this.flame.zoomTo(i, other);
      this.detailsOf(this.current, i);
    } else if (s.view === 'table') {
      fresh || this.searched ? this.table.setTree(this.whole) : this.table.rows.update();
    } else if (s.view === 'tree') {
      this.tree.tree !== this.whole ? this.tree.setTree(this.whole) : this.tree.rows.update();
    } else if (fresh) {
      this.showSandwich();
    }
    this.flame.match = this.callers.match = this.callees.match = this.match;
    for (const v of [this.flame, this.callers, this.callees])
      v.redraw();
  }

  showSandwich() {
    const { data, state, whole } = this, { frames } = data, order = this.pipeline.order(state);
    const fn = state.fn ? frames.fnFrame.findIndex(f => this.hashes[f].toString(36) === state.fn) : -1;
    const starts = fn < 0 ? [] : outermost(whole, frames, fn);
    $('fntext').textContent = fn < 0 ? 'Choose a function here, from the table, or by a right click on a frame.'
      : starts.length ? '' : 'This function is not in what the filters left.';
    for (const id of ['callers', 'callees'])
      $(id).hidden = $(id).previousElementSibling.hidden = !starts.length;
    this.fillFunctions();
    if (fn >= 0 && document.activeElement !== $('fn'))
      $('fn').value = this.name(frames.fnFrame[fn]);
    if (!starts.length)
      return;
    this.callers.setTree(callersOf(whole, order, starts, true, whole.w[0] / 20000, frames.fnFrame[fn]), false);
    this.callees.setTree(calleesOf(whole, frames, order, fn), true);
    this.detailsOf(this.callees.tree, 1);
  }

  // Names to choose from: those that cost most.
  fillFunctions() {
    if (this.listed === this.whole)
      return;
    this.listed = this.whole;
    const { total, fns } = functionTable(this.whole, this.data.frames);
    const most = [...fns].sort((a, b) => total[b] - total[a]).slice(0, 300);
    $('fns').replaceChildren(...most.map(fn => make('option', { value: this.name(this.data.frames.fnFrame[fn]) })));
  }

  // --- names -------------------------------------------------------------------------------------

  name(f) {
    return this.data.strings[this.data.frames.name[f]];
  }

  names(t, i) {
    if (!i)
      return [`all: ${amount(t.total[0], this.meta.unit)}`, 'all'];
    const { frames, strings } = this.data, f = t.frame[i];
    return [strings[frames.name[f]], strings[frames.short[f] || frames.name[f]]];
  }

  // --- search ------------------------------------------------------------------------------------

  search(again) {
    this.searched = again;
    if (!again)
      return;
    const { search, ignoreCase } = this.state, { re, error } = search ? makeRegex(search, ignoreCase) : {};
    this.match = re ? matchNames(this.data, re) : null;
    const began = performance.now(), found = this.match && searchTree(this.whole, this.match);
    this.searchMs = performance.now() - began;
    this.matches = found ? this.current === this.whole ? found.nodes : searchTree(this.current, this.match).nodes : [];
    this.flame.visited = this.visit = -1;
    const n = this.matches.length, w = this.weight();
    $('found').textContent = error || (!found ? '' : !n ? 'no match' :
      `${grouped(n)} match${n > 1 ? 'es' : ''}, ${percent(found.total, w)}` + (this.whole.baseTotal
        ? ` (${points(found.total - found.baseTotal * this.whole.scale, this.meta.weight)})` : ''));
    for (const id of ['found', 'search'])
      $(id).classList.toggle('bad', !!error);
    $('search').setAttribute('aria-invalid', !!error);
    $('next').disabled = $('previous').disabled = !n;
  }

  // Goes to another match, in the picture or in the tree.
  visitMatch(way) {
    const n = this.matches.length;
    if (!n)
      return;
    this.visit = this.visit < 0 ? way > 0 ? 0 : n - 1 : (this.visit + way + n) % n;
    const i = this.matches[this.visit];
    if (this.state.view === 'tree' && this.current === this.whole) {
      this.tree.reveal(i);
      this.detailsOf(this.whole, i);
      return;
    }
    if (this.state.view !== 'flame')
      this.go({ view: 'flame' });
    const f = this.flame, t = this.current, [x0, x1] = f.goal;
    f.visited = i;
    // A match that cannot be seen is zoomed to as far as it takes.
    if (t.x[i] < x0 || t.x[i] + t.w[i] > x1 || t.w[i] / (x1 - x0) < 0.01)
      f.show([t.x[i] - t.w[i] * 10, t.x[i] + t.w[i] * 11]);
    f.reveal(i);
    f.redraw();
    this.detailsOf(t, i);
  }

  // --- what is told ------------------------------------------------------------------------------

  hover(view, hit) {
    if (!hit)
      return this.detailsOf(view.tree, view.selected > 0 ? view.selected : view.zoomed || 0, view);
    if (hit.tiny)
      return this.tell([], `${grouped(hit.tiny)} frames and what they call are too narrow to draw: zoom in to see them`);
    this.detailsOf(view.tree, hit.i, view);
  }

  select(view, i) {
    this.detailsOf(view.tree, i, view);
  }

  tell(name, numbers) {
    $('name').replaceChildren(...name);
    $('numbers').replaceChildren(...[].concat(numbers));
  }

  detailsOf(t, i, view) {
    this.detail = { t, i };
    const { meta, data } = this, { frames, strings } = data, unit = meta.unit, now = t.total[i], of = this.weight();
    const bold = text => make('b', { text }), numbers = ['total ', bold(amount(now, unit)), ` · ${percent(now, of)} of all`];
    const zoomed = view ? view.zoomed : this.flame.tree === t ? this.flame.zoomed : 0, p = t.parent[i];
    if (zoomed > 0 && zoomed < t.n)
      numbers.push(` · ${percent(now, t.total[zoomed])} of view`);
    if (p > 0)
      numbers.push(` · ${percent(now, t.total[p])} of parent`);
    numbers.push(' · self ', bold(amount(t.self[i], unit)), ` (${percent(t.self[i], of)})`);
    if (t.rest && t.rest[i])
      numbers.push(` · pruned ${percent(t.rest[i], of)}`);
    if (t.baseTotal) {
      const was = t.baseTotal[i] * t.scale, d = now - was;
      numbers.push(` · was ${amount(was, unit)} (${percent(was, meta.weight)}) `, make('b', { class: trend(d, meta.weight),
        text: `${points(d, meta.weight)}${!was && now ? ', new' : was && !now ? ', gone' : ''}` }));
    }
    const f = t.frame[i], where = [];
    if (i) {
      where.push(strings[frames.object[f]], frames.source[f] ? strings[frames.source[f]] +
        (frames.line[f] ? ':' + frames.line[f] : '') : '', frames.kind[f] ? KINDS[frames.kind[f]][0] : '');
      numbers.unshift(make('bdi', { text: where.filter(Boolean).join(' · ') }), where.some(Boolean) ? ' · ' : '');
    }
    this.tell([make('bdi', { text: i ? strings[frames.name[f]] : `${meta.title}: all` })], numbers);
  }

  // --- what is done ------------------------------------------------------------------------------

  zoom(view, i) {
    if (view !== this.flame) {
      view.zoomTo(i);
      this.detailsOf(view.tree, i, view);
    } else if (i === view.zoomed) {
      view.zoomTo(i);
    } else {
      this.go({ zoom: i ? nodeKey(view.tree, this.hashes, i) : '' });
    }
  }

  zoomFromTree(i) {
    this.go({ view: 'flame', leaves: false, zoom: i ? nodeKey(this.whole, this.hashes, i) : '' });
    this.flame.canvas.focus();
  }

  sandwich(fn) {
    this.go({ view: 'sandwich', fn: this.hashes[this.data.frames.fnFrame[fn]].toString(36) });
  }

  chosen(fn) {
    const f = this.data.frames.fnFrame[fn], s = this.table.sums, { strings, frames } = this.data, unit = this.meta.unit;
    this.detail = { f };
    this.tell([make('bdi', { text: this.name(f) })], [make('bdi', { text: strings[frames.object[f]] }),
      ` · total ${amount(s.total[fn], unit)} · ${percent(s.total[fn], this.weight())} of all · self ${amount(s.self[fn], unit)}` +
      ' · double click or Enter: callers and callees']);
  }

  addFilter(verb, text) {
    this.go({ filters: [...this.state.filters, { verb, text }], zoom: '' });
  }

  // The filters that name a function mean it and nothing else.
  filterItems(f) {
    const exact = `^${quoted(this.name(f))}$`, add = verb => () => this.addFilter(verb, exact);
    return [['Focus: only stacks with it', '', add('focus')], ['Ignore: only stacks without it', '', add('ignore')],
      ['Hide its frames', '', add('hide')], ['Show from it', '', add('show-from')], ['Pivot on it', '', add('pivot')]];
  }

  functionItems(f) {
    return [['Callers and callees', '4', () => this.sandwich(this.data.frames.fn[f])], null, ...this.filterItems(f), null,
      ['Search for it', '/', () => this.go({ search: `^${quoted(this.name(f))}$`, ignoreCase: false })],
      ['Copy name', 'Ctrl-C', () => copyText(this.name(f))]];
  }

  menu(view, i, x, y) {
    const t = view ? view.tree : this.whole, f = t.frame[i];
    if (!i)
      return;
    openMenu($('menu'), this.names(t, i)[1], [['Zoom to it', 'Enter', () => view ? this.zoom(view, i) : this.zoomFromTree(i)],
      ...this.functionItems(f), ['Copy stack as folded', '', () => copyText(this.folded(t, i))],
      ...t === this.whole ? [['Show in the call tree', '3', () => { this.go({ view: 'tree' }); this.tree.reveal(i, true); }]] : []], x, y);
  }

  menuOfFunction(fn, x, y) {
    openMenu($('menu'), this.name(this.data.frames.fnFrame[fn]), this.functionItems(this.data.frames.fnFrame[fn]), x, y);
  }

  folded(t, i) {
    const path = t.path(i).map(k => this.name(t.frame[k]).replace(/;/g, ':'));
    return `${(t === this.current && this.state.leaves ? path.reverse() : path).join(';')} ${t.total[i]}`;
  }

  copyName() {
    const d = this.detail, f = d && (d.t ? d.i && d.t.frame[d.i] : d.f);
    if (f || f === 0 && d.i !== 0)
      copyText(this.name(f));
  }

  // --- controls ----------------------------------------------------------------------------------

  controls(error) {
    const s = this.state, press = (id, on) => $(id).setAttribute('aria-pressed', !!on);
    for (const b of document.querySelectorAll('[data-view]')) {
      b.setAttribute('aria-selected', b.dataset.view === s.view);
      b.tabIndex = b.dataset.view === s.view ? 0 : -1;
    }
    press('leaves', s.leaves);
    press('order', s.byWeight);
    press('absolute', s.absolute);
    press('case', s.ignoreCase);
    $('colour').value = s.colour;
    $('type').value = s.type;
    $('reset').disabled = !s.zoom;
    if (document.activeElement !== $('search'))
      $('search').value = s.search;
    this.chips(error);
    this.time?.set(s.time);
  }

  chips(error) {
    const s = this.state, w = this.whole.weight, all = this.meta.weight;
    $('chips').replaceChildren(...s.filters.map((f, k) => make('li', {}, f.verb, make('bdi', { text: f.text, title: f.text }),
      make('button', { type: 'button', text: '×', 'aria-label': `Remove ${f.verb} ${f.text}`,
        onclick: () => this.go({ filters: s.filters.filter((_, i) => i !== k), zoom: '' }) }))));
    if (s.filters.length || error)
      this.openFilters(true);
    $('undo').disabled = !s.filters.length;
    $('filtered').textContent = error || (w !== all && (s.filters.length || s.time)
      ? `${amount(w, this.meta.unit)} of ${amount(all, this.meta.unit)} (${percent(w, all)}) is shown` : '');
    $('filtered').classList.toggle('bad', !!error);
  }

  openFilters(open) {
    $('filters').hidden = !open;
    $('filter').setAttribute('aria-expanded', open);
  }

  // Theme, colours and the legend.
  paint() {
    const dark = this.theme ? this.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    const forced = matchMedia('(forced-colors: active)').matches, c = this.colours, t = this.current;
    const key = [this.state.colour, dark, forced].join();
    document.documentElement.dataset.theme = dark ? 'dark' : 'light';
    $('dark').textContent = dark ? 'Light' : 'Dark';
    if (key === this.painted && this.legendOf === t)
      return;
    if (key !== this.painted)
      c.set(this.state.colour, dark, forced);
    Object.assign(this, { painted: key, legendOf: t });
    $('legend').replaceChildren(...forced ? [] : c.legend(t).map(([text, colour]) => {
      const box = make('i', {});
      box.style.background = colour;
      return make('span', { title: text }, box, make('bdi', { text }));
    }));
    this.time?.draw();
    for (const v of [this.flame, this.callers, this.callees])
      v.redraw();
  }

  setTheme(theme) {
    this.theme = theme;
    try {
      localStorage.setItem('wick.theme', theme);
    } catch {
      // A page from a file may not be allowed to keep anything.
    }
    this.paint();
  }

  title() {
    const { meta } = this;
    document.title = meta.title;
    $('title').replaceChildren(make('bdi', { text: meta.title }), make('small', {
      text: `${amount(meta.weight, meta.unit)} ${meta.type}` + (this.data.tree.baseSelf ? ` against ${meta.baseTitle}` : '') }));
    $('title').title = meta.title.slice(0, 1000);
    const { text, warn } = accountLine(this.data);
    $('account').textContent = text;
    $('account').classList.toggle('warn', warn);
    $('account').hidden = !text;
  }
}
