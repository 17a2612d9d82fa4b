// What the reader has chosen; every chart follows it.
const view = {
  axis: "step", smoothing: 0, log: false, robust: true, grouping: "role",
  ranges: {},          // axis to [from, to], shared by all charts of that axis
  listeners: new Set(),
};

// What one step is called: what the trainer counts ("epoch"), by its own column.
const stepUnit = page.axis;

const AXES = {
  step: { title: stepUnit, text: (v) => `${stepUnit} ${v.toLocaleString("en")}` },
  runtime: { title: "time since start", text: elapsed },
  time: { title: "wall time (UTC)", text: utc },
  own: { title: "own axis (define_metric)", text: (v) => String(v) },
};

function announce(what, from) {
  for (const listener of view.listeners) listener(what, from);
}

// The x values of a series on an axis, or null where it has none.
function axisOf(series, axis) {
  const grid = page.grids[series.grid];
  if (axis === "own" && series.own) return numbers(series.own.x);
  const ref = grid[axis === "own" ? "step" : axis];
  return ref ? numbers(ref) : null;
}

// The axis that a chart uses: the chosen one, or the nearest that all of its series have.
function usable(list, wanted) {
  const has = (axis) => list.every((s) => (axis === "own" ? s.own : page.grids[s.grid][axis]));
  if (has(wanted)) {
    if (wanted !== "own") return [wanted, AXES[wanted].title];
    return [`own:${list[0].own.key}`, list[0].own.key];
  }
  const found = ["step", "runtime", "time"].find(has) || "step";
  return [found, AXES[found].title];
}

// Where a step lies on another axis of the same series.
function convert(series, step, axis) {
  if (step == null) return null;
  const kind = axis.startsWith("own") ? "own" : axis;
  const from = axisOf(series, "step"), to = axisOf(series, kind);
  if (kind === "step" || !from || !to || !from.length) return step;
  let low = 0, high = from.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (from[middle] < step) low = middle + 1;
    else high = middle;
  }
  return to[low];
}
