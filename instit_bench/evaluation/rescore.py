"""Score a stored run again, in place: after its scorer or its metrics were changed or mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from instit_bench.datasets.source import DataSource, open_source
from instit_bench.errors import InputError, NotComparableError, Problem
from instit_bench.evaluation.scoring import ScoringFaults, TaskScorer, scorer_for
from instit_bench.evaluation.upstream_files import as_repeat
from instit_bench.formats.lmms_eval.log import UnlocatedLog
from instit_bench.formats.predictions import read_predictions
from instit_bench.interventions.registry import intervention_named
from instit_bench.interventions.task import altered
from instit_bench.progress import Tell
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.loaded import Run, RunTask
from instit_bench.runs.manifest import Status
from instit_bench.runs.record import SampleRecord
from instit_bench.scorers.registry import runs_plugin_code
from instit_bench.tasks.data import load_dataset
from instit_bench.tasks.registry import load_registry
from instit_bench.tasks.task import Task
from instit_bench.types import Sample, State


@dataclass(frozen=True, slots=True)
class Rescored:
    """The run, how many of its samples have another score or state now, and what went wrong."""

    run: Run
    changed: int
    problem: Problem | None


def rescore_run(
    directory: RunDirectory,
    tell: Tell,
    data: str | None = None,
    include_path: Sequence[Path] = (),
) -> Rescored:
    """Score all predictions of a run again with the present scorers; no model is asked.

    Data and plugin folders are those of the run, unless others are given. Judges' verdicts are
    kept. A prediction that a scorer still cannot score stays without a score.

    Raises:
        InputError: The folder is not a run, or a task or its data are missing or not valid.
        NotComparableError: The data are not those that the run was asked about.
    """
    with directory.locked(create=False):
        run = Run.load(directory.path)
        tasks = load_registry(include_path or _folders(run)).resolve(run.tasks)
        sources = {task.name: _samples(task, run, data) for task in tasks}
        scorers = {task.name: scorer_for(task) for task in tasks}
        faults = ScoringFaults(tell)
        changed = 0
        for task in tasks:
            stored = run.tasks[task.name]
            stored.entry.metrics = list(task.metric_names)
            stored.entry.lower_is_better = list(task.lower_is_better)
            before = dict(_outcomes(stored))
            stored.rewrite(_again(stored, scorers[task.name], sources[task.name], faults))
            stored.settle()
            changed += sum(outcome != before[name] for name, outcome in _outcomes(stored))
            stored.release()
        run.save(_status(run, faults))
        run.write_results()
        return Rescored(run, changed, faults.problem(run.path))


def _folders(run: Run) -> list[Path]:
    return [Path(folder) for folder in run.manifest.settings.get("include_path", ())]


def _outcomes(task: RunTask) -> Iterator[tuple[str, tuple[State, Mapping[str, float]]]]:
    return ((record.id, (record.state, record.scores)) for record in task.records.values())


def _status(run: Run, faults: ScoringFaults) -> Status:
    """A run that only its scorer had failed is finished now."""
    if faults.first is not None:
        return "failed"
    whole = all(task.result.coverage == 1 for task in run.tasks.values())
    return "finished" if whole and run.manifest.status == "failed" else run.manifest.status


def _samples(task: Task, run: Run, data: str | None) -> Mapping[str, Sample] | None:
    """Return the dataset's samples; ``None`` if the journal says all that the scorer reads."""
    if not runs_plugin_code(task.scorer.name):
        return None
    entry = run.tasks[task.name].entry
    if run.manifest.data.kind == "file" and data is None:  # the file's own records were scored
        read = read_predictions(Path(entry.files[0]), task)
        return {} if isinstance(read, UnlocatedLog) else read.samples
    dataset = load_dataset(task, _source(run, data))
    if entry.data_digest not in (None, dataset.digest):
        raise NotComparableError(
            f"{run.path}: task {task.name}: the data are not those of the run any more; bring them "
            "back, or name them with --data"
        )
    identity = run.manifest.identity
    if identity.intervention is not None:
        task = altered(
            task,
            intervention_named(identity.intervention),
            media_root=dataset.media_root,
            max_frames=identity.max_frames,
            video_decoder=identity.video_decoder,
            renamed_marks=identity.renamed_marks,
        )
    return {sample.id: sample for sample in task.samples(dataset.docs)}


def _source(run: Run, data: str | None) -> DataSource:
    """Return the data source that is named, or else the run's own."""
    kind = run.manifest.data.kind
    own = run.manifest.settings.get("data") or ("demo" if kind == "demo" else "hub")
    return open_source(data or str(own), run.manifest.data.revision or "main")


def _again(
    stored: RunTask,
    scorer: TaskScorer,
    samples: Mapping[str, Sample] | None,
    faults: ScoringFaults,
) -> Iterator[SampleRecord]:
    """Yield every record of a journal, scored again if it has a prediction."""
    for record in stored.records.values():
        if not record.finished:
            yield record
            continue
        sample = record.to_sample(stored.name)
        if samples is not None:
            sample = replace(samples[record.repeat_of or record.id], id=record.id)
        try:
            scored = scorer.again(record, sample)
        except InputError as error:
            faults.see(error)
            scored = record.without_score(str(error))
        if record.repeat_of is not None:
            scored = as_repeat(scored, record.repeat_of, scorer.task.scorer)
        yield scored
