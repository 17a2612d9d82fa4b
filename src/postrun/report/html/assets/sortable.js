// Tables that sort by a click on a column's head: numbers as numbers, empty cells last.
function sortableTables() {
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sortTable(table, heads, column));
    });
  }
}

function sortTable(table, heads, column) {
  const down = heads[column].getAttribute("aria-sort") === "ascending";
  heads.forEach((head) => head.removeAttribute("aria-sort"));
  heads[column].setAttribute("aria-sort", down ? "descending" : "ascending");
  const numeric = heads[column].classList.contains("n");
  const value = (row) => {
    const text = row.cells[column].textContent;
    if (!numeric) return text;
    const number = Number(text.replace(/,/g, "").replace("∞", "Infinity"));
    return text === "" ? NaN : number;
  };
  const rows = [...table.tBodies[0].rows].map((row) => [value(row), row]);
  rows.sort(([a], [b]) => {
    const [noA, noB] = [a === "" || Number.isNaN(a), b === "" || Number.isNaN(b)];
    if (noA || noB) return noA - noB;
    const order = numeric ? a - b : a.localeCompare(b);
    return down ? -order : order;
  });
  table.tBodies[0].append(...rows.map(([, row]) => row));
}
