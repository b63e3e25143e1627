// Copying the matrix and the other tables.

for (const tools of document.querySelectorAll(".tools[data-copy]")) {
  tools.hidden = false;
  for (const button of tools.querySelectorAll("[data-format]")) {
    button.addEventListener("click", () => copyTable(tools, button));
  }
}

async function copyTable(tools, button) {
  const format = button.dataset.format;
  const matrix = tools.dataset.copy === "board";
  const table = matrix ? boardTable(format) : shownTable(tools.parentElement.querySelector("table"));
  const done = await copyText(FORMATS[format](table));
  tools.querySelector("[role=status]").textContent = done ? `copied as ${button.textContent}` : "not allowed";
}

/** Whether the text is on the clipboard. */
async function copyText(words) {
  try {
    await navigator.clipboard.writeText(words);
    return true;
  } catch {
    const area = element("textarea", { readonly: "" });
    area.value = words;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy"); // where the clipboard is not open to a page
    area.remove();
    return done;
  }
}

/** A table as shown; the names of its groups are the first column. */
function shownTable(table) {
  const grouped = table.querySelector(".group") !== null;
  const line = (row) => [...row.cells].map(cellText);
  const rows = [];
  let group = "";
  for (const row of [...table.tBodies].flatMap((body) => [...body.rows])) {
    if (row.classList.contains("group")) group = cellText(row.cells[0]);
    else rows.push(grouped ? [group, ...line(row)] : line(row));
  }
  const header = line(table.tHead.rows[0]);
  return { header: grouped ? ["", ...header] : header, rows, left: grouped ? 2 : 1 };
}

function cellText(cell) {
  const copy = cell.cloneNode(true);
  for (const part of copy.querySelectorAll("[aria-hidden]")) part.remove();
  return copy.textContent.trim().replace(/\s+/g, " ");
}

function boardTable(format) {
  return format === "csv" ? boardRecords() : boardMatrix();
}

/** One row per run and task's leading figure with its difference to the chosen baseline. */
function boardMatrix() {
  const baseline = baselineIndex();
  const shown = DATA.board.cells.map((cells) => cells.map((cell) => cell?.official ?? cell?.strict ?? null));
  const rows = shown.map((cells, run) => [DATA.runs[run].label, ...cells.map((one) => matrixCell(one, baseline))]);
  const label = DATA.runs[baseline]?.label;
  const note = label
    ? `Percent; in brackets the paired difference to ${label} in points, * where one is shown (p < 0.05, Holm).`
    : "Percent.";
  return { header: ["run", ...DATA.board.tasks], rows, left: 1, note };
}

function matrixCell(shown, baseline) {
  if (!shown) return "–";
  const value = shown.value.toFixed(1);
  const paired = shown.against[baseline];
  if (!paired) return value;
  if (paired.verdict === "not comparable") return `${value} (${paired.verdict})`;
  const star = ["better", "worse"].includes(paired.verdict) ? "*" : "";
  return `${value} (${signed(paired.difference)}${star})`;
}

function signed(points) {
  const digits = Math.abs(points).toFixed(1);
  if (Number(digits) === 0) return "0.0";
  return (points < 0 ? "−" : "+") + digits;
}

const RECORD = [
  ...["run", "task", "view", "metric", "value", "ci95_low", "ci95_high", "n", "n_counted", "n_total"],
  ...["baseline", "difference", "difference_low", "difference_high", "p", "n_both", "verdict"],
];

/** One row per run, task and view, with all numbers: percent and points. */
function boardRecords() {
  const baseline = baselineIndex();
  const rows = DATA.board.cells.flatMap((cells, run) =>
    cells.flatMap((cell, task) =>
      ["official", "strict"].filter((view) => cell?.[view]).map((view) => {
        const shown = cell[view];
        const paired = shown.against[baseline];
        return [
          ...[DATA.runs[run].label, DATA.board.tasks[task], view, shown.metric, shown.value],
          ...[shown.ci[0], shown.ci[1], shown.n, cell.scored, cell.total],
          ...(paired ? [DATA.runs[baseline].label, paired.difference, paired.ci[0], paired.ci[1]] : ["", "", "", ""]),
          ...(paired ? [paired.p, paired.n, paired.verdict] : ["", "", ""]),
        ];
      }),
    ),
  );
  return { header: RECORD, rows, left: 4 };
}
