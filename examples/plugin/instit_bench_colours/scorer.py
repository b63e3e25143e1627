"""A scorer for answers that name a colour."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from instit_bench.scorers.base import Matrix, ScoredRecord, ScorerSpec
from instit_bench.types import Prediction, Sample, Score, ScoredSample, State
from instit_bench_colours.palette import COLOURS, distance

_WARM = ("red", "orange", "yellow")
_NAME = re.compile(rf"\b({'|'.join(COLOURS)})\b", re.IGNORECASE)


class ColourScorer:
    """Scores how well an answer names the target colour.

    ``exact`` accepts only the name itself; ``named`` accepts a sentence with one colour;
    ``distance`` measures how far off the named colour is. A sample has no distance unless it names
    exactly one colour: a metric is computed over the samples that have a value for it.
    """

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Score one prediction; it is unparsed if it names no colour or several."""
        names = {name.lower() for name in _NAME.findall(prediction.text)}
        exact = float(prediction.text.strip() == sample.target)
        if len(names) != 1:
            reason = "several_colours" if names else "no_colour"
            return Score(State.UNPARSED, {"exact": exact, "named": 0.0}, reason=reason)
        name = names.pop()
        values = {
            "exact": exact,
            "named": float(name == sample.target),
            "distance": distance(COLOURS[name], COLOURS[sample.target]),
        }
        details = {"pairs": [[sample.target, name]]}
        if values["exact"] != values["named"]:
            details["difference"] = f"exact accepts only the name: {prediction.text!r}"
        return Score(State.SCORED, values, name, method="name", details=details)


def _kind(record: ScoredRecord, media: str) -> str:  # noqa: ARG001 - the interface
    return "warm" if record.target in _WARM else "cold"


def _tables(scored: Iterable[ScoredSample]) -> dict[str, Any]:
    confusion: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sample in scored:
        if sample.score.extracted:
            confusion[sample.target][sample.score.extracted] += 1
    return {"confusion": {target: dict(row) for target, row in confusion.items()}}


COLOUR = ScorerSpec(
    name="colour",
    make=lambda task: ColourScorer(),  # noqa: ARG005 - the interface
    metrics=frozenset({"exact", "named", "distance"}),
    official="exact",
    strict="named",
    question_kind=_kind,
    tables=_tables,
    matrices=(
        Matrix(
            "confusion",
            "confused colours",
            "Rows are the target colours, columns the named ones.",
        ),
    ),
    outcome="extracted",
)
