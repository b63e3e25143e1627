"""The multiple-choice scorer: the benchmark's own number beside the strict one."""

from __future__ import annotations

from collections import Counter
from typing import Any

from instit_bench.scorers.choice.official import extract_official
from instit_bench.scorers.choice.strict import Extraction, extract_choice
from instit_bench.types import Prediction, Sample, Score, ScoredSample, State

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class ChoiceScorer:
    """Scores a reply against the letter of the right option.

    ``official_accuracy`` counts replies from which the benchmark's evaluator reads a letter;
    ``accuracy`` counts all, an unreadable or unfinished reply as wrong.
    """

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Judge one prediction."""
        letters = _LETTERS[: len(sample.choices)] or "ABCD"
        strict = extract_choice(prediction.text, sample.choices, letters=letters)
        official = extract_official(prediction.text)
        values = {"accuracy": float(strict.letter == sample.target)}
        if official:
            values["official_accuracy"] = float(official == sample.target)
        details: dict[str, Any] = {"official_extracted": official}
        if official != (strict.letter or ""):
            details["difference"] = _difference(official, strict)
        return Score(
            state=_state(strict, prediction),
            values=values,
            extracted=strict.letter,
            method=strict.method,
            reason=strict.reason,
            details=details,
        )

    def tables(self, scored: list[ScoredSample]) -> dict[str, Any]:
        """How letters were read, why they were not, and how often each was given."""
        scores = [sample.score for sample in scored if sample.score.method is not None]
        return {
            "methods": _counts(score.method for score in scores),
            "unparsed_reasons": _counts(score.reason for score in scores),
            "answer_distribution": _counts(score.extracted for score in scores),
        }


def _state(strict: Extraction, prediction: Prediction) -> State:
    if strict.letter is not None:
        return State.SCORED
    cut_off = prediction.cut_off or strict.reason == "truncated"
    return State.TRUNCATED if cut_off else State.UNPARSED


def _difference(official: str, strict: Extraction) -> str:
    if not official:
        return f"the official extraction finds no letter; read strictly it is {strict.letter}"
    if strict.letter is None:
        return f"the official extraction takes the first capital A to D, {official}; {strict.reason}"
    return f"the official extraction takes the first capital A to D, {official}, not the answer"


def _counts(found: Any) -> dict[str, int]:
    return dict(sorted(Counter(value for value in found if value is not None).items()))
