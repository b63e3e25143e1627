"""Score with a plugin's own ``process_results``, called the way lmms-eval calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from instit_bench.errors import InputError
from instit_bench.scorers.base import ScorerSpec
from instit_bench.types import Prediction, Sample, Score, State


class ProcessResultsScorer:
    """Calls ``function(doc, [reply])`` and takes the metrics that the task lists."""

    def __init__(
        self,
        function: Callable[[Mapping[str, Any], list[str]], Mapping[str, Any]],
        metrics: Sequence[str],
    ) -> None:
        self._function = function
        self._metrics = metrics

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Call the plugin; a metric may be a number or lmms-eval's ``{"score": number}``.

        Raises:
            InputError: The plugin returns something else, or a metric that the task does not
                declare; a fault is never scored as zero. What the plugin itself raises passes.
        """
        results = self._function(sample.doc, [prediction.text.strip()])
        if not isinstance(results, Mapping):
            raise InputError(f"process_results must return a mapping of metrics, not {results!r}")
        if undeclared := [name for name in results if name not in self._metrics]:
            raise InputError(
                f"process_results returns metric {undeclared[0]!r}, which key 'metric_list' does "
                "not declare; add it there, or do not return it"
            )
        declared = [name for name in self._metrics if name in results]
        return Score(State.SCORED, {name: _number(results[name]) for name in declared})


def _number(value: Any) -> Any:
    """Return a metric's value, from lmms-eval's mapping too; a numpy scalar as a number."""
    if isinstance(value, Mapping):
        value = value.get("score")
    return float(value) if hasattr(value, "__float__") else value


PROCESS_RESULTS = ScorerSpec(
    name="process_results",
    make=lambda task: ProcessResultsScorer(task.process_results, task.metric_names),
)
