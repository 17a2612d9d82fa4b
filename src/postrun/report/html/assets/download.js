// A chart as a picture or its data as a table, made in the page: nothing is fetched or sent.
Object.assign(Chart.prototype, {
  menu() {
    const entry = (text, work) => el("button", {
      type: "button", onclick: () => { box.open = false; this.ensure(); if (this.plot) work(); },
    }, text);
    const box = el("details", { class: "menu" },
      el("summary", { title: "Download", "aria-label": `Download ${this.options.title}` }, "⤓"));
    const fill = () => box.append(el("div", {},
      entry("PNG", () => this.picture()), entry("SVG", () => this.drawing()), entry("CSV", () => this.table())));
    box.addEventListener("toggle", fill, { once: true });  // most menus are never opened
    box.addEventListener("focusout", (e) => { if (!box.contains(e.relatedTarget)) box.open = false; });
    return box;
  },

  save(data, type, ending) {
    const name = this.options.title.replace(/[^\w.-]+/g, "_").slice(0, 100) || "chart";
    const link = el("a", { href: URL.createObjectURL(new Blob([data], { type })), download: `${name}.${ending}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  },

  // All values of the lines, not only those in view; a cell that a spreadsheet would run gets a leading '.
  table() {
    const u = this.plot, kept = u.series.map((s, i) => i).filter((i) => i && !u.series[i].smoothed);
    const cell = (text) => `"${(/^[=+\-@\t\r]/.test(text) ? "'" : "") + text.replaceAll('"', '""')}"`;
    const head = [cell(this.drawn.title), ...kept.map((i) => cell(u.series[i].label))];
    const rows = Array.from(u.data[0], (x, k) => [x, ...kept.map((i) => u.data[i][k] ?? "")].join(","));
    this.save([head.join(","), ...rows].join("\n") + "\n", "text/csv", "csv");
  },

  picture() {
    const from = this.plot.ctx.canvas, ratio = devicePixelRatio || 1, room = 26 * ratio;
    const canvas = el("canvas", { width: from.width, height: from.height + 2 * room });
    const ctx = canvas.getContext("2d");
    ctx.fillStyle = css("--paper");
    ctx.fillRect(0, 0, canvas.width, canvas.height);
    ctx.fillStyle = css("--ink");
    ctx.font = `600 ${13 * ratio}px ${css("--font")}`;
    ctx.fillText(this.options.title, 10 * ratio, 18 * ratio);
    ctx.drawImage(from, 0, room);
    ctx.font = `${11 * ratio}px ${css("--font")}`;
    let left = 10 * ratio;
    for (const line of this.shownLines()) {
      ctx.fillStyle = line.colour;
      ctx.fillRect(left, canvas.height - 15 * ratio, 14 * ratio, 3 * ratio);
      ctx.fillStyle = css("--ink");
      ctx.fillText(line.label, left + 18 * ratio, canvas.height - 10 * ratio);
      left += 34 * ratio + ctx.measureText(line.label).width;
    }
    canvas.toBlob((blob) => this.save(blob, "image/png", "png"));
  },

  shownLines() {
    return this.drawn.lines.filter((l) => !l.faint && !this.hidden.has(l.group || l.label)).slice(0, 12);
  },

  drawing() {
    const u = this.plot, wide = 760, high = 380, box = { left: 70, top: 34, right: wide - 16, bottom: high - 58 };
    const place = (key, value, from, to) => from + (u.valToPos(value, key) / (key === "x" ? u.over.clientWidth : u.over.clientHeight)) * (to - from);
    const x = (v) => place("x", v, box.left, box.right), y = (v) => place("y", v, box.top, box.bottom);
    const text = (at, words, anchor, top) => svg("text", { x: at, y: top, "text-anchor": anchor, fill: css("--ink") }, words);
    const root = svg("svg", {
      xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${wide} ${high}`, width: wide, height: high,
      "font-family": css("--font"), "font-size": 12,
    }, svg("rect", { width: wide, height: high, fill: css("--paper") }), text(box.left, this.options.title, "start", 20));
    const grid = (x1, x2, y1, y2) => svg("line", { x1, x2, y1, y2, stroke: css("--grid") });
    const ticks = (scale) => Array.from({ length: 5 }, (_, k) => u.posToVal((k / 4) * (scale === "x" ? u.over.clientWidth : u.over.clientHeight), scale));
    const kind = AXES[this.axis.split(":")[0]];
    for (const v of ticks("x")) root.append(grid(x(v), x(v), box.top, box.bottom), text(x(v), this.axis === "step" ? short(v) : kind.text(v), "middle", box.bottom + 18));
    const levels = ticks("y"), words = this.unit.ticks(levels);
    levels.forEach((v, i) => root.append(grid(box.left, box.right, y(v), y(v)), text(box.left - 6, words[i], "end", y(v) + 4)));
    u.series.forEach((s, i) => {
      if (!i || !s.show) return;
      const parts = [[]];
      Array.from(u.data[0], (at, k) => {
        if (u.data[i][k] == null) parts.push([]);
        else if (at >= u.scales.x.min && at <= u.scales.x.max) parts[parts.length - 1].push(`${x(at).toFixed(1)},${Math.max(box.top, Math.min(box.bottom, y(u.data[i][k]))).toFixed(1)}`);
      });
      for (const points of parts) if (points.length) root.append(svg("polyline", {
        points: points.join(" "), fill: "none", stroke: s.line.colour, "stroke-width": s.smoothed ? 2 : 1.4, opacity: s.alpha, "stroke-dasharray": (s.line.dash || []).join(" "),
      }));
    });
    let left = box.left;
    for (const line of this.shownLines()) {
      root.append(svg("rect", { x: left, y: high - 18, width: 14, height: 3, fill: line.colour }), text(left + 18, line.label, "start", high - 12));
      left += 36 + 6.6 * line.label.length;
    }
    root.append(text(box.right, this.drawn.title, "end", high - 28));
    this.save(new XMLSerializer().serializeToString(root), "image/svg+xml", "svg");
  },
});
