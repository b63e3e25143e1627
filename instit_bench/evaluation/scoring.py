"""From a task's ``metadata.scorer`` to the scorer."""

from __future__ import annotations

from dataclasses import replace

from instit_bench.errors import InputError
from instit_bench.scorers.choice import ChoiceScorer
from instit_bench.scorers.judge import OpenEndedScorer
from instit_bench.scorers.process_results import ProcessResultsScorer
from instit_bench.scorers.tool_call import ToolCallScorer
from instit_bench.tasks.task import Task
from instit_bench.types import Prediction, Sample, Score, Scorer, State

ONLY_REASONING = "only_reasoning"


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
        return _explained(scorer.score(sample, prediction), prediction)
    except ValueError as error:
        raise InputError(f"{sample.task}: sample {sample.id}: {error}") from error


def _explained(score: Score, prediction: Prediction) -> Score:
    """Say why there was nothing to read where the words stand in another field of the reply."""
    if score.state is not State.UNPARSED or prediction.text.strip():
        return score
    if prediction.only_reasoning:
        return replace(score, reason=ONLY_REASONING)
    return replace(score, reason="refusal") if prediction.refusal else score
