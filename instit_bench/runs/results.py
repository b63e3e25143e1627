"""``results.json``: the metrics of a run, computed from its journal and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from instit_bench.errors import InputError
from instit_bench.runs.atomic import write_atomically
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.judged import JudgingResult, judging_result, selected_records
from instit_bench.runs.manifest import Manifest, TaskManifest
from instit_bench.runs.marks import marks_of
from instit_bench.runs.record import SampleRecord
from instit_bench.scorers.registry import spec_of
from instit_bench.stats.intervals import mean_metric
from instit_bench.types import State


class MetricResult(BaseModel):
    """A metric: a fraction 0..1 over ``n`` samples."""

    model_config = ConfigDict(frozen=True)

    value: float | None
    stderr: float | None
    ci95: tuple[float, float] | None
    n: int


class TaskResult(BaseModel):
    """One task's metrics and how its samples ended.

    ``headline`` is the metric that stands for the task in a leaderboard, ``lower_is_better`` names
    the metrics that count mistakes; neither is part of the file.
    """

    model_config = ConfigDict(frozen=True)

    n_total: int
    n_scored: int
    coverage: float
    states: dict[str, int]
    metrics: dict[str, MetricResult]
    marks: list[str]
    prompts: str
    usage: dict[str, int] = Field(default_factory=dict)
    tables: dict[str, Any] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    judging: JudgingResult | None = None
    headline: str | None = Field(default=None, exclude=True)
    lower_is_better: list[str] = Field(default_factory=list, exclude=True)


class EngineResult(BaseModel):
    """What an engine of the run's own did, over all processes that ended in order.

    It is starting, working (requests are in flight) or waiting for a request. ``cached_tokens``
    are the prompt tokens that its prefix cache served; tokens a second are of working time.
    """

    model_config = ConfigDict(frozen=True)

    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    prompt_tokens_per_s: float | None = None
    generated_tokens_per_s: float | None = None
    seconds_starting: float = 0.0
    seconds_waiting: float = 0.0
    seconds_working: float = 0.0
    starts: int = 0
    prefix_cache_queries: int = 0
    prefix_cache_hits: int = 0
    media_cache_queries: int = 0
    media_cache_hits: int = 0


class RunResults(BaseModel):
    """``results.json``."""

    model_config = ConfigDict(frozen=True)

    model: str
    backend: str
    status: str
    data: dict[str, Any]
    tasks: dict[str, TaskResult]
    engine: EngineResult | None = None


def compute_results(run: RunDirectory, manifest: Manifest) -> RunResults:
    """Aggregate a run's journals.

    Raises:
        InputError: A journal is broken.
    """
    return RunResults(
        model=manifest.identity.model,
        backend=manifest.identity.backend,
        status=manifest.status,
        data=manifest.data.model_dump(),
        tasks={
            name: _task_result(run, name, task, manifest) for name, task in manifest.tasks.items()
        },
        engine=_engine_result(manifest.engine),
    )


def _engine_result(totals: Mapping[str, float]) -> EngineResult | None:
    if not totals:
        return None
    working = totals.get("seconds_working", 0.0)
    rates = {
        f"{name}_per_s": round(totals.get(name, 0.0) / working, 1) if working else None
        for name in ("prompt_tokens", "generated_tokens")
    }
    return EngineResult.model_validate({**totals, **rates})


def write_results(run: RunDirectory, manifest: Manifest) -> RunResults:
    """Compute ``results.json`` from the journals and write it."""
    results = compute_results(run, manifest)
    write_atomically(run.results_path, results.model_dump_json(indent=2) + "\n")
    return results


def load_results(path: Path) -> RunResults:
    """The results of the run in a folder, finished or not.

    Raises:
        InputError: The folder is no run.
    """
    run = RunDirectory(path)
    if not run.path.is_dir():
        raise InputError(f"{path}: there is no such run directory")
    return compute_results(run, run.manifest())


def _task_result(
    run: RunDirectory, name: str, task: TaskManifest, manifest: Manifest
) -> TaskResult:
    records = selected_records(run, name, manifest)
    n_total = task.n_selected
    states = Counter(record.state for record in records)
    states[State.NOT_RUN] += n_total - len(records)
    n_scored = sum(count for state, count in states.items() if state.has_verdict)
    coverage = n_scored / n_total if n_total else 0.0
    spec = spec_of(task)
    return TaskResult(
        n_total=n_total,
        n_scored=n_scored,
        coverage=coverage,
        states={state.value: states[state] for state in State},
        metrics={name: _metric(name, records) for name in task.metrics},
        marks=marks_of(task, manifest, coverage),
        prompts=task.prompts,
        usage=_usage(records),
        tables=spec.tables([record.scored_sample() for record in records]),
        notes=task.notes,
        judging=judging_result(run, name, manifest, records),
        headline=next(iter(spec.headlines(task.metrics)), None),
        lower_is_better=task.lower_is_better,
    )


def _metric(name: str, records: Sequence[SampleRecord]) -> MetricResult:
    inside = [record for record in records if name in record.scores]
    metric = mean_metric(
        [record.scores[name] for record in inside],
        [record.cluster or record.id for record in inside],
    )
    return MetricResult(value=metric.value, stderr=metric.stderr, ci95=metric.ci95, n=metric.n)


def _usage(records: Sequence[SampleRecord]) -> dict[str, int]:
    """Tokens in all, over the samples whose endpoint counted them."""
    totals: Counter[str] = Counter()
    for record in records:
        for name, count in record.usage.model_dump().items():
            if count is not None:
                totals[name] += count
    return dict(totals)
