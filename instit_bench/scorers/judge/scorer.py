"""Open-ended answers before they are judged: diagnostics without a verdict."""

from __future__ import annotations

from instit_bench.scorers.judge.references import objects_in, set_f1, times_in
from instit_bench.types import Prediction, Sample, Score, State


class OpenEndedScorer:
    """Leaves the verdict to a judge: an unjudged answer is ``not_judged``, never zero.

    ``id_f1`` and ``time_f1`` measure whether the answer names the right objects and moments: F1 of
    the sets, for samples whose target names any.
    """

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Return diagnostics alone."""
        return Score(
            State.NOT_JUDGED, references_f1(prediction.text, sample.target), reason="no_judge"
        )


def references_f1(answer: str, target: str) -> dict[str, float]:
    """``id_f1`` and ``time_f1``, each if the target names an object or a moment."""
    values = {}
    if objects := objects_in(target):
        values["id_f1"] = set_f1(objects_in(answer), objects)
    if times := times_in(target):
        values["time_f1"] = set_f1(times_in(answer), times)
    return values
