"""The specification of multiple-choice scoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instit_bench.scorers.base import MODEL, JudgeExtraction, ScoredRecord, ScorerSpec
from instit_bench.scorers.choice.extraction import ExtractionContract, item_of_reply
from instit_bench.scorers.questions import first_moment, marks_named

if TYPE_CHECKING:
    from instit_bench.scorers.choice.scorer import ChoiceScorer


def _why_different(record: ScoredRecord) -> str:
    official = record.details.get("official_extracted")
    strict = None if record.method == MODEL else record.extracted
    if strict and official:
        return "official takes the first capital A to D in the prediction, which is not its answer"
    if strict:
        return "official finds no capital A to D and excludes the sample; strict finds an answer"
    if official:
        return "the prediction gives no answer; official takes a capital letter in it for one"
    return "neither finds an answer: strict counts it as wrong, official excludes it"


def _scorer() -> ChoiceScorer:
    from instit_bench.scorers.choice.scorer import ChoiceScorer  # slow to import

    return ChoiceScorer()


CHOICE = ScorerSpec(
    name="choice",
    make=lambda _: _scorer(),
    metrics=frozenset({"official_accuracy", "accuracy", "extracted_accuracy"}),
    official="official_accuracy",
    strict="accuracy",
    question_kind=marks_named,
    first_moment=first_moment,
    why_different=_why_different,
    tables=lambda scored: _scorer().tables(scored),
    outcome="extracted",
    multiple_choice=True,
    extraction=JudgeExtraction("extracted_accuracy", ExtractionContract(), item_of_reply),
)
