// What is looked at, kept in the address's fragment so that a link leads back to it:
// #sample=<task>/<id>&task=…&state=…; fields that are empty are left out.
const FIELDS = ["sample", "run", "task", "state", "verdict", "flip", "tool", "method", "kind", "q"];

const view = Object.fromEntries(FIELDS.map((field) => [field, ""]));

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const field of FIELDS) view[field] = given.get(field) ?? "";
}

function writeAddress() {
  history.replaceState(null, "", "#" + fragment(view));
}

function fragment(fields) {
  return FIELDS.filter((field) => fields[field])
    .map((field) => `${field}=${encodeURIComponent(fields[field]).replaceAll("%2F", "/")}`)
    .join("&");
}

/** The run whose answers are shown: the one that is named, else the first. */
function runIndex() {
  return Math.max(0, DATA.runs.findIndex((run) => run.label === view.run));
}

/** A sample as links name it. */
function address(sample) {
  return `${taskOf(sample).name}/${sample.id}`;
}
