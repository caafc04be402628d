// SPDX-License-Identifier: Apache-2.0
// Filters, time, differences and orders: each against the same done to the stacks.
'use strict';
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { assert, work, wick, draw, ready, frameOf, text, picture } = require('./harness.js');
const { pprof, someStacks, shareOf } = require('./profiles.js');

const TIMES = 40, stacks = someStacks(900, 21, TIMES), all = shareOf(stacks, /./).all;
let made;
const page = () => made ||= draw('times', pprof(stacks));
const grouped = n => n.toLocaleString('en-US');

// The verbs by their definition, on one stack: what is left of it, or null.
const last = (list, f) => list.reduce((at, x, i) => f(x) ? i : at, -1);
const verbs = {
  focus: (s, hit) => s.some(hit) ? s : null,
  ignore: (s, hit) => s.some(hit) ? null : s,
  hide: (s, hit) => s.filter(f => !hit(f)),
  'show-from': (s, hit) => s.some(hit) ? s.slice(s.findIndex(hit)) : null,
  pivot: (s, hit) => s.some(hit) ? s.slice(last(s, hit)) : null,
};

function filtered(list, verb, re) {
  const hit = f => re.test(f.name) || re.test(f.file.replace(/.*\//, '')) || re.test(f.source || '');
  return list.map(s => ({ ...s, stack: verbs[verb](s.stack, hit) })).filter(s => s.stack);
}

// Total of each call path.
function paths(list) {
  const sums = new Map();
  for (const { stack, value } of list)
    for (let d = 1; d <= stack.length; d++) {
      const key = stack.slice(0, d).map(f => f.name).join(';');
      sums.set(key, (sums.get(key) || 0) + value);
    }
  return sums;
}

// The same from the page, by way of the call tree with all that can be opened.
async function shown(p) {
  await p.keyboard.press('3');
  await p.locator('#tree [data-row="0"]').focus();
  await p.evaluate(() => { document.querySelector('#tree .scroll').style.height = '90000px'; document.body.style.height = '90000px'; });
  await p.waitForFunction(() => document.querySelector('#tree [data-row]'));
  await p.keyboard.press('*');
  await p.evaluate(() => { for (let r; (r = document.querySelector('#tree [aria-expanded=false]'));) r.click(); });
  return p.locator('#tree [data-row]').evaluateAll(rows => {
    const path = [], out = {};
    for (const r of rows) {
      const level = +r.getAttribute('aria-level');
      path.length = level - 1;
      path[level - 1] = r.querySelector('bdi').innerText;
      out[path.slice(1).join(';')] = +r.children[0].innerText.replace(/,/g, '');
    }
    return out;
  });
}

for (const [verb, pattern] of [['focus', '^hash_'], ['ignore', 'kernel'], ['hide', '_(page|row)'], ['show-from', '^read_'],
  ['pivot', 'libdata']])
  test(`${verb} means in the page what it means everywhere`, async c => {
    const few = stacks.slice(0, 25), p = await c.open(draw('few', pprof(few)), { hash: `filter=${verb}:${encodeURIComponent(pattern)}` });
    const want = paths(filtered(few, verb, new RegExp(pattern))), got = await shown(p);
    delete got[''];
    assert.deepEqual(got, Object.fromEntries(want));
    const out = spawnSync(wick, ['convert', path.join(work, 'few.pb'), '--' + verb, pattern, '--format', 'folded', '-o', '-'], { encoding: 'utf8' });
    assert.equal(out.status, 0, out.stderr);
    const lines = out.stdout.trim().split('\n').map(l => /^(.*) (\d+)$/.exec(l)).map(m => ({ value: +m[2],
      stack: m[1].split(';').map(f => ({ name: f.replace(/_\[.\]$/, '') })) }));
    assert.deepEqual(Object.fromEntries([...paths(lines)].sort()), Object.fromEntries([...want].sort()), 'the commands do the same');
  });

test('filters are applied, told and undone', async c => {
  const p = await c.open(page());
  const apply = async (verb, pattern) => {
    await p.selectOption('#verb', verb);
    await p.fill('#pattern', pattern);
    await p.click('#filterform button');
    await ready(p);
  };
  await p.keyboard.press('f');
  await apply('focus', 'hash_');
  const one = filtered(stacks, 'focus', /hash_/).reduce((n, s) => n + s.value, 0);
  assert.match(await text(p, '#filtered'), new RegExp(`^${grouped(one)} of ${grouped(all)} `));
  await apply('ignore', 'kernel');
  const two = filtered(filtered(stacks, 'focus', /hash_/), 'ignore', /kernel/).reduce((n, s) => n + s.value, 0);
  assert.match(await text(p, '#filtered'), new RegExp(`^${grouped(two)} of `));
  assert.equal(await p.locator('#chips li').count(), 2);
  await apply('focus', 'no such function');
  assert.match(await text(p, '#filtered'), /^Nothing is left/);
  assert.equal(await p.locator('#chips li').count(), 2);
  await apply('hide', '(');
  assert.match(await text(p, '#filtered'), /^Not a regular expression/);
  await picture(p, 'filters-light');
  await p.click('#undo');
  assert.match(await text(p, '#filtered'), new RegExp(`^${grouped(one)} of `));
  await p.goBack();
  await ready(p);
  assert.match(await text(p, '#filtered'), new RegExp(`^${grouped(two)} of `));
  await p.locator('#chips button').first().click();
  await p.locator('#chips button').first().click();
  assert.equal(await text(p, '#filtered'), '');
});

test('the menu of a frame filters by exactly its name', async c => {
  const p = await c.open(page());
  await p.evaluate(() => { location.hash = 'search=' + encodeURIComponent('^read_page$'); });
  await p.keyboard.press('n');
  await p.locator('#flame canvas').focus();
  await p.keyboard.press('2');
  await p.locator('#table [data-row]').first().click({ button: 'right' });
  await p.getByRole('menuitem', { name: /Ignore/ }).click();
  const want = filtered(stacks, 'ignore', /^read_page$/).reduce((n, s) => n + s.value, 0);
  assert.match(await text(p, '#filtered'), new RegExp(`^${grouped(want)} of `));
});

test('a range of time is what its samples are', async c => {
  const p = await c.open(page());
  const box = await p.locator('#time canvas').boundingBox(), at = k => box.x + (k + 0.5) * box.width / TIMES;
  await p.mouse.move(at(10), box.y + 20);
  await p.mouse.down();
  await p.mouse.move(at(15), box.y + 20);
  await p.mouse.move(at(19), box.y + 20);
  await p.mouse.up();
  await ready(p);
  const inside = s => s.time >= 1.7e18 + 10e9 && s.time <= 1.7e18 + 19e9, want = shareOf(stacks, /^read_/, inside);
  assert.match(await text(p, '.when'), new RegExp(`\\(10.0 s\\): ${grouped(want.all)}, `));
  await p.fill('#search', '^read_');
  assert.ok((await text(p, '#found')).endsWith(` ${want.percent} %`));
  await picture(p, 'time-light');
  await p.locator('#time canvas').focus();
  await p.keyboard.press('ArrowRight');
  await p.keyboard.press('Shift+ArrowRight');
  const moved = shareOf(stacks, /^read_/, s => s.time >= 1.7e18 + 11e9 && s.time <= 1.7e18 + 21e9);
  assert.match(await text(p, '.when'), new RegExp(`: ${grouped(moved.all)}, `));
  assert.ok((await text(p, '#found')).endsWith(` ${moved.percent} %`));
  await p.click('.timetext button');
  assert.ok((await text(p, '#found')).endsWith(` ${shareOf(stacks, /^read_/).percent} %`));
});

test('order and direction change the picture and no number', async c => {
  const p = await c.open(page(), { hash: 'icicle=1' });
  const level = async y => (await p.evaluate(row => wick.frames.filter(f => Math.abs(f.y - row) < 1).map(f => f.name), y));
  const byWeight = await level(57);
  await p.keyboard.press('o');
  await ready(p);
  const byName = await level(57);
  assert.notDeepEqual(byName, byWeight);
  assert.deepEqual(byName, [...byName].sort());
  assert.deepEqual([...byWeight].sort(), byName);
  await p.keyboard.press('b');
  await ready(p);
  const leaves = await p.evaluate(() => wick.frames.filter(f => Math.abs(f.y - 19) < 1));
  const total = leaves.find(f => f.name === 'copy_page'), width = total.r - total.l;
  const want = stacks.reduce((n, s) => n + (s.stack.at(-1).name === 'copy_page' ? s.value : 0), 0) / all * 1280;
  assert.ok(Math.abs(width - want) < 2, `${width} ${want}`);
  await p.fill('#search', '_row');
  assert.ok((await text(p, '#found')).endsWith(` ${shareOf(stacks, /_row/).percent} %`));
  await picture(p, 'leaves-light');
});

// --- differences -------------------------------------------------------------------------------------

const before = someStacks(700, 3), later = someStacks(700, 3).filter(s => !s.stack.some(f => f.name === 'hash_item'))
  .concat(Array.from({ length: 30 }, (_, i) => ({ stack: [{ name: '_start', file: '/usr/bin/server' }, { name: 'main',
    file: '/usr/bin/server', source: 'main.c', line: 12 }, { name: 'brand_new', file: '/usr/bin/server' }], value: 50 + i })));
let diff;
const diffPage = () => diff ||= draw('diff', pprof(later), [], 'html', pprof(before));

test('a difference shows what grew, shrank, came and went, in numbers', async c => {
  const p = await c.open(diffPage());
  await p.keyboard.press('i');
  await ready(p);
  const now = n => shareOf(later, new RegExp(`^${n}$`)), was = n => shareOf(before, new RegExp(`^${n}$`));
  const points = n => {
    const d = 100 * now(n).hit / now(n).all - 100 * was(n).hit / was(n).all;
    return (d > 0 ? '+' : '-') + Math.abs(d).toFixed(1) + ' %';
  };
  const told = async n => {
    const f = await frameOf(p, n), box = await p.locator('#flame canvas').boundingBox();
    await p.mouse.move(box.x + (f.l + f.r) / 2, box.y + f.y + 8);
    return text(p, '#details');
  };
  assert.match(await told('brand_new'), new RegExp(`${points('brand_new').replace('+', '\\+')}, new`));
  const gone = before.find(s => s.stack[2].name === 'hash_item') ? 'hash_item' : null;
  if (gone)
    assert.match(await told(gone), /-\d+\.\d %, gone/);
  await p.fill('#search', '^brand_new$');
  assert.match(await text(p, '#found'), new RegExp(`1 match, ${now('brand_new').percent} % \\(${points('brand_new').replace('+', '\\+')}\\)`));
  await p.fill('#search', '');
  await picture(p, 'diff-light');
  await p.click('#absolute');
  await ready(p);
  const d = 100 * (now('main').hit - was('main').hit) / now('main').all;
  assert.match(await told('main'), new RegExp(`${Math.abs(d).toFixed(1)} %`));
  assert.match(await text(p, '#legend'), /new\s+more\s+as before\s+less\s+gone/);
  await p.keyboard.press('2');
  assert.match(await text(p, '#table [role=grid]'), /Self ±/);
});

test('a difference can be filtered and seen from its leaves', async c => {
  const p = await c.open(diffPage(), { hash: 'filter=hide:' + encodeURIComponent('^(_start|main)$') + '&leaves=1&icicle=1' });
  assert.ok(await frameOf(p, 'brand_new'));
  await p.evaluate(() => { location.hash = 'filter=focus:brand_new&view=sandwich'; });
  await ready(p);
});

// A heap profile: what was freed again is in two of four types only.
const heap = someStacks(400, 9).map((s, i) => ({ ...s, value: [s.value, s.value * (64 + i % 7), i % 3 ? 0 : s.value, i % 3 ? 0 : s.value * (64 + i % 7)] }));
const heapTypes = [['alloc_objects', 'count'], ['alloc_space', 'bytes'], ['inuse_objects', 'count'], ['inuse_space', 'bytes']];
const heapPage = () => draw('heap', pprof([...heap, { stack: ['main', 'freed_at_once'], value: [3, 300, 0, 0] }], { types: heapTypes }));
const ofType = k => heap.concat({ stack: ['main', 'freed_at_once'], value: [3, 300, 0, 0] }).map(s => ({ ...s, value: s.value[k] }));

test('another sample type is shown without a new file', async c => {
  const p = await c.open(heapPage());
  assert.match(await text(p, '#title'), /inuse_space$/);
  await p.locator('#search').fill('freed_at_once');
  assert.equal(await text(p, '#found'), 'no match', 'what is nothing in this type is not there');
  for (const [k, [type]] of heapTypes.entries()) {
    await p.selectOption('#type', type);
    await ready(p);
    assert.match(await text(p, '#title'), new RegExp(type + '$'));
    for (const re of [/page/, /^parse_/, /copy_page/, /freed_at_once/]) {
      await p.locator('#search').fill(re.source);
      const { hit, percent } = shareOf(ofType(k), re), said = await text(p, '#found');
      assert.ok(hit ? said.endsWith(` ${percent} %`) : said === 'no match', `${type} ${re}: ${said}, not ${percent}`);
    }
  }
  await p.locator('#search').fill('');
  await p.selectOption('#type', 'alloc_space');
  await ready(p);
  await picture(p, 'heap-alloc-space');
  const frames = await p.evaluate(() => wick.frames.filter(f => !f.tiny && f.name === '_start').length);
  assert.equal(frames, 1);
  const q = await c.open(heapPage(), { hash: p.url().split('#')[1] });
  assert.match(await text(q, '#title'), /alloc_space$/);
  await q.click('[data-view=table]');
  const rows = async () => +await q.locator('#table [role=grid]').getAttribute('aria-rowcount'), allocating = await rows();
  await q.selectOption('#type', 'inuse_objects');
  assert.ok(await rows() < allocating, 'functions that keep nothing are not in the table');
});

test('samples and their CPU time are one tree, also where time is chosen', async c => {
  const timed = someStacks(300, 11, 20), types = [['samples', 'count'], ['cpu', 'nanoseconds']];
  const p = await c.open(draw('both', pprof(timed.map(s => ({ ...s, value: [s.value, s.value * 10000000] })), { types })));
  const all = shareOf(timed, /./).all;
  assert.match(await text(p, '#title'), /cpu$/);
  await p.selectOption('#type', 'samples');
  await ready(p);
  assert.match(await text(p, '#title'), new RegExp(`${all.toLocaleString('en-US')} samples$`));
  assert.match(await text(p, '.when'), new RegExp(`: ${all.toLocaleString('en-US')}.*, 100.00 %`));
});
