"""Which samples humans score to calibrate a judge: drawn by a seeded plan that the run keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from instit_bench.errors import InputError
from instit_bench.runs.atomic import read_whole, write_atomically
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.loaded import Run, RunTask
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.verdicts import LEXICAL_SCORE, OFFICIAL_SCORE, digest_of, open_item
from instit_bench.scorers.judge.contract import LEXICAL
from instit_bench.stats.drawing import draw_samples
from instit_bench.validation import first_problem

_ID_LENGTH = 8


class DrawnSample(BaseModel):
    """A sample of the sheet: its stratum, and with which probability it was drawn from it.

    ``item`` is the SHA-256 of question, target and prediction.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    stratum: int = Field(ge=0)
    probability: float = Field(gt=0, le=1)
    item: str


class TaskPlan(BaseModel):
    """One task: all samples that could be drawn, by stratum, and those drawn, in the sheet's order.

    Strata are bands of the scores that the judge gave when the sheet was drawn.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    strata: list[list[str]] = Field(min_length=1)
    drawn: list[DrawnSample] = Field(min_length=1)


class SheetPlan(BaseModel):
    """``calibration/sheets/<sheet>.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: int = Field(ge=1)
    seed: int
    stratified: bool
    tasks: dict[str, TaskPlan] = Field(min_length=1)

    @property
    def sheet(self) -> str:
        """The sheet's name: a digest of the plan, after a letter, so that no cell is a number."""
        return "s" + hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:_ID_LENGTH]


def judged_metric(run: Run, task: str) -> str | None:
    """Return the metric that a task's judge gives, or ``None`` if the task was not judged."""
    judging = run.manifest.judging_of(task)
    if judging is None:
        return None
    return LEXICAL_SCORE if judging.judges[0] == LEXICAL else OFFICIAL_SCORE


def judged_samples(task: RunTask, metric: str) -> list[SampleRecord]:
    """Return the samples with a judge's score.

    Raises:
        InputError: A file is broken.
    """
    return [record for record in task.samples if metric in record.scores]


def plan_sheet(run: Run, tasks: Sequence[str], n: int, *, stratify: bool, seed: int) -> SheetPlan:
    """Draw ``n`` samples of each of these tasks.

    Raises:
        InputError: A task has no judge's scores, or a file is broken.
    """
    plans = {}
    for name in tasks:
        metric = judged_metric(run, name)
        records = judged_samples(run.tasks[name], metric) if metric else []
        if metric is None or not records:
            raise InputError(f"{run.path}: {name} has no judge's scores; judge the run first")
        plans[name] = _task_plan(records, metric, n, stratify=stratify, seed=seed)
    return SheetPlan(n=n, seed=seed, stratified=stratify, tasks=plans)


def _task_plan(
    records: Sequence[SampleRecord], metric: str, n: int, *, stratify: bool, seed: int
) -> TaskPlan:
    draw = draw_samples(
        [record.scores[metric] for record in records],
        [record.cluster or record.id for record in records],
        n,
        stratify=stratify,
        seed=seed,
    )
    strata: list[list[str]] = [[] for _ in range(max(draw.strata) + 1)]
    for record, stratum in zip(records, draw.strata, strict=True):
        strata[stratum].append(record.id)
    counts = [sum(draw.strata[place] == s for place in draw.places) for s in range(len(strata))]
    drawn = [
        DrawnSample(
            id=records[place].id,
            stratum=(stratum := draw.strata[place]),
            probability=counts[stratum] / len(strata[stratum]),
            item=digest_of(open_item(records[place])),
        )
        for place in draw.places
    ]
    return TaskPlan(strata=strata, drawn=drawn)


def save_plan(plan: SheetPlan, directory: RunDirectory) -> None:
    """Write the plan into the run directory."""
    path = directory.sheet_plan_path(plan.sheet)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, plan.model_dump_json() + "\n")


def stored_sheets(directory: RunDirectory) -> list[str]:
    """Return the names of all sheets drawn from a run."""
    return sorted(path.stem for path in _plans(directory))


def _plans(directory: RunDirectory) -> Iterator[Path]:
    return directory.sheet_plan_path("*").parent.glob("*.json")


def read_plan(directory: RunDirectory, sheet: str) -> SheetPlan:
    """Read the plan of a sheet.

    Raises:
        InputError: It is not valid, or not the one that the sheet's name stands for.
    """
    path = directory.sheet_plan_path(sheet)
    try:
        plan = SheetPlan.model_validate_json(read_whole(path))
    except ValidationError as error:
        raise InputError(f"{path}: is not a valid plan: {first_problem(error)}") from error
    if plan.sheet != sheet:
        raise InputError(f"{path}: was changed; its content is not that of sheet {sheet}")
    return plan
