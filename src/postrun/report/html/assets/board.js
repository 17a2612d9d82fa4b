// The board of charts: groups, search, and the controls that every chart follows.
const board = { charts: [], observer: null, printing: false };

function start() {
  board.observer = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      entry.target.seen = entry.isIntersecting;
      if (entry.isIntersecting) entry.target.chart.ensure();
    }
  }, { rootMargin: "300px" });
}

// A place for a chart: built when it comes near, or in idle time where there are not too many.
function place(host, options, provider) {
  const box = el("div", { class: "chart", "data-name": options.names.toLowerCase() });
  host.append(box);
  const chart = new Chart(box, options, provider);
  board.charts.push(chart);
  board.observer.observe(box);
  return chart;
}

const EAGER = 120;

function idle(done) {
  const waiting = board.charts.slice(0, EAGER).filter((c) => !c.plot && c.host.offsetParent);
  const work = () => {
    const until = performance.now() + 24;
    while (waiting.length && performance.now() < until) waiting.shift().ensure();
    if (waiting.length) setTimeout(work);
    else if (done) done();
  };
  work();
}

function clearBoard(host) {
  for (const chart of board.charts.splice(0)) {
    board.observer.unobserve(chart.host);
    chart.drop();
  }
  host.replaceChildren();
}

// Groups of charts as folding sections. A long tail of groups starts folded, and so do constants, which
// `constantly` tells in words.
function fill(host, groups, make, constantly) {
  clearBoard(host);
  let count = 0;
  for (const group of groups) {
    const grid = el("div", { class: "grid" });
    const open = count < 150 || groups.length < 4;
    count += group.charts.length;
    // Groups of one or two charts stand beside each other.
    const moving = group.charts.filter((c) => !c.constant), still = group.charts.filter((c) => c.constant);
    const few = still.length ? "" : ["", " one", " two"][group.charts.length] || "";
    const details = el("details", { class: "group" + few, open, ontoggle: () => details.open && unfold() },
      el("summary", {}, el("h3", {}, group.title), el("span", { class: "count" }, String(group.charts.length))),
      grid);
    let filled = false;
    const unfold = () => {
      if (filled) return;
      filled = true;
      for (const chart of moving) make(grid, chart, group);
      if (still.length) {
        const inner = el("div", { class: "grid" });
        details.append(el("details", { class: "constants" }, el("summary", {}, constantly(still)), inner));
        for (const chart of still) make(inner, chart, group);
      }
      search(byId("search").value);
    };
    details.unfold = unfold;
    host.append(details);
    if (open) unfold();
  }
}

// Charts whose metric names hold all the words; a word may be a regular expression. Groups without any are hidden.
function search(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean).map(matcher);
  let shown = 0;
  for (const details of document.querySelectorAll("#charts details.group")) {
    if (words.length) details.unfold();
    let some = 0;
    for (const box of details.querySelectorAll(".chart")) {
      const fits = words.every((fits) => fits(box.dataset.name));
      box.hidden = !fits;
      if (fits) some++;
    }
    for (const inner of details.querySelectorAll("details.constants")) {
      const found = inner.querySelector(".chart:not([hidden])");
      inner.hidden = !found;
      if (words.length) inner.open = Boolean(found);
    }
    details.hidden = !some && words.length > 0;
    if (words.length && some) details.open = true;
    shown += some;
  }
  byId("found").textContent = words.length ? `${shown} chart${shown === 1 ? "" : "s"}` : "";
}

function matcher(word) {
  try {
    const pattern = new RegExp(word, "m");
    return (name) => pattern.test(name) || name.includes(word);
  } catch {
    return (name) => name.includes(word);
  }
}

function redraw() {
  if (board.printing) return;
  for (const chart of [...built]) {
    if (chart.host.seen === false) chart.drop();
    else chart.rebuild();
  }
}

function controls() {
  const on = (id, event, work) => byId(id) && byId(id).addEventListener(event, work);
  if (!byId("smoothing")) return;  // a page without charts
  recall();
  for (const name of ["log", "robust"]) view[name] = byId(name).checked;
  view.axis = byId("axis").value;
  view.smoothing = +byId("smoothing").value;
  byId("smoothing-value").textContent = byId("smoothing").value;
  byId("reset").disabled = !Object.values(view.ranges).some(Boolean);
  on("search", "input", later((e) => { search(byId("search").value); remember(); }, 80));
  on("axis", "change", (e) => { view.axis = e.target.value; redraw(); remember(); });
  on("log", "change", (e) => { view.log = e.target.checked; redraw(); remember(); });
  on("robust", "change", (e) => { view.robust = e.target.checked; redraw(); remember(); });
  on("smoothing", "input", (e) => { byId("smoothing-value").textContent = e.target.value; });
  on("smoothing", "input", later((e) => { view.smoothing = +byId("smoothing").value; redraw(); remember(); }, 60));
  on("reset", "click", () => {
    for (const axis of Object.keys(view.ranges)) view.ranges[axis] = null;
    for (const chart of [...built]) chart.own = null;
    announce("range", null);
  });
  on("theme", "click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    byId("theme").setAttribute("aria-pressed", String(!dark));
    redraw();
  });
  const noted = later(remember, 150);
  view.listeners.add((what, axis) => {
    if (what !== "range") return;
    byId("reset").disabled = !Object.values(view.ranges).some(Boolean);
    for (const chart of [...built]) {
      if (axis != null && chart.axis !== axis) continue;
      if (chart.host.seen === false) chart.stale = true;
      else chart.follow();
    }
    noted();
  });
  addEventListener("resize", later(redraw, 200));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("keydown", (e) => {
    if (e.key === "/" && !/INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName)) {
      e.preventDefault();
      byId("search").focus();
    }
  });
  // On paper nothing comes into view: all charts are drawn before, whatever is folded.
  addEventListener("beforeprint", () => {
    board.theme = document.documentElement.dataset.theme || "";
    document.documentElement.dataset.theme = "light";  // paper is light
    redraw();
    board.printing = true;
    for (const details of document.querySelectorAll("details.evidence, details.group")) {
      if (details.unfold) details.unfold();
      details.open = true;
    }
    for (const chart of board.charts) if (chart.host.offsetParent) chart.ensure();
  });
  addEventListener("afterprint", () => {
    board.printing = false;
    if (board.theme) document.documentElement.dataset.theme = board.theme;
    else delete document.documentElement.dataset.theme;
    redraw();
  });
}
