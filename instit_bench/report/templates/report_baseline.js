// The run that others are compared with: what is against another one is hidden.
function showBaseline() {
  const picker = byId("baseline");
  if (!picker) return;
  const labels = [...picker.options].map((option) => option.value);
  picker.value = labels.includes(view.baseline) ? view.baseline : labels[0];
  for (const part of document.querySelectorAll("[data-against]")) {
    part.hidden = part.dataset.against !== picker.value;
  }
}

/** The baseline's index, -1 if there is none. */
function baselineIndex() {
  return DATA.runs.findIndex((run) => run.label === byId("baseline")?.value);
}

byId("baseline")?.addEventListener("change", (event) => {
  const first = event.target.selectedIndex === 0;
  change("baseline", first ? "" : event.target.value);
});
