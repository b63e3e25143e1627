"""Measure strict and official letter extraction on the hand-labelled corpus, as Markdown.

Precision is correct letters over letters given, recall is correct letters over replies whose label
is a letter, and false letters are letters read from replies that give no answer.

    python scripts/choice_extraction_report.py [corpus.jsonl]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instit_bench.scorers.choice.official import extract_official
from instit_bench.scorers.choice.scorer import letters_for
from instit_bench.scorers.choice.strict import extract_choice

CORPUS = Path(__file__).parents[1] / "tests" / "scorers" / "choice_corpus.jsonl"
SPLITS = ("dev", "held_out")

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of one extractor over a set of corpus lines."""

    labelled: int
    given: int
    correct: int
    false_letters: int

    def cells(self) -> list[str]:
        """Precision, recall and false letters as table cells; a dash where nothing is counted."""
        return [
            _percent(self.correct, self.given),
            _percent(self.correct, self.labelled),
            str(self.false_letters),
        ]


def strict(line: Line) -> str | None:
    """Read a corpus line's reply as the strict metric does."""
    choices = line.get("choices", [])
    return extract_choice(line["reply"], choices, letters=letters_for(choices)).letter


def official(line: Line) -> str | None:
    """Read a corpus line's reply as the benchmark's evaluator does."""
    return extract_official(line["reply"]) or None


def tally(lines: Iterable[Line], extract: Callable[[Line], str | None]) -> Tally:
    """Count an extractor's right and wrong letters."""
    pairs = [(line["label"], extract(line)) for line in lines]
    return Tally(
        labelled=sum(label is not None for label, _ in pairs),
        given=sum(letter is not None for _, letter in pairs),
        correct=sum(letter is not None and letter == label for label, letter in pairs),
        false_letters=sum(label is None and letter is not None for label, letter in pairs),
    )


def table(lines: list[Line]) -> str:
    """Write the table: every kind, then each split and all lines."""
    groups = {kind: [line for line in lines if line["kind"] == kind] for kind in _kinds(lines)}
    groups |= {
        f"**{split}**": [line for line in lines if line["split"] == split] for split in SPLITS
    }
    groups["**all**"] = lines
    rows = [
        "| replies | n | strict precision | recall | false letters "
        "| official precision | recall | false letters |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, group in groups.items():
        cells = [*tally(group, strict).cells(), *tally(group, official).cells()]
        rows.append(f"| {name} | {len(group)} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _kinds(lines: list[Line]) -> list[str]:
    return sorted({line["kind"] for line in lines})


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def main() -> None:
    """Print the report for the corpus file named on the command line, or the repository's."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else CORPUS
    lines = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    sys.stdout.write(table(lines) + "\n")


if __name__ == "__main__":
    main()
