// The page of one run: its charts, and findings that open on the curve that shows them.
function lineOf(series, axis, i) {
  return {
    label: series.label || series.key, x: axisOf(series, axis.split(":")[0]), y: numbers(series.y),
    colour: colour(i), dash: dash(i),
  };
}

function metricChart(spec) {
  const list = spec.series.map((i) => page.series[i]);
  return () => {
    const [axis, title] = usable(list, view.axis);
    const marks = page.marks.filter((m) => spec.series.includes(m.series)).map((m) => ({
      x: convert(page.series[m.series], m.x, axis), label: m.rule, severity: m.severity,
    }));
    return { axis, title, lines: list.map((s, i) => lineOf(s, axis, i)), marks: unique(marks) };
  };
}

function unique(marks) {
  const seen = new Set();
  return marks.filter((m) => !seen.has(m.label + m.x) && seen.add(m.label + m.x));
}

function unitOf(list) {
  const units = new Set(list.map((s) => s.unit));
  return units.size === 1 && list[0].unit ? ` (${list[0].unit})` : "";
}

function fillCharts() {
  fill(byId("charts"), view.grouping === "role" ? page.byRole : page.byName, (grid, spec) => {
    const list = spec.series.map((i) => page.series[i]);
    const names = [spec.title, ...list.map((s) => `${s.key} ${s.role}`)].join(" ");
    place(grid, { title: spec.title + unitOf(list), names, log: spec.log }, metricChart(spec));
  });
  idle(() => performance.mark("postrun-charts"));
}

// A finding's curves at its window, the change marked; made when the finding is first opened.
function openFinding(details) {
  const host = details.querySelector(".proofs");
  if (!host || host.childElementCount) return;
  for (const proof of page.findings[+details.dataset.finding]) {
    const series = page.series[proof.series];
    const box = el("div", { class: "chart" });
    host.append(box);
    const chart = new Chart(box, { title: proof.title, height: 220, linked: false }, () => {
      const [axis, title] = usable([series], "step");
      const line = lineOf(series, axis, 0);
      const [from, to] = [proof.from, proof.to];
      const levels = [];
      const begin = line.x[0], end = line.x[line.x.length - 1];
      if (proof.before != null) levels.push({ from: begin, to: from > begin ? from : end, value: proof.before, label: "before " + short(proof.before) });
      if (proof.after != null) levels.push({ from: Math.max(begin, from), to: end, value: proof.after, label: "after " + short(proof.after) });
      const marks = from > begin ? [{ x: from, label: proof.rule, severity: proof.severity }] : [];
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
  byId("grouping").addEventListener("change", (e) => {
    view.grouping = e.target.value;
    fillCharts();
  });
  trees();
  consoleLogs();
  await inflate();
  findings();
  timeline();
  fillCharts();
}
