"""The runner: asks a backend for every selected sample, scores each reply, keeps a journal."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol

from instit_bench.backends import (
    Backend,
    BackendOptions,
    BackendUnavailable,
    GenerationError,
    create_backend,
)
from instit_bench.errors import InputError, NotComparableError
from instit_bench.media import MediaError, resolve_media
from instit_bench.runs.atomic import write_atomically
from instit_bench.runs.config import RunConfig, errors_allowed
from instit_bench.runs.directory import RunDirectory, default_name, run_directory
from instit_bench.runs.journal import JournalWriter, rewrite_journal
from instit_bench.runs.manifest import Manifest, merge
from instit_bench.runs.plan import RunPlan, TaskPlan, make_plan
from instit_bench.runs.record import SampleRecord, answered, failed
from instit_bench.runs.results import RunResults, compute_results
from instit_bench.runs.schedule import in_order
from instit_bench.runs.scoring import score_sample, scorer_for
from instit_bench.types import Request, Sample, Scorer, State, TextPart

Status = Literal["interrupted", "failed", "finished"]


class Reporter(Protocol):
    """Whoever shows a run's progress; every call returns at once."""

    def begin(self, run: RunDirectory, totals: Mapping[str, int], done: Mapping[str, int]) -> None:
        """Samples a task in all, and those that an earlier process finished."""
        ...

    def sample(self, task: str, record: SampleRecord) -> None:
        """One sample ended; it is in the journal."""
        ...

    def end(self) -> None:
        """Nothing more will be reported."""
        ...


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended. ``problem`` says what went wrong, in one line, unless it finished."""

    run: RunDirectory
    results: RunResults
    status: Status
    problem: str | None = None

    @property
    def exit_code(self) -> int:
        """0 finished, 1 failed, 130 interrupted."""
        return {"finished": 0, "failed": 1, "interrupted": 130}[self.status]


@dataclass
class _Run:
    """A run in progress: what is asked, of whom, and where it is written."""

    plan: RunPlan
    backend: Backend
    reporter: Reporter
    todo: Iterator[tuple[TaskPlan, Sample]]
    scorers: Mapping[str, Scorer]
    journals: Mapping[str, JournalWriter]
    unavailable: list[str] = field(default_factory=list)

    async def work(self) -> None:
        """Ask with bounded concurrency until nothing is left or the backend is gone."""
        workers = [asyncio.create_task(self._worker()) for _ in range(self.plan.config.concurrency)]
        try:
            await asyncio.gather(*workers)
        except BackendUnavailable as error:
            self.unavailable.append(str(error))
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await self.backend.close()

    async def _worker(self) -> None:
        for plan, sample in self.todo:
            record = await self._ask(plan, sample)
            self.journals[plan.task.name].append(record)
            self.reporter.sample(plan.task.name, record)

    async def _ask(self, plan: TaskPlan, sample: Sample) -> SampleRecord:
        request = plan.request(sample)
        try:
            if not _text_only(request):
                frames = self.plan.config.max_frames
                request = await asyncio.to_thread(resolve_media, request, frames)
            prediction = await self.backend.generate(request)
        except (MediaError, GenerationError) as error:
            return failed(sample, str(error), request)
        score = score_sample(self.scorers[plan.task.name], sample, prediction)
        return answered(sample, prediction, score, request)


def _text_only(request: Request) -> bool:
    return all(isinstance(part, TextPart) for m in request.messages for part in m.parts)


def run(config: RunConfig, reporter: Reporter) -> RunOutcome:
    """Evaluate a model, or go on where an earlier process stopped.

    Raises:
        InputError: Wrong settings, tasks or data; nothing was asked.
        NotComparableError: The run directory holds a run with other settings.
    """
    plan = make_plan(config)
    backend = create_backend(
        config.backend,
        BackendOptions(
            model=config.model,
            base_url=config.base_url,
            timeout_s=config.timeout,
            max_retries=config.max_retries,
            concurrency=config.concurrency,
            seed=config.seed,
        ),
    )
    name = config.name or default_name(config.model, plan.source.label)
    directory = run_directory(config.output, name)
    if config.existing == "resume" and not directory.exists:
        raise InputError(f"--resume: there is no run at {directory.path}")
    with directory.locked():
        if config.existing == "fresh":
            directory.set_aside()
        manifest = _open(directory, plan, backend)
        interrupted, problem = _generate(directory, plan, backend, reporter)
        return _finish(directory, manifest, plan, interrupted, problem)


def _open(directory: RunDirectory, plan: RunPlan, backend: Backend) -> Manifest:
    manifest = plan.manifest(backend.settings())
    if directory.exists:
        try:
            manifest = merge(directory.manifest(), manifest)
        except NotComparableError as error:
            raise NotComparableError(
                f"{directory.path}: cannot go on with this run: {error}; choose another --name, "
                "or --fresh to start again (the old run is kept aside)"
            ) from None
    manifest.write(directory.manifest_path)
    return manifest


def _generate(
    directory: RunDirectory, plan: RunPlan, backend: Backend, reporter: Reporter
) -> tuple[bool, str | None]:
    """Ask for all that is not done; whether it was interrupted, and what stopped it."""
    names = [task_plan.task.name for task_plan in plan.tasks]
    done = {name: {r.id for r in directory.records(name).values() if r.finished} for name in names}
    todo = in_order(plan.tasks, done)
    totals = {task_plan.task.name: len(task_plan.selected) for task_plan in plan.tasks}
    left = dict.fromkeys(names, 0)
    for task_plan, _ in todo:
        left[task_plan.task.name] += 1
    reporter.begin(directory, totals, {name: totals[name] - left[name] for name in names})
    with ExitStack() as stack:
        state = _Run(
            plan,
            backend,
            reporter,
            iter(todo),
            scorers={p.task.name: scorer_for(p.task) for p in plan.tasks},
            journals={
                name: stack.enter_context(JournalWriter(directory.journal_path(name)))
                for name in names
            },
        )
        stack.callback(reporter.end)
        try:
            asyncio.run(_until_signalled(state))
        except (KeyboardInterrupt, asyncio.CancelledError):
            return True, None
    return False, next(iter(state.unavailable), None)


async def _until_signalled(state: _Run) -> None:
    """Let SIGTERM end a run as cleanly as Ctrl-C does."""
    this = asyncio.current_task()
    assert this is not None  # noqa: S101 - inside a coroutine there is a task
    # Not on Windows, and not outside the main thread.
    with suppress(NotImplementedError, RuntimeError, ValueError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    await state.work()


def _finish(
    directory: RunDirectory,
    manifest: Manifest,
    plan: RunPlan,
    interrupted: bool,
    problem: str | None,
) -> RunOutcome:
    """Bring the journals into the dataset's order and write the results."""
    for task_plan in plan.tasks:
        records = directory.records(task_plan.task.name)
        ordered = [records[s.id] for s in task_plan.samples if s.id in records]
        rewrite_journal(directory.journal_path(task_plan.task.name), ordered)
    problem = problem or _too_many_errors(directory, plan)
    status: Status = "interrupted" if interrupted else "failed" if problem else "finished"
    manifest.status = status
    manifest.write(directory.manifest_path)
    results = write_results(directory, manifest)
    return RunOutcome(directory, results, status, problem)


def write_results(directory: RunDirectory, manifest: Manifest) -> RunResults:
    """Compute ``results.json`` from the journals and write it."""
    results = compute_results(directory, manifest)
    write_atomically(directory.results_path, results.model_dump_json(indent=2) + "\n")
    return results


def _too_many_errors(directory: RunDirectory, plan: RunPlan) -> str | None:
    asked = {p.task.name: {s.id for s in p.selected} for p in plan.tasks}
    errors = [
        (name, record)
        for name, ids in asked.items()
        for record in directory.records(name).values()
        if record.id in ids and record.state is State.INFER_ERROR
    ]
    total = sum(len(ids) for ids in asked.values())
    setting = plan.config.fail_on_error
    if len(errors) <= errors_allowed(setting, total):
        return None
    name, record = errors[0]
    return (
        f"{len(errors)} of {total} samples failed (--fail-on-error {setting}); the first is "
        f"{name} {record.id}: {record.error}; the same command asks for them again"
    )
