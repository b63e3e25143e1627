"""The plan of a run: tasks, their records, the selected samples, and their digests."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TypeVar

from instit_bench.backends import BACKENDS
from instit_bench.datasets.hub_archive import HubArchive
from instit_bench.datasets.prompts import OfficialPrompts, read_prompts
from instit_bench.datasets.records import Dataset
from instit_bench.datasets.source import DataSource, open_source
from instit_bench.errors import InputError, MissingDataError
from instit_bench.evaluation.config import RunConfig
from instit_bench.evaluation.marked_media import MarkedMedia, marked_media
from instit_bench.evaluation.neighbours import Sharing, neighbours
from instit_bench.evaluation.scoring import scorer_for
from instit_bench.evaluation.settings import NotSent
from instit_bench.evaluation.survey import Survey, drawn_videos
from instit_bench.evaluation.weight import Weight
from instit_bench.interventions.registry import intervention_named
from instit_bench.interventions.task import altered
from instit_bench.judging.contracts import contract_for
from instit_bench.runs.directory import RunDirectory, default_name, run_directory
from instit_bench.runs.looks import Looks
from instit_bench.runs.manifest import (
    DataManifest,
    Identity,
    Manifest,
    TaskManifest,
    environment,
    source_settings,
)
from instit_bench.scorers.contract import Contract
from instit_bench.scorers.judge import JudgeContract
from instit_bench.tasks.data import load_dataset, with_prompts
from instit_bench.tasks.registry import load_registry
from instit_bench.tasks.samples import Samples
from instit_bench.tasks.task import Task
from instit_bench.types import GenerationParams, Request, Sample

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class TaskPlan:
    """One task of a run. ``samples`` are the whole dataset's, ``selected`` those to run.

    Samples and requests are built when they are asked for, so that any number of them fits into
    memory. ``style`` is the name of the task's own style, which ``--prompt-style chat`` may stand
    for. ``data_digest`` is the SHA-256 of all records, ``prompt_digest`` that of the texts of all
    requests, with a placeholder for media; ``weight`` is that of the selected requests. ``marked``
    draws other marks than the dataset's own.
    """

    task: Task
    dataset: Dataset
    samples: Samples
    selected: Samples
    params: GenerationParams
    style: str
    data_digest: str
    prompt_digest: str
    weight: Weight
    marked: MarkedMedia | None = None

    def request(self, sample: Sample) -> Request:
        """Build the request for one sample."""
        return self.task.request(sample, self.params, self.style, self.dataset.media_root)

    @property
    def media_folder(self) -> Path:
        """The folder with the media that are shown."""
        return self.marked.folder if self.marked else self.dataset.media_root

    @property
    def media_archive(self) -> HubArchive | None:
        """What that folder was unpacked from, if it is the hub's."""
        archive = self.marked.unmarked.archive if self.marked else self.dataset.archive
        return archive if archive and archive.contains(self.media_folder) else None

    @property
    def shows_files(self) -> bool:
        """Whether requests name files of that folder; else their images are in the records."""
        return self.marked is not None or self.weight.files

    def manifest(self) -> TaskManifest:
        """Return this task's entry in the run's manifest."""
        everything = len(self.selected) == len(self.samples)
        return TaskManifest(
            scorer=self.task.config.metadata.scorer,
            media=self.task.config.metadata.media,
            reader=self.task.config.metadata.reader,
            dataset_name=self.task.config.dataset_name,
            metrics=list(self.task.metric_names),
            lower_is_better=list(self.task.lower_is_better),
            data_digest=self.data_digest,
            prompt_digest=self.prompt_digest,
            prompts=self.task.prompt_origin,
            style=self.style,
            style_mark=self.task.style_mark(self.style),
            own_settings=self._own_settings(),
            generation={
                "max_tokens": self.params.max_tokens,
                "temperature": self.params.temperature,
                "top_p": self.params.top_p,
                "top_k": self.params.top_k,
                "stop": list(self.params.stop),
            },
            n_dataset=len(self.samples),
            selected="all" if everything else list(self.selected.ids),
            files=[str(file) for file in self.dataset.files],
            revision=self.dataset.revision,
            training_data=self.task.config.metadata.training_data,
            generated=list(self.dataset.generated),
            masks_digest=self.marked.unmarked.masks_digest if self.marked else None,
        )

    def _own_settings(self) -> list[str]:
        """Return the sampling settings that the user set, instead of the benchmark's."""
        official = self.task.generation_params(self.style)
        return [
            name
            for name in ("max_tokens", "temperature", "top_p", "top_k", "stop")
            if getattr(self.params, name) != getattr(official, name)
        ]


@dataclass(frozen=True)
class RunPlan:
    """All tasks of a run and where their data come from.

    ``order`` has the numbers of the selected samples, from 0 through all tasks, in the order to
    request them; ``looks`` those at which a run with ``--until-verdict`` may stop. ``skipped`` says
    which tasks of a group or pattern are left out because their data are missing.
    """

    config: RunConfig
    style: str
    source: DataSource
    tasks: tuple[TaskPlan, ...]
    prompts: OfficialPrompts | None
    order: array[int]
    skipped: tuple[str, ...] = ()
    looks: Looks | None = None

    def judge_contracts(self) -> dict[str, JudgeContract]:
        """Return the judge's instructions for each open-ended task."""
        return {
            plan.task.name: contract_for(plan.task.config.metadata.media, self.prompts)
            for plan in self.tasks
            if plan.task.scorer.needs_judge
        }

    def letter_contracts(self) -> dict[str, Contract]:
        """Return what a judge is asked to extract letters, for each multiple-choice task."""
        specs = {plan.task.name: plan.task.scorer for plan in self.tasks}
        return {name: spec.extraction.contract for name, spec in specs.items() if spec.extraction}

    def manifest(self, backend_settings: dict[str, object]) -> Manifest:
        """Return the manifest of this plan, before any request."""
        config = self.config
        identity = Identity(
            model=config.model_label,
            backend=config.backend,
            prompt_style=self.style,
            seed=config.seed,
            max_frames=config.max_frames,
            intervention=config.intervention,
            temperature=config.temperature,
            top_p=config.top_p,
            max_tokens=config.max_tokens,
            extra_body=config.extra_body,
            video_as=config.video_as,
            video_decoder=config.video_decoder,
            marks=config.marks,
            renamed_marks=config.renamed_marks,
            constrain_choices=config.constrain_choices,
            dtype=config.dtype,
            quantization=config.quantization,
            lora=config.lora,
            engine_arg=config.engine_arg,
            model_arg=config.model_arg,
        )
        revisions = {plan.dataset.revision for plan in self.tasks} - {None}
        return Manifest(
            identity=identity,
            data=DataManifest(
                kind=self.source.kind,
                label=self.source.label,
                revision=next(iter(revisions), None),
            ),
            tasks={plan.task.name: plan.manifest() for plan in self.tasks},
            settings={
                "backend": backend_settings,
                **({"recipe": config.recipe} if config.recipe else {}),
                "concurrency": config.in_flight,
                "fail_on_error": config.fail_on_error,
                "min_coverage": config.min_coverage,
                **source_settings(config.data, config.include_path),
            },
            environment=environment(),
            looks=self.looks,
        )


def directory_of(config: RunConfig) -> RunDirectory:
    """Return where a run with these settings is, or will be; nothing is created.

    Raises:
        InputError: The data source does not exist, or the name is not a single folder name.
    """
    label = open_source(config.data, config.revision).label
    name = config.name or default_name(config.model_label, label)
    return run_directory(config.output, name, lock=not config.no_lock)


def make_plan(config: RunConfig, *, offline: bool = False) -> RunPlan:
    """Read tasks, data and prompts; nothing is requested yet.

    With ``offline``, data that are not there are not downloaded either.

    Raises:
        InputError: A task is unknown or not valid, or data are missing or not valid.
    """
    if config.backend == "lmms-eval" and config.prompt_style != "chat":
        raise InputError(
            f"--prompt-style {config.prompt_style}: lmms-eval models have their own prompt "
            "templates; leave it out, or choose --backend vllm or openai"
        )
    # Checked first: if the model does not exist, no data are needed.
    backend = BACKENDS.load(config.backend)
    has_roles = backend.takes_roles(config.model, config.adapter_options())
    style = config.prompt_style if has_roles else "raw"
    registry = load_registry(config.include_path)
    source = open_source(config.data, config.revision, offline=offline)
    prompts_file = source.prompts_file()
    prompts = read_prompts(prompts_file) if prompts_file else None
    tasks = registry.resolve(config.tasks)
    for task in tasks:
        scorer_for(task)  # what is wrong with it shows before data are read
    _require_style(style, tasks)
    plans: list[TaskPlan] = []
    sharing: list[Sharing] = []
    missing: dict[str, MissingDataError] = {}
    for task in tasks:
        try:
            plans.append(_plan_task(task, source, prompts, style, config, sharing))
        except MissingDataError as error:
            if task.name in config.tasks:
                raise
            missing[task.name] = error
    if not plans:
        raise next(iter(missing.values()))
    if config.sample_id:
        found = {name for plan in plans for name in plan.selected.ids}
        if unknown := [name for name in config.sample_id if name not in found]:
            raise InputError(f"--sample-id {unknown[0]}: not found in any selected task")
    if config.extractor and not any(plan.task.scorer.extraction for plan in plans):
        raise InputError("--extract-with: no selected task is multiple choice")
    skipped = tuple(f"{name} is skipped: {error}" for name, error in missing.items())
    return RunPlan(config, style, source, tuple(plans), prompts, neighbours(sharing), skipped)


def _require_style(style: str, tasks: Sequence[Task]) -> None:
    """Name the tasks that have a style where only some of the selected ones do."""
    having = [task.name for task in tasks if task.has_style(style)]
    if having and len(having) < len(tasks):
        lacking = next(task.name for task in tasks if not task.has_style(style))
        raise InputError(
            f"--prompt-style {style}: task {lacking} has no such style; choose --tasks "
            f"{','.join(having)}"
        )


def _plan_task(
    task: Task,
    source: DataSource,
    prompts: OfficialPrompts | None,
    style: str,
    config: RunConfig,
    sharing: list[Sharing],
) -> TaskPlan:
    """Plan one task, and append what its selected samples share."""
    if config.prompt_style == "raw" and task.config.metadata.media != "none":
        raise InputError(
            f"--prompt-style raw: task {task.name} has media, which a text completion cannot "
            "carry; choose chat, or text tasks only"
        )
    style = task.style_name(style)
    task = with_prompts(task, prompts)
    dataset = load_dataset(task, source, _needed_media(config))
    if dataset.missing_media and task.config.metadata.media != "none":
        raise MissingDataError(f"{task.name}: {dataset.missing_media}")
    drawn = None
    if config.limit_videos:
        names = {sample.cluster for sample in task.samples(dataset.docs)}
        drawn = drawn_videos(names, config.limit_videos, config.videos_seed)
    task = _under_intervention(task, dataset, config)
    params = _params(task, style, config)
    survey = Survey(task.config.metadata.media, _selection(config), drawn)
    for sample in task.samples(survey.through(dataset.docs)):
        survey.at(sample, task.request(sample, params, style, dataset.media_root))
    if not survey.ids:
        raise InputError(f"{task.name}: the dataset {dataset.files[0]} is empty")
    sharing.append(Sharing(survey.media, survey.shared))
    return TaskPlan(
        task,
        dataset,
        Samples(task, dataset.docs, survey.ids, range(len(survey.ids))),
        Samples(task, dataset.docs, survey.ids, survey.chosen),
        params,
        style,
        survey.data.hexdigest(),
        survey.prompts.hexdigest(),
        survey.weight,
        marked_media(task, source, config.marks, config.renamed_marks),
    )


def _under_intervention(task: Task, dataset: Dataset, config: RunConfig) -> Task:
    """Return the task as the run's intervention alters it, if there is one."""
    if config.intervention is None:
        return task
    intervention = intervention_named(config.intervention)
    why_not = intervention.why_not(task) or intervention.why_not_records(task, dataset.docs)
    if intervention.needs_frames and config.video_as == "video":
        why_not = why_not or "videos are sent as files (choose --video-as frames)"
    if intervention.needs_renamed_marks and not config.renamed_marks:
        why_not = why_not or "the run renames no marks (set renamed_marks, see docs/marks.md)"
    if why_not:
        raise InputError(
            f"--intervention {intervention.name}: does not apply to task {task.name}: {why_not}"
        )
    return altered(
        task,
        intervention,
        media_root=dataset.media_root,
        max_frames=config.max_frames,
        video_decoder=config.video_decoder,
        renamed_marks=config.renamed_marks,
    )


def _params(task: Task, style: str, config: RunConfig) -> GenerationParams:
    """Return the task's sampling settings, with those that the user chose."""
    params = task.generation_params(style)
    if params.max_tokens is None and BACKENDS.load(config.backend).needs_limit:
        params = replace(params, max_tokens=task.usual_limit)
    return replace(
        params,
        seed=_chosen(config.seed, None),
        temperature=_chosen(config.temperature, params.temperature),
        top_p=_chosen(config.top_p, params.top_p),
        max_tokens=_chosen(config.max_tokens, params.max_tokens),
    )


def _selection(config: RunConfig) -> Callable[[str], bool]:
    """Return a function that says of each sample id, in order, whether the sample is selected."""
    taken = count()

    def wants(sample_id: str) -> bool:
        if config.sample_id and sample_id not in config.sample_id:
            return False
        return config.limit is None or next(taken) < config.limit

    return wants


def _needed_media(config: RunConfig) -> Callable[[str], bool]:
    """Like ``_selection``, before it is known which videos are drawn: then any may be needed."""
    return (lambda _: True) if config.limit_videos else _selection(config)


def _chosen(setting: Number | NotSent | None, of_task: Number | None) -> Number | None:
    """Return the user's setting, or else the task's; ``None`` is not sent."""
    if setting == "none":
        return None
    return of_task if setting is None else setting
