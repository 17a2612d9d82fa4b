// The page of several runs: who is shown, how they are grouped, and their curves.
const groups = { key: "", names: [], of: [] };

function regroup() {
  groups.key = byId("groupby").value;
  const value = (run) => {
    if (!groups.key) return null;
    if (groups.key === "study") return page.groups[run.number];
    if (groups.key === "group" || groups.key === "state") return run[groups.key] || "–";
    const v = run.config[groups.key.slice(7)];
    return v == null ? "–" : String(v);
  };
  const all = page.runs.map(value);
  groups.names = groups.key ? [...new Set(all)].sort(groups.key === "study" ? (a, b) => page.order.indexOf(a) - page.order.indexOf(b) : (a, b) => a - b || a.localeCompare(b)) : [];
  groups.of = all.map((v) => (groups.key ? groups.names.indexOf(v) : -1));
  byId("band-note").textContent = groups.key
    ? "Lines are means over the runs of a group, bands their 95% confidence intervals (Student's t over runs). A mean needs values of at least half of the group's runs; runs that log at other places are averaged within 200 equal stretches of the axis."
    : "";
}

const colourOf = (i) => colour(groups.key ? groups.of[i] : i);

// Steps of a run as times, epochs, samples or tokens, between the points of its clock.
function placesOf(run, steps, axis) {
  const counts = run.clock && run.clock[axis === "time" ? "runtime" : axis];
  if (!counts) return null;
  const at = interpolateClock(numbers(run.clock.step), numbers(counts), steps);
  if (axis !== "time") return at;
  return run.started == null ? null : at.map((v) => v + run.started);
}

function interpolateClock(x, y, at) {
  const n = x.length;
  let k = 0;
  return Float64Array.from(at, (v) => {
    if (v < x[k]) k = 0;
    while (k < n - 2 && x[k + 1] < v) k++;
    const t = x[k + 1] > x[k] ? (v - x[k]) / (x[k + 1] - x[k]) : 0;
    return y[k] + Math.max(0, Math.min(1, t)) * (y[k + 1] - y[k]);
  });
}

function overlaid(metric) {
  return () => {
    const axis = view.axis;
    const members = new Map();
    const single = [];
    for (const line of metric.lines) {
      if (!runs.shown.has(line.run)) continue;
      const run = page.runs[line.run], steps = numbers(line.x);
      const x = axis === "step" ? steps : placesOf(run, steps, axis);
      if (!x) continue;
      const made = { label: run.label, x, y: numbers(line.y), colour: colourOf(line.run), dash: groups.key ? [] : dash(line.run), width: 1.2 };
      single.push(made);
      const g = groups.of[line.run];
      if (g >= 0) members.set(g, [...(members.get(g) || []), made]);
    }
    if (!groups.key) return { axis, title: AXES[axis].title, lines: single, legend: single.length > 12 ? [] : null };
    const lines = [], bands = [];
    for (const [g, list] of [...members].sort((a, b) => a[0] - b[0])) {
      const found = groupCurve(list);
      if (!found) continue;
      const label = `${groups.key === "study" ? "" : groups.key.replace("config:", "") + " = "}${groups.names[g]} (${list.length})`;
      for (const l of list) l.group = label;
      const smooth = (y) => (view.smoothing > 0 ? timeWeightedEma(found.x, y, view.smoothing) : y);
      bands.push({ label, colour: colour(g), x: found.x, low: smooth(found.low), high: smooth(found.high) });
      lines.push({
        label, x: found.x, y: smooth(found.mean), colour: colour(g), dash: dash(g), width: 2.2, smooth: false, group: label,
        text: (x) => {
          const i = bound(found.x, x) - 1;
          if (i < 0 || found.mean[i] == null) return "–";
          const half = found.high[i] == null ? "" : ` ± ${short(found.high[i] - found.mean[i])}`;
          return `${short(found.mean[i])}${half} (n = ${found.counts[i]})`;
        },
      });
    }
    const legend = lines.slice();
    if (byId("faint").checked) lines.unshift(...single.map((l) => ({ ...l, faint: true, smooth: false })));
    return { axis, title: AXES[axis].title, lines, bands, legend };
  };
}

function fillCurves() {
  const names = new Map();
  for (const metric of page.metrics) {
    const panel = metric.panel ? metric.panel.replaceAll("_", " ") : metric.prefix || "other metrics";
    const title = metric.key === page.subject ? "compared metric" : panel;
    const name = title[0].toUpperCase() + title.slice(1);
    names.set(name, [...(names.get(name) || []), metric]);
  }
  const list = [...names].map(([title, charts]) => ({ title, charts }));
  fill(byId("charts"), list, (grid, metric) => {
    const chart = place(grid, { title: titled(metric.key, metric.unit), unit: metric.unit, names: `${metric.key} ${metric.role}`, height: 230 }, overlaid(metric));
    if (metric.key === page.subject) enlarged(chart);
  });
  idle(() => performance.mark("postrun-charts"));
}

// The compared metric has the width of the page.
function enlarged(chart) {
  chart.host.classList.add("wide");
  chart.host.querySelector(".enlarge").setAttribute("aria-pressed", "true");
}

// What follows from another choice of runs or groups.
function changed(table) {
  choose();
  if (table) fillTable();
  redraw();
  if (byId("parallel")) {
    parallel();
    scatter();
  }
}

function option(value, text) {
  return el("option", { value }, text);
}

async function openComparison() {
  start();
  for (const name of page.axes) AXES[name] = { title: name, text: (v) => `${name} ${short(v)}` };
  byId("axis").value = view.axis = page.start === stepUnit ? "step" : page.start;
  page.runs.forEach((run, i) => { run.number = i; });
  controls();
  const by = byId("groupby");
  by.append(option("", "nothing: each run by itself"), option("state", "state"));
  if (page.groups.length) by.append(option("study", "the groups above"));
  if (page.runs.some((r) => r.group)) by.append(option("group", "group"));
  for (const [key, values] of Object.entries(page.config)) {
    const count = new Set(values.map(String)).size;
    if (count > 1 && count <= 24 && count < page.runs.length) by.append(option(`config:${key}`, key));
  }
  by.value = page.groupby;
  if (byId("metric")) {
    const better = page.metrics.filter((m) => m.role && m.better !== "neither");
    const first = page.metrics.filter((m) => m.key === page.subject);
    for (const m of [...new Set([...first, ...better, ...page.metrics])]) byId("metric").append(option(m.key, m.key));
    for (const key of [...new Set([...page.choices, ...Object.keys(page.config)])]) byId("against").append(option(key, key));
    if (page.groupby.startsWith("config:")) byId("against").value = page.groupby.slice(7);
    for (const id of ["metric", "which", "against"]) byId(id).addEventListener("change", () => { parallel(); scatter(); });
  }
  by.addEventListener("change", () => { regroup(); changed(true); });
  byId("faint").addEventListener("change", redraw);
  byId("runs-search").addEventListener("input", later(() => changed(true), 120));
  byId("all-runs").addEventListener("click", () => {
    runs.off.clear();
    runs.brushes.clear();
    byId("runs-search").value = "";
    changed(true);
  });
  byId("theme").addEventListener("click", () => changed(true));
  for (const event of ["beforeprint", "afterprint"]) addEventListener(event, () => { if (byId("parallel")) { parallel(); scatter(); } });
  regroup();
  choose();
  fillTable();
  await inflate();
  if (byId("parallel")) {
    parallel();
    scatter();
  }
  fillCurves();
}
