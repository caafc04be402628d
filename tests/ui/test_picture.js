// SPDX-License-Identifier: Apache-2.0
// The SVG picture in a browser: the same questions as to the page.
'use strict';
const fs = require('node:fs');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { assert, draw, text, work } = require('./harness.js');
const { pprof, someStacks, shareOf } = require('./profiles.js');
const { nasty } = require('./hostile.js');

const stacks = someStacks(500, 31);
let made;
const svg = () => made ||= draw('picture', pprof(stacks), ['--title', 'A server', '--minwidth', '0'], 'svg');
const box = (p, name) => p.evaluate(n => {
  const g = [...document.querySelectorAll('.frames > g')].find(e => e.querySelector('title').textContent.startsWith(n + ' ('));
  const r = g.querySelector('rect').getBoundingClientRect();
  return { x: r.x, y: r.y, width: r.width, height: r.height };
}, name);

async function clickFrame(p, name) {
  const b = await box(p, name);
  await p.mouse.click(b.x + b.width / 2, b.y + b.height / 2);
}

test('the picture opens, tells of a frame, zooms, and is reset', async c => {
  const p = await c.open(svg());
  await p.screenshot({ path: path.join(work, 'svg-light.png') });
  const whole = (await box(p, 'main')).width, child = 'read_page';
  assert.ok(whole > 1200);
  const b = await box(p, child);
  await p.mouse.move(b.x + b.width / 2, b.y + b.height / 2);
  const share = (100 * stacks.filter(s => s.stack[2].name === child).reduce((n, s) => n + s.value, 0) / shareOf(stacks, /./).all);
  const said = await p.locator('.details').textContent();
  assert.ok(said.includes(child) && said.includes(share.toFixed(2)), `${said}: ${share}`);
  await clickFrame(p, child);
  assert.ok(Math.abs((await box(p, child)).width - whole) < 3);
  const address = p.url();
  assert.match(address, /#z=/);
  await p.reload();
  assert.ok(Math.abs((await box(p, child)).width - whole) < 3, 'the address keeps the zoom');
  await p.goBack();
  assert.ok(Math.abs((await box(p, child)).width - b.width) < 3);
  await clickFrame(p, child);
  await p.locator('.reset').click();
  assert.ok(Math.abs((await box(p, child)).width - b.width) < 3);
});

test('the search of the picture counts each stack once', async c => {
  const p = await c.open(svg());
  await p.keyboard.press('Control+f');
  for (const [pattern, re] of [['page', /page/], ['^(read|write)_', /^(read|write)_/], ['main', /main/], ['^copy', /^copy/]]) {
    await p.locator('input[type=text]').fill(pattern);
    const said = await p.locator('.matched').textContent();
    const m = /^Matched: ([0-9.]+)% in [0-9]+ frames?$/.exec(said), want = shareOf(stacks, re).percent;
    assert.ok(m && Math.abs(m[1] - want) < 0.06, `${pattern}: ${said}, ${want}`);
  }
  await p.screenshot({ path: path.join(work, 'svg-search.png') });
  await p.locator('input[type=text]').fill('(');
  assert.match(await p.locator('.matched').textContent(), /nvalid regular expression/);
  await p.locator('input[type=text]').fill('no such name');
  assert.match(await p.locator('.matched').textContent(), /^Matched: 0.0% in 0 frames/);
});

test('names in a picture are shown and never obeyed', async c => {
  const stack = nasty.map(name => ({ name, file: '/tmp/"><script>alert(5)</script>' }));
  const file = draw('hostile', pprof([...stack.map((f, i) => ({ stack: [f], value: 20 + i })), { stack, value: 40 }]),
    ['--title', '</title><script>alert(8)</script>', '--subtitle', ']]><script>alert(9)</script>', '--notes', '--><script>alert(10)</script>'], 'svg');
  const lint = spawnSync('python3', ['-c', 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])', file], { encoding: 'utf8' });
  assert.equal(lint.status, 0, lint.stderr);
  const p = await c.open(file);
  assert.equal(await p.evaluate(() => document.querySelectorAll('script').length), 1);
  assert.equal(await p.evaluate(() => document.querySelectorAll('img').length), 0);
  await p.screenshot({ path: path.join(work, 'svg-hostile.png') });
  await clickFrame(p, '<img src=x onerror=alert(2)>');
  await p.keyboard.press('Control+f');
  await p.locator('input[type=text]').fill('<img');
  assert.match(await p.locator('.matched').textContent(), /^Matched: [1-9]/);
});

test('a picture without a script is a picture', async c => {
  const file = draw('plain', pprof(stacks), ['--no-js'], 'svg');
  assert.ok(!/<script|onload|onclick/.test(fs.readFileSync(file, 'utf8')));
  const p = await c.open(file);
  assert.ok((await box(p, 'main')).width > 1000);
  await p.screenshot({ path: path.join(work, 'svg-plain.png') });
});

test('a picture of a difference has its numbers', async c => {
  const later = stacks.filter(s => !s.stack.some(f => f.name === 'hash_page'));
  const file = draw('svgdiff', pprof(later), [], 'svg', pprof(stacks)), p = await c.open(file);
  const was = shareOf(stacks, /^do_syscall_64$/), now = shareOf(later, /^do_syscall_64$/);
  assert.ok(was.hit > now.hit);
  assert.match(await p.evaluate(() => [...document.querySelectorAll('.frames title')].map(t => t.textContent).join('\n')),
    /[+-]\d+\.\d+ ?%/);
  await p.screenshot({ path: path.join(work, 'svg-diff.png') });
});
