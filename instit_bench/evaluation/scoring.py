"""Score a prediction with any scorer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from instit_bench.display import counted
from instit_bench.errors import PLUGIN_FAULTS, InputError
from instit_bench.tasks.task import Task
from instit_bench.types import Prediction, Sample, Score, Scorer, State

ONLY_REASONING = "only_reasoning"
_ONLY_REASONING = (
    "text in the reasoning field only, which counts as an empty reply; a server with a reasoning "
    "parser puts the whole reply there if the model does not reason"
)


@dataclass
class ReasoningWatch:
    """Counts replies with text in the reasoning field only, and warns about the first."""

    warn: Callable[[str], None]
    count: int = 0

    def see(self, where: str, prediction: Prediction) -> None:
        """Look at one reply; ``where`` names the task and the sample."""
        if prediction.only_reasoning:
            self.count += 1
            if self.count == 1:
                self.warn(f"{where}: {_ONLY_REASONING}")

    @property
    def summary(self) -> str | None:
        """The warning about all of them, if there was any."""
        return f"{counted(self.count, 'sample')}: {_ONLY_REASONING}" if self.count else None


def scorer_for(task: Task) -> Scorer:
    """Return the scorer that a task names."""
    return task.scorer.make(task)


def score_sample(scorer: Scorer, sample: Sample, prediction: Prediction) -> Score:
    """Score one prediction.

    Raises:
        InputError: The target or the scorer is faulty; no model output raises.
    """
    where = f"{sample.task}: sample {sample.id}"
    try:
        score = scorer.score(sample, prediction)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error
    except PLUGIN_FAULTS as error:
        raise InputError(f"{where}: the scorer failed: {type(error).__name__}: {error}") from error
    _check(score.values, where)
    return _explained(score, prediction)


def _check(values: Mapping[str, float], where: str) -> None:
    """Refuse a number outside 0 to 1: the journal could not be read again."""
    for name, value in values.items():
        if not (isinstance(value, int | float) and 0 <= value <= 1):
            raise InputError(
                f"{where}: the scorer's metric {name!r} must be a number from 0 to 1, "
                f"found {value!r}"
            )


def _explained(score: Score, prediction: Prediction) -> Score:
    """Say why there was nothing to read if the text is in another field of the reply."""
    if score.state is not State.UNPARSED or prediction.text.strip():
        return score
    if prediction.only_reasoning:
        return replace(score, reason=ONLY_REASONING)
    return replace(score, reason="refusal") if prediction.refusal else score
