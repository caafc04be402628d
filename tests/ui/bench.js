// SPDX-License-Identifier: Apache-2.0
// How long a browser takes over a large page of wick: to open it, to draw it anew, to search it. Beside it, in the
// same run, speedscope with the same stacks. Medians; one line a measurement, "NAME VALUE UNIT".
//
//   tests/ui/bench.sh	runs it
'use strict';
const { chromium } = require('playwright-core');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { random } = require('./profiles.js');

const work = path.resolve(process.env.UI_WORK), wick = path.resolve(process.env.WICK);
const ROUNDS = +process.env.ROUNDS || 5;
const median = list => [...list].sort((a, b) => a - b)[list.length >> 1];
const say = (name, v, unit) => console.log(`${name.padEnd(44)} ${v.toFixed(v < 10 ? 1 : 0).padStart(8)} ${unit}`);

// Folded stacks that make a tree of a little more than a million nodes.
function makeStacks(file) {
  const next = random(7), out = fs.openSync(file, 'w');
  const names = Array.from({ length: 20000 }, (_, i) => `${['engine', 'storage', 'network', 'parser'][i % 4]}::${'abcdefghij'[i % 10]
    .repeat(6)}::function_${i.toString(36).padStart(4, '0')}_of_it`);
  for (let chunk = 0; chunk < 100; chunk++) {
    let text = '';
    for (let i = 0; i < 1250; i++) {
      const stack = ['main', names[next() % 4], names[next() % 40], names[next() % 400]];
      for (let d = next() % 17; d > 0; d--)
        stack.push(names[next() % names.length]);
      text += `${stack.join(';')} ${next() % 100 + 1}\n`;
    }
    fs.writeSync(out, text);
  }
  fs.closeSync(out);
}

async function measureWick(browser, file, sums) {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  await page.goto('file://' + file);
  await page.waitForFunction(() => window.wick && wick.timing.openMs, null, { timeout: 120000 });
  const r = await page.evaluate(async () => {
    const frame = () => new Promise(requestAnimationFrame), box = document.querySelector('#flame canvas'), draws = [], searches = [];
    for (let i = 0; i < 15; i++) {
      box.dispatchEvent(new PointerEvent('pointermove', { clientX: 100 + i * 60, clientY: 700, bubbles: true }));
      await frame();
      await frame();
      draws.push(wick.timing.drawMs);
    }
    const search = document.getElementById('search');
    for (const text of ['engine::a', '_0[a-k]', 'zzz', 'function_00.*of_it$', 'o']) {
      search.value = text;
      const began = performance.now();
      search.dispatchEvent(new Event('input'));
      searches.push(performance.now() - began);
      await frame();
      await frame();
    }
    return { open: wick.timing.openMs, nodes: wick.timing.nodes, draws, searches };
  });
  sums.open.push(r.open);
  sums.draw.push(median(r.draws));
  sums.search.push(Math.max(...r.searches));
  sums.nodes = r.nodes;
  await page.close();
}

async function measurePicture(browser, file, times) {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  await page.goto('file://' + file, { waitUntil: 'load' });
  times.push(await page.evaluate(async () => {
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now();
  }));
  await page.close();
}

async function measureSpeedscope(browser, folder, stacks, sums) {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  await page.goto('file://' + path.join(folder, 'index.html'));
  const input = page.locator('input[type=file]');
  await input.waitFor({ state: 'attached' });
  const began = Date.now();
  await input.setInputFiles(stacks);
  await page.waitForFunction(() => /Left Heavy/.test(document.body.innerText) && document.querySelector('canvas'), null, { timeout: 300000 });
  await page.evaluate(() => new Promise(requestAnimationFrame));
  sums.speedscope.push(Date.now() - began);
  await page.close();
}

function draw(stacks, out, ...options) {
  const r = spawnSync(wick, ['flame', stacks, '-o', out, ...options], { encoding: 'utf8' });
  if (r.status)
    throw new Error(r.stderr);
}

async function main() {
  const stacks = path.join(work, 'bench.folded'), html = path.join(work, 'bench.html');
  const pictures = { 'as it is pruned': [], 'with three times the frames': ['--minwidth', '0.135'] };
  const pictureOf = what => path.join(work, `bench${Object.keys(pictures).indexOf(what)}.svg`);
  makeStacks(stacks);
  draw(stacks, html);
  // Of other stacks: half of these are too thin for any picture.
  for (const [what, options] of Object.entries(pictures))
    draw(process.env.PICTURE_STACKS, pictureOf(what), ...options);
  const sums = { open: [], draw: [], search: [], speedscope: [] };
  for (const what in pictures)
    sums[what] = [];
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: process.getuid() === 0 ? ['--no-sandbox'] : [] });
  const peer = process.env.SPEEDSCOPE;
  for (let i = 0; i < ROUNDS; i++) {
    await measureWick(browser, html, sums);
    for (const what in pictures)
      await measurePicture(browser, pictureOf(what), sums[what]);
    if (peer && i < 3)
      await measureSpeedscope(browser, peer, stacks, sums);
  }
  await browser.close();
  say('stacks', fs.statSync(stacks).size / 1e6, 'MB');
  say('page of wick', fs.statSync(html).size / 1e6, 'MB');
  say('its frames', sums.nodes, '');
  say('opens in', median(sums.open), 'ms');
  say('is drawn anew in', median(sums.draw), 'ms');
  say('is searched in (the slowest of five)', median(sums.search), 'ms');
  say('SVG: stacks', fs.statSync(process.env.PICTURE_STACKS).size / 1e6, 'MB');
  for (const what in pictures) {
    const file = pictureOf(what);
    say(`SVG ${what}`, fs.statSync(file).size / 1e6, 'MB');
    say('its frames', fs.readFileSync(file, 'utf8').split('<rect ').length - 1, '');
    say('opens in', median(sums[what]), 'ms');
  }
  if (sums.speedscope.length) {
    say('speedscope opens the same stacks in', median(sums.speedscope), 'ms');
    say('that is so many times wick\'s', median(sums.speedscope) / median(sums.open), 'times');
  } else {
    console.log('speedscope: not there (no network?)');
  }
}

main();
