// SPDX-License-Identifier: Apache-2.0
// The page of flamegraph/html.c as people use it: what it shows is compared with sums over the stacks themselves.
'use strict';
const fs = require('node:fs');
const { assert, draw, ready, frameOf, clickFrame, hoverFrame, text, picture, pointOf } = require('./harness.js');
const { pprof, someStacks, shareOf, selfOf } = require('./profiles.js');

const stacks = someStacks(800, 5), all = shareOf(stacks, /./).all;
let made;
const page = () => made ||= draw('some', pprof(stacks, { comments: ['wick: ticks=1000 recorded=900 idle=70 filtered=10 lost=20 lost.ring_full=20 truncated=9 truncated.no_info=9', 'wick: host=build'],
  durationNs: 10e9, timeNs: 1.7e18 }), ['--title', 'A server']);
const grouped = n => n.toLocaleString('en-US');
const search = (p, s) => p.locator('#search').fill(s);

test('the page opens from a file and says what it shows', async c => {
  const p = await c.open(page());
  assert.equal(await p.title(), 'A server');
  assert.ok((await frameOf(p, 'main')).r > 1200);
  const d = await hoverFrame(p, 'main');
  assert.match(d, new RegExp(`server · main.c:12 · total ${grouped(all)} · 100.00 % of all · 100.00 % of parent · self`));
  await picture(p, 'flame-light');
});

test('without its data the page is less than 80 KB', async () => {
  const html = fs.readFileSync(page(), 'utf8'), data = /<script type="text\/plain" id="data">[^<]*/.exec(html)[0];
  assert.ok(html.length - data.length < 80000, `${html.length - data.length} bytes`);
  assert.match(data, /^<script type="text\/plain" id="data">[A-Za-z0-9+/=]+$/);
});

test('a click zooms, the back button and 0 zoom out', async c => {
  const p = await c.open(page());
  await clickFrame(p, 'parse_row');
  assert.ok((await frameOf(p, 'parse_row')).r - (await frameOf(p, 'parse_row')).l > 1270);
  assert.ok(await frameOf(p, 'main'), 'its callers stay');
  assert.match(await text(p, '#details'), /^parse_row/);
  const address = p.url();
  assert.match(address, /#zoom=/);
  await p.goBack();
  await ready(p);
  assert.ok((await frameOf(p, 'parse_row')).r - (await frameOf(p, 'parse_row')).l < 900);
  await p.goForward();
  await ready(p);
  assert.equal(p.url(), address);
  await p.keyboard.press('0');
  await ready(p);
  assert.ok((await frameOf(p, 'parse_row')).r - (await frameOf(p, 'parse_row')).l < 900);
});

test('the search counts each stack once, and says so as it is typed', async c => {
  const p = await c.open(page());
  for (const [pattern, re] of [['page', /page/], ['^(read|write)_', /^(read|write)_/], ['_start', /_start/], ['^parse_[bi]', /^parse_[bi]/]]) {
    await search(p, pattern);
    const said = await text(p, '#found');
    assert.ok(said.endsWith(` ${shareOf(stacks, re).percent} %`), `${pattern}: ${said}`);
  }
  await search(p, '^[[:alpha:]]+_page$');
  assert.ok((await text(p, '#found')).endsWith(` ${shareOf(stacks, /^[a-z]+_page$/).percent} %`));
  await search(p, 'nothing like that');
  assert.equal(await text(p, '#found'), 'no match');
  await search(p, '(');
  assert.match(await text(p, '#found'), /^Not a regular expression/);
  await search(p, 'PAGE');
  assert.equal(await text(p, '#found'), 'no match');
  await p.click('#case');
  assert.ok((await text(p, '#found')).endsWith(` ${shareOf(stacks, /page/).percent} %`));
  await picture(p, 'search-light');
});

test('next and previous go from match to match', async c => {
  const p = await c.open(page());
  await search(p, '^copy_page$');
  const n = parseInt((await text(p, '#found')).replace(/,/g, ''), 10);
  assert.ok(n > 10);
  const seen = new Set();
  for (let i = 0; i < 3; i++) {
    await p.click('#next');
    await ready(p);
    assert.match(await text(p, '#details'), /^copy_page/);
    seen.add(await text(p, '#numbers'));
    assert.ok(await frameOf(p, 'copy_page'), 'it can be seen');
  }
  assert.ok(seen.size > 1);
  const last = await text(p, '#numbers');
  await p.keyboard.press('Escape');
  assert.equal(await p.inputValue('#search'), '');
  await search(p, '^copy_page$');
  for (let i = 0; i < 4; i++)
    await p.locator('#search').press('Enter');
  await p.locator('#search').press('Shift+Enter');
  await ready(p);
  assert.equal(await text(p, '#numbers'), last);
});

test('callers and callees of a function add up to its total', async c => {
  const p = await c.open(page());
  const { x, y } = await pointOf(p, 'read_page');
  await p.mouse.click(x, y, { button: 'right' });
  await p.getByRole('menuitem', { name: /Callers and callees/ }).click();
  await p.waitForSelector('#callees canvas');
  const total = shareOf(stacks, /^read_page$/);
  assert.match(await text(p, '#details'), new RegExp(`^read_page[^]*total ${grouped(total.hit)} · ${total.percent} % of all`));
  await picture(p, 'sandwich-light');
  const box = await p.locator('#callers canvas').boundingBox();
  await p.mouse.move(box.x + 300, box.y + box.height - 10);
  assert.match(await text(p, '#details'), new RegExp(`^read_page[^]*total ${grouped(total.hit)} `));
  await p.locator('#fn').fill('hash_row');
  await p.locator('#fn').press('Enter');
  await p.waitForFunction(() => document.getElementById('name').innerText === 'hash_row');
  assert.match(await text(p, '#details'), new RegExp(`total ${grouped(shareOf(stacks, /^hash_row$/).hit)} `));
  await p.locator('#fn').fill('no_such');
  await p.locator('#fn').press('Enter');
  assert.match(await text(p, '#fntext'), /There is no function/);
});

test('the table has every function and sorts by any column', async c => {
  const p = await c.open(page(), { hash: 'view=table' });
  const rows = () => p.locator('#table [data-row]').evaluateAll(list => list.slice(0, 20).map(r => [...r.children].map(x => x.innerText)));
  const names = [...new Set(stacks.flatMap(s => s.stack.map(f => f.name)))];
  assert.equal(await p.locator('#table [role=grid]').getAttribute('aria-rowcount'), String(names.length + 1));
  let r = await rows();
  const selfs = names.map(n => selfOf(stacks, n)).sort((a, b) => b - a);
  assert.deepEqual(r.map(x => x[0]), selfs.slice(0, 20).map(grouped));
  for (const x of r)
    assert.equal(x[2], grouped(shareOf(stacks, new RegExp(`^${x[4]}$`)).hit), x[4]);
  await p.getByRole('button', { name: 'Function' }).click();
  r = await rows();
  assert.deepEqual(r.map(x => x[4]), [...names].sort().slice(0, 20));
  await p.getByRole('button', { name: 'Function' }).click();
  assert.equal((await rows())[0][4], [...names].sort().at(-1));
  assert.equal(await p.locator('#table [aria-sort=descending]').innerText(), 'Function ↓');
  await search(p, '_page$');
  r = await rows();
  assert.ok(r.length && r.every(x => /_page$/.test(x[4])));
  await picture(p, 'table-light');
});

test('the call tree is a treegrid that keys can walk', async c => {
  const p = await c.open(page(), { hash: 'view=tree' });
  const grid = p.getByRole('treegrid'), focused = () => p.evaluate(() => document.activeElement.innerText);
  const root = grid.locator('[data-row="0"]');
  assert.equal(await root.getAttribute('aria-expanded'), 'true');
  await root.focus();
  await p.keyboard.press('ArrowDown');
  assert.match(await focused(), /_start/);
  await p.keyboard.press('ArrowDown');
  assert.match(await focused(), /main/);
  await p.keyboard.press('End');
  await p.keyboard.press('ArrowRight');
  const level = +await p.evaluate(() => document.activeElement.getAttribute('aria-level'));
  await p.keyboard.press('ArrowRight');
  assert.equal(+await p.evaluate(() => document.activeElement.getAttribute('aria-level')), level + 1);
  await p.keyboard.press('ArrowLeft');
  assert.equal(+await p.evaluate(() => document.activeElement.getAttribute('aria-level')), level);
  await p.keyboard.press('ArrowLeft');
  assert.equal(await p.evaluate(() => document.activeElement.getAttribute('aria-expanded')), 'false');
  await picture(p, 'tree-light');
  await p.keyboard.press('Enter');
  await ready(p);
  assert.match(p.url(), /zoom=/);
  assert.ok(await p.locator('#flame').isVisible());
});

test('keys work on the page, and never while something is typed', async c => {
  const p = await c.open(page());
  const first = async () => (await frameOf(p, 'main')).y;
  const below = await first();
  await p.keyboard.press('i');
  await ready(p);
  assert.ok(await first() < below, 'i flips');
  await p.keyboard.press('/');
  await p.keyboard.type('item2104b?i');
  assert.equal(await p.inputValue('#search'), 'item2104b?i');
  assert.ok(await p.locator('#flame').isVisible());
  assert.ok(!await p.locator('#helpbox').isVisible());
  assert.ok(await first() < below);
  await p.keyboard.press('Escape');
  await p.locator('#flame canvas').focus();
  await p.keyboard.press('Escape');
  for (const [key, id] of [['2', 'table'], ['3', 'tree'], ['4', 'sandwich'], ['1', 'flame'], ['t', 'table'], ['t', 'flame']]) {
    await p.keyboard.press(key);
    assert.ok(await p.locator('#' + id).isVisible(), `${key}: ${id}`);
  }
  await p.keyboard.press('Control+f');
  assert.equal(await p.evaluate(() => document.activeElement.id), 'search');
  assert.ok(await p.evaluate(() => document.activeElement.dispatchEvent(new KeyboardEvent('keydown',
    { key: 'f', ctrlKey: true, bubbles: true, cancelable: true }))), 'the second Ctrl-F is the browser’s');
  await p.locator('#flame canvas').focus();
  await p.keyboard.press('?');
  assert.match(await text(p, '#helpbox'), /Keys and what they do/);
  await picture(p, 'help-light');
  await p.keyboard.press('Escape');
  assert.ok(!await p.locator('#helpbox').isVisible());
});

test('arrows go from frame to frame, Enter zooms', async c => {
  const p = await c.open(page(), { hash: 'icicle=1' });
  await p.locator('#flame canvas').focus();
  for (const [key, name] of [['ArrowDown', '_start'], ['ArrowDown', 'main'], ['ArrowUp', '_start'], ['ArrowDown', 'main']]) {
    await p.keyboard.press(key);
    assert.match(await text(p, '#name'), new RegExp(`^${name}$`));
  }
  await p.keyboard.press('ArrowDown');
  const child = await text(p, '#name');
  await p.keyboard.press('ArrowRight');
  assert.notEqual(await text(p, '#name'), child);
  await p.keyboard.press('ArrowLeft');
  assert.equal(await text(p, '#name'), child);
  await p.keyboard.press('Enter');
  await ready(p);
  assert.ok((await frameOf(p, child)).r > 1270);
  await p.keyboard.press('ContextMenu');
  assert.ok(await p.getByRole('menu').isVisible());
  assert.match(await p.evaluate(() => document.activeElement.innerText), /Zoom to it/);
  await picture(p, 'menu-light');
  await p.keyboard.press('Escape');
  assert.ok(!await p.getByRole('menu').isVisible());
  assert.equal(await p.evaluate(() => document.activeElement.tagName), 'CANVAS');
});

test('the address keeps what is looked at', async c => {
  const first = await c.open(page());
  await first.keyboard.press('i');
  await search(first, 'hash');
  await first.selectOption('#colour', 'module');
  await clickFrame(first, 'main');
  const p = await c.open(page(), { hash: new URL(first.url()).hash.slice(1) });
  assert.equal(await p.inputValue('#search'), 'hash');
  assert.equal(await p.inputValue('#colour'), 'module');
  assert.deepEqual(await p.evaluate(() => wick.frames.length), await first.evaluate(() => wick.frames.length));
  const odd = await c.open(page(), { hash: 'view=nonsense&colour=__proto__&filter=eval:1&time=9-1&zoom=%3Cb%3E&search=%5B&fn=x&what=ever' });
  assert.ok(await odd.locator('#flame').isVisible());
});

test('the account of samples and the recording are told', async c => {
  const p = await c.open(page());
  assert.equal(await text(p, '#account'), 'lost 2.00 % · truncated 1.00 %');
  await p.click('#account');
  const said = await text(p, '#aboutbox');
  for (const want of [/Sampler ran\s+1,000 times/, /Recorded\s+900 \(90.00 %\)/, /Lost\s+20 \(2.00 %\)/, /ring_full\s+20/,
    /no_info\s+9/, /For\s+10.0 s/, /wick: host=build/, /Pruned\s+nothing/])
    assert.match(said, want);
  await picture(p, 'about-light');
});

test('what was pruned is told', async c => {
  const p = await c.open(draw('pruned', pprof(stacks), ['--minwidth', '1%']));
  const said = /pruned ([0-9.]+) %/.exec(await text(p, '#account'));
  assert.ok(said && +said[1] > 1 && +said[1] < 100);
  await p.click('#about');
  assert.match(await text(p, '#aboutbox'), new RegExp(`Pruned\\s+${said[1]} % of the total`));
  await p.keyboard.press('Escape');
  await search(p, '^main$');
  assert.equal(await text(p, '#found'), '1 match, 100.00 %');
});

test('names and stacks can be copied', async c => {
  const p = await c.open(page(), { script: `Object.defineProperty(navigator, 'clipboard',
    { value: { writeText: t => { window.copied = t; return Promise.resolve(); } } });` });
  await hoverFrame(p, 'main');
  await p.keyboard.press('Control+c');
  assert.equal(await p.evaluate(() => window.copied), 'main');
  const { x, y } = await pointOf(p, 'main');
  await p.mouse.click(x, y, { button: 'right' });
  await p.getByRole('menuitem', { name: /Copy stack/ }).click();
  assert.equal(await p.evaluate(() => window.copied), `_start;main ${all}`);
});

test('a page that was cut off says so', async c => {
  const html = fs.readFileSync(page(), 'utf8'), file = page().replace('some.html', 'cut.html');
  fs.writeFileSync(file, html.replace(/(id="data">[A-Za-z0-9+/]{400})[A-Za-z0-9+/=]*/, '$1'));
  const p = await c.open(file, { broken: true });
  await p.waitForFunction(() => !document.getElementById('message').innerText.startsWith('Reading'));
  assert.match(await text(p, '#message'), /^This profile cannot be shown: /);
  c.trouble.splice(0, c.trouble.length, ...c.trouble.filter(t => !t.startsWith('error on the page')));
});
