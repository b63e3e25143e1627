"use strict";

// The page's data, as report/samples.py writes them. All of it is text to show, never markup.
const DATA = JSON.parse(document.getElementById("data").textContent);

/** A text from the numbers of its lines. */
function text(numbers) {
  return numbers ? numbers.map((number) => DATA.lines[number]).join("\n") : "";
}

/** The images that the model was shown: {file, width, height} or {missing}. */
function pictures(answer) {
  const film = answer.film === undefined ? [] : DATA.films[answer.film];
  return film.map((number) => {
    const [file, width, height] = DATA.pictures[number];
    return width === undefined ? { missing: file } : { file, width, height };
  });
}

function taskOf(sample) {
  return DATA.tasks[sample.task];
}

/** The value of the deciding metric, null if there is none. */
function score(sample, answer) {
  const task = taskOf(sample);
  return answer.scores ? answer.scores[task.metrics.indexOf(task.deciding)] ?? null : null;
}

/** right, wrong or none: an error is neither. */
function verdict(answer) {
  if (answer.right === null) return "none";
  return answer.right ? "right" : "wrong";
}

/** Text isolated from the direction of its surroundings, where bdi is not allowed. */
function isolated(words) {
  return `\u2068${words}\u2069`;
}

/** An element; children that are strings become text. */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const byId = (id) => document.getElementById(id);
