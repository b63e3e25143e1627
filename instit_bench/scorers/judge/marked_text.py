"""Descriptions of marked objects: left to a judge, and scored by the marks that they name."""

from __future__ import annotations

from instit_bench.scorers.base import ScorerSpec
from instit_bench.scorers.judge.references import objects_in, set_f1, times_in
from instit_bench.scorers.questions import first_moment, marks_named
from instit_bench.scorers.reasoning import split_reasoning
from instit_bench.types import Prediction, Sample, Score, State


class MarkedTextScorer:
    """What a description is worth is for a judge to say; which objects it names is counted.

    A record may list the marks that can be seen (``marks``) and those that must be described
    (``asked``), as text such as ``1 2 5``; by default, both are the marks that the target names.

    - ``mark_precision``: the share of the marks named that can be seen or that the target names.
      It has no value if none is named.
    - ``mark_recall``: the share of the marks asked for that are named.
    - ``mark_f1``: F1 of the marks named and those asked for; 1 if there are none on either side.
    - ``time_f1``: the same for moments, without those that the question itself names.
    """

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Return the metrics that need no judge."""
        reply = split_reasoning(prediction.text).text
        return Score(State.NOT_JUDGED, _values(reply, sample), reason="no_judge")


def _values(reply: str, sample: Sample) -> dict[str, float]:
    named, target = objects_in(reply), objects_in(sample.target)
    asked = _listed(sample, "asked") or target
    present = _listed(sample, "marks") | target
    given = times_in(sample.question)
    values = {
        "mark_f1": set_f1(named, asked),
        "time_f1": set_f1(times_in(reply) - given, times_in(sample.target) - given),
    }
    if named:
        values["mark_precision"] = len(named & present) / len(named)
    if asked:
        values["mark_recall"] = len(named & asked) / len(asked)
    return values


def _listed(sample: Sample, name: str) -> frozenset[int]:
    """Return the marks in a field of the record, which a prediction file may lack."""
    return frozenset(int(word) for word in str(sample.doc.get(name) or "").split())


MARKED_TEXT = ScorerSpec(
    name="marked_text",
    make=lambda _: MarkedTextScorer(),
    metrics=frozenset(
        {"official_score", "lexical_score", "mark_precision", "mark_recall", "mark_f1", "time_f1"}
    ),
    official="official_score",
    stand_in="lexical_score",
    question_kind=marks_named,
    first_moment=first_moment,
    needs_judge=True,
)
