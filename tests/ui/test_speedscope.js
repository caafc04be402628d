// SPDX-License-Identifier: Apache-2.0
// Files that speedscope itself has written, by its button, are read as what it was given: it makes events of samples
// and tables of frames of its own.
'use strict';
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { assert, work, wick } = require('./harness.js');
const { pprof, someStacks } = require('./profiles.js');

const wickSays = (...args) => execFileSync(wick, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
const folded = (file, type) => wickSays('convert', file, '-o', '-', '--format', 'folded', ...(type ? ['--sample-type', type] : []))
  .split('\n').sort();
const sum = lines => lines.reduce((n, l) => n + Number(l.slice(l.lastIndexOf(' ') + 1) || 0), 0);

// Has speedscope open @file and export it: the path of what it wrote.
async function exported(c, file) {
  const speedscope = path.join(path.dirname(require.resolve('speedscope/package.json')), 'dist/release/index.html');
  const context = await c.browser.newContext({ acceptDownloads: true });
  c.contexts.push(context);
  const page = await context.newPage(), name = path.basename(file), load = path.join(work, name + '.js'),
    out = path.join(work, 'exported-' + name);
  page.setDefaultTimeout(60000);
  page.on('pageerror', e => c.trouble.push('error of speedscope: ' + e.stack));
  fs.writeFileSync(load, `speedscope.loadFileFromBase64(${JSON.stringify(name)}, '${fs.readFileSync(file).toString('base64')}')`);
  await page.goto(`file://${speedscope}#localProfilePath=${load.slice(1)}`);
  await page.waitForFunction(() => / - speedscope$/.test(document.title));
  const download = page.waitForEvent('download');
  await page.getByText('Export').first().click();
  const d = await download;
  assert.match(d.suggestedFilename(), /\.speedscope\.json$/);
  await d.saveAs(out);
  assert.match(JSON.parse(fs.readFileSync(out)).exporter, /^speedscope@/);
  return out;
}

test('speedscope: what it exports of a profile of ours has the same stacks and totals', async c => {
  const input = path.join(work, 'to-speedscope.pb'), file = path.join(work, 'ours.speedscope.json');
  fs.writeFileSync(input, pprof(someStacks(800, 11)));
  wickSays('convert', input, '-o', file);
  const out = await exported(c, file), before = folded(file), after = folded(out);
  assert.ok(sum(before) > 1000);
  assert.equal(sum(after), sum(before));
  assert.deepEqual(after, before);
  // Of the same type, which its name tells.
  assert.equal(wickSays('report', '--top', out).split('\n')[0], wickSays('report', '--top', file).split('\n')[0]);
});

test('speedscope: what it exports of several profiles, of any units, with odd names, is read as they are', async c => {
  const names = ['main', 'a "quoted" \\ name', '</script><b>&amp;', 'tab\tnewline\nnul\u0000end', 'мир 🌍 \u202eRTL',
    '__proto__', 'x'.repeat(3000), 'same', 'same'];
  const frames = names.map((name, i) => i % 2 ? { name, file: `dir/f ${i}.c`, line: i, col: i } : { name });
  const o = (frame, at) => ({ type: 'O', frame, at }), e = (frame, at) => ({ type: 'C', frame, at });
  const doc = { $schema: 'https://www.speedscope.app/file-format-schema.json', exporter: 'by hand', name: 'four',
    activeProfileIndex: 1, shared: { frames }, profiles: [
      { type: 'evented', name: 'thread one', unit: 'milliseconds', startValue: 0.5, endValue: 30, events: [
        o(0, 1), o(1, 2.25), e(1, 3), o(5, 3), o(6, 3.125), e(6, 7), e(5, 7), e(0, 10), o(0, 20), o(7, 21), o(8, 22), e(8, 23),
        e(7, 24), e(0, 25.5)] },
      { type: 'sampled', name: 'heap', unit: 'bytes', startValue: 0, endValue: 400,
        samples: [[0, 2], [0, 3, 4], [0]], weights: [100, 200, 100] },
      { type: 'sampled', name: 'thread two', unit: 'seconds', startValue: 0, endValue: 1.75,
        samples: [[0, 4, 0, 4], [0]], weights: [1.5, 0.25] },
      { type: 'sampled', name: 'counted', unit: 'none', startValue: 0, endValue: 5,
        samples: [[0, 1], [0, 1], [0, 2]], weights: [1, 1, 3] }] };
  const file = path.join(work, 'many.speedscope.json'), totals = { time: 9e6 + 5.5e6 + 1.75e9, space: 400, samples: 5 };
  fs.writeFileSync(file, JSON.stringify(doc));
  const out = await exported(c, file);
  for (const [type, total] of Object.entries(totals)) {
    assert.equal(sum(folded(out, type)), total, type);
    assert.deepEqual(folded(out, type), folded(file, type), type);
  }
  // The profile that was shown is shown first: that of bytes.
  for (const f of [file, out])
    assert.match(wickSays('report', '--top', f), /^space: 400/);
  // Each profile's name is that of a thread.
  const threads = f => wickSays('convert', f, '-o', '-', '--format', 'folded', '--by', 'thread', '--sample-type', 'time').split('\n').sort();
  assert.deepEqual(threads(out), threads(file));
  assert.ok(threads(out).some(l => /^thread: thread two;main;/.test(l)));
});
