// A report that `instit-bench view` serves: it is loaded again when its runs have news.

watchRuns((runs) => {
  if (runs === null) {
    byId("live").textContent = "The server has ended; this is what it showed last.";
    return;
  }
  const ours = runs.filter((run) => Object.hasOwn(DATA.live, run.name));
  const running = ours.filter((run) => run.status === "running");
  byId("live").textContent = running.map((run) => `${run.name}: ${progress(run)}`).join("; ");
  const typing = document.activeElement?.matches("input, select, textarea");
  const busy = typing || byId("help").open || String(getSelection()) !== "";
  // The address keeps the view, and the browser the place on the page.
  if (!busy && ours.some((run) => run.version !== DATA.live[run.name])) location.reload();
});
