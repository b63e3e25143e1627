// One sample: what was shown and asked, what was answered, and what came of it.

function showDetails(sample) {
  const answer = sample.answers[runIndex()];
  const parts = [
    heading(sample, answer),
    film(sample, answer),
    ...question(answer),
    block("Answer", answer.answer ? text(answer.answer) || "(an empty reply)" : ""),
    block("Tool calls", (answer.calls ?? []).join("\n")),
    block("Gold", text(answer.gold)),
    block("Read as", reading(answer)),
    block("Why official and strict differ", text(answer.difference)),
    block("Reason", text(answer.why)),
    scores(sample, answer),
    judges(answer),
    otherRuns(sample),
  ];
  byId("details").replaceChildren(...parts.filter(Boolean));
  byId("details").scrollTop = 0;
  const strip = byId("details").querySelector(".film");
  const named = strip?.querySelector(".named");
  if (named) strip.scrollLeft = named.offsetLeft - strip.offsetLeft;
}

function heading(sample, answer) {
  const found = verdict(answer);
  const link = element("a", { href: "#" + fragment({ sample: address(sample) }) }, "link");
  const facts = [VERDICT_NAMES[found], DATA.states[answer.state], sample.kind].join(" · ");
  return element(
    "header",
    {},
    element("h3", {}, address(sample), " ", link),
    element("p", {}, element("span", { class: `sign ${found}` }, SIGNS[found]), " ", facts),
  );
}

/** A picture, or a video's frames in order with the ones that the question names marked. */
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
    ? "This report was made without pictures."
    : "The picture is not on disk: the run does not say where it was, or its dataset has gone.";
}

function image(picture, label) {
  if (picture.missing !== undefined) return element("p", { class: "missing" }, picture.missing);
  const { file, width, height } = picture;
  const made = element("img", { loading: "lazy", width, height, alt: label ? `frame ${label}` : "picture" });
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

/** The question with its options; the whole prompt, where that says more, folded. */
function question(answer) {
  const asked = block("Question", text(answer.question));
  const options = (answer.choices ?? []).map((choice, index) => {
    const letter = String.fromCharCode(65 + index);
    const notes = [
      letter === text(answer.gold) ? "gold" : "",
      letter === answer.extracted ? "answered" : "",
    ].filter(Boolean);
    const item = element("li", {}, `${letter}. ${text(choice)}`);
    if (notes.length) item.append(" ", element("em", {}, notes.join(", ")));
    return item;
  });
  if (options.length) asked.append(element("ul", { class: "options" }, ...options));
  const prompt = text(answer.prompt);
  if (!prompt || prompt === text(answer.question)) return [asked];
  const folded = element("details", {}, element("summary", {}, "Prompt"), element("pre", {}, prompt));
  return [asked, folded];
}

function reading(answer) {
  const strict = answer.extracted ? `${answer.extracted} (${answer.method})` : "";
  const official = answer.official ? `officially ${answer.official}` : "";
  return [strict, official].filter(Boolean).join("; ");
}

function block(title, content) {
  if (!content) return null;
  return element("section", {}, element("h4", {}, title), element("pre", {}, content));
}

function scores(sample, answer) {
  const metrics = taskOf(sample).metrics;
  const rows = (answer.scores ?? [])
    .map((value, index) => [metrics[index], value])
    .filter(([, value]) => value !== null)
    .map((cells) => cells.map(String));
  return table("Scores", ["metric", "value"], rows);
}

function judges(answer) {
  const rows = (answer.verdicts ?? []).map((said) => [
    said.repeat ? `${said.judge}, repeat ${said.repeat + 1}` : said.judge,
    said.score === null ? said.error ?? "" : String(said.score),
    text(said.reply),
  ]);
  return table("Judges", ["judge", "score", "reply"], rows);
}

/** The same sample in the other runs, each with a button to look at that run. */
function otherRuns(sample) {
  const current = runIndex();
  const rows = DATA.runs.map((run, index) => [run, sample.answers[index], index]);
  const others = rows.filter(([, answer, index]) => answer && index !== current);
  if (others.length === 0) return null;
  const section = table("Other runs", ["run", "verdict", "answer"], []);
  for (const [run, answer] of others) {
    const button = element("button", { type: "button" }, run.label);
    button.addEventListener("click", () => change("run", run.label));
    const found = verdict(answer);
    const cells = [button, `${SIGNS[found]} ${outcome(sample, answer)}`, otherAnswer(sample, answer)];
    section.querySelector("tbody").append(element("tr", {}, ...cells.map(cell)));
  }
  return section;
}

/** Another run's answer, with its question where it was asked something else. */
function otherAnswer(sample, answer) {
  const here = text(sample.answers[runIndex()].question);
  const asked = text(answer.question);
  const said = text(answer.answer) || text(answer.why);
  return asked === here ? said : `asked otherwise: ${asked}\n${said}`;
}

function table(title, header, rows) {
  if (rows.length === 0 && title !== "Other runs") return null;
  const head = element("tr", {}, ...header.map((name) => element("th", { scope: "col" }, name)));
  const body = rows.map((cells) => element("tr", {}, ...cells.map(cell)));
  const made = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  const scroll = element("div", { class: "scroll" }, made);
  return element("section", {}, element("h4", {}, title), scroll);
}

function cell(content) {
  return element("td", {}, content);
}
