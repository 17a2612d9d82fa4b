// The page of one run: its charts, and findings that open on the curve that shows them.
function lineOf(series, axis, i) {
  const x = axisOf(series, axis.split(":")[0]);
  return {
    label: series.label || series.key, x, y: numbers(series.y), colour: colour(i), dash: dash(i),
    unit: unitScale(series.unit), warm: series.warm ? x[series.warm] : null,
  };
}

// The bands of the other statistics of a quantity: from its least to its greatest, and its spread.
function bandsOf(spec, axis, line) {
  const band = spec.band || {}, kind = axis.split(":")[0], out = [];
  const [low, high, spread] = ["low", "high", "spread"].map((name) => page.series[band[name]]);
  if (low && high && low.grid === high.grid)
    out.push({ label: band.label || "min to max", colour: line.colour, x: axisOf(low, kind), low: numbers(low.y), high: numbers(high.y), told: true });
  if (spread && spread.grid === page.series[spec.series[0]].grid) {
    const width = numbers(spread.y);
    out.push({
      label: "± std", colour: line.colour, x: line.x, told: true,
      low: line.y.map((v, k) => v - width[k]), high: line.y.map((v, k) => v + width[k]),
    });
  }
  return out;
}

function metricChart(spec) {
  const list = spec.series.map((i) => page.series[i]);
  return () => {
    const [axis, title] = usable(list, view.axis);
    const marks = page.marks.filter((m) => spec.series.includes(m.series)).map((m) => ({
      x: convert(page.series[m.series], m.x, axis), label: String(m.finding + 1), severity: m.severity,
    }));
    const lines = list.map((s, i) => lineOf(s, axis, i));
    return { axis, title, lines, bands: bandsOf(spec, axis, lines[0]), marks: unique(marks) };
  };
}

function unique(marks) {
  const seen = new Set();
  return marks.filter((m) => !seen.has(m.label + m.x) && seen.add(m.label + m.x));
}

function unitOf(list) {
  const units = new Set(list.map((s) => s.unit));
  return units.size === 1 ? list[0].unit : "";
}

// Constants are told by their value; their charts are there to be opened.
function constantly(charts) {
  const told = charts.map((c) => `${c.title} = ${short(numbers(page.series[c.series[0]].y)[0])}`);
  return `${charts.length} constant: ${told.slice(0, 12).join(", ")}${told.length > 12 ? ", ..." : ""}`;
}

function fillCharts() {
  fill(byId("charts"), view.grouping === "role" ? page.byRole : page.byName, (grid, spec) => {
    const list = spec.series.map((i) => page.series[i]);
    const others = Object.values(spec.band || {}).filter((i) => i in page.series).map((i) => page.series[i]);
    const names = [spec.title, ...[...list, ...others].map((s) => `${s.key} ${s.role}`)].join(" ");
    const unit = unitOf(list);
    place(grid, { title: titled(spec.title, unit), unit, names, log: spec.log }, metricChart(spec));
  }, constantly);
  idle(() => performance.mark("postrun-charts"));
}

// A finding's curves at its window, the change marked; made when the finding is first opened.
function openFinding(details) {
  const host = details.querySelector(".proofs");
  if (!host || host.childElementCount) return;
  const number = String(+details.dataset.finding + 1);
  for (const proof of page.findings[+details.dataset.finding]) {
    const series = page.series[proof.series];
    const box = el("div", { class: "chart" });
    host.append(box);
    const chart = new Chart(box, { title: titled(proof.title, series.unit), unit: series.unit, height: 220, linked: false }, () => {
      const [axis, title] = usable([series], "step");
      const line = lineOf(series, axis, 0);
      const [from, to] = [proof.from, proof.to];
      const levels = [];
      const begin = line.x[0], end = line.x[line.x.length - 1];
      if (proof.before != null && proof.before !== proof.after) levels.push({ from: begin, to: from > begin ? from : end, value: proof.before, label: "before " + short(proof.before) });
      if (proof.after != null) levels.push({ from: Math.max(begin, from), to: end, value: proof.after, label: "after " + short(proof.after) });
      const marks = from > begin ? [{ x: from, label: number, severity: proof.severity }] : [];
      return { axis, title, lines: [line], window: [from, to], levels: proof.levels ? levels : [], marks, severity: proof.severity };
    });
    chart.start = windowOf(series, proof);
    chart.build();
  }
}

// Around the window, so that both sides of the change are seen.
function windowOf(series, proof) {
  const x = axisOf(series, page.grids[series.grid].step ? "step" : "runtime");
  if (!x.length || proof.from == null) return null;
  const first = x[0], last = x[x.length - 1];
  const span = Math.max(proof.to - proof.from, (last - first) / 50);
  const low = Math.max(first, proof.from - span * 0.6), high = Math.min(last, proof.to + span * 0.6);
  return high > low ? [low, high] : null;
}

function findings() {
  for (const details of document.querySelectorAll("details.evidence")) {
    details.addEventListener("toggle", () => details.open && openFinding(details));
    if (details.open) openFinding(details);
  }
}

async function openRun() {
  start();
  controls();
  if (byId("grouping")) {
    view.grouping = byId("grouping").value;
    byId("grouping").addEventListener("change", (e) => {
      view.grouping = e.target.value;
      fillCharts();
      remember();
    });
  }
  trees();
  images();
  consoleLogs();
  await inflate();
  findings();
  timeline();
  fillCharts();
}
