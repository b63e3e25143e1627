"""From a task's ``metadata.scorer`` to the scorer."""

from __future__ import annotations

from instit_bench.errors import InputError
from instit_bench.scorers.choice import ChoiceScorer
from instit_bench.scorers.judge import OpenEndedScorer
from instit_bench.scorers.process_results import ProcessResultsScorer
from instit_bench.scorers.tool_call import ToolCallScorer
from instit_bench.tasks.task import Task
from instit_bench.types import Prediction, Sample, Score, Scorer


def scorer_for(task: Task) -> Scorer:
    """The scorer that a task names."""
    match task.config.metadata.scorer:
        case "choice":
            return ChoiceScorer()
        case "tool_call":
            return ToolCallScorer()
        case "open_ended":
            return OpenEndedScorer()
        case "process_results":
            return ProcessResultsScorer(task.process_results, task.metric_names, str(task.path))


def score_sample(scorer: Scorer, sample: Sample, prediction: Prediction) -> Score:
    """Score one prediction.

    Raises:
        InputError: The sample's target is broken; no reply of a model raises.
    """
    try:
        return scorer.score(sample, prediction)
    except ValueError as error:
        raise InputError(f"{sample.task}: sample {sample.id}: {error}") from error
