"""All aggregate metrics of a report: those that the terminal shows, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from instit_bench.report.headline import Figure, figure_of
from instit_bench.report.loaded import LoadedRun, task_names


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric of one task, with a figure per run."""

    metric: str
    official: bool
    lower_is_better: bool
    figures: tuple[Figure | None, ...]


@dataclass(frozen=True, slots=True)
class TaskMetrics:
    """A task's metrics; ``samples`` says for each run how many have a verdict, and what else."""

    task: str
    rows: tuple[MetricRow, ...]
    samples: tuple[str, ...]


def metric_tables(runs: Sequence[LoadedRun]) -> list[TaskMetrics]:
    """Return the metrics of each task that any run has a number for."""
    return [_task_metrics(task, runs) for task in task_names(runs)]


def _task_metrics(task: str, runs: Sequence[LoadedRun]) -> TaskMetrics:
    results = [run.results.tasks.get(task) for run in runs]
    scorer = next(run for run in runs if task in run.manifest.tasks).scorer(task)
    names = dict.fromkeys(name for result in results if result for name in result.metrics)
    rows = []
    for name in names:
        figures = tuple(
            figure_of(name, result) if result and name in result.metrics else None
            for result in results
        )
        if any(figure and figure.n for figure in figures):
            lower = any(figure.lower_is_better for figure in figures if figure)
            rows.append(MetricRow(name, scorer.is_official(name), lower, figures))
    samples = tuple(
        f"{result.n_counted:,} of {result.n_total:,}" if result else "–" for result in results
    )
    return TaskMetrics(task, tuple(rows), samples)
