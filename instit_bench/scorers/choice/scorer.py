"""Score multiple-choice replies in both views, official and strict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from instit_bench.scorers.base import MODEL
from instit_bench.scorers.choice.official import extract_official
from instit_bench.scorers.choice.strict import Extraction, extract_choice
from instit_bench.scorers.questions import letters_for
from instit_bench.types import Prediction, Sample, Score, ScoredSample, State


class ChoiceScorer:
    """Exact match of the chosen letter.

    ``official_accuracy`` follows the benchmark's evaluator, which leaves unreadable replies out of
    the denominator; ``accuracy`` reads replies as a person would and counts those without an
    answer as wrong.
    """

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Judge one reply by the letter it chooses."""
        strict = extract_choice(
            prediction.text, sample.choices, letters=letters_for(sample.choices)
        )
        official = extract_official(prediction.text)
        values = {"accuracy": float(strict.letter == sample.target)}
        if official:
            values["official_accuracy"] = float(official == sample.target)
        details = {"official_extracted": official}
        if values.get("official_accuracy") != values["accuracy"]:
            details["difference"] = _difference(strict, official)
        return Score(
            state=_state(strict, prediction),
            values=values,
            extracted=strict.letter,
            method=strict.method,
            reason=strict.reason,
            details=details,
        )

    def tables(self, scored: Iterable[ScoredSample]) -> dict[str, Any]:
        """Count how answers were found, why some were not, and which letters were chosen."""
        methods, reasons, letters = (Counter[str | None]() for _ in range(3))
        for sample in scored:
            score = sample.score
            if score.state.counts:
                methods[score.method] += 1
                reasons[score.reason] += 1
                letters[score.extracted if score.method != MODEL else None] += 1
        return {
            "methods": _known(methods),
            "unparsed_reasons": _known(reasons),
            "answer_distribution": _known(letters),
        }


def _state(strict: Extraction, prediction: Prediction) -> State:
    if strict.letter:
        return State.SCORED
    if strict.reason == "truncated" or prediction.cut_off:
        return State.TRUNCATED
    return State.UNPARSED


def _difference(strict: Extraction, official: str) -> str:
    if strict.letter and official:
        return (
            f"the prediction answers {strict.letter} ({strict.method}); "
            f"the first capital A to D in it is {official}"
        )
    if strict.letter:
        return f"the prediction answers {strict.letter} ({strict.method}); officially it is empty"
    if official:
        return (
            f"the prediction gives no answer ({strict.reason}); "
            f"officially a capital {official} counts"
        )
    return f"the prediction gives no answer ({strict.reason}): wrong here, excluded officially"


def _known(counts: Counter[str | None]) -> dict[str, int]:
    return dict(sorted((value, n) for value, n in counts.items() if value is not None))
