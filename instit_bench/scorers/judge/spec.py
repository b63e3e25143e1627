"""The specification of open-ended answers."""

from __future__ import annotations

from instit_bench.scorers.base import ScorerSpec
from instit_bench.scorers.judge.scorer import OpenEndedScorer
from instit_bench.scorers.questions import first_moment, marks_named

# There is no strict score; a lexical one is shown if no other judge has scored the answers.
OPEN_ENDED = ScorerSpec(
    name="open_ended",
    make=lambda _: OpenEndedScorer(),
    metrics=frozenset({"official_score", "lexical_score", "id_f1", "time_f1"}),
    official="official_score",
    stand_in="lexical_score",
    question_kind=marks_named,
    first_moment=first_moment,
    needs_judge=True,
)
