"""Runs read whole for a report: results, samples with their scores, and what judges replied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from instit_bench.display import path_text
from instit_bench.errors import InputError
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.judged import counting_verdicts, selected_records
from instit_bench.runs.manifest import Manifest
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.results import RunResults, compute_results
from instit_bench.runs.verdicts import VerdictRecord
from instit_bench.scorers.base import ScorerSpec
from instit_bench.scorers.registry import spec_of


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """One run: ``label`` is its folder's name, numbered where two runs share it.

    ``records`` are each task's selected samples in the journal's order.
    """

    label: str
    directory: RunDirectory
    manifest: Manifest
    results: RunResults
    records: Mapping[str, Sequence[SampleRecord]]

    def scorer(self, task: str) -> ScorerSpec:
        """The spec of a task's scorer."""
        return spec_of(self.manifest.tasks[task])

    def deciding(self, task: str) -> str | None:
        """The metric that decides over this run's samples of a task."""
        metrics = self.results.tasks[task].metrics
        valued = [name for name, metric in metrics.items() if metric.n]
        return self.scorer(task).deciding(valued)

    def verdicts(self, task: str) -> dict[str, list[VerdictRecord]]:
        """What the judges that count said of the task's answers, by sample id."""
        records = self.records.get(task, ())
        return counting_verdicts(self.directory, task, self.manifest, records)


def load_runs(paths: Sequence[Path]) -> list[LoadedRun]:
    """Read runs' folders, finished or not.

    Raises:
        InputError: One is no run folder, or is broken.
    """
    names = [path_text(path.resolve().name) for path in paths]
    seen: Counter[str] = Counter()
    runs = []
    for path, name in zip(paths, names, strict=True):
        if not path.is_dir():
            raise InputError(f"{path}: there is no such run folder")
        seen[name] += 1
        runs.append(_load(path, name if names.count(name) == 1 else f"{name} ({seen[name]})"))
    return runs


def task_names(runs: Sequence[LoadedRun]) -> list[str]:
    """The tasks of all runs, in the order in which they first occur."""
    return list(dict.fromkeys(name for run in runs for name in run.manifest.tasks))


def _load(path: Path, label: str) -> LoadedRun:
    directory = RunDirectory(path)
    manifest = directory.manifest()
    records = {name: selected_records(directory, name, manifest) for name in manifest.tasks}
    return LoadedRun(label, directory, manifest, compute_results(directory, manifest), records)
