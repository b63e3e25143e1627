"use strict";

// What a page served by `instit-bench view` knows of the runs, asked for every other second.
const EVERY_MS = 2000;

/** Call with each new list of runs: {name, status, done, total, version}; null if there is no answer. */
function watchRuns(show) {
  const ask = async () => {
    if (!document.hidden) show(await latestRuns());
    setTimeout(ask, EVERY_MS);
  };
  setTimeout(ask, EVERY_MS);
}

async function latestRuns() {
  try {
    const answer = await fetch("/runs.json");
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

function progress({ status, done, total }) {
  return `${status}, ${done} of ${total} samples`;
}
