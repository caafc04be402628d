// SPDX-License-Identifier: Apache-2.0
// How the page looks to different people, and what it does with names that mean harm.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const { assert, draw, ready, frameOf, clickFrame, text, picture } = require('./harness.js');
const { pprof, someStacks } = require('./profiles.js');
const { nasty } = require('./hostile.js');

let made;
const page = () => made ||= draw('looks', pprof(someStacks(600, 9, 30)));

// --- colours, by the formula of WCAG -----------------------------------------------------------------

const channel = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const contrast = (a, b) => {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
};

function rgb(text) {
  const hex = /^#(..)(..)(..)$/.exec(text);
  assert.ok(hex, 'a colour: ' + text);
  return hex.slice(1).map(x => parseInt(x, 16) / 255);
}

test('text can be read on every colour', async () => {
  const source = ['data.js', 'look.js'].map(f => fs.readFileSync(path.join(__dirname, '../../flamegraph/viewer', f), 'utf8')).join('\n');
  const { Colours, MODES } = vm.runInNewContext(source + '\n;({ Colours, MODES })', {});
  const names = Array.from({ length: 2000 }, (_, i) => 'name_' + i), n = names.length;
  const frames = { name: names.map((_, i) => i), object: names.map((_, i) => i), kind: names.map((_, i) => i % 5), n };
  const steps = Array.from({ length: 101 }, (_, i) => i);
  let looked = 0;
  for (const mode of Object.keys(MODES))
    for (const dark of [false, true]) {
      const c = new Colours({ frames, strings: names });
      c.set(mode, dark, false);
      const fills = mode === 'self' ? steps.map(i => c.ofShare(i / 100))
        : mode === 'diff' ? steps.flatMap(i => [c.ofChange(i, 100), c.ofChange(100, i)]) : names.map((_, f) => c.ofFrame(f));
      for (const [f, ink] of [...[...fills, c.match].map(f => [f, c.ink]), [c.faded, c.quiet]]) {
        const ratio = contrast(rgb(f), rgb(ink));
        assert.ok(ratio >= 4.5, `${mode}, ${dark ? 'dark' : 'light'}: ${f} has ${ratio.toFixed(2)}`);
        looked++;
      }
    }
  assert.ok(looked > 10000);
});

test('dark and light follow the system, and what was chosen stays', async c => {
  const p = await c.open(page(), { colorScheme: 'dark' });
  const ground = () => p.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number)[0]);
  assert.ok(await ground() < 60);
  await picture(p, 'flame-dark');
  await p.click('#dark');
  assert.ok(await ground() > 200);
  await p.reload();
  await ready(p);
  assert.ok(await ground() > 200, 'kept');
  await p.click('#dark');
  assert.ok(await ground() < 60);
  const light = await c.open(page(), { colorScheme: 'light' });
  assert.ok(await light.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number)[0]) > 200);
});

test('who wants no motion gets none', async c => {
  const moves = async reducedMotion => {
    const p = await c.open(page(), { reducedMotion });
    return p.evaluate(async () => {
      const f = wick.frames.find(x => x.name === 'read_page' && !x.tiny), canvas = document.querySelector('#flame canvas');
      const box = canvas.getBoundingClientRect(), at = { clientX: box.left + (f.l + f.r) / 2, clientY: box.top + f.y + 8, bubbles: true };
      let steps = 0;
      canvas.dispatchEvent(new MouseEvent('click', at));
      while (!wick.idle) {
        steps++;
        await new Promise(requestAnimationFrame);
      }
      return steps;
    });
  };
  assert.ok(await moves('reduce') <= 1);
  const p = await c.open(page(), { reducedMotion: 'reduce' });
  await clickFrame(p, 'main');
  assert.ok((await frameOf(p, 'main')).r > 1270);
});

test('forced colours are respected', async c => {
  const p = await c.open(page(), { forcedColors: 'active' });
  await picture(p, 'flame-forced');
  const pixel = await p.evaluate(() => {
    const canvas = document.querySelector('#flame canvas'), g = canvas.getContext('2d');
    const f = wick.frames.find(x => x.name === 'main');
    return [...g.getImageData(f.r - 12, f.y + 6, 1, 1).data].slice(0, 3);
  });
  assert.ok(pixel.every(v => v === pixel[0]), 'no colour of ours: ' + pixel);
});

test('the page fits a telephone', async c => {
  for (const colorScheme of ['light', 'dark']) {
    const p = await c.open(page(), { viewport: { width: 400, height: 800 }, colorScheme });
    for (const view of ['flame', 'table', 'tree', 'sandwich']) {
      await p.locator(`[data-view=${view}]`).click();
      await ready(p);
      const over = await p.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${view}: ${over} pixels too wide`);
      assert.ok((await p.locator('main').boundingBox()).height > 250);
      await picture(p, `${view}-400-${colorScheme}`);
    }
  }
});

test('on a fine screen lines are fine', async c => {
  const p = await c.open(page(), { deviceScaleFactor: 2 });
  assert.deepEqual(await p.evaluate(() => { const x = document.querySelector('#flame canvas'); return [x.width, x.clientWidth]; }), [2560, 1280]);
  await p.setViewportSize({ width: 900, height: 600 });
  await p.waitForFunction(() => document.querySelector('#flame canvas').width === 1800);
});

test('a stack of 30,000 frames can be scrolled', async c => {
  const deep = Array.from({ length: 30000 }, (_, i) => ({ name: 'level_' + i % 50, file: '/usr/bin/deep' }));
  const p = await c.open(draw('deep', pprof([{ stack: deep, value: 3 }, { stack: deep.slice(0, 5), value: 1 }])), { hash: 'icicle=1' });
  assert.ok(await p.evaluate(() => wick.frames.length < 200));
  await p.evaluate(() => { document.querySelector('#flame .scroll').scrollTop = 1e9; });
  await p.waitForFunction(() => wick.idle && wick.frames.some(f => f.name === 'level_49'));
  await p.keyboard.press('i');
  await ready(p);
  await p.keyboard.press('3');
  await p.fill('#search', '^level_49$');
  assert.equal(await text(p, '#found'), '1 match, 75.00 %');
});

// --- names that mean harm ----------------------------------------------------------------------------

test('names are shown and never obeyed', async c => {
  const file = draw('hostile', pprof([...nasty.map((name, i) => ({ stack: [{ name: 'main', file: '/<b>bin</b>' }, { name,
    file: '/tmp/"><script>alert(5)</script>', source: '</style><script>alert(6)</script>', line: 3 }], value: 20 + i })),
  { stack: nasty, value: 40 }], { comments: ['<script>alert(7)</script>', 'wick: ticks=<b>'], type: '<i>', unit: '</title>' }),
  ['--title', '</title><script>alert(8)</script>']);
  const html = fs.readFileSync(file, 'utf8');
  assert.equal(html.split(/<script/i).length, 3, 'two blocks: the data and the viewer');
  const p = await c.open(file);
  assert.equal(await p.title(), '</title><script>alert(8)</script>');
  const names = await p.evaluate(() => wick.frames.map(f => f.name));
  for (const want of ['</script><script>alert(1)</script>', ']]>', '"quo\'ted"', '<img src=x onerror=alert(2)>', '\\x1b[31mred\\x07',
    '\\u202eevil', '__proto__', 'constructor', '\ufffd\ufffdA\ufffd('])
    assert.ok(names.includes(want), want);
  assert.ok(names.some(n => /^x{4000,}…$/.test(n)), 'a long name is cut, and says so');
  await picture(p, 'hostile-light');
  for (const view of ['table', 'tree', 'sandwich', 'flame'])
    await p.locator(`[data-view=${view}]`).click();
  await p.click('#about');
  assert.match(await text(p, '#aboutbox'), /<script>alert\(7\)<\/script>/);
  await p.keyboard.press('Escape');
  await clickFrame(p, '<img src=x onerror=alert(2)>');
  await clickFrame(p, '<img src=x onerror=alert(2)>', { button: 'right' });
  await p.getByRole('menuitem', { name: /Focus/ }).click();
  assert.match(await text(p, '#chips'), /<img src=x onerror=alert/);
  assert.equal(await p.evaluate(() => document.querySelectorAll('img, b, i:not(#legend i)').length), 2,
    'only the numbers of the details are bold');
});

test('the policy of the page holds if all else fails', async c => {
  const p = await c.open(page());
  const got = await p.evaluate(async () => {
    const s = document.createElement('script');
    s.textContent = 'window.ran = true';
    document.body.append(s);
    const d = document.createElement('div');
    d.innerHTML = '<img src="data:,x" onerror="window.ran = true">';
    document.body.append(d);
    let fetched = false, evaluated = false;
    await fetch('https://127.0.0.1/').then(() => { fetched = true; }, () => {});
    await new Promise(r => setTimeout(() => {
      try { evaluated = (0, eval)('true'); } catch { /* as it should be */ }
      r();
    }));
    await new Promise(r => setTimeout(r, 100));
    const out = { ran: window.ran === true, fetched, evaluated, broken: policyBroken.length };
    policyBroken.length = 0;
    return out;
  });
  assert.ok(got.broken >= 3, 'each attempt was stopped by the policy');
  assert.deepEqual({ ...got, broken: 0 }, { ran: false, fetched: false, evaluated: false, broken: 0 });
});
