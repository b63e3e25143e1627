"use strict";

// The table is complete without this script, which only sorts and hides rows.
const body = document.getElementById("board").tBodies[0];
const none = document.getElementById("none");
const rows = [...body.rows].filter((row) => row !== none);
const grouped = document.querySelectorAll("#board [data-benchmark]");
const sorters = document.querySelectorAll("#board thead button");
const filter = document.getElementById("filter");
const comparable = document.getElementById("comparable");
const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const searchable = new Map(
  rows.map((row) => [row, `${text(row, "model")} ${text(row, "source")}`.toLowerCase()]),
);

function text(row, part) {
  return row.querySelector(`.${part} :is(bdi, a)`).textContent;
}

function chosen(name) {
  return document.querySelector(`input[name="${name}"]:checked`)?.value ?? "";
}

function isShown(cell) {
  return !cell.hidden && !(comparable?.checked && cell.classList.contains("marked"));
}

function refresh() {
  const benchmark = chosen("benchmark");
  for (const cell of grouped) {
    cell.hidden = benchmark !== "" && cell.dataset.benchmark !== benchmark;
  }
  body.classList.toggle("comparable", comparable?.checked ?? false);

  const kind = chosen("kind");
  const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    const cells = [...row.querySelectorAll("td[data-benchmark]")];
    const filled = cells.some((cell) => cell.childElementCount > 0 && isShown(cell));
    const matches = wanted.every((word) => searchable.get(row).includes(word));
    row.hidden = !(filled && matches && (kind === "" || row.dataset.kind === kind));
    count += row.hidden ? 0 : 1;
  }
  none.hidden = count > 0;
  document.getElementById("count").textContent =
    count === rows.length ? `${count} rows` : `${count} of ${rows.length} rows`;
  const sorted = document.querySelector("#board [aria-sort]");
  if (sorted) sort(sorted);
}

// Equal rows keep their order, so that sorting by several columns in turn works; rows
// without a number always come last.
function sort(heading) {
  const direction = heading.getAttribute("aria-sort") === "ascending" ? 1 : -1;
  const part = ["model", "source"].find((name) => heading.classList.contains(name));
  const column = [...heading.parentElement.cells].indexOf(heading);
  const key = part
    ? (row) => text(row, part)
    : (row) => {
        const cell = row.querySelectorAll("td[data-benchmark]")[column];
        return isShown(cell) && cell.dataset.value ? Number(cell.dataset.value) : null;
      };
  const keys = new Map(rows.map((row) => [row, key(row)]));
  rows.sort((a, b) => {
    const [left, right] = [keys.get(a), keys.get(b)];
    if (left === null || right === null) return (left === null) - (right === null);
    return direction * (part ? words.compare(left, right) : left - right);
  });
  body.append(...rows);
}

function sortBy(heading) {
  const before = heading.getAttribute("aria-sort");
  const bestFirst = heading.dataset.name && heading.dataset.lower === undefined;
  const [first, second] = bestFirst ? ["descending", "ascending"] : ["ascending", "descending"];
  document.querySelector("#board [aria-sort]")?.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", before === first ? second : first);
  sort(heading);
}

for (const button of sorters) {
  button.disabled = false;
  button.addEventListener("click", () => sortBy(button.closest("th")));
}
const controls = document.getElementById("controls");
controls.hidden = false;
controls.addEventListener("input", refresh);
refresh();
