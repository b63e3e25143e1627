"""Score with a plugin's own ``process_results``, called the way lmms-eval calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from instit_bench.errors import PLUGIN_FAULTS, InputError
from instit_bench.scorers.base import ScorerSpec
from instit_bench.types import Prediction, Sample, Score, State


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
        """Call the plugin; a metric may be a number or lmms-eval's ``{"score": number}``.

        Raises:
            InputError: The plugin raises, returns something else, or returns a metric that the task
                    does not declare; a fault is never scored as zero.
        """
        where = f"{self._where}: process_results on sample {sample.id}"
        try:
            results = dict(self._function(sample.doc, [prediction.text.strip()]))
        except PLUGIN_FAULTS as error:
            raise InputError(f"{where}: {type(error).__name__}: {error}") from error
        if undeclared := [name for name in results if name not in self._metrics]:
            raise InputError(
                f"{where}: returns metric {undeclared[0]!r}, which key 'metric_list' does not "
                "declare; add it there, or do not return it"
            )
        declared = [name for name in self._metrics if name in results]
        return Score(State.SCORED, {name: _number(results[name], name, where) for name in declared})


def _number(value: Any, name: str, where: str) -> float:
    if isinstance(value, Mapping):
        value = value.get("score")
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError(f"{where}: metric {name!r} must be a number from 0 to 1, found {value!r}")
    return float(value)


PROCESS_RESULTS = ScorerSpec(
    name="process_results",
    make=lambda task: ProcessResultsScorer(task.process_results, task.metric_names, str(task.path)),
)
