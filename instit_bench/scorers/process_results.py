"""Scoring by a plugin's own ``process_results``, as lmms-eval calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from instit_bench.errors import InputError
from instit_bench.types import Prediction, Sample, Score, ScoredSample, State


class ProcessResultsScorer:
    """Calls ``function(doc, [reply])`` and takes the metrics that the task lists."""

    def __init__(
        self,
        function: Callable[[Mapping[str, Any], list[str]], Mapping[str, Any]],
        metrics: Sequence[str],
        where: str,
    ) -> None:
        self._function = function
        self._metrics = metrics
        self._where = where

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """The plugin's numbers; a metric may be a number or lmms-eval's ``{"score": number}``.

        Raises:
            InputError: The plugin raises, or returns something else; a fault is no zero.
        """
        where = f"{self._where}: process_results on sample {sample.id}"
        try:
            results = self._function(sample.doc, [prediction.text.strip()])
            values = {name: results[name] for name in self._metrics if name in results}
        except Exception as error:
            raise InputError(f"{where}: {type(error).__name__}: {error}") from error
        return Score(State.SCORED, {name: _number(v, name, where) for name, v in values.items()})

    def tables(self, scored: list[ScoredSample]) -> dict[str, Any]:  # noqa: ARG002
        """None: plugins have metrics only."""
        return {}


def _number(value: Any, name: str, where: str) -> float:
    if isinstance(value, Mapping):
        value = value.get("score")
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError(f"{where}: metric {name!r} must be a number from 0 to 1, found {value!r}")
    return float(value)
