// Many runs at a glance: a filter, one metric's curves, and a table that sorts.
const MOST = 150; // rows that are made at first, and with each click for more
const chosen = { query: "", metric: 0, colour: "", log: false, sort: "", down: false, fold: -1, rows: MOST };
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
const SEVERITY = ["good", "info", "warning", "critical"], MARK = ["✔", "●", "▲", "✖"];
const nothing = (v) => v == null || v === "";

function four(v) {
  if (nothing(v)) return "–";
  if (typeof v !== "number") return String(v);
  const size = Math.abs(v);
  if (v === 0) return "0";
  if (size >= 1e7 || size < 1e-4) return v.toExponential(3).replace(/\.?0+e/, "e").replace("e+", "e");
  return size >= 1000 ? Math.round(Number(v.toPrecision(4))).toLocaleString("en") : String(Number(v.toPrecision(4)));
}

const whole = (v) => (nothing(v) ? "–" : Math.round(v).toLocaleString("en"));

function lasted(s) {
  if (nothing(s)) return "–";
  if (s < 100) return `${Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${(s / 3600).toFixed(1)} h`;
  return `${Math.floor(s / 86400)} d ${Math.round((s % 86400) / 3600)} h`;
}

const moment = (t) => (nothing(t) ? "–" : new Date(t * 1000).toISOString().slice(0, 16).replace("T", " "));

// A curve's points as [x, share of the metric's range]; decoded once.
function pointsOf(run, metric) {
  const m = run.m[metric];
  if (!m || !m[5]) return null;
  run.points ||= [];
  if (!run.points[metric]) {
    const decode = (text) => Array.from({ length: text.length / 2 }, (_, i) => (DIGITS.indexOf(text[2 * i]) * 64 + DIGITS.indexOf(text[2 * i + 1])) / 4095);
    const y = decode(m[5]), x = m[6] ? decode(m[6]) : y.map((_, i) => (y.length > 1 ? i / (y.length - 1) : 0));
    run.points[metric] = y.map((v, i) => [m[3] + x[i] * (m[4] - m[3]), v]);
  }
  return run.points[metric];
}

function columnsNow() {
  const metric = page.metrics[chosen.metric], at = chosen.metric;
  const list = [{ key: "run", value: (r) => r.n, cell: runCell }];
  if (metric) list.push(
    { key: metric.key, number: true, value: (r) => r.m[at]?.[0], text: four },
    { key: "curve", fixed: true, value: () => null, cell: sparkCell },
    { key: "best", number: true, value: (r) => r.m[at]?.[1], text: four, hint: (r) => (nothing(r.m[at]?.[2]) ? "" : `at ${page.unit} ${four(r.m[at][2])}`) });
  list.push({ key: "worst finding", value: (r) => (r.w ? -r.v : 1), cell: findingCell, text: (v, r) => r.w });
  page.settings.forEach((key, i) => list.push({ key, number: page.runs.every((r) => nothing(r.c[i]) || typeof r.c[i] === "number"), value: (r) => r.c[i], text: four }));
  list.push(
    { key: "state", value: (r) => r.s, text: (v) => v, soft: true },
    { key: `${page.unit}s`, number: true, value: (r) => r.e, text: whole },
    { key: "time", number: true, value: (r) => r.t, text: lasted },
    { key: "started (UTC)", number: true, value: (r) => r.a, text: moment });
  if (page.runs.some((r) => r.g)) list.push({ key: "group", value: (r) => r.g, text: (v) => v, soft: true });
  if (page.runs.some((r) => r.x.length)) list.push({ key: "tags", value: (r) => r.x.join(", "), text: (v) => v, soft: true });
  return list.filter((c) => c.cell || page.runs.some((r) => !nothing(c.value(r))));
}

function runCell(r) {
  const dot = el("i");
  dot.style.background = r.colour;
  return el("td", { title: r.n }, dot, r.u ? el("a", { href: r.u }, r.l || r.n) : r.l || r.n);
}

function sparkCell(r) {
  const points = pointsOf(r, chosen.metric);
  if (!points) return el("td");
  const line = points.map(([, y], i) => `${(i * 118) / Math.max(1, points.length - 1) + 1},${21 - y * 20}`).join("L");
  return el("td", {}, svg("svg", { class: "spark", viewBox: "0 0 120 22", "aria-hidden": "true" }, svg("path", { d: points.length > 1 ? `M${line}` : `M1,${21 - points[0][1] * 20}h3` })));
}

function findingCell(r) {
  if (!r.w) return el("td", { class: "soft" }, "none");
  return el("td", { title: r.f.join(", ") }, el("span", { class: SEVERITY[r.v] }, MARK[r.v]), ` ${r.w}`);
}

// "lr>0.01", "state=failed" (whatever its exit code), "finding=OPT001", or a word that the run's texts hold.
function test(text) {
  const parts = /^([^<>=!]+)(<=|>=|!=|=|<|>)(.+)$/.exec(text);
  const words = (r) => [r.n, r.i, r.s, r.w, r.g, ...r.x, ...r.f, ...page.settings.map((k, i) => `${k}=${r.c[i]}`)].join(" ").toLowerCase();
  if (!parts) return (r) => words(r).includes(text.toLowerCase());
  const [, name, sign, wanted] = parts, setting = page.settings.indexOf(name), metric = page.metrics.findIndex((m) => m.key === name);
  const compare = (have) => {
    if (nothing(have)) return sign === "!=";
    const numeric = !isNaN(+wanted) && typeof have === "number";
    const a = numeric ? have : String(have).toLowerCase(), b = numeric ? +wanted : wanted.toLowerCase();
    return { "=": a === b, "!=": a !== b, "<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b }[sign];
  };
  if (name === "finding") {
    const has = (r) => [r.w, ...r.f].some((f) => f.toLowerCase().includes(wanted.toLowerCase()));
    return sign === "!=" ? (r) => !has(r) : has;
  }
  if (setting >= 0) return (r) => compare(r.c[setting]);
  if (metric >= 0) return (r) => compare(r.m[metric]?.[0]);
  const plain = { run: (r) => r.n, name: (r) => r.n, id: (r) => r.i, state: (r) => r.s.split(" (")[0], group: (r) => r.g, tag: (r) => r.x.join(" "), time: (r) => r.t, [`${page.unit}s`]: (r) => r.e }[name];
  return plain ? (r) => compare(plain(r)) : () => false;
}

function matching() {
  const tests = chosen.query.split(/\s+/).filter(Boolean).map(test);
  const only = chosen.fold >= 0 ? new Set(page.folds[chosen.fold].runs) : null;
  const found = page.runs.filter((r, i) => (!only || only.has(i)) && tests.every((t) => t(r)));
  const column = columnsNow().find((c) => c.key === chosen.sort);
  if (!column) return found;
  return found.sort((a, b) => {
    const x = column.value(a), y = column.value(b);
    if (nothing(x) || nothing(y)) return nothing(x) - nothing(y);
    const by = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
    return chosen.down ? -by : by;
  });
}

// A colour between the five of a ramp that grows lighter evenly, for the colour-blind too (viridis).
function rampColour(share) {
  const stops = [0, 1, 2, 3, 4].map((i) => css(`--ramp${i}`)), at = Math.min(3, Math.floor(share * 4)), part = share * 4 - at;
  const channel = (hex, k) => parseInt(hex.slice(1 + 2 * k, 3 + 2 * k), 16);
  return `rgb(${[0, 1, 2].map((k) => Math.round(channel(stops[at], k) * (1 - part) + channel(stops[at + 1], k) * part)).join(",")})`;
}

// Runs get the colour of their worst finding, or of a setting: a ramp for numbers, else one colour a value.
function paint() {
  const at = page.settings.indexOf(chosen.colour);
  if (at < 0) {
    const colours = SEVERITY.map((name) => css(`--${name}`));
    for (const r of page.runs) r.colour = colours[r.w ? r.v : 0];
    return SEVERITY.map((name, i) => [i ? name : "no finding", colours[i]]).reverse().filter(([, c]) => page.runs.some((r) => r.colour === c));
  }
  const order = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  const values = [...new Set(page.runs.map((r) => r.c[at]).filter((v) => !nothing(v)))].sort(order);
  const ramp = values.length > 2 && values.every((v) => typeof v === "number");
  const rest = css("--c7"), colours = new Map(values.map((v, i) => [v, ramp ? rampColour(i / (values.length - 1)) : i < 7 ? css(`--c${i}`) : rest]));
  const of = (v) => colours.get(v) ?? rest;
  for (const r of page.runs) r.colour = of(r.c[at]);
  const named = ramp && values.length > 9 ? [values[0], values[values.length >> 1], values.at(-1)] : values.slice(0, 8);
  return [...named.map((v) => [`${chosen.colour}=${four(v)}`, of(v)]), ...(values.length > 8 && !ramp ? [["others", rest]] : [])];
}

function ticks(low, high, count) {
  const raw = (high - low) / count, size = 10 ** Math.floor(Math.log10(raw || 1));
  const step = [1, 2, 5, 10].map((k) => k * size).find((s) => s >= raw) || 1;
  const out = [];
  for (let v = Math.ceil(low / step) * step; v <= high + 1e-9 * step; v += step) out.push(Number(v.toPrecision(12)));
  return out;
}

// 1, 2 and 5 of each decade between two levels above 0; of many decades, their beginnings alone.
function decades(low, high) {
  const out = [];
  for (let k = Math.floor(Math.log10(low)); k <= Math.log10(high); k++) for (const f of [1, 2, 5]) out.push(Number((f * 10 ** k).toPrecision(3)));
  const inside = out.filter((v) => v >= low && v <= high);
  return inside.length > 6 ? inside.filter((v) => Number.isInteger(Math.round(Math.log10(v) * 1e6) / 1e6)) : inside;
}

function drawCurves(list, keys) {
  const figure = byId("curves"), metric = page.metrics[chosen.metric];
  const lines = metric ? list.map((r) => [r, pointsOf(r, chosen.metric)]).filter(([, p]) => p && p.length > 1) : [];
  figure.hidden = !lines.length;
  if (!lines.length) return figure.replaceChildren();
  const width = Math.max(320, figure.clientWidth), height = figure.clientWidth < 700 ? 220 : 260, left = 58, right = 14, top = 22, bottom = 26;
  const { low, high } = metric, logged = chosen.log && low > 0;
  const first = Math.min(...lines.map(([, p]) => p[0][0])), last = Math.max(...lines.map(([, p]) => p.at(-1)[0]));
  const x = (v) => left + ((v - first) / (last - first || 1)) * (width - left - right);
  const level = (share) => { const v = low + share * (high - low); return logged ? Math.log(v / low) / Math.log(high / low) : share; };
  const y = (share) => height - bottom - level(share) * (height - top - bottom);
  const marks = logged ? decades(low, high) : ticks(low, high, 5);
  const frame = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${metric.key} of ${lines.length} runs` });
  for (const v of marks) {
    const at = y((v - low) / (high - low));
    frame.append(svg("line", { class: "tick", x1: left, x2: width - right, y1: at, y2: at }), svg("text", { x: left - 6, y: at + 4, "text-anchor": "end" }, four(v)));
  }
  for (const v of ticks(first, last, Math.max(4, Math.floor(width / 180)))) frame.append(svg("text", { x: x(v), y: height - 8, "text-anchor": x(v) > width - 40 ? "end" : "middle" }, v === first ? `${page.unit} ${four(v)}` : four(v)));
  const beyond = list.filter((r) => { const last = r.m[chosen.metric]?.[0]; return !nothing(last) && (last < low - 1e-9 || last > high * (1 + 1e-9) + 1e-12); }).length;
  frame.append(svg("text", { x: left, y: 14 }, `${metric.key}${metric.unit ? `, ${metric.unit}` : ""}${logged ? ", log scale" : chosen.log ? ": no log scale, for some values are not above 0" : ""}${beyond ? `; ${beyond} ${beyond === 1 ? "run ends" : "runs end"} beyond this range` : ""}`));
  for (const [r, points] of lines) {
    r.path = svg("path", { d: `M${points.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join("L")}`, stroke: r.colour });
    frame.append(r.path);
  }
  const told = el("div", { class: "told", hidden: true });
  frame.addEventListener("pointermove", (event) => {
    const box = frame.getBoundingClientRect(), px = ((event.clientX - box.left) / box.width) * width, py = ((event.clientY - box.top) / box.height) * height;
    let best = null, least = 24;
    for (const [r, points] of lines) for (const [a, b] of points) {
      const far = Math.hypot(x(a) - px, y(b) - py);
      if (far < least) [best, least] = [[r, a, b], far];
    }
    heat(best && best[0]);
    told.hidden = !best;
    if (!best) return;
    told.textContent = `${best[0].n}: ${four(low + best[2] * (high - low))} at ${page.unit} ${four(best[1])}`;
    told.style.top = `${Math.min(event.clientY - box.top + 14, box.height - 40)}px`;
    const across = event.clientX - box.left;
    told.style.left = across > box.width / 2 ? "auto" : `${across + 14}px`;
    told.style.right = across > box.width / 2 ? `${box.width - across + 14}px` : "auto";
  });
  frame.addEventListener("pointerleave", () => { told.hidden = true; heat(null); });
  figure.classList.toggle("many", lines.length > 100);
  figure.replaceChildren(frame, told, el("p", { class: "keys" }, ...keys.map(([text, colour]) => {
    const swatch = el("i");
    swatch.style.background = colour;
    return el("span", {}, swatch, text);
  })));
}

let hot = null;
function heat(run) {
  if (run === hot) return;
  hot?.path?.classList.remove("hot");
  hot?.row?.classList.remove("hot");
  hot = run;
  if (!run) return;
  run.path?.classList.add("hot");
  run.path?.parentNode?.append(run.path);
  run.row?.classList.add("hot");
}

function fillRuns(list) {
  const columns = columnsNow();
  const head = el("tr", {}, ...columns.map((c) => el("th", { class: c.number ? "n" : "", "aria-sort": chosen.sort !== c.key ? "none" : chosen.down ? "descending" : "ascending" },
    c.fixed ? c.key : el("button", { type: "button", onclick: () => { chosen.down = chosen.sort === c.key ? !chosen.down : false; chosen.sort = c.key; refresh(); } }, c.key))));
  const rows = list.slice(0, chosen.rows).map((r) => {
    r.row = el("tr", { onpointerenter: () => heat(r), onpointerleave: () => heat(null) }, ...columns.map((c) => c.cell ? c.cell(r) : el("td", { class: c.number ? "n" : c.soft ? "soft" : "", title: c.hint ? c.hint(r) : null }, c.text(c.value(r), r))));
    return r.row;
  });
  const more = list.length - rows.length;
  byId("runs").replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)),
    ...(more > 0 ? [el("button", { type: "button", class: "more", onclick: () => { chosen.rows += 2 * MOST; fillRuns(list); } }, `Show more (${more.toLocaleString("en")} left)`)] : []));
}

function remember() {
  const kept = new URLSearchParams();
  if (chosen.query) kept.set("q", chosen.query);
  if (chosen.fold >= 0) kept.set("fold", chosen.fold);
  if (chosen.metric) kept.set("metric", page.metrics[chosen.metric].key);
  if (chosen.colour) kept.set("colour", chosen.colour);
  if (chosen.log) kept.set("log", 1);
  if (chosen.sort) kept.set("sort", `${chosen.down ? "-" : ""}${chosen.sort}`);
  history.replaceState(null, "", kept.size ? `#${kept}` : location.pathname + location.search);
}

function recall() {
  const kept = new URLSearchParams(location.hash.slice(1)), sort = kept.get("sort") || "";
  chosen.query = kept.get("q") || "";
  const fold = parseInt(kept.get("fold") ?? "-1", 10);
  chosen.fold = page.folds[fold] ? fold : -1;
  chosen.metric = Math.max(0, page.metrics.findIndex((m) => m.key === kept.get("metric")));
  chosen.colour = page.settings.includes(kept.get("colour")) ? kept.get("colour") : "";
  chosen.log = kept.has("log");
  chosen.down = sort.startsWith("-");
  chosen.sort = sort.replace(/^-/, "");
}

function refresh() {
  chosen.rows = MOST;
  const list = matching(), keys = paint();
  const which = chosen.fold >= 0 ? ` with this finding` : "";
  byId("found").textContent = list.length === page.runs.length ? `${list.length.toLocaleString("en")}` : `${list.length.toLocaleString("en")} of ${page.runs.length.toLocaleString("en")}${which}`;
  drawCurves(list, keys);
  fillRuns(list);
  for (const button of document.querySelectorAll(".show")) button.setAttribute("aria-pressed", Number(button.dataset.fold) === chosen.fold);
  remember();
}

function openIndex() {
  recall();
  const option = (value, text, selected) => el("option", { value, selected }, text);
  byId("metric").append(...page.metrics.map((m, i) => option(i, m.key, i === chosen.metric)));
  byId("colour").append(option("", "worst finding", !chosen.colour), ...page.settings.map((k) => option(k, k, k === chosen.colour)));
  byId("query").value = chosen.query;
  byId("log").checked = chosen.log;
  byId("query").addEventListener("input", later(() => { chosen.query = byId("query").value; refresh(); }));
  byId("metric").addEventListener("change", () => { chosen.metric = Number(byId("metric").value); refresh(); });
  byId("colour").addEventListener("change", () => { chosen.colour = byId("colour").value; refresh(); });
  byId("log").addEventListener("change", () => { chosen.log = byId("log").checked; refresh(); });
  byId("reset").addEventListener("click", () => { chosen.query = byId("query").value = ""; chosen.fold = -1; refresh(); });
  for (const button of document.querySelectorAll(".show")) button.addEventListener("click", () => {
    chosen.fold = Number(button.dataset.fold);
    refresh();
    byId("runs-title").scrollIntoView({ block: "start" });
  });
  byId("bar").hidden = false;
  refresh();
  window.addEventListener("resize", later(refresh));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
  performance.mark("postrun-charts");
}
