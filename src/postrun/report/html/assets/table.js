// The table of runs: sorted by a click on a heading, filtered by words and conditions.
const runs = { shown: new Set(), off: new Set(), brushes: new Map(), sort: null, down: false, matching: null };

function columns() {
  const made = [
    { title: "run", value: (r) => r.label },
    ...(page.groups.length ? [{ title: "group", value: (r) => page.groups[r.number] }] : []),
    { title: "state", value: (r) => r.state },
    { title: "started (UTC)", value: (r) => r.started, text: (v) => utc(v).slice(0, 16), number: true },
    { title: "duration", value: (r) => r.duration, text: elapsed, number: true },
    { title: `last ${stepUnit}`, value: (r) => r.last, text: short, number: true },
    { title: "critical", value: (r) => r.findings[0], number: true },
    { title: "warnings", value: (r) => r.findings[1], number: true },
  ];
  if (page.runs.some((r) => r.group)) made.splice(1, 0, { title: "W&B group", value: (r) => r.group });
  const subject = page.metrics.filter((m) => m.key === page.subject);
  const central = [...subject, ...page.metrics.filter((m) => m.role && m.better !== "neither"), ...page.metrics];
  for (const m of [...new Set(central)].slice(0, 4))
    made.push({ title: m.key, value: (r) => (r.finals[m.key] || [null])[0], text: short, number: true });
  for (const key of Object.keys(page.config).slice(0, 8))
    made.push({ title: key, value: (r) => r.config[key], text: (v) => (typeof v === "number" ? short(v) : String(v)), number: page.config[key].every((v) => v == null || typeof v === "number") });
  return made;
}

// "lr>0.01", "state=failed" (whatever its exit code), or a word that any cell holds.
function condition(text) {
  const parts = /^([^<>=!]+)(<=|>=|!=|=|<|>)(.+)$/.exec(text);
  if (!parts) return (r, cells) => cells.includes(text.toLowerCase());
  const [, name, sign, wanted] = parts;
  const value = (r) => {
    if (name in r.config) return r.config[name];
    if (r.finals[name]) return r.finals[name][0];
    if (name === "state") return r.state.split(" (")[0];
    return r[{ run: "label", name: "label" }[name] || name];
  };
  return (r) => {
    const have = value(r);
    if (have == null) return sign === "!=";
    const numeric = wanted.trim() !== "" && !isNaN(+wanted) && typeof have === "number";
    const a = numeric ? have : String(have).toLowerCase(), b = numeric ? +wanted : wanted.toLowerCase();
    return { "=": a === b, "!=": a !== b, "<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b }[sign];
  };
}

function cellsOf(run) {
  return [run.label, run.id, run.state, run.group, run.worst, ...run.tags, ...Object.entries(run.config).map(([k, v]) => `${k}=${v}`)].join(" ").toLowerCase();
}

// Which runs are shown: chosen in the table, matching the filter, inside all brushes.
function choose() {
  const tests = byId("runs-search").value.split(/\s+/).filter(Boolean).map(condition);
  runs.matching = page.runs.map((run, i) => i).filter((i) => {
    const run = page.runs[i], cells = cellsOf(run);
    return tests.every((t) => t(run, cells)) && [...runs.brushes.values()].every((b) => b(run));
  });
  runs.shown = new Set(runs.matching.filter((i) => !runs.off.has(i)));
  byId("runs-found").textContent = `${runs.shown.size} of ${page.runs.length} shown`;
}

function fillTable() {
  const list = columns();
  const order = runs.matching.slice();
  if (runs.sort != null) {
    const value = list[runs.sort].value;
    order.sort((a, b) => {
      const x = value(page.runs[a]), y = value(page.runs[b]);
      if (x == null || y == null) return (x == null) - (y == null);
      const by = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
      return runs.down ? -by : by;
    });
  }
  const head = el("tr", {}, el("th", {}, el("span", { class: "unseen" }, "shown")), ...list.map((c, i) => {
    const state = runs.sort !== i ? "none" : runs.down ? "descending" : "ascending";
    return el("th", { "aria-sort": state, class: c.number ? "n" : "" }, el("button", {
      type: "button", onclick: () => {
        runs.down = runs.sort === i ? !runs.down : false;
        runs.sort = i;
        fillTable();
        byId("runs").querySelectorAll("th button")[i].focus();
      },
    }, c.title, { none: "", ascending: " ▲", descending: " ▼" }[state]));
  }));
  const body = order.map((i) => {
    const run = page.runs[i];
    const box = el("input", {
      type: "checkbox", "aria-label": `show ${run.label}`, checked: !runs.off.has(i),
      onchange: () => {
        if (!runs.off.delete(i)) runs.off.add(i);
        changed(false);
      },
    });
    box.style.accentColor = colourOf(i);
    return el("tr", { title: run.worst }, el("td", { class: "s" }, box), ...list.map((c) => {
      const v = c.value(run);
      return el("td", { class: c.number ? "n" : String(v).length <= 28 ? "s" : "" }, v == null ? "–" : c.text ? c.text(v) : String(v));
    }));
  });
  byId("runs").replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, ...body)));
}
