// Which samples are in the list.

// Each filter: its field in the URL, its label, and an answer's values for it.
const CHOICES = [
  { field: "task", label: "task", values: (sample) => [taskOf(sample).name] },
  { field: "state", label: "state", values: (_, answer) => [DATA.states[answer.state]] },
  { field: "verdict", label: "verdict", values: verdicts, names: verdictName },
  { field: "flip", label: "flips", values: flips, names: flipName },
  { field: "across", label: "across runs", values: across, names: (value) => ACROSS_NAMES[value] },
  { field: "kind", label: "kind of question", values: (sample) => [sample.kind], names: dataName },
  { field: "tool", label: "tool", values: (_, answer) => tools(answer), names: dataName },
  { field: "method", label: "read by", values: (_, answer) => (answer.method ? [answer.method] : []) },
];

const MOST_OPTIONS = 100; // per filter: data and models may invent any number of tools
const LONGEST_OPTION = 60; // characters

const VERDICT_NAMES = {
  right: "right",
  wrong: "wrong",
  none: "no verdict",
  differ: "official and strict differ",
};

const ACROSS_NAMES = {
  differ: "different predictions",
  none: "right in none",
  some: "right in some",
  all: "right in all",
};

const acrossRuns = new WeakMap();

/** How all runs that have the sample did on it, and whether they said the same. */
function across(sample) {
  let found = acrossRuns.get(sample);
  if (found === undefined) {
    const answers = sample.answers.filter(Boolean);
    const right = answers.filter((answer) => answer.right).length;
    const said = new Set(answers.map((answer) => String(answer.answer)));
    found = answers.length < 2 ? [] : [right === 0 ? "none" : right < answers.length ? "some" : "all"];
    if (said.size > 1) found.push("differ");
    acrossRuns.set(sample, found);
  }
  return found;
}

function verdicts(_, answer) {
  return answer.difference ? [verdict(answer), "differ"] : [verdict(answer)];
}

function verdictName(value) {
  return VERDICT_NAMES[value];
}

/** A name from data or models: it may have any length or text direction. */
function dataName(value) {
  return isolated(value.length > LONGEST_OPTION ? `${value.slice(0, LONGEST_OPTION)}…` : value);
}

/** Every tool that target or prediction calls; bracketed names are not tools. */
function tools(answer) {
  const named = (answer.pairs ?? []).flat().filter((name) => !name.startsWith("("));
  return [...new Set(named)];
}

/** Flips against every other run: "lost:LABEL" where that run is right and this one wrong. */
function flips(sample, answer) {
  const found = [];
  sample.answers.forEach((other, index) => {
    if (!other || other === answer || answer.right === null || other.right === null) return;
    if (other.right > answer.right) found.push(`lost:${DATA.runs[index].label}`);
    if (other.right < answer.right) found.push(`won:${DATA.runs[index].label}`);
  });
  return found;
}

/** The run that a flip is against. */
function flipRun(value) {
  return value.slice(value.indexOf(":") + 1);
}

function flipName(value) {
  const label = isolated(flipRun(value));
  return value.startsWith("lost:") ? `right in ${label}, wrong here` : `wrong in ${label}, right here`;
}

/**
 * In one pass, the selected run's samples that match all filters, and for each filter the number of
 * samples per value with all other filters applied.
 */
function matching() {
  const run = runIndex();
  const words = view.q.toLowerCase().split(/\s+/).filter(Boolean);
  const counts = new Map(CHOICES.map(({ field }) => [field, new Map()]));
  const samples = [];
  for (const sample of DATA.samples) {
    const answer = sample.answers[run];
    if (!answer || !words.every((word) => searchable(sample, answer).includes(word))) continue;
    const values = CHOICES.map((choice) => choice.values(sample, answer));
    const missed = CHOICES.filter(({ field }, index) => view[field] && !values[index].includes(view[field]));
    if (missed.length === 0) samples.push(sample);
    CHOICES.forEach((choice, index) => {
      if (missed.some((other) => other !== choice)) return;
      const found = counts.get(choice.field);
      for (const value of values[index]) found.set(value, (found.get(value) ?? 0) + 1);
    });
  }
  return { samples, counts };
}

const searchTexts = new WeakMap();

/** The searchable text of an answer, in lower case. */
function searchable(sample, answer) {
  let found = searchTexts.get(answer);
  if (found === undefined) {
    const texts = [answer.question, answer.gold, answer.answer, answer.why, answer.difference];
    const choices = answer.choices ?? [];
    const replies = (answer.verdicts ?? []).map((said) => said.reply);
    found = [sample.id, ...[...texts, ...choices, ...replies].map(text)].join("\n").toLowerCase();
    searchTexts.set(answer, found);
  }
  return found;
}

/** A filter's values, sorted: the most frequent, and the selected one. */
function offered(found, chosenOne) {
  const commonest = [...found.keys()].sort((one, other) => found.get(other) - found.get(one));
  const values = new Set(commonest.slice(0, MOST_OPTIONS));
  if (chosenOne) values.add(chosenOne);
  return [...values].sort();
}
