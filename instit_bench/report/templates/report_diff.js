// How a text differs from another one, word by word, by their longest common subsequence.

const MOST_STEPS = 400_000; // of the comparison: beyond, all between the equal ends is different

/** The text as strings and marks: of its own words, and of gaps where it lacks the other's. */
function marked(words, others) {
  const here = tokens(words);
  const parts = [];
  for (const { index, own, missing } of changes(here.map(bare), tokens(others).map(bare))) {
    const last = parts.at(-1);
    if (missing !== undefined) parts.push(mark("gap", notHere(missing)));
    else if (index !== undefined) parts.push(here[index]);
    else if (last?.className === "own") last.append(here[own]);
    else if (last?.className === "gap") parts.splice(-1, 1, mark("own", last.title, here[own])); // words instead
    else parts.push(mark("own", "only here", here[own]));
  }
  return parts.flatMap((part) => (part.className === "own" ? trimmed(part) : [part]));
}

/** A gap has no text of its own: what is copied is the prediction as it is. */
function mark(kind, title, words) {
  if (words !== undefined) return element("mark", { class: kind, title }, words);
  return element("mark", { class: kind, title, role: "img", "aria-label": title });
}

function notHere(words) {
  return `not here: ${words.slice(0, 20).join(" ")}${words.length > 20 ? " …" : ""}`;
}

/** A mark without the space at its end, and that space. */
function trimmed(part) {
  const words = part.textContent;
  part.textContent = words.trimEnd() || words;
  return [part, words.slice(part.textContent.length)];
}

function tokens(words) {
  return words.match(/\S+\s*|\s+/g) ?? [];
}

function bare(word) {
  return word.trim();
}

/** In order: the `index` of a common word, that of an `own` one, or `missing` words of the other. */
function changes(own, there) {
  let start = 0;
  while (start < own.length && own[start] === there[start]) start += 1;
  const most = Math.min(own.length, there.length) - start;
  let end = 0;
  while (end < most && own[own.length - 1 - end] === there[there.length - 1 - end]) end += 1;
  const [ownEnd, thereEnd] = [own.length - end, there.length - end];
  const same = (from, to) => own.slice(from, to).map((_, offset) => ({ index: from + offset }));
  const middle = between(own.slice(start, ownEnd), there.slice(start, thereEnd), start);
  return [...same(0, start), ...middle, ...same(ownEnd, own.length)];
}

/** The same for the words between the equal ends; `start` is the first one's index. */
function between(own, there, start) {
  const longest = lengths(own, there);
  const width = there.length + 1;
  const found = [];
  let missing = [];
  const flush = () => {
    if (missing.length) found.push({ missing });
    missing = [];
  };
  let [i, j] = [0, 0];
  while (i < own.length || j < there.length) {
    if (i < own.length && j < there.length && longest && own[i] === there[j]) {
      flush();
      found.push({ index: start + i });
      [i, j] = [i + 1, j + 1];
    } else if (j < there.length && (i === own.length || !longest || skips(longest, i, j, width))) {
      missing.push(there[j]);
      j += 1;
    } else {
      flush();
      found.push({ own: start + i });
      i += 1;
    }
  }
  flush();
  return found;
}

function skips(longest, i, j, width) {
  return longest[i * width + j + 1] >= longest[(i + 1) * width + j];
}

/** The length of the longest common subsequence from each pair of places on; null if too long. */
function lengths(own, there) {
  const width = there.length + 1;
  if (own.length * width > MOST_STEPS) return null;
  const found = new Uint32Array((own.length + 1) * width);
  for (let i = own.length - 1; i >= 0; i -= 1) {
    for (let j = there.length - 1; j >= 0; j -= 1) {
      found[i * width + j] =
        own[i] === there[j]
          ? found[(i + 1) * width + j + 1] + 1
          : Math.max(found[(i + 1) * width + j], found[i * width + j + 1]);
    }
  }
  return found;
}
