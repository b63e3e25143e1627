"""The runner: requests every selected sample from a backend, scores it, and keeps a journal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from instit_bench.backends import (
    Backend,
    BackendUnavailable,
    GenerationError,
    create_backend,
)
from instit_bench.display import counted
from instit_bench.errors import (
    InputError,
    InstitBenchError,
    NotComparableError,
    Problem,
    StorageError,
)
from instit_bench.evaluation.config import RunConfig, errors_allowed
from instit_bench.evaluation.dispatch import ask_all
from instit_bench.evaluation.failures import Streak, group_failures
from instit_bench.evaluation.order import Asked, in_order
from instit_bench.evaluation.outcome import RunOutcome, Status
from instit_bench.evaluation.plan import RunPlan, TaskPlan, directory_of, make_plan
from instit_bench.evaluation.schedule import Item, Schedule, Turn, leads_ahead
from instit_bench.evaluation.scoring import (
    ReasoningWatch,
    ScoringFaults,
    TaskScorer,
    scorer_for,
)
from instit_bench.evaluation.shown_media import ShownMedia
from instit_bench.evaluation.unchanged import FinishedBy, finished_before, note_finished
from instit_bench.evaluation.workload import workload_of
from instit_bench.judging.contracts import nobody_judges
from instit_bench.judging.panels import panels_of
from instit_bench.judging.stage import JudgingStage, problem_of
from instit_bench.media import MediaError, resolve_media
from instit_bench.media.fingerprint import Fingerprint, fingerprints
from instit_bench.progress import Reporter
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import add_engine_totals, merge
from instit_bench.runs.record import SampleRecord, answered, failed, unscored
from instit_bench.runs.results import TaskResult
from instit_bench.stopping import run_until_stopped
from instit_bench.types import Prediction, Request, Sample, Score, State, Usage


@dataclass
class _Asking:
    """A run in progress: what remains, the backend, and where it is written."""

    plan: RunPlan
    backend: Backend
    reporter: Reporter
    run: Run
    todo: Sequence[Item[Asked]]
    scorers: Mapping[str, TaskScorer]
    journals: Mapping[str, Callable[[SampleRecord], None]]
    judging: JudgingStage | None
    media: ShownMedia
    unavailable: list[str] = field(default_factory=list)
    schedule: Schedule[Asked] = field(init=False)
    in_flight: int = 0
    streak: Streak = field(init=False)
    reasoning: ReasoningWatch = field(init=False)
    faults: ScoringFaults = field(init=False)

    def __post_init__(self) -> None:
        self.streak = Streak(self.plan.config.stop_after)
        self.reasoning = ReasoningWatch(lambda text: self.reporter.status(f"warning: {text}"))
        self.faults = ScoringFaults(self.reporter.status)
        at_once, engines = self.plan.config.in_flight, self.backend.prefix_caches
        self.schedule = Schedule(self.todo, leads_ahead(at_once, engines))

    async def ask(self) -> None:
        """Request all that remains, and judge answers as they come in."""
        for plan in self.plan.tasks:
            ids, done = plan.selected.ids, self.run.tasks[plan.task.name].answered
            self.reporter.lane(plan.task.name, len(ids), sum(sample in done for sample in ids))
        self._score_kept()
        if self.judging is None:
            return await self.work()
        async with self.judging as judging:
            judging.announce({p.task.name: self._answers(p) for p in self.plan.tasks})
            for task in judging.open_tasks:
                for record in self.run.tasks[task].records.values():
                    if record.finished:  # others are asked again, and submitted then
                        judging.submit(task, record)
            await self.work()
            if judging.stopped is None:
                judging.extract()
            await judging.drain()
        return None

    def _score_kept(self) -> None:
        """Score what an earlier process could not: no model is asked for it again."""
        for plan in self.plan.tasks:
            task = self.run.tasks[plan.task.name]
            samples = {sample.id: sample for sample in plan.samples} if task.unscored else {}
            for sample in (samples[name] for name in task.unscored if name in samples):
                kept = task.records[sample.id]
                try:
                    record = self.scorers[task.name].again(kept, sample)
                except InputError as error:
                    self.faults.see(error)
                    record = kept.without_score(str(error))
                self.journals[task.name](record)

    def _answers(self, plan: TaskPlan) -> list[SampleRecord]:
        """The answers to a task's samples; the target stands in for one that is not there yet."""
        done = self.run.tasks[plan.task.name].records
        return [
            done[sample.id]
            if sample.id in done and done[sample.id].finished
            else answered(sample, Prediction(sample.target), Score(State.NOT_JUDGED))
            for sample in plan.selected
        ]

    async def work(self) -> None:
        """Send requests with bounded concurrency until nothing remains or the backend is gone."""
        if not self.todo:
            return
        try:
            await self.backend.start(self.run.path, self.reporter.status)
            await ask_all(self.schedule, self.plan.config.in_flight, self._take)
        except BackendUnavailable as error:
            self.unavailable.append(str(error))
        finally:
            await self.backend.close()

    async def _take(self, turn: Turn[Asked], computed: Callable[[], None]) -> bool:
        """Ask one sample, and keep what came of it; return whether it was answered."""
        plan, sample = turn.item.value
        self.in_flight += 1
        self.reporter.asked(plan.task.name)
        try:
            record = await self._ask(plan, sample, computed if turn.leads else None)
        finally:
            self.in_flight -= 1
        self.journals[plan.task.name](record)
        failed = record.state is State.INFER_ERROR
        if failed:
            self.reporter.detail(f"{plan.task.name} {sample.id}: {record.error}")
        self.reporter.step(plan.task.name, "failed" if failed else "done", _tokens(record.usage))
        if self.judging is not None:
            self.judging.submit(plan.task.name, record)
        if self.streak.reached:
            raise BackendUnavailable(self.streak.told)
        return not failed

    def finish(self) -> bool:
        """Send nothing more; return whether anything is in flight, which is then awaited."""
        self.schedule.stop()
        judged = self.judging.stop() if self.judging else 0
        counts = {"request": self.in_flight, "judge call": judged}
        waiting = " and ".join(counted(n, noun) for noun, n in counts.items() if n)
        if waiting:
            self.reporter.status(
                f"stopping: {waiting} in flight will be finished; Ctrl-C again stops at once"
            )
        return bool(waiting)

    async def _ask(
        self, plan: TaskPlan, sample: Sample, computed: Callable[[], None] | None
    ) -> SampleRecord:
        request = plan.request(sample)
        try:
            if not request.text_only:
                request, shown = await asyncio.to_thread(self._resolved, request)
                self.media.add(shown)
            if computed is None:
                reply = await self.backend.generate(request)
            else:
                reply = await self.backend.lead(request, computed)
            prediction = request.completed(reply)
        except MediaError as error:
            return failed(sample, str(error), request)
        except GenerationError as error:
            self.streak.failed(str(error))
            return failed(sample, str(error), request)
        self.streak.answered()
        return await self._scored(plan, sample, prediction, request)

    def _resolved(self, request: Request) -> tuple[Request, Mapping[Path, Fingerprint]]:
        config = self.plan.config
        resolved = resolve_media(request, config.max_frames, config.video_as, config.video_decoder)
        return resolved, fingerprints(request, resolved)

    async def _scored(
        self, plan: TaskPlan, sample: Sample, prediction: Prediction, request: Request
    ) -> SampleRecord:
        scorer = self.scorers[plan.task.name]
        if scorer.foreign:  # it may end the process: the prediction is on disk before it is called
            self.journals[plan.task.name](unscored(sample, prediction, request))
        try:
            record = await scorer.recorded(sample, prediction, request)
        except InputError as error:
            self.faults.see(error)
            return unscored(sample, prediction, request, str(error))
        if record.state is State.UNPARSED and prediction.filtered:
            reason = prediction.finish_reason
            return failed(
                sample, f"the endpoint's filter cut the reply off (finish_reason {reason})", request
            )
        self.reasoning.see(f"{plan.task.name} {sample.id}", prediction)
        return record

    def warnings(self) -> tuple[str, ...]:
        """Warnings that the numbers alone do not show."""
        summary = self.reasoning.summary
        return (f"warning: {summary}",) if summary else ()


def run(config: RunConfig, reporter: Reporter) -> RunOutcome:
    """Evaluate a model, or resume where an earlier process stopped.

    Raises:
        InputError: Settings, tasks or data are not valid; nothing was requested.
        NotComparableError: The run directory contains a run with other settings.
    """
    started_ns = time.time_ns()
    directory = directory_of(config)
    directory.refuse_if_held()
    if config.existing == "resume" and not directory.exists:
        raise InputError(f"--resume: there is no run at {directory.path}")
    if (before := finished_before(config, directory)) is not None:
        return _nothing_to_ask(*before, reporter)
    plan = make_plan(config)
    backend = create_backend(config.backend, config.backend_options(workload_of(plan)))
    if config.existing == "fresh" and (kept := directory.set_aside()):
        reporter.status(f"the earlier run of this name is kept at {kept}")
    with directory.locked():
        media = ShownMedia(directory.path)
        stored = _open(directory, plan, backend, media)
        try:
            interrupted, problem, warnings = _generate(stored, plan, backend, media, reporter)
        except InstitBenchError:
            with suppress(StorageError):
                stored.save("failed")
            raise
        stored.manifest.settings["backend"] |= backend.learned()
        add_engine_totals(stored.manifest, backend.totals())
        if config.judge_batch and not interrupted and problem is None:
            problem = _submit_batch(stored, plan, reporter)
        outcome = _finish(stored, plan, interrupted, problem, reporter)
        note_finished(stored, plan, started_ns)
        skipped = tuple(f"warning: {line}" for line in plan.skipped)
        return replace(outcome, warnings=(*skipped, *warnings))


def _open(directory: RunDirectory, plan: RunPlan, backend: Backend, media: ShownMedia) -> Run:
    manifest = plan.manifest(backend.settings())
    if directory.has_samples:  # otherwise other settings would lose nothing
        try:
            manifest = merge(Run.load(directory.path).manifest, manifest)
            media.require_unchanged()
        except NotComparableError as error:
            raise NotComparableError(
                f"{directory.path}: cannot resume this run: {error}; choose another --name, "
                "or --fresh to start again (the old run is set aside)"
            ) from None
    run = Run(directory, manifest)
    run.save()
    return run


def _generate(
    run: Run, plan: RunPlan, backend: Backend, media: ShownMedia, reporter: Reporter
) -> tuple[bool, Problem | None, tuple[str, ...]]:
    """Request all that remains; return whether it was interrupted, what stopped it, warnings."""
    names = [task_plan.task.name for task_plan in plan.tasks]
    done = {name: run.tasks[name].answered for name in names}
    reporter.begin(run.path)
    for line in plan.skipped:
        reporter.status(f"warning: {line}")
    with ExitStack() as stack:
        stack.enter_context(media.appending(reporter.status))
        state = _Asking(
            plan,
            backend,
            reporter,
            run,
            in_order(plan, done),
            scorers={p.task.name: scorer_for(p.task) for p in plan.tasks},
            journals={
                name: stack.enter_context(run.tasks[name].journal(reporter.status))
                for name in names
            },
            judging=_judging_stage(run, plan, reporter),
            media=media,
        )
        stack.callback(reporter.end)
        if run_until_stopped(state.ask(), state.finish):
            return True, None, state.warnings()
    if state.unavailable:
        return False, Problem(state.unavailable[0]), state.warnings()
    problem = state.faults.problem(run.path) or problem_of(state.judging)
    return False, problem, state.warnings()


def _tokens(usage: Usage) -> int:
    return (usage.prompt_tokens or 0) + (usage.completion_tokens or 0)


def _finish(
    run: Run, plan: RunPlan, interrupted: bool, problem: Problem | None, reporter: Reporter
) -> RunOutcome:
    """Sort the journals into the dataset's order and write the results."""
    try:
        for task_plan in plan.tasks:
            run.tasks[task_plan.task.name].settle(task_plan.samples.ids)
    except StorageError as error:  # the order is a convenience, and sorting needs a second copy
        reporter.status(f"warning: not sorted: {error}")
    failures = _failures(run, plan)
    problem = problem or _too_many_errors(failures, plan)
    status: Status = "interrupted" if interrupted else "failed" if problem else "finished"
    run.save(status)
    run.write_results()
    return RunOutcome(run, status, problem, group_failures(failures))


def _nothing_to_ask(run: Run, found: FinishedBy, reporter: Reporter) -> RunOutcome:
    """Report a run that this command has finished before; nothing is written."""
    reporter.begin(run.path)
    for name, samples in found.selected.items():
        reporter.lane(name, samples, samples)
    reporter.end()
    return RunOutcome(run, "finished")


def _judging_stage(run: Run, plan: RunPlan, reporter: Reporter) -> JudgingStage | None:
    contracts = plan.judge_contracts()
    if told := nobody_judges(plan.config, contracts):
        reporter.status(told)
    at_once = {} if plan.config.judge_batch else contracts
    panels = panels_of(plan.config, at_once, plan.letter_contracts())
    return JudgingStage(run, plan.config, panels, reporter) if panels else None


def _submit_batch(run: Run, plan: RunPlan, reporter: Reporter) -> Problem | None:
    from instit_bench.judging.batch_run import submit_batch

    try:
        contracts = plan.judge_contracts()
        reporter.status(submit_batch(run, plan.config, contracts, reporter.status))
    except InstitBenchError as error:
        return Problem(str(error), error.exit_code)
    return None


def _failures(run: Run, plan: RunPlan) -> list[tuple[str, SampleRecord]]:
    """Return the selected samples that ended in an error, each with its task."""
    errors = (State.INFER_ERROR, State.JUDGE_ERROR)
    asked = {
        p.task.name: set(p.selected.ids)
        for p in plan.tasks
        if _has_failures(run.tasks[p.task.name].result)
    }
    records = [
        (name, record)
        for name, ids in asked.items()
        for record in run.tasks[name].records.values()
        if record.id in ids
    ]
    failures = [(name, record) for name, record in records if record.state in errors]
    return failures + [
        (name, record.model_copy(update={"error": f"no letter extracted: {error}"}))
        for name, record in records
        if (error := record.details.get("extraction_error"))
    ]


def _has_failures(result: TaskResult) -> bool:
    failed = result.states[State.INFER_ERROR] + result.states[State.JUDGE_ERROR]
    return bool(failed or (result.extraction and result.extraction.errors))


def _too_many_errors(errors: list[tuple[str, SampleRecord]], plan: RunPlan) -> Problem | None:
    total = sum(len(p.selected) for p in plan.tasks)
    setting = plan.config.fail_on_error
    if len(errors) <= errors_allowed(setting, total):
        return None
    name, record = errors[0]
    return Problem(
        f"{len(errors)} of {total} samples failed (--fail-on-error {setting}); the first is "
        f"{name} {record.id}: {record.error}; the same command retries them"
    )
