// Mean and confidence band of a group of runs, on a grid that invents nothing.

// 97.5 % quantile of Student's t: exact for few runs, where it matters; then the expansion of
// Cornish and Fisher (Abramowitz and Stegun 26.7.5), right to 4 digits from 8 degrees of freedom on.
const T975 = [NaN, 12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646];
function student975(df) {
  if (df < T975.length) return T975[df];
  const z = 1.959964, z3 = z ** 3, z5 = z ** 5, z7 = z ** 7;
  return z + (z3 + z) / (4 * df) + (5 * z5 + 16 * z3 + 3 * z) / (96 * df ** 2)
    + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * df ** 3);
}

// Values of a line at grid points, linear between its own points; null outside of them.
function interpolate(x, y, grid) {
  const out = new Array(grid.length).fill(null);
  let k = 0;
  const n = x.length;
  for (let i = 0; i < grid.length; i++) {
    const g = grid[i];
    if (!n || g < x[0] || g > x[n - 1]) continue;
    while (k < n - 2 && x[k + 1] < g) k++;
    const x0 = x[k], x1 = x[Math.min(k + 1, n - 1)], y0 = y[k], y1 = y[Math.min(k + 1, n - 1)];
    const value = x1 > x0 ? y0 + ((y1 - y0) * (g - x0)) / (x1 - x0) : y0;
    if (isFinite(value)) out[i] = value;
  }
  return out;
}

// Where a line has several points between two grid points, their mean there; else interpolated.
function resampled(x, y, grid) {
  const out = interpolate(x, y, grid);
  const half = grid.length > 1 ? (grid[1] - grid[0]) / 2 : 0;
  let k = 0;
  for (let i = 0; i < grid.length; i++) {
    while (k < x.length && x[k] < grid[i] - half) k++;
    let n = 0, sum = 0;
    for (let j = k; j < x.length && x[j] < grid[i] + half; j++) if (isFinite(y[j])) { n++; sum += y[j]; }
    if (n > 1 && out[i] != null) out[i] = sum / n;
  }
  return out;
}

// Mean, and mean ± t s / sqrt(n) (95 %, normal theory over runs). A grid point has a mean where at
// least half of the group's runs (and two, for a band) have a value there.
function groupCurve(lines, points = 200) {
  const known = lines.filter((l) => l.x.length);
  if (!known.length) return null;
  const low = Math.min(...known.map((l) => l.x[0])), high = Math.max(...known.map((l) => l.x[l.x.length - 1]));
  const first = known[0].x;
  const same = known.every((l) => l.x === first || (l.x.length === first.length && l.x.every((v, i) => v === first[i])));
  const grid = same ? first : Float64Array.from({ length: points }, (_, i) => low + ((high - low) * i) / (points - 1));
  const columns = known.map((l) => (same ? interpolate : resampled)(l.x, l.y, grid));
  const mean = [], least = [], most = [], counts = [];
  for (let i = 0; i < grid.length; i++) {
    let n = 0, sum = 0;
    for (const c of columns) if (c[i] != null) { n++; sum += c[i]; }
    counts.push(n);
    if (n < known.length / 2) { mean.push(null); least.push(null); most.push(null); continue; }
    const m = sum / n;
    let squares = 0;
    for (const c of columns) if (c[i] != null) squares += (c[i] - m) ** 2;
    const half = n > 1 ? student975(n - 1) * Math.sqrt(squares / (n - 1) / n) : null;
    mean.push(m);
    least.push(half == null ? null : m - half);
    most.push(half == null ? null : m + half);
  }
  return { x: grid, mean, low: least, high: most, counts };
}
