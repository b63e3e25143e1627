// The view, kept in the URL's fragment so that links restore it:
// #sample=<task>/<id>&task=…&state=…; empty fields are left out.
const FIELDS = ["sample", "baseline", "run", "task", "state", "verdict", "flip", "across", "tool", "method", "kind", "q"];

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

/** The selected run, by default the first. */
function runIndex() {
  return Math.max(0, DATA.runs.findIndex((run) => run.label === view.run));
}

/** A sample's name in links. */
function address(sample) {
  return `${taskOf(sample).name}/${sample.id}`;
}
