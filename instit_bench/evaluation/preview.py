"""What a run would do (``--dry-run``): nothing is sent, downloaded or written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from instit_bench.backends import create_backend
from instit_bench.errors import InstitBenchError, NotComparableError, Problem
from instit_bench.evaluation.config import RunConfig
from instit_bench.evaluation.plan import RunPlan, TaskPlan, directory_of, make_plan
from instit_bench.evaluation.workload import workload_of
from instit_bench.judging.outlook import Asked, JudgeCalls, calls_left
from instit_bench.judging.panels import panels_of
from instit_bench.judging.prices import estimated_tokens
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import merge
from instit_bench.runs.verdicts import item_of
from instit_bench.scorers.judge import JudgeItem
from instit_bench.types import ImagePart, Sample, VideoPart


@dataclass(frozen=True, slots=True)
class TaskPreview:
    """One task: its selected samples, and what remains to be sent.

    ``images`` and ``videos`` count those in all requests, however often each is shown.
    ``prompt_tokens`` estimates the tokens of the texts alone.
    """

    task: str
    samples: int
    requests: int
    images: int
    videos: int
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do, where, and what would keep it from starting.

    ``calls`` are those of the judges that the run would ask, at most. ``done`` counts the samples
    that an earlier process answered. ``skipped`` says which tasks have no data.
    """

    path: Path
    exists: bool
    tasks: tuple[TaskPreview, ...]
    calls: tuple[JudgeCalls, ...]
    max_frames: int
    free_bytes: int
    problem: Problem | None = None
    skipped: tuple[str, ...] = ()

    @property
    def done(self) -> int:
        """The number of samples that need no request."""
        return sum(task.samples - task.requests for task in self.tasks)


def preview(config: RunConfig) -> Preview:
    """Plan a run without starting it.

    Raises:
        InputError: Settings, tasks or data are not valid, or data are not downloaded yet.
    """
    directory = directory_of(config)
    plan = make_plan(config, offline=True)
    exists = directory.exists and config.existing != "fresh"
    stored = Run.load(directory.path) if exists else None
    return Preview(
        path=directory.path,
        exists=exists,
        tasks=tuple(_task(task, stored) for task in plan.tasks),
        calls=tuple(_calls(plan, stored)),
        max_frames=config.max_frames,
        free_bytes=free_bytes(directory.path),
        problem=_problem(config, plan, stored),
        skipped=plan.skipped,
    )


def free_bytes(path: Path) -> int:
    """Return the free space of the file system that a path is on, or will be on."""
    existing = next(p for p in (path, *path.resolve().parents) if p.exists())
    return shutil.disk_usage(existing).free


def _problem(config: RunConfig, plan: RunPlan, stored: Run | None) -> Problem | None:
    """Return why the run would be refused: its backend, another process, an earlier run."""
    try:
        directory_of(config).refuse_if_held()
        backend = create_backend(config.backend, config.backend_options(workload_of(plan)))
        if stored is not None and stored.directory.has_samples:
            merge(stored.manifest, plan.manifest(backend.settings()))
    except NotComparableError as error:
        return Problem(f"cannot resume this run: {error}", error.exit_code)
    except InstitBenchError as error:
        return Problem(str(error), error.exit_code)
    return None


def _task(plan: TaskPlan, stored: Run | None) -> TaskPreview:
    left = _unanswered(plan, stored)
    images = videos = tokens = 0
    for sample in left:
        for message in plan.request(sample).messages:
            images += sum(isinstance(part, ImagePart) for part in message.parts)
            videos += sum(isinstance(part, VideoPart) for part in message.parts)
            tokens += estimated_tokens(message.text)
    return TaskPreview(plan.task.name, len(plan.selected), len(left), images, videos, tokens)


def _unanswered(plan: TaskPlan, stored: Run | None) -> Sequence[Sample]:
    if stored is None or plan.task.name not in stored.tasks:
        return plan.selected
    answered = stored.tasks[plan.task.name].answered
    return [sample for sample in plan.selected if sample.id not in answered]


def _calls(plan: RunPlan, stored: Run | None) -> Iterator[JudgeCalls]:
    """Yield each judge's calls; a target stands in for a prediction that is not there yet."""
    for panel in panels_of(plan.config, plan.judge_contracts(), plan.letter_contracts()):
        tasks = [task for task in plan.tasks if task.task.name in panel.contracts]
        asked = [one for task in tasks for one in _asked(task, stored)]
        yield from calls_left(panel, asked, stored)


def _asked(plan: TaskPlan, stored: Run | None) -> Iterator[Asked]:
    name = plan.task.name
    records = stored.tasks[name].records if stored and name in stored.tasks else {}
    for sample in plan.selected:
        record = records.get(sample.id)
        if record is not None and record.finished:
            if (item := item_of(record, plan.task.scorer)) is not None:
                yield name, sample.id, item
        elif plan.task.scorer.needs_judge:
            yield name, sample.id, JudgeItem(sample.question, sample.target, sample.target)
