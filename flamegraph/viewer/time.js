// SPDX-License-Identifier: Apache-2.0
// When the samples were taken: a bar for each window of time, and a range of them to look at.

class TimeLine {
  // @chosen(first, last): windows that were chosen, or (null) for all.
  constructor(host, app, chosen) {
    Object.assign(this, { host, app, chosen, time: app.data.time, range: null });
    this.canvas = make('canvas', { tabindex: 0, role: 'slider', 'aria-label': 'Range of time', 'aria-valuemin': 0,
      'aria-valuemax': this.time.starts.length - 1, 'aria-valuenow': 0 });
    this.text = make('output', { class: 'when' });
    this.all = make('button', { type: 'button', text: 'Whole time', onclick: () => chosen(null) });
    host.append(this.canvas, make('div', { class: 'timetext' }, this.text, this.all));
    this.g = this.canvas.getContext('2d');
    new ResizeObserver(() => this.draw()).observe(host);
    this.listen();
  }

  set(range) {
    this.range = range;
    const [a, b] = range || [0, this.time.starts.length - 1];
    this.canvas.setAttribute('aria-valuenow', a);
    this.canvas.setAttribute('aria-valuetext', this.text.textContent = this.say(a, b));
    this.all.hidden = !range;
    this.draw();
  }

  get begin() {
    return this.time.starts[0];
  }

  get end() {
    return this.time.starts[this.time.starts.length - 1] + this.time.step;
  }

  // Times of day when the clock is known, else since the beginning.
  say(a, b) {
    const { time, app } = this, last = b + 1 < time.starts.length ? time.starts[b + 1] : this.end;
    let sum = 0;
    for (let k = a; k <= b; k++)
      sum += time.sums[k];
    const clock = ns => this.begin > 1e17 ? new Date(ns / 1e6).toLocaleTimeString() : amount(ns - this.begin, 'ns');
    return `${clock(time.starts[a])} – ${clock(last)} (${amount(last - time.starts[a], 'ns')}): ` +
      `${amount(sum * app.meta.ratio, app.meta.unit)}, ${percent(sum * app.meta.ratio, app.meta.weight)}`;
  }

  xOf(ns) {
    return (ns - this.begin) / (this.end - this.begin || 1) * this.width;
  }

  draw() {
    const { canvas, g, time, app } = this, ratio = window.devicePixelRatio || 1;
    const w = this.width = canvas.clientWidth, h = canvas.clientHeight;
    if (!w || !h)
      return;
    canvas.width = w * ratio;
    canvas.height = h * ratio;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    const most = time.sums.reduce((m, v) => Math.max(m, Math.abs(v)), 0) || 1, c = app.colours, n = time.starts.length;
    for (let k = 0; k < n; k++) {
      const l = this.xOf(time.starts[k]), r = this.xOf(k + 1 < n ? Math.min(time.starts[k + 1], time.starts[k] +
        4 * time.step) : this.end);
      const inside = !this.range || k >= this.range[0] && k <= this.range[1], high = Math.abs(time.sums[k]) / most * (h - 4);
      g.fillStyle = c.forced ? inside ? 'Highlight' : 'GrayText' : inside ? fill(c.dark, 28, 88, 0.2) : c.mist;
      g.fillRect(l, h - high, Math.max(0.7, r - l - (r - l > 3 ? 1 : 0)), high);
    }
    if (this.range) {
      const l = this.xOf(time.starts[this.range[0]]), k = this.range[1] + 1;
      const r = k < n ? this.xOf(time.starts[k]) : w;
      g.strokeStyle = c.quiet;
      g.strokeRect(l + 0.5, 0.5, Math.max(1, r - l - 1), h - 1);
    }
  }

  bucketAt(px) {
    const { starts } = this.time, ns = this.begin + Math.max(0, Math.min(1, px / this.width)) * (this.end - this.begin);
    let k = 0;
    while (k + 1 < starts.length && starts[k + 1] <= ns)
      k++;
    return k;
  }

  listen() {
    const c = this.canvas, n = this.time.starts.length;
    let from = null;
    const range = e => [from, this.bucketAt(e.offsetX)].sort((a, b) => a - b);
    listen(c, {
      pointerdown: e => {
        c.setPointerCapture(e.pointerId);
        from = this.bucketAt(e.offsetX);
        this.set([from, from]);
      },
      pointermove: e => {
        if (from !== null)
          this.set(range(e));
        else
          this.text.textContent = this.say(this.bucketAt(e.offsetX), this.bucketAt(e.offsetX));
      },
      pointerleave: () => from === null && this.set(this.range),
      pointerup: e => {
        if (from === null)
          return;
        const [a, b] = range(e);
        from = null;
        this.chosen(a === 0 && b === n - 1 ? null : [a, b]);
      },
      keydown: e => this.key(e),
    });
  }

  // Arrows move the range, with Shift they move its end; Home takes the whole time.
  key(e) {
    const n = this.time.starts.length, [a, b] = this.range || [0, n - 1], way = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (e.key === 'Home' || e.key === 'Escape' && this.range)
      this.chosen(null);
    else if (way && e.shiftKey)
      this.chosen([a, Math.max(a, Math.min(n - 1, b + way))]);
    else if (way && !this.range)
      this.chosen(way > 0 ? [0, 0] : [n - 1, n - 1]);
    else if (way && a + way >= 0 && b + way < n)
      this.chosen([a + way, b + way]);
    else if (!way)
      return;
    e.preventDefault();
    e.stopPropagation();
  }
}
