// SPDX-License-Identifier: Apache-2.0
// The picture of a tree on a canvas of the size of the window: only what is in sight and wider than half a
// pixel is looked at, so a million nodes cost what a thousand do.

const ROW = 19, PAD = 4, PRUNE = 0.5, FONT = '12px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';

class FlameView {
  // @host: the element that scrolls. @app: colours, data, and what is to happen: hover(view, hit),
  // zoom(view, node), menu(view, node, x, y), select(view, node). @rootless: the root of all is not drawn.
  constructor(host, app, label, rootless) {
    Object.assign(this, { host, app, first: rootless ? 1 : 0, tree: null, icicle: false, match: null, hover: null, selected: -1 });
    this.spacer = host.appendChild(document.createElement('div'));
    this.canvas = this.spacer.appendChild(document.createElement('canvas'));
    this.spacer.className = 'spacer';
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute('role', 'application');
    this.canvas.setAttribute('aria-roledescription', 'flame graph');
    this.canvas.setAttribute('aria-label', label);
    this.g = this.canvas.getContext('2d');
    this.range = this.goal = [0, 1];
    this.hits = [];
    listen(host, { scroll: () => this.redraw() });
    new ResizeObserver(() => this.resize()).observe(host);
    this.listen();
  }

  setTree(tree, icicle) {
    const fresh = tree !== this.tree || icicle !== this.icicle;
    Object.assign(this, { tree, icicle });
    if (fresh) {
      this.selected = -1;
      this.hover = null;
      this.zoomed = 0;
      this.range = this.goal = [0, tree.w[0] || 1];
      this.resize();
      this.host.scrollTop = icicle ? 0 : this.host.scrollHeight;
    }
    this.redraw();
  }

  resize() {
    const { host, canvas } = this, ratio = window.devicePixelRatio || 1;
    const shrunk = this.height - host.clientHeight || 0;
    this.width = host.clientWidth;
    this.height = host.clientHeight;
    if (!this.tree || !this.width || !this.height)
      return;
    canvas.width = Math.round(this.width * ratio);
    canvas.height = Math.round(this.height * ratio);
    canvas.style.width = this.width + 'px';
    canvas.style.height = this.height + 'px';
    this.ratio = ratio;
    this.measure();
    if (!this.icicle && shrunk > 0)
      host.scrollTop += shrunk;
    this.redraw();
  }

  // The height of all that is wide enough to be seen in the range that is shown or about to be.
  measure() {
    const { tree, goal: [x0, x1], width } = this, { n, x, w, size, depth } = tree, s = width / (x1 - x0);
    let max = 0;
    for (let i = 0; i < n;) {
      if (w[i] * s < PRUNE || (x[i] + w[i] - x0) * s <= 0 || (x[i] - x0) * s >= width) {
        i += size[i];
        continue;
      }
      if (depth[i] > max)
        max = depth[i];
      i++;
    }
    const old = this.full;
    this.full = Math.max((max + 1 - this.first) * ROW + 2, this.height);
    this.spacer.style.height = this.full + 'px';
    if (!this.icicle && old && old !== this.full)
      this.host.scrollTop += this.full - old;
  }

  top(depth, scrolled = this.host.scrollTop) {
    depth -= this.first;
    return (this.icicle ? depth * ROW : this.full - (depth + 1) * ROW) - scrolled;
  }

  redraw() {
    if (!this.pending)
      this.pending = requestAnimationFrame(now => {
        this.pending = 0;
        this.step(now);
        this.draw();
      });
  }

  // --- zoom --------------------------------------------------------------------------------------

  zoomTo(i, instant) {
    const t = this.tree;
    this.zoomed = i;
    this.show([t.x[i], t.x[i] + (t.w[i] || 1)], instant);
    this.reveal(i);
  }

  show([x0, x1], instant) {
    const all = this.tree.w[0] || 1, span = Math.min(all, Math.max(x1 - x0, all / 1e9));
    const from = Math.max(0, Math.min(x0, all - span));
    this.goal = [from, from + span];
    if (!this.width)
      instant = true;
    if (instant || matchMedia('(prefers-reduced-motion: reduce)').matches)
      this.range = this.goal;
    this.move = { from: this.range, start: 0 };
    if (this.width)
      this.measure();
    this.redraw();
  }

  step(now) {
    const { move, goal } = this;
    if (this.range === goal)
      return;
    move.start ||= now;
    const k = Math.min(1, (now - move.start) / 170), ease = 1 - (1 - k) ** 3;
    this.range = k >= 1 ? goal : move.from.map((v, e) => v + (goal[e] - v) * ease);
    this.redraw();
  }

  // Zooms by @factor around @at (0 … 1 of the width), pans by @by of the width.
  scale(factor, at = 0.5) {
    const [x0, x1] = this.goal, c = x0 + (x1 - x0) * at;
    this.show([c - (c - x0) * factor, c + (x1 - c) * factor], true);
  }

  pan(by, instant = true) {
    const [x0, x1] = this.goal, d = (x1 - x0) * by;
    this.show([x0 + d, x1 + d], instant);
  }

  reveal(i) {
    const y = this.top(this.tree.depth[i]);
    if (y < 0)
      this.host.scrollTop += y - ROW;
    else if (y + ROW > this.height)
      this.host.scrollTop += y + 2 * ROW - this.height;
  }

  // --- drawing -----------------------------------------------------------------------------------

  draw() {
    const { g, tree, width, height, ratio } = this;
    if (!tree || !width || !height)
      return;
    const began = performance.now();
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    g.font = FONT;
    g.textBaseline = 'middle';
    this.charWidth ||= g.measureText('mmmmmmmmmm').width / 10;
    this.hits = [];
    this.walk();
    this.marks();
    this.drawMs = performance.now() - began;
  }

  // Looks at every node that may be seen, and draws it.
  walk() {
    const { tree, range: [x0, x1], width, height, icicle } = this, { n, x, w, size, depth, parent } = tree;
    const s = width / (x1 - x0), scrolled = this.host.scrollTop;
    const tiny = { y: -1, from: 0, to: 0, n: 0, first: 0 };
    for (let i = 0; i < n;) {
      const l = (x[i] - x0) * s, r = l + w[i] * s;
      if (l >= width && i) {
        i = parent[i] + size[parent[i]];
        continue;
      }
      const y = this.top(depth[i], scrolled);
      if (r <= 0 || (icicle ? y > height : y < -ROW)) {
        i += size[i];
        continue;
      }
      if (r - l < PRUNE) {
        this.addTiny(tiny, i, y, l, r);
        i += size[i];
        continue;
      }
      if (y >= -ROW && y <= height && i >= this.first)
        this.frame(i, Math.max(0, l), y, Math.min(width, r));
      i++;
    }
    this.addTiny(tiny, 0, -1, 0, 0);
  }

  // Neighbours too narrow to be drawn are one light stripe, so no hole shows where something is.
  addTiny(tiny, i, y, l, r) {
    if (tiny.n && tiny.y === y && l - tiny.to < 0.25) {
      tiny.to = r;
      tiny.n++;
      return;
    }
    if (tiny.n && tiny.to - tiny.from >= PRUNE && tiny.y > -ROW && tiny.y < this.height) {
      this.g.fillStyle = this.app.colours.mist;
      this.g.fillRect(tiny.from, tiny.y + 1, Math.max(0.5, tiny.to - tiny.from), ROW - 2);
      if (tiny.to - tiny.from >= 2)
        this.hits.push({ i: tiny.first, tiny: tiny.n, l: tiny.from, r: tiny.to, y: tiny.y });
    }
    Object.assign(tiny, { y, from: l, to: r, n: i ? 1 : 0, first: i });
  }

  frame(i, l, y, r) {
    const { g, tree, app, match, hover } = this, c = app.colours, f = tree.frame[i];
    const w = r - l, gap = w > 3 ? 1 : 0, hit = match && i && match[f];
    g.fillStyle = hit ? c.match : match || !i ? c.faded : c.of(tree, i);
    g.fillRect(l, y, w - gap, ROW - 1);
    if (c.forced) {
      g.strokeStyle = 'CanvasText';
      g.strokeRect(l + 0.5, y + 0.5, w - 1, ROW - 2);
    }
    if (tree.baseTotal && i && !match)
      this.bar(i, l, y, w - gap);
    if (hover && i && hover.fn === app.data.frames.fn[f]) {
      g.strokeStyle = c.quiet;
      g.lineWidth = 1;
      g.strokeRect(l + 0.5, y + 0.5, Math.max(0, w - gap - 1), ROW - 2);
    }
    this.hits.push({ i, l, r, y });
    if (w > 3 * this.charWidth + 2 * PAD)
      this.label(i, l, y, w - gap, hit);
  }

  label(i, l, y, w, hit) {
    const { g, tree, app } = this, c = app.colours, room = Math.floor((w - 2 * PAD) / this.charWidth);
    const change = tree.baseTotal && i ? points(tree.total[i] - tree.baseTotal[i] * tree.scale, app.meta.weight) : '';
    const [name, short] = app.names(tree, i, this);
    let text = change && room > change.length + 6
      ? fit(name, short, room - change.length - 2) + '  ' + change : fit(name, short, room);
    // Characters that are not of the font's width are cut to the frame by force.
    if (/[^\x20-\x7e…\u2212\u202f]/.test(text))
      while (text.length > 1 && g.measureText(text).width > w - 2 * PAD)
        text = text.slice(0, -2) + '…';
    g.fillStyle = c.forced && hit ? 'MarkText' : hit || i && !this.match ? c.ink : c.quiet;
    g.fillText(text, l + PAD, y + ROW / 2);
  }

  // How much of the frame is the difference: a second sign beside the colour.
  bar(i, l, y, w) {
    const { g, tree, app } = this, now = Math.abs(tree.total[i]), before = Math.abs(tree.baseTotal[i] * tree.scale);
    const d = Math.max(now, before) ? (now - before) / Math.max(now, before) : 0;
    if (Math.abs(d) * w < 1)
      return;
    g.fillStyle = app.colours.forced ? 'CanvasText' : (d > 0 ? app.colours.dark ? '#8a1a08' : '#c8321c' : app.colours.dark ? '#0f3b85' : '#2267c4');
    g.fillRect(d > 0 ? l + w * (1 - d) : l, y + ROW - 4, w * Math.abs(d), 3);
  }

  // The frame that is selected and the match that is visited.
  marks() {
    const { g, app, tree } = this, [x0, x1] = this.range, s = this.width / (x1 - x0);
    for (const i of [this.selected, this.visited]) {
      if (!(i > 0) || i >= tree.n)
        continue;
      const l = Math.max(1, (tree.x[i] - x0) * s), r = Math.min(this.width - 1, (tree.x[i] + tree.w[i] - x0) * s);
      if (r < 0 || l > this.width)
        continue;
      g.strokeStyle = app.colours.forced ? 'Highlight' : app.colours.dark ? '#fff' : '#000';
      g.lineWidth = 2;
      g.strokeRect(l, this.top(tree.depth[i]) + 1, Math.max(2, r - l - 1), ROW - 3);
      g.lineWidth = 1;
    }
  }

  hitAt(px, py) {
    return this.hits.find(h => px >= h.l && px < h.r && py >= h.y && py < h.y + ROW) || null;
  }

  // --- mouse and keys ----------------------------------------------------------------------------

  listen() {
    const at = e => this.hitAt(e.offsetX, e.offsetY);
    let down = null;
    listen(this.canvas, {
      pointerdown: e => {
        if (e.button === 0)
          down = { x: e.clientX, y: e.clientY, goal: this.goal, top: this.host.scrollTop, moved: false };
      },
      pointermove: e => {
        if (down && e.buttons & 1 && e.pointerType === 'mouse')
          this.drag(e, down);
        else
          this.setHover(at(e));
      },
      pointerleave: () => this.setHover(null),
      click: e => {
        const hit = at(e), moved = down && down.moved;
        down = null;
        if (hit && !moved)
          this.app.zoom(this, hit.i);
      },
      contextmenu: e => {
        const hit = at(e);
        if (hit && hit.i) {
          e.preventDefault();
          this.app.menu(this, hit.i, e.clientX, e.clientY);
        }
      },
      keydown: e => this.key(e),
      blur: () => this.redraw(),
    });
    listen(this.canvas, { wheel: e => this.wheel(e) }, { passive: false });
  }

  drag(e, down) {
    const dx = e.clientX - down.x;
    if (!down.moved && Math.hypot(dx, e.clientY - down.y) <= 3)
      return;
    if (!down.moved)
      this.canvas.setPointerCapture(e.pointerId);
    down.moved = true;
    const d = dx / this.width * (down.goal[1] - down.goal[0]);
    this.show([down.goal[0] - d, down.goal[1] - d], true);
    this.host.scrollTop = down.top - (e.clientY - down.y);
  }

  wheel(e) {
    if (e.ctrlKey || e.metaKey)
      this.scale(Math.exp(Math.max(-60, Math.min(60, e.deltaY)) / 150), e.offsetX / this.width);
    else if (Math.abs(e.deltaX) > Math.abs(e.deltaY))
      this.pan(e.deltaX / this.width);
    else
      return;
    e.preventDefault();
  }

  setHover(hit) {
    const fn = hit && hit.i && !hit.tiny ? this.app.data.frames.fn[this.tree.frame[hit.i]] : -1;
    this.canvas.style.cursor = hit ? 'pointer' : '';
    this.hover = hit && { i: hit.i, fn };
    this.app.hover(this, hit);
    this.redraw();
  }

  // Arrows go from frame to frame as they lie on the screen.
  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey)
      return;
    const t = this.tree, i = this.selected > 0 ? this.selected : this.zoomed || 0;
    const towardsRoot = this.icicle ? 'ArrowUp' : 'ArrowDown', away = this.icicle ? 'ArrowDown' : 'ArrowUp';
    let to = -1;
    if (e.key === towardsRoot)
      to = Math.max(0, t.parent[i]);
    else if (e.key === away)
      to = t.children(i).reduce((best, c) => best < 0 || t.w[c] > t.w[best] ? c : best, -1);
    else if (e.key === 'ArrowLeft' || e.key === 'ArrowRight')
      to = this.beside(i, e.key === 'ArrowLeft' ? -1 : 1);
    else if (e.key === 'Enter')
      this.app.zoom(this, i);
    else if (e.key === 'ContextMenu' || e.key === 'F10' && e.shiftKey)
      this.app.menu(this, i, this.canvas.getBoundingClientRect().left + 40, this.canvas.getBoundingClientRect().top + 40);
    else
      return;
    e.preventDefault();
    e.stopPropagation();
    if (to >= 0)
      this.select(to);
  }

  // The next frame of the same depth to the left or right.
  beside(i, way) {
    const t = this.tree, d = t.depth[i];
    for (let k = i + way; k > 0 && k < t.n; k += way)
      if (t.depth[k] === d)
        return k;
    return i;
  }

  select(i) {
    this.selected = i;
    const t = this.tree, [x0, x1] = this.goal, s = (x1 - x0) / 20;
    if (t.x[i] + t.w[i] < x0 + s || t.x[i] > x1 - s)
      this.show([t.x[i] + t.w[i] / 2 - (x1 - x0) / 2, t.x[i] + t.w[i] / 2 + (x1 - x0) / 2]);
    this.reveal(i);
    this.app.select(this, i);
    this.redraw();
  }
}
