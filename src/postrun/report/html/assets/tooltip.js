// What is told of the place under the cursor.
Object.assign(Chart.prototype, {
  // Values of all lines under the cursor, four digits of each.
  hover(u) {
    const { left, top, idx } = u.cursor;
    if (idx == null || left < 0 || !this.frame.matches(":hover")) {
      this.tip.hidden = true;
      return;
    }
    const at = u.posToVal(left, "x");
    const rows = [];
    u.series.forEach((s, i) => {
      if (!i || !s.show || s.smoothed || s.line.faint) return;
      const k = u.cursor.idxs[i];
      if (k == null || u.data[i][k] == null) return;
      const x = u.data[0][k], unit = s.line.unit || this.unit;
      const value = s.line.text ? s.line.text(x) : unit.text(u.data[i][k]);
      const smooth = u.series[i + 1] && u.series[i + 1].smoothed ? u.data[i + 1][k] : null;
      rows.push({ distance: Math.abs(u.valToPos(u.data[i][k], "y") - top), x, s, value, smooth, unit });
    });
    if (!rows.length) return void (this.tip.hidden = true);
    rows.sort((a, b) => a.distance - b.distance);
    const kind = AXES[this.axis.split(":")[0]];
    this.tip.replaceChildren(
      el("div", { class: "where" }, kind.text(rows[0].x)),
      ...rows.slice(0, 12).map((r) => {
        const key = el("i", { class: "dot" });
        key.style.background = r.s.line.colour;
        const extra = r.smooth == null ? "" : ` (smoothed ${r.unit.text(r.smooth)})`;
        return el("div", {}, key, `${r.s.label}: `, el("b", {}, r.value), extra);
      }),
      ...(rows.length > 12 ? [el("div", {}, `and ${rows.length - 12} more`)] : []),
      ...this.bandRows(at),
    );
    this.tip.hidden = false;
    const room = u.over.clientWidth, wide = this.tip.offsetWidth;
    this.tip.style.left = `${60 + (left + 16 + wide > room ? Math.max(0, left - wide - 16) : left + 16)}px`;
    // Beside the nearest curve, not over it.
    const first = u.series.indexOf(rows[0].s);
    const near = u.over.offsetTop + u.valToPos(u.data[first][u.cursor.idxs[first]], "y");
    const below = near + 12 + this.tip.offsetHeight <= this.frame.clientHeight;
    this.tip.style.top = `${below ? near + 12 : near - 12 - this.tip.offsetHeight}px`;
  },

  // What the bands span at a place, for those that are told by numbers.
  bandRows(at) {
    return (this.drawn.bands || []).filter((b) => b.told && !this.hidden.has(b.label)).flatMap((band) => {
      const k = closest(band.x, at);
      return k == null || band.low[k] == null || band.high[k] == null ? []
        : el("div", {}, `${band.label}: `, el("b", {}, `${this.unit.text(band.low[k])} to ${this.unit.text(band.high[k])}`));
    });
  },
});
