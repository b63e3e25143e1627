"""Score a prediction with any scorer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from instit_bench.display import counted, path_text
from instit_bench.errors import PLUGIN_FAULTS, InputError, Problem
from instit_bench.runs.record import SampleRecord, answered
from instit_bench.scorers.registry import runs_plugin_code
from instit_bench.tasks.task import Task
from instit_bench.types import Prediction, Request, Sample, Score, Scorer, State
from instit_bench.validation import first_problem

_LONG_REPLY = 100_000  # characters, which take a scorer up to a tenth of a second
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


@dataclass(frozen=True)
class TaskScorer:
    """A task's scorer, whose every fault is an ``InputError`` that names task and sample.

    ``foreign`` says that it runs a plugin's code, of which anything must be expected.
    """

    task: Task
    scorer: Scorer
    foreign: bool

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Score one prediction.

        Raises:
            InputError: The target or the scorer is faulty; no model output raises.
        """
        try:
            score = self.scorer.score(sample, prediction)
            _check(score.values)
        except InputError as error:
            raise InputError(f"{self._where(sample)}: {error}") from error
        except ValidationError as error:
            raise InputError(f"{self._where(sample)}: {first_problem(error)}") from error
        except ValueError as error:
            told = f"the scorer failed: ValueError: {error}" if self.foreign else str(error)
            raise InputError(f"{self._where(sample)}: {told}") from error
        except PLUGIN_FAULTS as error:
            raise InputError(
                f"{self._where(sample)}: the scorer failed: {type(error).__name__}: {error}"
            ) from error
        return _explained(score, prediction)

    def record(
        self, sample: Sample, prediction: Prediction, request: Request | None = None
    ) -> SampleRecord:
        """Score one prediction and return its record.

        Raises:
            InputError: The target or the scorer is faulty, or what it returns cannot be stored.
        """
        score = self.score(sample, prediction)
        try:
            return answered(sample, prediction, score, request)
        except ValidationError as error:
            problem = f"the scorer's result cannot be stored: {first_problem(error)}"
        except ValueError as error:
            problem = f"the scorer's details cannot be stored as JSON: {error}"
        raise InputError(f"{self._where(sample)}: {problem}")

    async def recorded(
        self, sample: Sample, prediction: Prediction, request: Request
    ) -> SampleRecord:
        """Like ``record``; while a very long reply is scored in a thread, other requests go on.

        Raises:
            InputError: As above.
        """
        if self.foreign or len(prediction.text) < _LONG_REPLY:  # a plugin may need this thread
            return self.record(sample, prediction, request)
        return await asyncio.to_thread(self.record, sample, prediction, request)

    def again(self, record: SampleRecord, sample: Sample) -> SampleRecord:
        """Return a stored record, scored again.

        Raises:
            InputError: As above.
        """
        scored = self.record(sample, record.to_prediction())
        asked = {name: getattr(record, name) for name in ("prompt", "media", "asked", "shown")}
        return scored.model_copy(update=asked)

    def _where(self, sample: Sample) -> str:
        plugin = f"{self.task.path}: " if self.foreign else ""
        return f"{plugin}task {self.task.name}: sample {sample.id}"


def scorer_for(task: Task) -> TaskScorer:
    """Return the scorer that a task names.

    Raises:
        InputError: It cannot be created.
    """
    foreign = runs_plugin_code(task.scorer.name)
    try:
        return TaskScorer(task, task.scorer.make(task), foreign)
    except InputError:
        raise
    except PLUGIN_FAULTS as error:
        raise InputError(
            f"{task.path}: task {task.name}: the scorer {task.scorer.name!r} cannot be created: "
            f"{type(error).__name__}: {error}"
        ) from error


@dataclass
class ScoringFaults:
    """Counts predictions that their scorer could not score, and reports the first at once.

    A faulty scorer ends no run: the predictions are stored, and are scored when it is mended.
    """

    tell: Callable[[str], None]
    count: int = 0
    first: InputError | None = None

    def see(self, error: InputError) -> None:
        """Note one fault."""
        self.count += 1
        if self.first is None:
            self.first = error
            self.tell(f"warning: {error}; the prediction is kept, the run goes on")

    def problem(self, run: Path) -> Problem | None:
        """Return what the run ends with, if there was a fault."""
        if self.first is None:
            return None
        named = f"{counted(self.count, 'prediction')} kept without a score"
        mend = f"correct the scorer, then: instit-bench rescore {path_text(run)}"
        return Problem(f"{self.first}; {named}; {mend}", self.first.exit_code, self.first)


def _check(values: Mapping[str, float]) -> None:
    """Refuse a number outside 0 to 1: the journal could not be read again."""
    for name, value in values.items():
        if not (isinstance(value, int | float) and 0 <= value <= 1):
            raise InputError(f"metric {name!r} must be a number from 0 to 1, found {value!r}")


def _explained(score: Score, prediction: Prediction) -> Score:
    """Say why there was nothing to read if the text is in another field of the reply."""
    if score.state is not State.UNPARSED or prediction.text.strip():
        return score
    if prediction.only_reasoning:
        return replace(score, reason=ONLY_REASONING)
    return replace(score, reason="refusal") if prediction.refusal else score
