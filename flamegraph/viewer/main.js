// SPDX-License-Identifier: Apache-2.0
// Wires buttons and keys to the page, and starts it.

function wireButtons(app) {
  const s = () => app.state, about = () => showAbout($('aboutbox'), app.data, app.whole);
  for (const b of document.querySelectorAll('[data-view]'))
    listen(b, { click: () => app.go({ view: b.dataset.view }), keydown: e => {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
      if (!way)
        return;
      const to = VIEWS[(VIEWS.indexOf(b.dataset.view) + way + VIEWS.length) % VIEWS.length];
      app.go({ view: to });
      document.querySelector(`[data-view=${to}]`).focus();
    } });
  for (const [id, click] of Object.entries({
    reset: () => resetZoom(app),
    flip: () => app.go({ icicle: !s().icicle }),
    leaves: () => app.go({ leaves: !s().leaves, zoom: '' }),
    order: () => app.go({ byWeight: !s().byWeight }),
    absolute: () => app.go({ absolute: !s().absolute }),
    case: () => app.go({ ignoreCase: !s().ignoreCase }, true),
    next: () => app.visitMatch(1),
    previous: () => app.visitMatch(-1),
    filter: () => toggleFilters(app),
    undo: () => undo(app),
    dark: () => app.setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'),
    help: () => showHelp($('helpbox')),
    about,
    account: about,
  }))
    listen($(id), { click });
  menuKeys($('menu'));
}

function resetZoom(app) {
  for (const v of [app.flame, app.callers, app.callees])
    if (v.tree && (v !== app.flame || !app.state.zoom))
      v.zoomTo(0);
  app.go({ zoom: '' });
}

function undo(app) {
  app.go({ filters: app.state.filters.slice(0, -1), zoom: '' });
}

function toggleFilters(app) {
  app.openFilters($('filters').hidden);
  if (!$('filters').hidden)
    $('pattern').focus();
}

function wireForms(app) {
  const diff = app.data.tree.baseSelf !== null;
  $('colour').append(...Object.entries(MODES).filter(([k]) => diff || k !== 'diff').map(([value, text]) => make('option', { value, text })));
  $('types').hidden = app.meta.types.length < 2;
  $('type').append(...app.meta.types.map(({ type, unit }) => make('option', { value: type,
    text: unit && unit !== 'count' ? `${type} (${unit})` : type })));
  listen($('type'), { change: e => app.go({ type: e.target.value }) });
  listen($('colour'), { change: e => app.go({ colour: e.target.value }) });
  $('verb').append(...Object.keys(VERBS).map(value => make('option', { value, text: value })));
  $('absolute').hidden = !diff;
  listen($('search'), { input: e => app.go({ search: e.target.value }, true), keydown: e => {
    if (e.key === 'Enter')
      app.visitMatch(e.shiftKey ? -1 : 1);
    else if (e.key === 'Escape' && !app.state.search)
      app.flame.canvas.focus();
  } });
  listen($('filterform'), { submit: e => {
    e.preventDefault();
    const text = $('pattern').value, { error } = makeRegex(text);
    $('pattern').classList.toggle('bad', !!error || !text);
    if (error)
      app.chips(error);
    else if (text)
      addOrTell(app, $('verb').value, text);
  } });
  listen($('fn'), { change: e => {
    const { frames } = app.data, fn = frames.fnFrame.findIndex(f => app.name(f) === e.target.value);
    if (fn >= 0)
      app.sandwich(fn);
    else
      $('fntext').textContent = 'There is no function of exactly this name.';
  } });
}

// A filter that would leave nothing is not kept.
function addOrTell(app, verb, text) {
  const { error } = app.pipeline.run({ ...app.state, filters: [...app.state.filters, { verb, text }] });
  if (error)
    return app.chips(error);
  $('pattern').value = '';
  app.addFilter(verb, text);
}

function keyActions(app) {
  const s = () => app.state, f = () => s().view === 'sandwich' ? app.callees : app.flame;
  const move = (by, wider) => () => f().tree && (wider ? f().scale(wider) : f().pan(by));
  return {
    '/': () => $('search').focus(), n: () => app.visitMatch(1), N: () => app.visitMatch(-1), 0: () => resetZoom(app),
    i: () => app.go({ icicle: !s().icicle }), b: () => app.go({ leaves: !s().leaves, zoom: '' }),
    o: () => app.go({ byWeight: !s().byWeight }), f: () => toggleFilters(app), u: () => s().filters.length && undo(app),
    d: move(0.2), a: move(-0.2), w: move(0, 0.7), s: move(0, 1 / 0.7), '+': move(0, 0.7), '=': move(0, 0.7), '-': move(0, 1 / 0.7),
    D: () => $('dark').click(), '?': () => showHelp($('helpbox')), t: () => app.go({ view: s().view === 'table' ? 'flame' : 'table' }),
    1: () => app.go({ view: 'flame' }), 2: () => app.go({ view: 'table' }), 3: () => app.go({ view: 'tree' }),
    4: () => app.go({ view: 'sandwich' }), Escape: () => escape(app),
  };
}

function escape(app) {
  if (app.state.search)
    app.go({ search: '' });
  else
    resetZoom(app);
}

// Keys belong to who has the focus: never to the page while something is typed, or a dialog is open.
function wireKeys(app) {
  const actions = keyActions(app);
  listen(document, { keydown: e => {
    const typing = e.target.closest?.('input, textarea, select, dialog'), find = e.key.toLowerCase() === 'f' && (e.ctrlKey || e.metaKey);
    if (find && document.activeElement !== $('search') && !document.querySelector('dialog[open]')) {
      e.preventDefault();
      $('search').focus();
      $('search').select();
    } else if (typing || e.altKey) {
      return;
    } else if (e.key === 'c' && (e.ctrlKey || e.metaKey) && !String(getSelection())) {
      app.copyName();
    } else if (!e.ctrlKey && !e.metaKey && Object.hasOwn(actions, e.key)) {
      e.preventDefault();
      actions[e.key]();
    }
  } });
}

function wireThemes(app) {
  try {
    app.theme = localStorage.getItem('wick.theme');
  } catch {
    // Not allowed: the system's theme.
  }
  for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)'])
    listen(matchMedia(query), { change: () => app.paint() });
}

// What scripts and tests may ask of the page: what is drawn where, and how long it took.
function publish(app) {
  window.wick = Object.freeze({
    get frames() {
      return app.flame.hits.map(h => ({ ...h, tiny: h.tiny || 0, name: app.names(app.flame.tree, h.i)[0] }));
    },
    get timing() {
      return { openMs: app.openMs, drawMs: app.flame.drawMs, searchMs: app.searchMs, nodes: app.data.tree.n };
    },
    get idle() {
      return !app.flame.pending && app.flame.range === app.flame.goal;
    },
  });
  // From the navigation to the first picture.
  requestAnimationFrame(() => requestAnimationFrame(() => { app.openMs = performance.now(); }));
}

async function start() {
  try {
    const data = await readData($('data').textContent), app = new App(data);
    $('data').remove();
    $('message').hidden = true;
    wireThemes(app);
    wireButtons(app);
    wireForms(app);
    wireKeys(app);
    app.fromAddress();
    listen(window, { hashchange: () => app.fromAddress() });
    publish(app);
  } catch (e) {
    $('message').hidden = false;
    $('message').textContent = 'This profile cannot be shown: ' + e.message + '.';
    throw e;
  }
}

start();
