"""Runs read whole for a report: results, samples with their scores, and what judges replied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from instit_bench.comparison.outcomes import headline_metrics
from instit_bench.errors import InputError
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.judged import judged_records
from instit_bench.runs.manifest import Manifest, TaskManifest
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.results import RunResults, TaskResult, compute_results
from instit_bench.runs.verdicts import LEXICAL_SCORE, VerdictRecord, read_verdicts, that_count


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

    def verdicts(self, task: str) -> dict[str, list[VerdictRecord]]:
        """What the judges that count said of the task's answers, by sample id."""
        judging = self.manifest.judging
        if judging is None or task not in judging.contracts:
            return {}
        given = read_verdicts(self.directory.verdicts_path(task))
        contract = judging.contracts[task]
        return {
            record.id: that_count(
                record, given.get(record.id, ()), judging.judges, contract, judging.repeats
            )
            for record in self.records.get(task, ())
        }


def load_runs(paths: Sequence[Path]) -> list[LoadedRun]:
    """Read runs' folders, finished or not.

    Raises:
        InputError: One is no run folder, or is broken.
    """
    names = [printable(path.resolve().name) for path in paths]
    seen: Counter[str] = Counter()
    runs = []
    for path, name in zip(paths, names, strict=True):
        if not path.is_dir():
            raise InputError(f"{path}: there is no such run folder")
        seen[name] += 1
        runs.append(_load(path, name if names.count(name) == 1 else f"{name} ({seen[name]})"))
    return runs


def printable(name: str) -> str:
    """A folder's name as text that can be written; its bytes may be no UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def task_names(runs: Sequence[LoadedRun]) -> list[str]:
    """The tasks of all runs, in the order in which they first occur."""
    return list(dict.fromkeys(name for run in runs for name in run.manifest.tasks))


def deciding_metric(scorer: str, result: TaskResult) -> str | None:
    """What plots show: the last headline metric, or the lexical score where there is no other."""
    lexical = result.metrics.get(LEXICAL_SCORE)
    headline = headline_metrics(scorer, list(result.metrics))
    if headline and not result.metrics[headline[-1]].n and lexical is not None and lexical.n:
        return LEXICAL_SCORE
    return headline[-1] if headline else None


def _load(path: Path, label: str) -> LoadedRun:
    directory = RunDirectory(path)
    manifest = directory.manifest()
    records = {
        name: _selected(judged_records(directory, name, manifest), task)
        for name, task in manifest.tasks.items()
    }
    for name, of_task in records.items():
        for record in of_task:
            _check_scores(record, directory.journal_path(name))
    return LoadedRun(label, directory, manifest, compute_results(directory, manifest), records)


def _selected(records: Sequence[SampleRecord], task: TaskManifest) -> Sequence[SampleRecord]:
    if task.selected == "all":
        return records
    selected = set(task.selected)
    return [record for record in records if record.id in selected]


def _check_scores(record: SampleRecord, journal: Path) -> None:
    for metric, value in record.scores.items():
        if not 0 <= value <= 1:  # nor is NaN
            raise InputError(
                f"{journal}: sample {record.id}: field 'scores.{metric}' must be from 0 to 1, "
                f"not {value}; delete the line to have its sample asked again"
            )
