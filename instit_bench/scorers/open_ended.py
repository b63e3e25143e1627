"""Open-ended answers: kept, and left without a score until a judge has read them."""

from __future__ import annotations

from typing import Any

from instit_bench.types import Prediction, Sample, Score, ScoredSample, State


class OpenEndedScorer:
    """Gives no verdict: an unjudged answer is ``not_run``, never a zero."""

    def score(self, sample: Sample, prediction: Prediction) -> Score:  # noqa: ARG002
        """No judge, no score."""
        return Score(State.NOT_RUN, reason="no_judge")

    def tables(self, scored: list[ScoredSample]) -> dict[str, Any]:  # noqa: ARG002
        """None."""
        return {}
