// The list of samples: only visible rows are in the document.
const ROW_HEIGHT = 58; // pixels, as in report.css
const ROWS_BEYOND = 8; // above and below the visible rows

const SIGNS = { right: "✓", wrong: "✗", none: "–" };

const list = { samples: [], selected: -1 };

function showList(samples) {
  list.samples = samples;
  list.selected = samples.findIndex((sample) => address(sample) === view.sample);
  byId("rows").style.height = `${samples.length * ROW_HEIGHT}px`;
  const all = DATA.samples.filter((sample) => sample.answers[runIndex()]).length;
  byId("count").textContent = `${samples.length} of ${all} samples`;
  drawRows();
}

function drawRows() {
  const box = byId("list");
  const first = Math.max(0, Math.floor(box.scrollTop / ROW_HEIGHT) - ROWS_BEYOND);
  const last = Math.ceil((box.scrollTop + box.clientHeight) / ROW_HEIGHT) + ROWS_BEYOND;
  const rows = list.samples.slice(first, last).map((sample, offset) => row(sample, first + offset));
  const none = element("p", { class: "quiet" }, "No sample matches.");
  byId("rows").replaceChildren(...(list.samples.length ? rows : [none]));
  if (list.selected >= first && list.selected < last) {
    box.setAttribute("aria-activedescendant", `row-${list.selected}`);
  } else {
    box.removeAttribute("aria-activedescendant");
  }
}

function row(sample, index) {
  const answer = sample.answers[runIndex()];
  const made = element(
    "div",
    {
      id: `row-${index}`,
      class: "row",
      role: "option",
      "aria-selected": String(index === list.selected),
      "aria-setsize": String(list.samples.length),
      "aria-posinset": String(index + 1),
    },
    signs(sample),
    element("bdi", { class: "id" }, sample.id),
    element("span", { class: "quiet" }, view.task || DATA.tasks.length < 2 ? "" : taskOf(sample).name),
    element("bdi", { class: "quiet outcome" }, outcome(sample, answer)),
    element("span", { class: "summary" }, sample.summary),
  );
  made.style.top = `${index * ROW_HEIGHT}px`;
  made.addEventListener("click", () => select(index));
  return made;
}

/** How each run did, in the runs' order. */
function signs(sample) {
  const made = sample.answers.map((answer, index) => {
    const found = answer ? verdict(answer) : "none";
    const title = `${DATA.runs[index].label}: ${answer ? VERDICT_NAMES[found] : "not in this run"}`;
    return element("span", { class: `sign ${found}`, title }, answer ? SIGNS[found] : "·");
  });
  return element("span", { class: "signs" }, ...made);
}

/** A short summary: prediction for target, a score, or the state. */
function outcome(sample, answer) {
  const state = DATA.states[answer.state];
  if (state !== "scored") return state;
  const shown = taskOf(sample).outcome;
  if (shown === "extracted") return `${answer.extracted} for ${text(answer.gold)}`;
  if (shown === "pairs") return `${called(answer, 1)} for ${called(answer, 0)}`;
  const value = score(sample, answer);
  return value === null ? "" : String(value);
}

/** The tools on one side of an answer's pairs: 0 is the target, 1 the prediction. */
function called(answer, side) {
  const names = (answer.pairs ?? []).map((pair) => pair[side]);
  return names.filter((name) => name !== "(no call)" && name !== "(none)").join(", ") || "no tool";
}

/** Scroll the selected row into view. */
function scrollToSelected() {
  const box = byId("list");
  const top = list.selected * ROW_HEIGHT;
  if (top < box.scrollTop) box.scrollTop = top;
  if (top + ROW_HEIGHT > box.scrollTop + box.clientHeight) {
    box.scrollTop = top + ROW_HEIGHT - box.clientHeight;
  }
  drawRows();
}
