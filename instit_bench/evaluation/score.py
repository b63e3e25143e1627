"""Score a prediction file, without a model, into a run directory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from instit_bench.datasets.source import open_source
from instit_bench.errors import INTERRUPTED, DownloadError, InputError, MissingDataError, Problem
from instit_bench.evaluation.scoring import scorer_for
from instit_bench.evaluation.upstream_files import repeat_records, without_echo
from instit_bench.formats.lmms_eval.log import UnlocatedLog
from instit_bench.formats.lmms_eval.wording import whose_words
from instit_bench.formats.prediction_file import PredictionFile
from instit_bench.formats.predictions import read_predictions
from instit_bench.judging.config import JudgeConfig
from instit_bench.judging.contracts import (
    extraction_contracts,
    has_spoken,
    nobody_judges,
    prompts_near,
)
from instit_bench.judging.rejudge import contracts_of, judge_answers
from instit_bench.progress import Reporter
from instit_bench.runs.directory import RunDirectory, default_name, run_directory
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import (
    DataManifest,
    Identity,
    JudgingManifest,
    Manifest,
    TaskManifest,
    environment,
    source_settings,
)
from instit_bench.runs.record import SampleRecord, failed, not_run
from instit_bench.scorers.contract import Contract
from instit_bench.scorers.judge import JudgeContract
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
class Scored:
    """The resulting run; ``problem`` says why judging stopped early, if it did."""

    run: Run
    problem: Problem | None


def score_file(options: ScoreOptions, make_reporter: Callable[[], Reporter]) -> Scored:
    """Score a file's predictions; an existing run of that name is set aside, its verdicts are kept.

    Raises:
        InputError: File, task or data are missing or not valid.
    """
    tasks = load_registry(options.include_path).resolve([options.task])
    if len(tasks) > 1:
        raise InputError(f"--task {options.task}: is a group; name a single task")
    task = tasks[0]
    read = read_predictions(options.file, task)
    name = options.name or _run_name(task, read, options)
    directory = run_directory(options.output, name, lock=options.lock)
    directory.refuse_if_held()
    found = _samples(task, read, options)
    file = read.located(found.samples) if isinstance(read, UnlocatedLog) else read
    predictions = without_echo(file, found.samples)
    records = _score(found.samples, predictions, task)
    manifest = _manifest(task, found, predictions, options, len(records))
    contracts = contracts_of(manifest, options.data)
    letters = _letters(task, manifest, options.judging)
    kept = directory.set_aside()
    with directory.locked():
        earlier = _keep_verdicts(kept, directory) if kept else {}
        run = Run(directory, manifest)
        run.tasks[task.name].rewrite(records)
        for role, judging in earlier.items():
            if has_spoken(run, judging):
                setattr(manifest, role, judging)
        run.save()
        problem = _judge(run, options.judging, contracts, letters, make_reporter)
        run.tasks[task.name].settle()
        interrupted = problem is not None and problem.exit_code == INTERRUPTED
        run.save("interrupted" if interrupted else "failed" if problem else "finished")
        run.write_results()
        return Scored(run, problem)


def _keep_verdicts(kept: Path, directory: RunDirectory) -> dict[str, JudgingManifest]:
    """Copy verdicts and batches of the run that was set aside; return who judged, by role.

    Both record which answers they are for, so they are right for the new run too.
    """
    if (kept / "judgements").is_dir():
        shutil.copytree(kept / "judgements", directory.path / "judgements")
    for batch in kept.glob("judge_batch*.json"):
        shutil.copy2(batch, directory.path)
    with suppress(InputError):
        manifest = Run.load(kept).manifest
        roles = {"judging": manifest.judging, "extraction": manifest.extraction}
        return {role: judging for role, judging in roles.items() if judging}
    return {}


def _letters(task: Task, manifest: Manifest, config: JudgeConfig) -> dict[str, Contract]:
    """What a judge is asked to extract letters, if one is named."""
    if config.extractor is None:
        return {}
    if task.scorer.extraction is None:
        raise InputError(f"--extract-with: task {task.name} is not multiple choice")
    return extraction_contracts(manifest, [task.name])


def _judge(
    run: Run,
    config: JudgeConfig,
    contracts: dict[str, JudgeContract],
    letters: dict[str, Contract],
    make_reporter: Callable[[], Reporter],
) -> Problem | None:
    if not contracts and not letters:
        return None
    reporter = make_reporter()
    if told := nobody_judges(config, contracts):
        reporter.status(told)
    if not config.judges and not letters:
        return None
    reporter.begin(run.path)
    try:
        return judge_answers(run, config, contracts, reporter, letters)
    finally:
        reporter.end()


def _run_name(task: Task, predictions: PredictionFile | UnlocatedLog, options: ScoreOptions) -> str:
    """Name the run after the model; with the task's name if the model's name comes from a log.

    One model has one log per task, and none may replace another.
    """
    if options.model is None and predictions.run.model is not None:
        return default_name(f"{predictions.run.model}-{task.name}", "hub")
    return default_name(options.model or options.file.stem, "hub")


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
    return _Found(list(task.samples(dataset.docs)), data, dataset.files, dataset.digest)


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
