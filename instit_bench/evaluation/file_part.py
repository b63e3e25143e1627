"""One prediction file as a task of a run: its samples, scored, and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from instit_bench.datasets.source import open_source
from instit_bench.errors import DownloadError, InputError, MissingDataError
from instit_bench.evaluation.scoring import scorer_for
from instit_bench.evaluation.upstream_files import repeat_records, without_echo
from instit_bench.formats.lmms_eval.log import UnlocatedLog
from instit_bench.formats.lmms_eval.wording import whose_words
from instit_bench.formats.prediction_file import PredictionFile
from instit_bench.formats.predictions import read_predictions
from instit_bench.judging.config import JudgeConfig
from instit_bench.judging.contracts import prompts_near
from instit_bench.runs.manifest import (
    DataManifest,
    Identity,
    Manifest,
    TaskManifest,
    environment,
    source_settings,
)
from instit_bench.runs.record import SampleRecord, failed, not_run
from instit_bench.tasks.data import load_dataset
from instit_bench.tasks.registry import load_registry
from instit_bench.tasks.task import Task
from instit_bench.types import Sample

_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """What to score, and against which data (``None``: what the file itself says).

    ``prompts`` says which prompts were used, as told by the user; if it is ``unknown``, an
    lmms-eval log with the requests' texts may tell.
    """

    file: Path
    task: str
    judging: JudgeConfig
    data: str | None = None
    revision: str = "main"
    model: str | None = None
    prompts: str = "unknown"
    output: Path = Path("results")
    name: str | None = None
    include_path: tuple[Path, ...] = ()
    lock: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """A file's samples as scored; ``logged_model`` is the model that the file itself names."""

    task: Task
    manifest: Manifest
    records: list[SampleRecord]
    logged_model: str | None


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A prediction file as read, before any dataset is."""

    task: Task
    predictions: PredictionFile | UnlocatedLog


def read_file(options: ScoreOptions) -> ReadFile:
    """Read a prediction file.

    Raises:
        InputError: File or task are missing or not valid.
    """
    tasks = load_registry(options.include_path).resolve([options.task])
    if len(tasks) > 1:
        raise InputError(f"--task {options.task}: is a group; name a single task")
    return ReadFile(tasks[0], read_predictions(options.file, tasks[0]))


def scored_part(file: ReadFile, options: ScoreOptions) -> Part:
    """Score a file's predictions.

    Raises:
        InputError: The data are missing or not valid.
    """
    task, read = file.task, file.predictions
    found = _samples(task, read, options)
    located = read.located(found.samples) if isinstance(read, UnlocatedLog) else read
    predictions = without_echo(located, found.samples)
    records = _score(found.samples, predictions, task)
    manifest = _manifest(task, found, predictions, options, len(records))
    return Part(task, manifest, records, predictions.run.model)


def _manifest(
    task: Task,
    found: _Found,
    predictions: PredictionFile,
    options: ScoreOptions,
    n_records: int,
) -> Manifest:
    return Manifest(
        identity=Identity(
            model=options.model or predictions.run.model or options.file.stem,
            backend="file",
            prompt_style=predictions.run.style or "unknown",
            seed=0,
            max_frames=0,
        ),
        data=found.data,
        tasks={
            task.name: TaskManifest(
                scorer=task.config.metadata.scorer,
                media=task.config.metadata.media,
                reader=task.config.metadata.reader,
                dataset_name=task.config.dataset_name,
                metrics=list(task.metric_names),
                lower_is_better=list(task.lower_is_better),
                data_digest=found.digest,
                prompt_digest=None,
                prompts=_prompts(task, found, predictions, options),
                style=(style := _style(task, predictions)),
                style_mark=task.style_mark(style),
                generation=dict(predictions.run.generation),
                n_dataset=n_records,
                files=[str(file) for file in (options.file, *found.files)],
                training_data=task.config.metadata.training_data,
                generated=list(found.generated),
                notes=[*found.notes, *_notes(found.samples, predictions)],
            )
        },
        settings=source_settings(options.data, options.include_path),
        environment=environment(),
    )


def _style(task: Task, predictions: PredictionFile) -> str:
    form = predictions.run.style
    return "unknown" if form is None else task.style_name(form)


def _prompts(task: Task, found: _Found, predictions: PredictionFile, options: ScoreOptions) -> str:
    if options.prompts != "unknown":
        return options.prompts
    return whose_words(task, found.samples, predictions.asked, prompts_near(found.files))


@dataclass(frozen=True, slots=True)
class _Found:
    """The samples to score, and where they are from."""

    samples: list[Sample]
    data: DataManifest
    files: tuple[Path, ...] = ()
    digest: str | None = None
    generated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def _samples(task: Task, file: PredictionFile | UnlocatedLog, options: ScoreOptions) -> _Found:
    """Return the samples to score: the dataset's if it is given or needed, else the file's own."""
    samples = [] if isinstance(file, UnlocatedLog) else list(file.samples.values())
    own = _Found(samples, DataManifest(kind="file", label=options.file.name))
    if options.data is None and own.samples:
        return own
    if options.data is None and isinstance(file, UnlocatedLog):
        raise InputError(
            f"{options.file}: this lmms-eval log has no questions; name the dataset with "
            "--data (hub, demo, a folder or file)"
        )
    source = open_source(options.data or "hub", options.revision)
    try:
        dataset = load_dataset(task, source)
    except MissingDataError as error:
        if isinstance(error, DownloadError) or not own.samples:
            raise
        note = f"scored against the file's own targets: {error}"
        return replace(own, notes=(note,))
    data = DataManifest(kind=source.kind, label=source.label, revision=dataset.revision)
    samples = list(task.samples(dataset.docs))
    return _Found(samples, data, dataset.files, dataset.digest, dataset.generated)


def _score(
    samples: Sequence[Sample], predictions: PredictionFile, task: Task
) -> list[SampleRecord]:
    scorer = scorer_for(task)
    records = []
    for sample in samples:
        prediction = predictions.predictions.get(sample.id)
        if prediction is not None:
            records.append(scorer.record(sample, prediction))
        elif sample.id in predictions.failed:
            records.append(predictions.failed[sample.id])
        elif sample.id in predictions.empty:
            records.append(failed(sample, "the file's prediction is null"))
        else:
            records.append(not_run(sample, "missing_prediction"))
    return [*records, *repeat_records(predictions, samples, scorer, task.scorer)]


def _notes(samples: Sequence[Sample], predictions: PredictionFile) -> list[str]:
    known = {sample.id for sample in samples}
    given = predictions.predictions.keys() | predictions.failed.keys() | predictions.empty
    counts = "the last one counts" + (", officially every one" if predictions.repeats else "")
    found = {
        "missing from the file": [s.id for s in samples if s.id not in given],
        "unknown to the dataset": sorted(given - known),
        "null in the file (not the model's mistake)": sorted(predictions.empty & known),
        f"doubled in the file ({counts})": list(predictions.doubled),
    }
    counted = [f"{len(ids)} {what}: {_named(ids)}" for what, ids in found.items() if ids]
    return [*counted, *predictions.notes]


def _named(ids: Sequence[str]) -> str:
    more = len(ids) - _NAMED_AT_MOST
    return ", ".join(ids[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
