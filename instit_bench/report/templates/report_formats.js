// A table as Markdown, LaTeX or CSV. All names are from data and models: they stay text in each.

/** A table is {header, rows, left, note}: `left` columns are words; numbers may be strings. */
const FORMATS = { markdown: asMarkdown, latex: asLatex, csv: asCsv };

function asMarkdown({ header, rows, left, note }) {
  const rule = header.map((_, index) => (index < left ? "---" : "---:"));
  const lines = [header.map(markdownText), rule, ...rows.map((row) => row.map(markdownText))];
  const below = note ? `\n\n${markdownText(note)}` : "";
  return `${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}${below}\n`;
}

function asLatex({ header, rows, left, note }) {
  const columns = header.map((_, index) => (index < left ? "l" : "r")).join("");
  const line = (cells) => `  ${cells.map(latexText).join(" & ")} \\\\`;
  return [
    ...(note ? [`% ${oneLine(note)}`] : []),
    `\\begin{tabular}{${columns}} % needs \\usepackage{booktabs}`,
    "  \\toprule",
    line(header),
    "  \\midrule",
    ...rows.map(line),
    "  \\bottomrule",
    "\\end{tabular}",
    "",
  ].join("\n");
}

function asCsv({ header, rows }) {
  return [header, ...rows].map((cells) => `${cells.map(csvField).join(",")}\n`).join("");
}

/** On one line, without what a terminal or an editor would obey. */
function oneLine(words) {
  return String(words ?? "")
    .replace(/\s+/g, " ")
    .replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, "?")
    .trim();
}

function markdownText(words) {
  return oneLine(words)
    .replace(/[\\|<>[\]*_`~&$!]/g, "\\$&")
    .replace(/@|#(?=\d)|:(?=\/\/)|\bwww(?=\.)/gi, "$&&#8203;"); // mentions and bare URLs are not live
}

const LATEX = {
  "\\": "\\textbackslash{}",
  "^": "\\textasciicircum{}",
  "~": "\\textasciitilde{}",
  "<": "\\textless{}",
  ">": "\\textgreater{}",
  "|": "\\textbar{}",
  '"': "\\textquotedbl{}",
  "−": "$-$",
  "–": "--",
  "×": "$\\times$",
};

function latexText(words) {
  return oneLine(words).replace(/[\\^~<>|"−–×]|[&%$#_{}]/g, (found) => LATEX[found] ?? `\\${found}`);
}

const NUMBER = /^[+−-]?\d+(\.\d+)?(e[+-]?\d+)?$/;
// Where a spreadsheet could begin a cell, before what makes it a formula (as leaderboard/table.py).
const FORMULA = /(^|[;\n\r\t])(?=[\s"]*[=+\-@＝＋－＠])/g;

function csvField(value) {
  const words = String(value ?? "");
  if (NUMBER.test(words)) return words.replace("+", "").replace("−", "-");
  const safe = words.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g, "?").replace(FORMULA, "$1'");
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
