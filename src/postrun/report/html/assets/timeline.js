// The timeline: one line over all lanes tells every value at one place of the run.
function timeline() {
  const figure = byId("timeline");
  if (!figure) return;
  const { start, stop, lanes } = page.timeline;
  const plot = figure.querySelector(".plot"), cursor = figure.querySelector(".cursor");
  const where = figure.querySelector(".where");
  const list = [...figure.querySelectorAll(".lane-box")].map((box, i) => {
    const series = page.series[lanes[i]];
    const [x, y] = ordered(axisOf(series, "step"), numbers(series.y));
    const now = box.querySelector(".now");
    return { x, y, now, usual: [...now.childNodes] };
  });
  let at = null;
  const show = (x) => {
    at = Math.max(start, Math.min(stop, x));
    cursor.hidden = false;
    cursor.style.left = `${(100 * (at - start)) / (stop - start)}%`;
    figure.classList.add("reading");
    let place = at;
    for (const [i, lane] of list.entries()) {
      const k = closest(lane.x, at);
      lane.now.textContent = k == null ? "–" : short(lane.y[k]);
      if (i === 0 && k != null) place = lane.x[k];
    }
    where.textContent = AXES.step.text(place);
  };
  const leave = () => {
    at = null;
    cursor.hidden = true;
    figure.classList.remove("reading");
    for (const lane of list) lane.now.replaceChildren(...lane.usual);
    where.textContent = "";
  };
  plot.addEventListener("pointermove", (e) => {
    const box = plot.getBoundingClientRect();
    show(start + ((e.clientX - box.left) / box.width) * (stop - start));
  });
  plot.addEventListener("pointerleave", leave);
  figure.addEventListener("blur", leave);
  figure.addEventListener("keydown", (e) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (!by || e.target !== figure) return;
    e.preventDefault();
    show((at == null ? (by > 0 ? start : stop) : at) + (by * (stop - start)) / 50);
  });
}
