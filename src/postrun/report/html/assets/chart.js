// One chart: lines over an x axis, drawn by uPlot. A provider tells what to draw on the chosen axis:
//   provider() -> { axis, title, lines: [{label, x, y, colour, dash, faint, exact}], bands, marks,
//                   window, levels, legend }
// so that runs, evidence and comparisons share everything below.
const built = new Set();
const BAD_MARKS = 300;
const WHOLE = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((p) => [1, 2, 5].map((k) => k * 10 ** p));

class Chart {
  constructor(host, options, provider) {
    this.host = host;
    this.options = options;      // title, unit, height, log, linked
    this.unit = unitScale(options.unit);
    this.provider = provider;
    this.hidden = new Set();     // labels switched off in the legend
    this.plot = null;
    this.stale = false;
    this.frame = el("div", {
      class: "frame", tabindex: 0, role: "group", "aria-label": options.title + ": chart",
      "aria-describedby": "chart-keys", onkeydown: (e) => this.key(e),
    });
    this.note = el("span", { class: "note" });
    this.across = el("span", { class: "note across" });  // its x axis, where that is not the chosen one
    const enlarge = el("button", {
      type: "button", class: "enlarge", title: "Enlarge", "aria-label": "Enlarge " + options.title,
      "aria-pressed": "false", onclick: () => this.enlarge(enlarge),
    }, "⤢");
    this.legend = el("div", { class: "legend" });
    this.tip = el("div", { class: "tip", hidden: true, role: "status" });
    host.append(
      el("div", { class: "head" },
        el("div", { class: "title", title: options.title }, ...options.title.split(/(?<=[/._])/).flatMap((part) => [part, el("wbr")])), this.across, this.note, this.menu(), enlarge),
      this.frame, this.legend,
    );
    this.frame.append(this.tip);
    host.chart = this;
  }

  enlarge(button) {
    const wide = this.host.classList.toggle("wide");
    button.setAttribute("aria-pressed", String(wide));
    this.rebuild();
  }

  ensure() {
    if (!this.plot) this.build();
    else if (this.stale) this.follow();
  }

  rebuild() {
    if (!this.plot) return;
    this.drop();
    this.build();
  }

  drop() {
    if (this.plot) this.plot.destroy();
    this.plot = null;
    built.delete(this);
  }

  // Lines as uPlot takes them: finite or null, on one x; what is not finite becomes a mark.
  prepare(drawn, log) {
    const tables = [], series = [];
    this.bad = [];
    let same = true;
    // Many raw curves would hide the smooth ones, and a crowd of them costs more than it shows.
    const behind = drawn.lines.length > 8 ? 0.08 : 0.25, crowd = drawn.lines.length > 40;
    for (const line of drawn.lines) {
      const [x, raw] = ordered(line.x, line.y);
      let y = raw;
      for (let i = 0; i < raw.length; i++) {
        const v = raw[i];
        if (v == null || (isFinite(v) && !(log && v <= 0))) continue;
        if (y === raw) y = Array.from(raw);
        if (!isFinite(v) && v != null && this.bad.length < BAD_MARKS && !line.faint)
          this.bad.push({ x: x[i], v, colour: line.colour });
        y[i] = null;
      }
      if (tables.length && tables[0][0] !== x) same = false;
      const smooth = view.smoothing > 0 && !line.faint && line.smooth !== false;
      if (smooth && crowd) {
        tables.push([x, timeWeightedEma(x, y, view.smoothing)]);
        series.push(this.seriesOf(line, 1, false, y.length));
        continue;
      }
      tables.push([x, y]);
      series.push(this.seriesOf(line, smooth ? behind : line.faint ? Math.min(0.35, 2.5 / drawn.lines.length) : 1, smooth, y.length));
      if (smooth) {
        tables.push([x, timeWeightedEma(x, y, view.smoothing)]);
        series.push({ ...this.seriesOf(line, 1, false, y.length), width: 2, smoothed: true });
      }
    }
    if (!tables.length) return null;
    const data = same ? [tables[0][0], ...tables.map((t) => t[1])] : uPlot.join(tables);
    return { data, series };
  }

  seriesOf(line, alpha, behind, count) {
    return {
      label: line.label, stroke: line.colour, dash: line.dash, alpha, width: line.width || 1.4,
      show: !this.hidden.has(line.group || line.label), points: { show: count <= 30, size: 5 },
      line, behind, spanGaps: false,
    };
  }

  build() {
    const drawn = this.provider();
    const log = view.log || this.options.log;
    const made = this.prepare(drawn, log);
    this.drawn = drawn;
    this.axis = drawn.axis;
    this.across.textContent = drawn.axis === view.axis ? "" : `x: ${drawn.title}`;
    this.legendFor(drawn);
    if (!made || !made.data[0].length) {
      this.note.textContent = "no values on this axis";
      return;
    }
    const x = made.data[0];
    this.full = [x[0], x[x.length - 1]];
    const alone = this.full[0] === this.full[1];
    if (alone) this.full = [x[0] - 1, x[0] + 1];
    const height = this.host.classList.contains("wide") ? 420 : this.options.height || 190;
    const ink = css("--ink-soft"), grid = css("--grid");
    const font = "11px " + css("--font");
    const time = this.axis === "time";
    const axes = [
      { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, size: 24 },
      { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { show: false }, size: 60 },
    ];
    axes[1].values = (u, ticks) => this.unit.ticks(ticks);
    if (this.unit.incrs && !log) axes[1].incrs = this.unit.incrs;
    if (this.axis === "runtime") {
      axes[0].values = (u, ticks) => ticks.map(elapsed);
      axes[0].incrs = SECONDS;
    }
    else if (!time) axes[0].values = (u, ticks) => ticks.map((v) => v.toLocaleString("en", { maximumSignificantDigits: 9 }));
    if (this.axis === "step" && stepUnit !== "epoch") axes[0].incrs = WHOLE;  // there is no half a step
    if (!time && this.axis !== "runtime") axes[0].space = Math.max(50, 2 * this.right() + 10);
    if (alone) axes[0].splits = () => [x[0]];  // one value has one place
    const options = {
      width: Math.max(160, this.frame.clientWidth), height, padding: [(drawn.marks || []).length ? 22 : 8, this.right(), 0, 0],
      series: [{}, ...made.series], axes,
      scales: {
        x: { time, auto: false, range: (u, low, high) => [low, high] },
        y: { distr: log ? 3 : 1, range: (u, low, high) => this.rangeY(u, low, high, log) },
      },
      tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "UTC"),
      legend: { show: false },
      cursor: {
        sync: this.options.linked === false ? undefined : { key: this.axis, setSeries: false },
        drag: { x: true, y: false, setScale: false },
        dataIdx: nearest,
        points: { size: 6 },
        bind: {
          dblclick: () => () => this.zoom(null),
          mousedown: (u, target, handler) => (e) => (e.shiftKey ? this.pan(e) : handler(e)),
          mouseleave: (u, target, handler) => (e) => { this.tip.hidden = true; return handler(e); },
        },
      },
      hooks: {
        setSelect: [(u) => this.selected(u)],
        setCursor: [(u) => this.hover(u)],
        drawClear: [(u) => this.under(u)],
        draw: [(u) => this.over(u)],
      },
    };
    this.plot = new uPlot(options, made.data, this.frame);
    this.plot.over.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
    const canvas = this.plot.root.querySelector("canvas");
    canvas.setAttribute("aria-hidden", "true");
    built.add(this);
    this.follow();
  }

  // Room for half of the last tick's words.
  right() {
    const words = this.axis === "runtime" ? elapsed(this.full[1]) : this.axis === "time" ? "" : short(this.full[1]);
    return Math.max(18, Math.ceil(3.2 * words.length) + 2);
  }

  // The range that all charts of this axis show, or the chart's own.
  follow() {
    this.stale = false;
    if (!this.plot) return;
    const shared = this.options.linked === false ? this.own : view.ranges[this.axis];
    const [min, max] = shared || this.start || this.full;
    this.shown = [min, max];
    this.plot.setScale("x", { min, max });
  }

  zoom(range) {
    if (range) {
      const span = Math.max(range[1] - range[0], (this.full[1] - this.full[0]) * 1e-7);
      range = [range[0], range[0] + span];
    }
    if (this.options.linked === false) {
      this.own = range || this.full;
      this.follow();
    } else {
      view.ranges[this.axis] = range;
      announce("range", this.axis);
    }
  }

  selected(u) {
    const { left, width } = u.select;
    if (width > 3) this.zoom([u.posToVal(left, "x"), u.posToVal(left + width, "x")]);
    u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  }

  pan(event) {
    event.preventDefault();
    const u = this.plot, { min, max } = u.scales.x;
    const unit = (max - min) / u.over.clientWidth;
    const move = (e) => {
      const by = (event.clientX - e.clientX) * unit;
      this.zoom([min + by, max + by]);
    };
    const stop = () => {
      removeEventListener("mousemove", move);
      removeEventListener("mouseup", stop);
    };
    addEventListener("mousemove", move);
    addEventListener("mouseup", stop);
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;  // a plain wheel scrolls the page
    event.preventDefault();
    const u = this.plot;
    const at = u.posToVal(event.clientX - u.over.getBoundingClientRect().left, "x");
    this.scale(event.deltaY < 0 ? 0.7 : 1 / 0.7, at);
  }

  scale(factor, at) {
    const { min, max } = this.plot.scales.x;
    const centre = at == null ? (min + max) / 2 : at;
    const next = [centre - (centre - min) * factor, centre + (max - centre) * factor];
    this.zoom(next[0] <= this.full[0] && next[1] >= this.full[1] ? null : next);
  }

  key(event) {
    if (!this.plot || event.target !== this.frame || event.ctrlKey || event.metaKey) return;
    const { min, max } = this.plot.scales.x, step = (max - min) / 5;
    const moves = {
      ArrowLeft: () => this.zoom([min - step, max - step]),
      ArrowRight: () => this.zoom([min + step, max + step]),
      "+": () => this.scale(0.6), "=": () => this.scale(0.6), "-": () => this.scale(1 / 0.6),
      0: () => this.zoom(null), Home: () => this.zoom(null), Escape: () => this.zoom(null),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  }

  legendFor(drawn) {
    const entries = drawn.legend || [...drawn.lines, ...(drawn.bands || [])];
    this.legend.replaceChildren();
    if (entries.length < 2 && entries[0] && entries[0].label === this.options.title) return;
    for (const entry of entries.slice(0, 40)) {
      const swatch = svg("svg", { class: "swatch", viewBox: "0 0 16 8", "aria-hidden": "true" },
        svg("line", { x1: 0, y1: 4, x2: 16, y2: 4, stroke: entry.colour,
          "stroke-dasharray": (entry.dash || []).join(" ") }));
      const button = el("button", {
        type: "button", "aria-pressed": String(!this.hidden.has(entry.label)),
        onclick: () => this.toggle(entry.label, button),
      }, swatch, el("span", {}, entry.label));
      this.legend.append(button);
    }
  }

  toggle(label, button) {
    if (!this.hidden.delete(label)) this.hidden.add(label);
    button.setAttribute("aria-pressed", String(!this.hidden.has(label)));
    if (!this.plot) return;
    this.plot.series.forEach((s, i) => {
      if (i && (s.line.group || s.line.label) === label)
        this.plot.setSeries(i, { show: !this.hidden.has(label) });
    });
    this.plot.redraw(false, true);
  }
}

// The index of the value whose x is nearest, null without any.
function closest(x, at) {
  if (!x.length) return null;
  const k = bound(x, at);
  if (k === 0) return 0;
  return k === x.length || at - x[k - 1] <= x[k] - at ? k - 1 : k;
}

// First index whose x is greater than a value.
function bound(x, value) {
  let low = 0, high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Where a line has no point at the cursor, the nearest one that it has.
function nearest(u, number, at) {
  const y = u.data[number];
  if (y == null || y[at] != null) return at;
  for (let d = 1; d < 5000; d++) {
    if (y[at - d] != null) return at - d;
    if (y[at + d] != null) return at + d;
    if (at - d < 0 && at + d >= y.length) break;
  }
  return null;
}
