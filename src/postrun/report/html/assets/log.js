// The console log: colours, tracebacks, search. Made when it is first opened.
const CHUNK = 400;
const MOST_HITS = 4000;

// SGR sequences (ECMA-48) as classes: sixteen colours, bold, faint, underlined. No HTML is parsed.
function styled(text) {
  const out = document.createDocumentFragment();
  let classes = [];
  for (const part of text.split(/(\x1b\[[\d;]*m)/)) {
    const codes = /^\x1b\[([\d;]*)m$/.exec(part);
    if (!codes) {
      if (part) out.append(classes.length ? el("span", { class: classes.join(" ") }, part) : part);
      continue;
    }
    const list = (codes[1] || "0").split(";").map(Number);
    for (let i = 0; i < list.length; i++) {
      const code = list[i];
      if (code === 0) classes = [];
      else if (code === 1) classes.push("bold");
      else if (code === 2) classes.push("faint");
      else if (code === 4) classes.push("under");
      else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) {
        classes = classes.filter((c) => !c.startsWith("fg"));
        classes.push(`fg${code % 10}`);
      } else if (code === 38 || code === 48) {
        if (list[i + 1] === 5) {
          if (code === 38 && list[i + 2] < 16) classes.push(`fg${list[i + 2] % 8}`);
          else if (code === 38) classes.push(`fg${cube(list[i + 2])}`);
          i += 2;
        } else if (list[i + 1] === 2) {
          if (code === 38) classes.push(`fg${nearestColour(list[i + 2], list[i + 3], list[i + 4])}`);
          i += 4;
        }
      }
    }
  }
  return out;
}

const nearestColour = (r, g, b) => (r > 127 ? 1 : 0) + (g > 127 ? 2 : 0) + (b > 127 ? 4 : 0);
function cube(n) {
  if (n >= 232) return n > 243 ? 7 : 0;
  const k = n - 16;
  return nearestColour(...[Math.floor(k / 36), Math.floor(k / 6) % 6, k % 6].map((v) => v * 51));
}

function lineNode(log, i, words) {
  const text = log.lines[i];
  const row = el("div", { class: "line" + (log.stderr.has(i) ? " stderr" : ""), "data-n": log.numbers ? log.numbers[i] : i + 1 });
  if (words) row.append(...highlighted(text.replace(/\x1b\[[\d;]*m/g, ""), words));
  else row.append(styled(text));
  return row;
}

function highlighted(text, word) {
  const out = [], low = text.toLowerCase();
  let at = 0, hit;
  while ((hit = low.indexOf(word, at)) >= 0) {
    out.push(text.slice(at, hit), el("mark", {}, text.slice(hit, hit + word.length)));
    at = hit + word.length;
  }
  return [...out, text.slice(at)];
}

function consoleLogs() {
  for (const section of document.querySelectorAll("details.console"))
    consoleLog(section, page.consoles[+section.dataset.console]);
}

function consoleLog(section, log) {
  log.stderr = new Set(log.stderr);
  const host = section.querySelector(".log"), input = section.querySelector("input");
  const found = section.querySelector("output");
  const whole = () => {
    host.replaceChildren();
    const folds = new Map(log.tracebacks);
    let chunk = null, held = 0;
    for (let i = 0; i < log.lines.length; i++) {
      if (!chunk || held >= CHUNK) {
        chunk = el("div", { class: "chunk" });
        host.append(chunk);
        held = 0;
      }
      if (folds.has(i)) {
        const stop = folds.get(i);
        const body = el("details", { class: "traceback", open: true }, el("summary", {}, styled(log.lines[stop - 1])));
        for (let k = i; k < stop; k++) body.append(lineNode(log, k));
        chunk.append(body);
        held += stop - i;
        i = stop - 1;
        continue;
      }
      chunk.append(lineNode(log, i));
      held++;
    }
  };
  let filled = false;
  const show = () => {
    if (section.open && !filled) {
      filled = true;
      whole();
    }
  };
  section.addEventListener("toggle", show);
  show();
  input.addEventListener("input", later(() => {
    const word = input.value.toLowerCase();
    if (!word) {
      found.textContent = "";
      return whole();
    }
    const hits = [];
    log.lines.forEach((text, i) => {
      if (text.replace(/\x1b\[[\d;]*m/g, "").toLowerCase().includes(word)) hits.push(i);
    });
    found.textContent = `${hits.length.toLocaleString("en")} lines`;
    host.replaceChildren(el("div", {}, ...hits.slice(0, MOST_HITS).map((i) => lineNode(log, i, word))));
  }));
}

// Trees of settings: words that do not fit are hidden, and what fits is unfolded.
function trees() {
  for (const input of document.querySelectorAll("input[data-tree]")) {
    const root = byId(input.dataset.tree);
    input.addEventListener("input", later(() => {
      const word = input.value.toLowerCase();
      for (const leaf of root.querySelectorAll("li.leaf")) leaf.hidden = !leaf.dataset.path.includes(word);
      for (const branch of [...root.querySelectorAll("li.branch")].reverse()) {
        branch.hidden = !branch.querySelector("li.leaf:not([hidden])");
        if (word && !branch.hidden) branch.firstElementChild.open = true;
      }
    }, 80));
  }
}
