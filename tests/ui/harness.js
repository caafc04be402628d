// SPDX-License-Identifier: Apache-2.0
// Runs the tests in test_*.js, each in a browser context of its own. Whatever a test looks at, its page must
// never load anything, run anything foreign, or throw.
'use strict';
const { spawnSync } = require('node:child_process');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const work = path.resolve(process.env.UI_WORK || 'build/ui'), wick = path.resolve(process.env.WICK || 'build/wick');
const WAIT = 60000; // other builds may run beside

// Writes @bytes as a profile and has wick draw it: the path of the page.
function draw(name, bytes, options = [], ending = 'html', base = null) {
  const input = path.join(work, name + '.pb'), out = path.join(work, `${name}.${ending}`);
  fs.writeFileSync(input, bytes);
  const args = ['flame', input, '-o', out, ...options];
  if (base) {
    fs.writeFileSync(path.join(work, name + '.base.pb'), base);
    args.push('--diff', path.join(work, name + '.base.pb'));
  }
  const r = spawnSync(wick, args, { encoding: 'utf8' });
  assert.equal(r.status, 0, `wick ${args.join(' ')}: ${r.stderr}`);
  return out;
}

class Case {
  constructor(browser) {
    Object.assign(this, { browser, contexts: [], trouble: [] });
  }

  // A page with the file open. @options: of the context; hash of the address; script to run before any other.
  async open(file, { hash = '', script = '', ...options } = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    this.contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT);
    this.watch(page, file);
    await page.addInitScript(`window.policyBroken = [];
      document.addEventListener('securitypolicyviolation', e => policyBroken.push(e.violatedDirective));
      window.alert = () => { policyBroken.push('alert'); };` + script);
    await page.goto('file://' + file + (hash && '#' + hash));
    if (file.endsWith('.html') && !options.broken)
      await ready(page);
    return page;
  }

  watch(page, file) {
    page.on('pageerror', e => this.trouble.push('error on the page: ' + e.stack));
    page.on('dialog', d => this.trouble.push('a dialog: ' + d.message()));
    page.on('popup', () => this.trouble.push('a window was opened'));
    page.on('request', r => {
      if (!r.url().startsWith('file://' + file) && !r.url().startsWith('data:'))
        this.trouble.push('a request for ' + r.url().slice(0, 200));
    });
  }

  async end() {
    for (const c of this.contexts) {
      for (const page of c.pages()) {
        const broken = await page.evaluate(() => window.policyBroken).catch(() => []);
        if (broken && broken.length)
          this.trouble.push('against the policy of the page: ' + broken.join(', '));
      }
      await c.close();
    }
    assert.deepEqual(this.trouble, []);
  }
}

// The picture is there and stands still.
async function ready(page) {
  await page.waitForFunction(() => window.wick && wick.timing.openMs !== undefined && wick.idle);
}

const frameOf = (page, name) => page.evaluate(n => wick.frames.find(f => f.name === n && !f.tiny), name);

// The middle of a frame of the flame graph, on the page.
async function pointOf(page, name) {
  await ready(page);
  const f = await frameOf(page, name), box = await page.locator('#flame canvas').boundingBox();
  assert.ok(f, `there is no frame ${name}`);
  return { x: box.x + (f.l + f.r) / 2, y: box.y + f.y + 9 };
}

async function clickFrame(page, name, options) {
  const { x, y } = await pointOf(page, name);
  await page.mouse.click(x, y, options);
  await ready(page);
}

async function hoverFrame(page, name) {
  const { x, y } = await pointOf(page, name);
  await page.mouse.move(x, y);
  await ready(page);
  return text(page, '#details');
}

const text = async (page, selector) => (await page.locator(selector).innerText()).replace(/\u202f/g, ' ').replace(/\u2212/g, '-');

async function picture(page, name) {
  await ready(page);
  await page.screenshot({ path: path.join(work, name + '.png') });
}

const tests = [];
global.test = (name, run) => tests.push({ name, run });

async function main() {
  for (const f of fs.readdirSync(__dirname).filter(n => /^test_.*\.js$/.test(n)).sort())
    require(path.join(__dirname, f));
  if (process.argv[2] === '--count')
    return console.log(tests.length);
  const { chromium } = require('playwright-core'), pattern = new RegExp(process.argv[2] || '');
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', timeout: WAIT,
    args: process.getuid() === 0 ? ['--no-sandbox'] : [] });
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, run } of tests.filter(t => pattern.test(t.name))) {
    const c = new Case(browser);
    try {
      await run(c);
      await c.end();
      count.passed++;
      console.log('ok   ui ' + name);
    } catch (e) {
      count.failed++;
      console.log(`FAIL ui ${name}\n${e.stack}\n${c.trouble.join('\n')}`);
      await Promise.all(c.contexts.map(x => x.close().catch(() => {})));
    }
  }
  await browser.close();
  console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  process.exit(count.failed ? 1 : 0);
}

module.exports = { assert, work, wick, draw, ready, frameOf, pointOf, clickFrame, hoverFrame, text, picture };
if (require.main === module) {
  require.cache[path.join(__dirname, 'harness.js')] = module;
  main();
}
