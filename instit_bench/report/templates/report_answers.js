// One sample in all runs, side by side, with what differs from the baseline's prediction marked.

function answers(sample) {
  const reference = referenceIndex(sample);
  const having = DATA.runs.map((_, index) => index).filter((index) => sample.answers[index]);
  const cards = having.map((index) => card(sample, index, reference));
  return element("div", { class: cards.length > 1 ? "answers" : "answers single" }, ...cards);
}

/** The run whose prediction the others are held against: the baseline, or the first with an answer. */
function referenceIndex(sample) {
  const baseline = baselineIndex();
  return sample.answers[baseline] ? baseline : sample.answers.findIndex(Boolean);
}

function card(sample, index, reference) {
  const answer = sample.answers[index];
  const block = (title, content) => textBlock(title, content, journal(sample));
  const parts = [
    DATA.runs.length > 1 ? cardHeading(sample, index) : null,
    otherQuestion(sample, answer, sample.answers[reference]),
    prediction(sample, index, reference),
    block("Tool calls", (answer.calls ?? []).join("\n")),
    block("Read as", reading(answer)),
    block("Why official and strict differ", text(answer.difference)),
    block("Reason", text(answer.why)),
    scores(sample, answer),
    judges(sample, answer),
  ];
  const current = DATA.runs.length > 1 && index === runIndex();
  const attributes = { class: "answer", "data-run": DATA.runs[index].label };
  if (current) attributes["aria-current"] = "true";
  return element("section", attributes, ...parts.filter(Boolean));
}

/** The run's name, a button that selects it, and how it did. */
function cardHeading(sample, index) {
  const answer = sample.answers[index];
  const found = verdict(answer);
  const button = element("button", { type: "button", title: "list this run's samples" }, DATA.runs[index].label);
  button.addEventListener("click", () => change("run", DATA.runs[index].label));
  const number = element("b", {}, String(index + 1));
  return element(
    "header",
    {},
    element("span", { class: `key series-${(index % 6) + 1}`, "aria-hidden": "true" }, number),
    button,
    element("p", {}, element("span", { class: `sign ${found}` }, SIGNS[found]), ` ${outcomeFacts(answer)}`),
  );
}

function otherQuestion(sample, answer, reference) {
  const asked = text(answer.question);
  return asked === text(reference.question) ? null : textBlock("Different question", asked, journal(sample));
}

/** The prediction; words that the reference does not have are marked. */
function prediction(sample, index, reference) {
  const shown = predicted(sample.answers[index]);
  if (!shown) return null;
  const pair = DATA.runs.length === 2 ? 1 - index : reference; // of two runs, both are marked
  const other = sample.answers[pair];
  const parts = beginning(shown, journal(sample));
  if (other && pair !== index && predicted(other)) {
    const [words] = beginning(predicted(other), "");
    parts.splice(0, 1, ...marked(parts[0], words));
  }
  return element("section", {}, element("h4", {}, "Prediction"), element("pre", {}, ...parts));
}

function predicted(answer) {
  return answer.answer ? text(answer.answer) || "(empty)" : "";
}

function reading(answer) {
  const read = answer.extracted ? `${answer.extracted} (${answer.method})` : "";
  const official = answer.official ? `officially ${answer.official}` : "";
  return [read, official].filter(Boolean).join("; ");
}

function scores(sample, answer) {
  const metrics = taskOf(sample).metrics;
  const rows = (answer.scores ?? [])
    .map((value, index) => [metrics[index], value])
    .filter(([, value]) => value !== null)
    .map((cells) => cells.map(String));
  return table("Scores", ["metric", "value"], rows);
}

function judges(sample, answer) {
  const place = `judgements/${taskOf(sample).name}.jsonl`;
  const rows = (answer.verdicts ?? []).map((said) => [
    said.repeat ? `${said.judge}, repeat ${said.repeat + 1}` : said.judge,
    said.score === null ? said.error ?? "" : String(said.score),
    beginning(text(said.reply), place),
  ]);
  return table("Judges", ["judge", "verdict", "reply"], rows);
}
