// Numerics on arrays: W&B's smoothing, robust ranges, numbers as people read them.

// W&B's "time weighted EMA": the same formula as postrun.time_weighted_ema (stats/smoothing.py).
function timeWeightedEma(x, y, smoothing) {
  const weight = Math.min(smoothing > 0 ? Math.sqrt(smoothing) : 0, 0.999);
  const out = new Array(y.length).fill(null);
  const span = x.length > 1 ? x[x.length - 1] - x[0] : 0;
  let last = 0, total = 0, previous = x[0], first = true, gap = -1, decay = 0;
  for (let i = 0; i < y.length; i++) {
    const value = y[i];
    if (value == null || value !== value || !isFinite(value)) continue;
    const step = span > 0 ? ((x[i] - previous) / span) * 1000 : 0;
    if (step !== gap) {
      gap = step;
      decay = weight ** step;
    }
    const kept = first ? 0 : decay;
    last = last * kept + value;
    total = total * kept + 1;
    out[i] = last / total;
    previous = x[i];
    first = false;
  }
  return out;
}

// Range of the bulk of the values: single outliers (a first step) do not flatten the rest, nor do those of
// runs that diverged, far beyond the quartiles. Null if all values belong to it.
function bulk(values) {
  const all = Float64Array.from(values).sort();
  if (all.length < 8) return null;
  const place = (list, q) => list[Math.round(q * (list.length - 1))];
  const first = place(all, 0.25), third = place(all, 0.75), room = 100 * (third - first);
  const near = room > 0 ? all.filter((v) => v >= first - room && v <= third + room) : all;
  const least = near[0], most = near[near.length - 1];
  const cut = near.length < all.length ? [least, most] : null;
  if (near.length < 20) return cut;
  const low = place(near, 0.01), high = place(near, 0.99), span = high - low;
  if (!(span > 0) || most - least < 2.5 * span) return cut;
  return [Math.max(least, low - 0.25 * span), Math.min(most, high + 0.25 * span)];
}

// A number with four digits, or with as many as are asked for.
function short(value, digits = 4) {
  if (value == null) return "–";
  if (!isFinite(value)) return value !== value ? "NaN" : value > 0 ? "∞" : "-∞";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e7 || size < 1e-4) return value.toExponential(digits - 2).replace(/\.?0+e/, "e").replace("e+", "e");
  if (size >= 1000) return (+value.toPrecision(Math.max(digits, Math.floor(Math.log10(size)) + 1))).toLocaleString("en", { maximumFractionDigits: 9 });
  return String(+value.toPrecision(digits));
}

function elapsed(seconds) {
  if (seconds == null) return "–";
  const sign = seconds < 0 ? "-" : "";
  const s = Math.abs(seconds);
  if (s < 100) return `${sign}${short(s, 3)} s`;
  if (s < 5400) return sign + +(s / 60).toFixed(1) + " min";
  return sign + +(s / 3600).toFixed(2) + " h";
}

const utc = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");

function sorted(x) {
  for (let i = 1; i < x.length; i++) if (!(x[i] >= x[i - 1])) return false;
  return true;
}

// Only points with a known x, in order of x. Shares the arrays where nothing is to be done.
function ordered(x, y) {
  let clean = true;
  for (let i = 0; i < x.length && clean; i++) clean = x[i] === x[i];
  if (clean && sorted(x)) return [x, y];
  const at = [];
  for (let i = 0; i < x.length; i++) if (x[i] === x[i]) at.push(i);
  at.sort((a, b) => x[a] - x[b] || a - b);
  return [Float64Array.from(at, (i) => x[i]), Float64Array.from(at, (i) => y[i])];
}
