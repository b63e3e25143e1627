"""Measure how often strict and official extraction agree with careful human readers.

Prints Markdown tables for two sets of labelled replies: real replies of many models, if
``../shared/data`` has them, and the hand-written corpus of the tests. If the label is a letter, a
different letter counts as wrong and no letter as missed; if the label is empty, any letter is
wrong. A third table counts the real replies that stay unread.

    python -m benchmarks.extraction [real_replies.jsonl]
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instit_bench.runs.record import answered
from instit_bench.scorers.choice.extraction import item_of_reply
from instit_bench.scorers.choice.official import extract_official
from instit_bench.scorers.choice.scorer import ChoiceScorer
from instit_bench.scorers.choice.strict import extract_choice
from instit_bench.scorers.questions import letters_for
from instit_bench.types import Prediction, Sample

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "tests" / "scorers" / "choice_corpus.jsonl"
REAL = ROOT.parent / "shared" / "data" / "replies" / "real_replies.jsonl"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A reply, the texts of the options, and the letter that a careful reader takes from it."""

    reply: str
    choices: tuple[str, ...]
    label: str | None
    group: str
    weight: float = 1.0


Extract = Callable[[Labelled], str | None]


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of replies read correctly, read wrongly (including false letters) and missed."""

    right: float
    wrong: float
    missed: float


def strict(line: Labelled) -> str | None:
    """Read a reply as the strict metric does."""
    return extract_choice(line.reply, line.choices, letters=letters_for(line.choices)).letter


def official(line: Labelled) -> str | None:
    """Read a reply as the benchmark's evaluator does."""
    return extract_official(line.reply) or None


def shares(lines: Sequence[Labelled], extract: Extract, *, weighted: bool = False) -> Shares:
    """Return the shares of right, wrong and missed letters, optionally weighted."""
    totals = {"right": 0.0, "wrong": 0.0, "missed": 0.0}
    for line in lines:
        found = extract(line)
        verdict = "right" if found == line.label else "wrong" if found else "missed"
        totals[verdict] += line.weight if weighted else 1
    total = sum(totals.values())
    return Shares(**{verdict: count / total for verdict, count in totals.items()})


def real_replies(path: Path = REAL) -> list[Labelled]:
    """Read the labelled real replies.

    A fixed third, chosen by a hash of the number, is held out; extraction was developed with the
    other two thirds.
    """
    return [
        Labelled(
            reply=record["reply"],
            choices=tuple(record["options"].values()),
            label=record["label"] or None,
            group="held out" if _is_held_out(record) else "tuned",
            weight=record["weight"],
        )
        for record in _records(path)
        if "label" in record
    ]


def corpus() -> list[Labelled]:
    """Read the tests' corpus, grouped by kind of reply."""
    return [
        Labelled(record["reply"], tuple(record.get("choices", ())), record["label"], group)
        for record in _records(CORPUS)
        for group in (record["kind"], f"**{record['split']}**")
    ]


def _records(path: Path) -> Iterable[Mapping[str, Any]]:
    return map(json.loads, path.read_text(encoding="utf-8").splitlines())


def _is_held_out(record: Mapping[str, Any]) -> bool:
    return int(hashlib.sha256(str(record["n"]).encode()).hexdigest(), 16) % 3 == 0


def real_table(lines: Sequence[Labelled]) -> str:
    """Compare both extractors on real replies, weighted and unweighted."""
    rows = [
        "| real predictions | n | weight | strict right | wrong | missed "
        "| official right | wrong | missed |",
        "|---|--:|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name in ("tuned", "held out", "all"):
        group = [line for line in lines if name in (line.group, "all")]
        for weighted in (True, False):
            cells = [
                _percent(share)
                for extract in (strict, official)
                for share in _values(shares(group, extract, weighted=weighted))
            ]
            weight = "by stratum" if weighted else "equal"
            rows.append(f"| {name} | {len(group)} | {weight} | {' | '.join(cells)} |")
    return "\n".join(rows)


def unread_table(lines: Sequence[Labelled]) -> str:
    """Count the replies that ``--extract-with`` asks a judge about, by what careful readers read.

    Where they read a letter, a judge can add one; where they read none, it can only err.
    """
    rows = [
        "| real predictions | n | asked about | weight by stratum | label a letter | label none |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name in ("tuned", "held out", "all"):
        group = [line for line in lines if name in (line.group, "all")]
        asked = [line for line in group if is_asked_about(line)]
        weight = sum(line.weight for line in asked) / sum(line.weight for line in group)
        labelled = sum(line.label is not None for line in asked)
        counts = f"{labelled} | {len(asked) - labelled}"
        rows.append(f"| {name} | {len(group)} | {len(asked)} | {_percent(weight)} | {counts} |")
    return "\n".join(rows)


def is_asked_about(line: Labelled) -> bool:
    """Whether strict reading leaves a reply ``unparsed``, and a judge has words to read."""
    sample = Sample("", "one", {}, line.label or "", "", choices=line.choices)
    score = ChoiceScorer().score(sample, Prediction(line.reply))
    return item_of_reply(answered(sample, Prediction(line.reply), score)) is not None


def corpus_table(lines: Sequence[Labelled]) -> str:
    """Compare precision, recall and false letters of both extractors per kind and split."""
    rows = [
        "| predictions | n | strict precision | recall | false letters "
        "| official precision | recall | false letters |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    names = sorted({line.group for line in lines}, key=lambda name: (name[0] == "*", name))
    groups = {name: [line for line in lines if line.group == name] for name in names}
    groups["**all**"] = [line for line in lines if line.group.startswith("**")]
    for name, group in groups.items():
        cells = [cell for extract in (strict, official) for cell in _precision(group, extract)]
        rows.append(f"| {name} | {len(group)} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _precision(lines: Sequence[Labelled], extract: Extract) -> list[str]:
    pairs = [(line.label, extract(line)) for line in lines]
    right = sum(found is not None and found == label for label, found in pairs)
    given = sum(found is not None for _, found in pairs)
    labelled = sum(label is not None for label, _ in pairs)
    false = sum(label is None and found is not None for label, found in pairs)
    precision = _percent(right / given) if given else "–"
    return [precision, _percent(right / labelled) if labelled else "–", str(false)]


def _values(found: Shares) -> tuple[float, float, float]:
    return found.right, found.wrong, found.missed


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def main() -> None:
    """Print all tables."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else REAL
    if path.exists():
        real = real_replies(path)
        print(real_table(real), end="\n\n")
        print(unread_table(real), end="\n\n")
    else:
        print(f"No real replies: {path} does not exist.\n")
    print(corpus_table(corpus()))


if __name__ == "__main__":
    main()
