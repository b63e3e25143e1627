"""The runs of a report, distinguished by their labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from instit_bench.display import path_text
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import Manifest
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.results import RunResults
from instit_bench.scorers.base import ScorerSpec
from instit_bench.scorers.registry import spec_of


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """One run: ``label`` is its folder's name, numbered if two runs share it."""

    label: str
    run: Run

    @property
    def manifest(self) -> Manifest:
        """The run's manifest."""
        return self.run.manifest

    @property
    def results(self) -> RunResults:
        """The metrics."""
        return self.run.results

    def samples(self, task: str) -> Sequence[SampleRecord]:
        """Return a task's selected samples in the journal's order."""
        return self.run.tasks[task].samples

    def scorer(self, task: str) -> ScorerSpec:
        """Return the spec of a task's scorer."""
        return spec_of(self.manifest.tasks[task])

    def deciding(self, task: str) -> str | None:
        """Return the metric that decides whether this run's samples of a task are right."""
        metrics = self.run.tasks[task].result.metrics
        valued = [name for name, metric in metrics.items() if metric.n]
        return self.scorer(task).deciding(valued)


def load_runs(paths: Sequence[Path]) -> list[LoadedRun]:
    """Load run directories, finished or not.

    Raises:
        InputError: One is not a run directory, or not valid.
    """
    names = [path_text(path.resolve().name) for path in paths]
    seen: Counter[str] = Counter()
    runs = []
    for path, name in zip(paths, names, strict=True):
        seen[name] += 1
        label = name if names.count(name) == 1 else f"{name} ({seen[name]})"
        runs.append(LoadedRun(label, Run.load(path)))
    return runs


def task_names(runs: Sequence[LoadedRun]) -> list[str]:
    """Return the tasks of all runs, in the order in which they first occur."""
    return list(dict.fromkeys(name for run in runs for name in run.manifest.tasks))
