// The list of runs, kept up to date; a report of one, or of several that are chosen.
const table = document.getElementById("runs");
const compare = document.getElementById("compare");

function chosen() {
  return [...table.querySelectorAll("input:checked")].map((box) => box.value);
}

function refreshButton() {
  const count = chosen().length;
  compare.disabled = count === 0;
  compare.textContent = count > 1 ? `Compare ${count} runs` : "Open report";
}

table.addEventListener("change", refreshButton);
compare.addEventListener("click", () => {
  location.href = `/reports/${chosen().map((name) => `${encodeURIComponent(name)}/`).join("")}`;
});
refreshButton();

watchRuns((runs) => {
  const state = document.getElementById("state");
  state.textContent = runs === null ? "The server has ended." : "";
  if (runs === null) return;
  const rows = new Map([...table.tBodies[0].rows].map((row) => [row.dataset.run, row]));
  const same = runs.length === rows.size && runs.every((run) => rows.has(run.name));
  if (!same) {
    location.reload(); // runs have come or gone
    return;
  }
  for (const run of runs) {
    const row = rows.get(run.name);
    row.querySelector(".status").textContent = run.status;
    row.querySelector("progress").max = run.total || 1;
    row.querySelector("progress").value = run.done;
    row.querySelector(".count").textContent = `${run.done} of ${run.total}`;
  }
});
