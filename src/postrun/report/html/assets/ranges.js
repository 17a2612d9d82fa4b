// The y range of a chart: that of the bulk of the values in view.
Object.assign(Chart.prototype, {
  rangeY(u, low, high, log) {
    this.note.textContent = "";
    if (low == null) {
      if (log && this.drawn.lines.length) this.note.textContent = "no values above 0 for a log axis";
      return log ? [0.1, 1] : [0, 1];
    }
    if (log) return uPlot.rangeLog(low, high, 10, true);
    const whole = this.unit.whole;
    if (whole && low >= 0 && high <= whole && high > whole / 10) return [0, whole];  // a small share keeps its shape
    const [from, to] = this.visible(u);
    let [bottom, top] = this.ends(u, from, to, [low, high]);
    if (view.robust) {
      const found = bulk(this.values(u, from, to));
      if (found) [bottom, top] = [Math.max(bottom, found[0]), Math.min(top, found[1])];
      const out = this.outside(u, from, to, bottom, top);
      if (out) this.note.textContent = `${out.toLocaleString("en")} outside the range`;
    }
    // All but constant: no false drama.
    const span = top - bottom, level = Math.abs(top + bottom) / 2;
    if (span < 1e-12 * level || span === 0) return [bottom - (level * 0.1 || 1), top + (level * 0.1 || 1)];
    return [bottom - 0.05 * span, top + 0.05 * span];
  },

  // The values that set a range: as they were logged, whether or not smooth ones are drawn over them.
  values(u, from, to) {
    const out = [];
    u.series.forEach((s, i) => {
      if (!i || !s.show || s.smoothed) return;
      const y = u.data[i], every = Math.max(1, Math.floor((to - from) / 4000));
      for (let k = Math.max(from, this.warm(u, s)); k <= to; k += every) if (y[k] != null) out.push(y[k]);
    });
    return out;
  },

  // The first index whose value is not of the warm-up, which sets no range.
  warm(u, s) {
    return view.robust && s.line.warm != null ? bound(u.data[0], s.line.warm - 1e-9) : 0;
  },

  // Least and greatest value, without the warm-up's, with those of the bands.
  ends(u, from, to, known) {
    let [low, high] = known;
    if (view.robust && u.series.some((s) => s.line && s.line.warm != null)) {
      [low, high] = [Infinity, -Infinity];
      u.series.forEach((s, i) => {
        if (!i || !s.show) return;
        for (let k = Math.max(from, this.warm(u, s)); k <= to; k++) {
          const v = u.data[i][k];
          if (v != null) [low, high] = [Math.min(low, v), Math.max(high, v)];
        }
      });
      if (low > high) [low, high] = known;
    }
    for (const band of this.drawn.bands || []) {
      if (this.hidden.has(band.label)) continue;
      const [min, max] = this.shown || this.full, edge = [], top = [];
      for (let k = 0; k < band.x.length; k++) {
        if (band.x[k] < min || band.x[k] > max) continue;
        if (band.low[k] != null && isFinite(band.low[k])) edge.push(band.low[k]);
        if (band.high[k] != null && isFinite(band.high[k])) top.push(band.high[k]);
      }
      if (!edge.length || !top.length) continue;
      const tame = (list) => (view.robust && bulk(list)) || [Math.min(...sample(list)), Math.max(...sample(list))];
      [low, high] = [Math.min(low, tame(edge)[0]), Math.max(high, tame(top)[1])];
    }
    return [low, high];
  },

  // uPlot asks for the y range before the new x range is in its scales: what was asked for counts.
  visible(u) {
    const [min, max] = this.shown || this.full, x = u.data[0];
    return [bound(x, min - 1e-12 * Math.abs(min)), Math.max(bound(x, max) - 1, 0)];
  },

  outside(u, from, to, bottom, top) {
    let count = 0;
    u.series.forEach((s, i) => {
      if (!i || !s.show || s.smoothed) return;
      const y = u.data[i];
      for (let k = from; k <= to; k++) if (y[k] != null && (y[k] < bottom || y[k] > top)) count++;
    });
    return count;
  },
});

// At most so many of a list's values that they can be arguments of one call; its ends are exact below that.
function sample(list) {
  const every = Math.ceil(list.length / 50000);
  return every > 1 ? list.filter((v, i) => i % every === 0) : list;
}
