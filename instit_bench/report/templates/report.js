// Filters, selection and keys.
const narrow = matchMedia("(max-width: 760px)"); // as in report.css

function makeFilters() {
  const runs = DATA.runs.map((run) => [run.label, run.label]);
  const form = byId("filters");
  if (runs.length > 1) form.append(picker("run", "run", runs));
  for (const { field, label } of CHOICES) form.append(picker(field, label, []));
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("q").addEventListener("input", (event) => change("q", event.target.value));
}

function picker(field, label, options) {
  const select = element("select", { id: field });
  setOptions(select, options);
  select.addEventListener("change", () => change(field, select.value));
  return element("label", {}, label, " ", select);
}

function setOptions(select, options) {
  select.replaceChildren(...options.map(([value, name]) => element("option", { value }, name)));
}

/** The filters, with counts; a filter with a single value is hidden. */
function updateFilters(counts) {
  for (const { field, names } of CHOICES) {
    const found = counts.get(field);
    if (view[field] && !found.has(view[field])) found.set(view[field], 0);
    const values = offered(found, view[field]);
    const options = values.map((value) => [value, `${names?.(value) ?? value} (${found.get(value)})`]);
    const select = byId(field);
    setOptions(select, [["", "all"], ...options]);
    const left = found.size - values.length;
    if (left) select.append(element("option", { disabled: "" }, `${left} rarer: search for them`));
    select.value = view[field];
    select.parentElement.hidden = field === "flip" ? values.length === 0 : values.length < 2 && !view[field];
  }
  if (byId("run")) byId("run").value = DATA.runs[runIndex()].label;
  if (byId("q").value !== view.q) byId("q").value = view.q;
}

function change(field, value) {
  view[field] = value;
  if (field === "run" && flipRun(view.flip) === value) view.flip = ""; // a run has no flips against itself
  writeAddress();
  update();
}

/** Render the view: filters, list, and the selected sample. */
function update() {
  showBaseline();
  const { samples, counts } = matching();
  updateFilters(counts);
  showList(samples);
  if (list.selected >= 0) scrollToSelected();
  showSelected();
}

/** The selected sample, even if filters hide it from the list. */
function showSelected() {
  const sample = DATA.samples.find((one) => address(one) === view.sample);
  if (sample?.answers[runIndex()]) {
    showDetails(sample);
  } else {
    const none = ["This run has no sample ", element("bdi", {}, view.sample), "."];
    const words = view.sample ? none : ["Select a sample."];
    byId("details").replaceChildren(element("p", { class: "quiet" }, ...words));
  }
}

function select(index) {
  if (index < 0 || index >= list.samples.length) return;
  list.selected = index;
  view.sample = address(list.samples[index]);
  writeAddress();
  scrollToSelected();
  showDetails(list.samples[index]);
  if (narrow.matches) byId("details").scrollIntoView();
}

function onKey(event) {
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "Escape" && event.target === byId("q")) {
    change("q", "");
    byId("list").focus();
  }
  if (typing || byId("help").open || event.ctrlKey || event.metaKey || event.altKey) return;
  const inList = byId("list").contains(event.target);
  const actions = {
    j: () => select(list.selected + 1),
    k: () => select(list.selected - 1),
    ArrowDown: inList && (() => select(list.selected + 1)),
    ArrowUp: inList && (() => select(list.selected - 1)),
    Home: inList && (() => select(0)),
    End: inList && (() => select(list.samples.length - 1)),
    "/": () => byId("q").focus(),
    "?": () => byId("help").showModal(),
  };
  const action = Object.hasOwn(actions, event.key) && actions[event.key];
  if (action) {
    event.preventDefault();
    action();
  }
}

/** Follow the URL: on load, by a link, or typed. */
function follow() {
  readAddress();
  update();
  if (location.hash.length > 1) {
    byId(view.sample && narrow.matches ? "details" : "browser").scrollIntoView();
    byId("list").focus({ preventScroll: true });
  }
}

makeFilters();
byId("list").addEventListener("scroll", drawRows);
byId("show-help").addEventListener("click", () => byId("help").showModal());
for (const button of document.querySelectorAll("[data-part]")) {
  // The URL's fragment is in use, so anchors cannot use it.
  button.addEventListener("click", () => byId(button.dataset.part).scrollIntoView());
}
addEventListener("resize", drawRows);
addEventListener("keydown", onKey);
addEventListener("hashchange", follow);
follow();
