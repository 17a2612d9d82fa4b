// Settings against results: parallel coordinates, and a scatter plot.
const WIDE = 1100;

// A place from 0 to 1 for each value of a setting: numbers by size (by logarithm where they span
// more than two powers of ten), others by rank.
function scaleOf(values) {
  const known = values.filter((v) => v != null);
  if (known.length && known.every((v) => typeof v === "number" && isFinite(v))) {
    const low = Math.min(...known), high = Math.max(...known);
    const log = low > 0 && high / low > 100;
    const f = log ? Math.log10 : (v) => v;
    const span = f(high) - f(low) || 1;
    const inverse = (p) => (log ? 10 ** (f(low) + p * span) : low + p * span);
    const ticks = high === low ? [low] : [0, 0.25, 0.5, 0.75, 1].map(inverse);
    return { numeric: true, log, place: (v) => (v == null ? null : (f(v) - f(low)) / span), ticks: ticks.map((v) => [(f(v) - f(low)) / span, short(v)]) };
  }
  const names = [...new Set(known.map(String))].sort();
  const at = (v) => (v == null ? null : (names.indexOf(String(v)) + 0.5) / names.length);
  return { numeric: false, place: at, ticks: names.slice(0, 30).map((n) => [at(n), n.length > 18 ? n.slice(0, 17) + "…" : n]) };
}

const chosenMetric = () => page.metrics.find((m) => m.key === byId("metric").value);
function resultOf(run) {
  const found = run.finals[byId("metric").value];
  return found ? found[+byId("which").value] : null;
}

// From blue over grey to yellow (cividis): ordered for every kind of colour vision.
const SCALE = [[0, 34, 78], [53, 69, 108], [102, 105, 112], [148, 142, 119], [200, 184, 102], [254, 232, 56]];
function shade(p) {
  if (p == null) return css("--c7");
  const part = parseInt(css("--paper").slice(1, 3), 16) < 128 ? 0.35 + 0.65 * p : 0.85 * p;  // seen on its ground
  const at = Math.max(0, Math.min(0.9999, part)) * (SCALE.length - 1), i = Math.floor(at), t = at - i;
  return `rgb(${SCALE[i].map((v, k) => Math.round(v + (SCALE[i + 1][k] - v) * t)).join(",")})`;
}

function parallel() {
  const keys = Object.keys(page.config).filter((k) => new Set(page.config[k].map(String)).size > 1).slice(0, 10);
  const metric = chosenMetric();
  if (!metric || !keys.length) return;
  const axes = [...keys.map((k) => ({ name: k, value: (r) => r.config[k] })), { name: metric.key, value: resultOf }];
  const high = 320, top = 26, bottom = 24;
  const y = (p) => top + (1 - p) * (high - top - bottom);
  const x = (i) => 60 + (i * (WIDE - 150)) / Math.max(1, axes.length - 1);
  for (const axis of axes) axis.scale = scaleOf(page.runs.map(axis.value));
  const result = axes[axes.length - 1].scale;
  const root = svg("svg", { viewBox: `0 0 ${WIDE} ${high}`, class: "relations", role: "img", "aria-label": `Parallel coordinates: ${axes.map((a) => a.name).join(", ")}` });
  page.runs.forEach((run, i) => {
    const points = axes.map((a, k) => [x(k), a.scale.place(a.value(run))]).filter((p) => p[1] != null);
    const path = svg("polyline", { points: points.map(([px, p]) => `${px},${y(p)}`).join(" "), class: runs.shown.has(i) ? "run" : "run away" });
    path.style.stroke = shade(result.place(resultOf(run)));
    path.append(svg("title", {}, `${run.label}: ${axes.map((a) => `${a.name} = ${a.value(run)}`).join(", ")}`));
    root.append(path);
  });
  axes.forEach((axis, k) => {
    root.append(svg("line", { x1: x(k), x2: x(k), y1: top, y2: high - bottom, class: "axis" }));
    const name = svg("text", { x: x(k), y: 14, class: "name", "text-anchor": k ? (k === axes.length - 1 ? "end" : "middle") : "start" });
    name.append(axis.name.length > 26 ? "…" + axis.name.slice(-25) : axis.name);
    root.append(name);
    for (const [p, text] of axis.scale.ticks) {
      const tick = svg("text", { x: x(k) + 5, y: y(p) + 4, class: "tick" });
      tick.append(text);
      root.append(tick);
    }
    brush(root, axis, x(k), top, high - bottom, y);
  });
  byId("parallel").replaceChildren(root);
}

function brush(root, axis, px, top, bottom, y) {
  const held = svg("rect", { x: px - 7, width: 14, y: 0, height: 0, class: "brush" });
  const area = svg("rect", { x: px - 12, width: 24, y: top - 6, height: bottom - top + 12, class: "grab" });
  if (runs.brushes.has(axis.name)) {
    const [low, high] = runs.brushes.get(axis.name).range;
    held.setAttribute("y", y(high));
    held.setAttribute("height", Math.max(2, y(low) - y(high)));
  }
  area.addEventListener("mousedown", (event) => {
    event.preventDefault();
    const box = root.getBoundingClientRect(), unit = box.height / root.viewBox.baseVal.height;
    const place = (e) => 1 - ((e.clientY - box.top) / unit - top) / (bottom - top);
    const from = place(event);
    const move = (e) => {
      const [low, high] = [Math.min(from, place(e)), Math.max(from, place(e))];
      held.setAttribute("y", y(high));
      held.setAttribute("height", y(low) - y(high));
    };
    const stop = (e) => {
      removeEventListener("mousemove", move);
      removeEventListener("mouseup", stop);
      const [low, high] = [Math.min(from, place(e)), Math.max(from, place(e))];
      if (high - low < 0.01) runs.brushes.delete(axis.name);
      else {
        const inside = (run) => {
          const p = axis.scale.place(axis.value(run));
          return p != null && p >= low && p <= high;
        };
        inside.range = [low, high];
        runs.brushes.set(axis.name, inside);
      }
      changed(true);
    };
    addEventListener("mousemove", move);
    addEventListener("mouseup", stop);
  });
  root.append(held, area);
}

function scatter() {
  const metric = chosenMetric(), key = byId("against").value;
  if (!metric || !key) return;
  const wide = 620, high = 340, left = 70, bottom = 40;
  const across = scaleOf(page.runs.map((r) => r.config[key])), up = scaleOf(page.runs.map(resultOf));
  const root = svg("svg", { viewBox: `0 0 ${wide} ${high}`, class: "relations half", role: "img", "aria-label": `${metric.key} against ${key}` });
  const x = (p) => left + 10 + p * (wide - left - 30), y = (p) => 14 + (1 - p) * (high - bottom - 24);
  root.append(svg("line", { x1: left, x2: wide - 8, y1: high - bottom, y2: high - bottom, class: "axis" }), svg("line", { x1: left, x2: left, y1: 8, y2: high - bottom, class: "axis" }));
  for (const [p, text] of across.ticks) {
    const t = svg("text", { x: x(p), y: high - bottom + 15, class: "tick", "text-anchor": "middle" });
    t.append(text);
    root.append(t);
  }
  for (const [p, text] of up.ticks) {
    const t = svg("text", { x: left - 6, y: y(p) + 4, class: "tick", "text-anchor": "end" });
    t.append(text);
    root.append(t);
  }
  const name = svg("text", { x: wide / 2, y: high - 5, class: "name", "text-anchor": "middle" });
  name.append(key + (across.log ? " (log)" : ""));
  const other = svg("text", { x: 4, y: 10, class: "name" });
  other.append(metric.key + (up.log ? " (log)" : ""));
  root.append(name, other);
  page.runs.forEach((run, i) => {
    const px = across.place(run.config[key]), py = up.place(resultOf(run));
    if (px == null || py == null || !runs.shown.has(i)) return;
    const dot = svg("circle", { cx: x(px), cy: y(py), r: 5 });
    dot.style.fill = colourOf(i);
    dot.append(svg("title", {}, `${run.label}: ${key} = ${run.config[key]}, ${metric.key} = ${resultOf(run)}`));
    root.append(dot);
  });
  byId("scatter").replaceChildren(root);
}
