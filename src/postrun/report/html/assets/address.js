// What is shown is in the page's address, so that a link shows the same: "#?axis=runtime&smoothing=0.6".
const CHOICES = ["axis", "smoothing", "log", "robust", "grouping", "search"];

function remember() {
  const told = new URLSearchParams();
  for (const name of CHOICES) {
    const control = byId(name);
    if (!control) continue;
    const value = control.type === "checkbox" ? String(+control.checked) : control.value;
    if (value !== control.dataset.usual) told.set(name, value);
  }
  for (const [axis, range] of Object.entries(view.ranges)) if (range) told.set(`x.${axis}`, range.join(","));
  const text = told.toString(), now = location.hash;
  if (text || now.startsWith("#?")) history.replaceState(null, "", text ? `#?${text}` : location.pathname + location.search);
}

// Sets the controls as the address says; what it does not know is left as it is.
function recall() {
  for (const name of CHOICES) {
    const control = byId(name);
    if (control) control.dataset.usual = control.type === "checkbox" ? String(+control.checked) : control.value;
  }
  if (!location.hash.startsWith("#?")) return;
  for (const [name, value] of new URLSearchParams(location.hash.slice(2))) {
    const control = CHOICES.includes(name) ? byId(name) : null;
    if (control && control.type === "checkbox") control.checked = value === "1";
    else if (control && (control.tagName !== "SELECT" || [...control.options].some((o) => o.value === value))) control.value = value;
    const range = value.split(",").map(Number);
    if (name.startsWith("x.") && range.length === 2 && range[0] < range[1]) view.ranges[name.slice(2)] = range;
  }
}
