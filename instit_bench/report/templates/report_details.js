// One sample: its media, question, prediction and scores.

// Longer texts would block the page for seconds.
const MOST_CHARACTERS = 200_000;
const MOST_LINES = 5_000;

function showDetails(sample) {
  const answer = sample.answers[runIndex()];
  const parts = [
    heading(sample, answer),
    film(sample, answer),
    ...question(sample, answer),
    textBlock("Target", text(answer.gold), journal(sample)),
    answers(sample),
  ];
  replaceDetails(parts.filter(Boolean));
  byId("details").scrollTop = 0;
  const strip = byId("details").querySelector(".film");
  const named = strip?.querySelector(".named");
  if (named) strip.scrollLeft = named.offsetLeft - strip.offsetLeft;
}

/** Keep the keyboard focus when parts are replaced. */
function replaceDetails(parts) {
  const details = byId("details");
  const focused = document.activeElement;
  const inside = details.contains(focused);
  details.replaceChildren(...parts);
  if (!inside) return;
  const again = byId(focused.id);
  (again && !again.disabled ? again : details).focus({ preventScroll: true });
}

function heading(sample, answer) {
  const run = DATA.runs.length > 1 ? DATA.runs[runIndex()].label : "";
  const link = element("a", { href: "#" + fragment({ sample: address(sample), run }) }, "link");
  const found = verdict(answer);
  const sign = [element("span", { class: `sign ${found}` }, SIGNS[found]), " ", outcomeFacts(answer), " · "];
  return element(
    "header",
    {},
    element("h3", {}, element("bdi", {}, address(sample)), " ", link),
    element("nav", { "aria-label": "samples" }, step("previous", -1), step("next", 1)),
    element("p", {}, ...(DATA.runs.length > 1 ? [] : sign), sample.kind),
  );
}

function outcomeFacts(answer) {
  return `${VERDICT_NAMES[verdict(answer)]} · ${DATA.states[answer.state]}`;
}

/** A button to a neighbour in the list, for those without a keyboard. */
function step(id, by) {
  const button = element("button", { type: "button", id }, id);
  button.disabled = !list.samples[list.selected + by];
  button.addEventListener("click", () => select(list.selected + by));
  return button;
}

/** An image, or a video's frames in order; frames that the question names are marked. */
function film(sample, answer) {
  if (taskOf(sample).media === "none") return null;
  const shown = pictures(answer);
  if (shown.length === 0) return element("p", { class: "quiet" }, withoutPictures());
  const named = new Set(text(answer.question).match(/<\d+>/g) ?? []);
  const figures = shown.map((picture, index) => {
    const label = shown.length > 1 ? `<${index + 1}>` : "";
    const figure = element("figure", named.has(label) ? { class: "named" } : {}, image(picture, label));
    if (label) figure.append(element("figcaption", {}, label));
    return figure;
  });
  return element("div", { class: shown.length > 1 ? "film" : "film single" }, ...figures);
}

function withoutPictures() {
  return DATA.media === null
    ? "This report was made without images."
    : "The image is not available: the run does not record its file, or the dataset was moved.";
}

function image(picture, label) {
  if (picture.missing !== undefined) return element("p", { class: "missing" }, picture.missing);
  const { file, width, height } = picture;
  const made = element("img", { loading: "lazy", width, height, alt: label ? `frame ${label}` : "image" });
  const button = element("button", { type: "button", "aria-pressed": "false", title: "larger" }, made);
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") === "false"));
  });
  made.addEventListener("error", () => {
    button.replaceWith(element("p", { class: "missing" }, `${DATA.media}/${file} is not beside this page`));
  });
  made.src = `${encodeURIComponent(DATA.media)}/${encodeURIComponent(file)}`;
  return button;
}

/** The question with its options, or the user's input of a tool prompt; the whole prompt, folded. */
function question(sample, answer) {
  const words = text(answer.input ?? answer.question);
  const asked = textBlock("Question", words, journal(sample)) ?? element("section", {});
  const options = (answer.choices ?? []).map((choice, index) => {
    const letter = String.fromCharCode(65 + index);
    const notes = [letter === text(answer.gold) ? "target" : "", chosenBy(sample, letter)].filter(Boolean);
    const item = element("li", {}, `${letter}. ${text(choice)}`);
    if (notes.length) item.append(" ", element("em", {}, notes.join(", ")));
    return item;
  });
  if (options.length) asked.append(element("ul", { class: "options" }, ...options));
  const prompt = text(answer.prompt ?? answer.question);
  if (prompt === words) return [asked];
  const whole = element("pre", {}, ...beginning(prompt, journal(sample)));
  return [asked, element("details", {}, element("summary", {}, "Prompt"), whole)];
}

/** Who chose an option: of several runs, their numbers. */
function chosenBy(sample, letter) {
  const runs = sample.answers.flatMap((answer, index) => (answer?.extracted === letter ? [index] : []));
  if (runs.length === 0) return "";
  const read = runs.every((index) => sample.answers[index].method === "model");
  const how = read ? "extracted by a judge" : "answered";
  return DATA.runs.length > 1 ? `${how} by ${runs.map((index) => index + 1).join(", ")}` : how;
}

function textBlock(title, content, place) {
  if (!content) return null;
  const shown = element("pre", {}, ...beginning(content, place));
  return element("section", {}, element("h4", {}, title), shown);
}

/** A text; a very long one is cut, with a note on where to find the rest. */
function beginning(content, place) {
  const kept = content.split("\n", MOST_LINES).join("\n").slice(0, MOST_CHARACTERS);
  if (kept.length === content.length) return [content];
  const left = `${content.length - kept.length} of ${content.length} characters are omitted here`;
  return [kept, "\n", element("em", {}, `${left}; all are in the run's ${place}.`)];
}

/** The file of a run directory that contains a sample's texts. */
function journal(sample) {
  return `samples/${taskOf(sample).name}.jsonl`;
}

function table(title, header, rows) {
  if (rows.length === 0) return null;
  const head = element("tr", {}, ...header.map((name) => element("th", { scope: "col" }, name)));
  const body = rows.map((cells) => element("tr", {}, ...cells.map(cell)));
  const made = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  const scroll = element("div", { class: "scroll" }, made);
  return element("section", {}, element("h4", {}, title), scroll);
}

function cell(content) {
  return element("td", {}, ...[content].flat());
}
