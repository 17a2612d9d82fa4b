// Settings against results: parallel coordinates, and a scatter plot.

// A place from 0 to 1 for each value of a setting: numbers by size (by logarithm where that spreads them
// more evenly), others by rank. Few values are their own ticks. With `tame`, results of runs that diverged set
// no scale: they lie at its edge, and `beyond` counts them.
function scaleOf(values, tame = false) {
  const known = values.filter((v) => v != null);
  if (known.length && known.every((v) => typeof v === "number" && isFinite(v))) {
    const range = (tame && bulk(known)) || [-Infinity, Infinity];
    const distinct = [...new Set(known)].filter((v) => v >= range[0] && v <= range[1]).sort((a, b) => a - b);
    const low = distinct[0], high = distinct[distinct.length - 1];
    const log = low > 0 && high / low >= 10 && distinct[distinct.length >> 1] < (low + high) / 4;
    const f = log ? Math.log10 : (v) => v;
    const span = f(high) - f(low) || 1;
    const held = (v) => Math.max(low, Math.min(high, v));
    const place = (v) => (v == null ? null : high === low ? 0.5 : (f(held(v)) - f(low)) / span);
    const at = distinct.length <= 8 ? apart(distinct, place) : log ? apart([1, 2, 5].flatMap((k) => powers(low, high, k)).sort((a, b) => a - b), place, 0.12) : rounds(low, high);
    const beyond = known.filter((v) => v < low || v > high).length;
    return { numeric: true, log, place, beyond, ticks: at.map((v) => [place(v), short(v)]) };
  }
  const names = [...new Set(known.map(String))].sort();
  const at = (v) => (v == null ? null : (names.indexOf(String(v)) + 0.5) / names.length);
  const told = distinctTexts(names, 18);
  return { numeric: false, place: at, ticks: names.slice(0, 30).map((n, i) => [at(n), told[i]]) };
}

// Values whose places are not on top of each other.
function apart(values, place, least = 0.05) {
  const kept = [];
  for (const v of values) if (!kept.length || place(v) - place(kept[kept.length - 1]) >= least) kept.push(v);
  return kept;
}

// About five round numbers in a range: steps of 1, 2 or 5 times a power of ten.
function rounds(low, high) {
  const raw = (high - low) / 5, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= raw), out = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high * (1 + 1e-12 * Math.sign(high)); k++) out.push(+(k * step).toPrecision(12));
  return out;
}

// The powers of ten in a range, times k.
function powers(low, high, k) {
  const out = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high); e++) if (k * 10 ** e >= low && k * 10 ** e <= high) out.push(k * 10 ** e);
  return out;
}

// What is said of results beyond a scale.
const beyondWords = (scale) => (scale.beyond ? `, ${scale.beyond} beyond` : "");

// Texts cut in the middle, different ones told apart.
function distinctTexts(texts, width) {
  const half = Math.floor(width / 2);
  const cut = texts.map((t) => (t.length <= width ? t : `${t.slice(0, width - half - 1)}…${t.slice(-half)}`));
  return cut.map((c, i) => (cut.indexOf(c) === i && cut.lastIndexOf(c) === i ? c : `${c} #${i + 1}`));
}

const chosenMetric = () => page.metrics.find((m) => m.key === byId("metric").value);
function resultOf(run) {
  const metric = byId("metric").value, which = +byId("which").value;
  if (which === 2 && metric === page.subject) return run.compared;
  const found = run.finals[metric];
  return found ? found[which === 1 ? 1 : 0] : null;
}

// Each run's place among the results, from 0 to 1 (the best): single bad runs leave the others their colours.
function ranks() {
  const lower = chosenMetric().better === "lower";
  const known = [...new Set(page.runs.map(resultOf).filter((v) => v != null))].sort((a, b) => a - b);
  return (run) => {
    const v = resultOf(run);
    if (v == null) return null;
    const p = known.length < 2 ? 0.5 : known.indexOf(v) / (known.length - 1);
    return lower ? 1 - p : p;
  };
}

// From blue over grey to yellow (cividis): ordered for every kind of colour vision. The best runs (1) stand
// out most from the ground.
const SCALE = [[0, 34, 78], [53, 69, 108], [102, 105, 112], [148, 142, 119], [200, 184, 102], [254, 232, 56]];
function shade(p) {
  if (p == null) return css("--c7");
  const part = parseInt(css("--paper").slice(1, 3), 16) < 128 ? 0.35 + 0.65 * p : 0.85 * (1 - p);
  const at = Math.max(0, Math.min(0.9999, part)) * (SCALE.length - 1), i = Math.floor(at), t = at - i;
  return `rgb(${SCALE[i].map((v, k) => Math.round(v + (SCALE[i + 1][k] - v) * t)).join(",")})`;
}

// The width of a drawing in its own units: as wide as its place, so that words keep their size.
const roomOf = (id, least) => Math.max(least, Math.round(byId(id).clientWidth));

function parallel() {
  const keys = page.choices.filter((k) => new Set(page.config[k].map(String)).size > 1).slice(0, 10);
  const metric = chosenMetric();
  if (!metric || !keys.length) return;
  const axes = [...keys.map((k) => ({ name: k, value: (r) => r.config[k] })), { name: metric.key, value: resultOf }];
  const wide = roomOf("parallel", 104 * axes.length), high = 340, top = 30, bottom = 24;
  const y = (p) => top + (1 - p) * (high - top - bottom);
  const x = (i) => 24 + (i * (wide - 110)) / Math.max(1, axes.length - 1);
  axes.forEach((axis, k) => { axis.scale = scaleOf(page.runs.map(axis.value), k === axes.length - 1); });
  const names = distinctTexts(axes.map((a) => a.name), Math.max(10, Math.floor((wide / axes.length) / 7)));
  const rank = ranks();
  const root = svg("svg", { viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, class: "relations", role: "img", "aria-label": `Parallel coordinates: ${axes.map((a) => a.name).join(", ")}` });
  page.runs.forEach((run, i) => {
    const points = axes.map((a, k) => [x(k), a.scale.place(a.value(run))]).filter((p) => p[1] != null);
    const path = svg("polyline", { points: points.map(([px, p]) => `${px},${y(p)}`).join(" "), class: runs.shown.has(i) ? "run" : "run away" });
    path.style.stroke = shade(rank(run));
    path.append(svg("title", {}, `${run.label}: ${axes.map((a) => `${a.name} = ${a.value(run)}`).join(", ")}`));
    root.append(path);
  });
  axes.forEach((axis, k) => {
    root.append(svg("line", { x1: x(k), x2: x(k), y1: top, y2: high - bottom, class: "axis" }));
    const name = svg("text", { x: k === axes.length - 1 ? wide - 4 : x(k), y: 14, class: "name", "text-anchor": k ? (k === axes.length - 1 ? "end" : "middle") : "start" });
    name.append(names[k] + (axis.scale.log ? " (log)" : "") + beyondWords(axis.scale), svg("title", {}, axis.name));
    root.append(name);
    for (const [p, text] of axis.scale.ticks) {
      const tick = svg("text", { x: x(k) + 6, y: y(p) + 4, class: "tick" });
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
  const wide = roomOf("scatter", 300), high = 340, left = 70, bottom = 40;
  const across = scaleOf(page.runs.map((r) => r.config[key])), up = scaleOf(page.runs.map(resultOf), true);
  const root = svg("svg", { viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, class: "relations", role: "img", "aria-label": `${metric.key} against ${key}` });
  const rank = ranks();
  const x = (p) => left + 10 + p * (wide - left - 30), y = (p) => 28 + (1 - p) * (high - bottom - 38);
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
  other.append(metric.key + (up.log ? " (log)" : "") + beyondWords(up));
  root.append(name, other);
  page.runs.forEach((run, i) => {
    const px = across.place(run.config[key]), py = up.place(resultOf(run));
    if (px == null || py == null || !runs.shown.has(i)) return;
    const dot = svg("circle", { cx: x(px), cy: y(py), r: 5 });
    dot.style.fill = shade(rank(run));
    dot.append(svg("title", {}, `${run.label}: ${key} = ${run.config[key]}, ${metric.key} = ${resultOf(run)}`));
    root.append(dot);
  });
  byId("scatter").replaceChildren(root);
}
