// What is drawn under and over the lines of a chart: windows, bands, marks of findings, bad values.
Object.assign(Chart.prototype, {
  under(u) {
    const { ctx, bbox } = u;
    const drawn = this.drawn;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    if (drawn.window && drawn.window[0] != null) {
      const left = u.valToPos(drawn.window[0], "x", true), right = u.valToPos(drawn.window[1], "x", true);
      ctx.globalAlpha = 0.14;
      ctx.fillStyle = css("--" + (drawn.severity || "info"));
      ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
    }
    ctx.globalAlpha = 0.18;
    for (const band of drawn.bands || []) {
      if (this.hidden.has(band.label)) continue;
      ctx.fillStyle = band.colour;
      for (const [from, to] of stretches(band)) {
        ctx.beginPath();
        for (let i = from; i < to; i++) ctx.lineTo(u.valToPos(band.x[i], "x", true), u.valToPos(band.high[i], "y", true));
        for (let i = to - 1; i >= from; i--) ctx.lineTo(u.valToPos(band.x[i], "x", true), u.valToPos(band.low[i], "y", true));
        ctx.fill();
      }
    }
    ctx.restore();
  },

  over(u) {
    const { ctx, bbox } = u;
    const ratio = devicePixelRatio || 1;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.lineWidth = ratio;
    ctx.setLineDash([4 * ratio, 3 * ratio]);
    const marks = this.marksAt(u, 17 * ratio);
    for (const mark of marks) {
      ctx.strokeStyle = css("--" + mark.severity);
      line(ctx, mark.at, bbox.top, mark.at, bbox.top + bbox.height);
    }
    ctx.font = `600 ${10 * ratio}px ${css("--font")}`;
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    ctx.lineWidth = 1.5 * ratio;
    for (const { from, to, value, label } of this.drawn.levels || []) {
      if (value == null || !isFinite(value)) continue;
      const y = u.valToPos(value, "y", true);
      ctx.strokeStyle = ctx.fillStyle = css("--ink");
      line(ctx, u.valToPos(from, "x", true), y, u.valToPos(to, "x", true), y);
      const at = Math.max(bbox.left + 3 * ratio, u.valToPos(from, "x", true) + 3 * ratio);
      const above = y - 4 * ratio < bbox.top + 10 * ratio ? y + 12 * ratio : y - 4 * ratio;
      const left = Math.min(at, bbox.left + bbox.width - ctx.measureText(label).width - 3);
      ctx.save();  // letters on a rim of paper are read over any curve
      ctx.setLineDash([]);
      ctx.strokeStyle = css("--paper");
      ctx.lineWidth = 3 * ratio;
      ctx.strokeText(label, left, above);
      ctx.restore();
      ctx.fillText(label, left, above);
    }
    ctx.setLineDash([]);
    ctx.font = `700 ${12 * ratio}px ${css("--font")}`;
    ctx.textAlign = "center";
    for (const bad of this.bad) {
      const x = u.valToPos(bad.x, "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.fillStyle = bad.colour;
      const low = bbox.top + bbox.height - 3 * ratio, high = bbox.top + 11 * ratio;
      if (bad.v !== bad.v) ctx.fillText("×", x, low);
      else ctx.fillText(bad.v > 0 ? "▲" : "▼", x, bad.v > 0 ? high : low);
    }
    ctx.restore();
    this.numbered(ctx, marks, bbox.top - 11 * ratio, ratio);
  },

  // The marks in view, from left to right; those too near to each other for two numbers share one.
  marksAt(u, apart) {
    const found = (this.drawn.marks || []).filter((m) => m.x != null)
      .map((m) => ({ ...m, at: u.valToPos(m.x, "x", true) }))
      .filter((m) => m.at >= u.bbox.left - 1 && m.at <= u.bbox.left + u.bbox.width)
      .sort((a, b) => a.at - b.at);
    const out = [];
    for (const mark of found) {
      const last = out[out.length - 1];
      if (!last || mark.at - last.at >= apart) out.push(mark);
      else if (!last.label.split(", ").includes(mark.label)) last.label += `, ${mark.label}`;
    }
    return out;
  },

  // The numbers of findings stand above the curves, where they cover nothing.
  numbered(ctx, marks, y, ratio) {
    ctx.save();
    ctx.font = `700 ${10 * ratio}px ${css("--font")}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    for (const mark of marks) {
      const half = Math.max(7.5 * ratio, ctx.measureText(mark.label).width / 2 + 4 * ratio);
      ctx.fillStyle = css("--" + mark.severity);
      ctx.beginPath();
      ctx.roundRect(mark.at - half, y - 7.5 * ratio, 2 * half, 15 * ratio, 7.5 * ratio);
      ctx.fill();
      ctx.fillStyle = css("--paper");
      ctx.fillText(mark.label, mark.at, y + 0.5 * ratio);
    }
    ctx.restore();
  },
});

function line(ctx, x0, y0, x1, y1) {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}

// Stretches of a band where both of its edges are known.
function stretches(band) {
  const out = [];
  let start = -1;
  for (let i = 0; i <= band.x.length; i++) {
    const known = i < band.x.length && band.low[i] != null && band.high[i] != null;
    if (known && start < 0) start = i;
    if (!known && start >= 0) {
      out.push([start, i]);
      start = -1;
    }
  }
  return out;
}
