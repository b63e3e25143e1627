"""A run in progress: what remains is asked, scored, written down and judged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from instit_bench.backends import Backend, BackendUnavailable, GenerationError
from instit_bench.display import counted
from instit_bench.errors import InputError
from instit_bench.evaluation.dispatch import ask_all
from instit_bench.evaluation.failures import Streak
from instit_bench.evaluation.looks import Watch
from instit_bench.evaluation.order import Asked
from instit_bench.evaluation.plan import RunPlan, TaskPlan
from instit_bench.evaluation.schedule import Item, Schedule, Turn, leads_ahead
from instit_bench.evaluation.scoring import ReasoningWatch, ScoringFaults, TaskScorer
from instit_bench.evaluation.shown_media import ShownMedia
from instit_bench.judging.stage import JudgingStage
from instit_bench.media import MediaError, resolve_media
from instit_bench.media.fingerprint import Fingerprint, fingerprints
from instit_bench.progress import Reporter
from instit_bench.runs.loaded import Run
from instit_bench.runs.record import SampleRecord, answered, failed, unscored
from instit_bench.types import Prediction, Request, Sample, Score, State, Usage


@dataclass
class Asking:
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
    watch: Watch | None = None
    unavailable: list[str] = field(default_factory=list)
    awaited: dict[tuple[str, str], Asked] = field(default_factory=dict)
    schedule: Schedule[Asked] = field(init=False)
    in_flight: int = 0
    streak: Streak = field(init=False)
    reasoning: ReasoningWatch = field(init=False)
    faults: ScoringFaults = field(init=False)

    def __post_init__(self) -> None:
        self.streak = Streak(self.plan.config.stop_after)
        self.reasoning = ReasoningWatch(lambda text: self.reporter.status(f"warning: {text}"))
        self.faults = ScoringFaults(self.reporter.status)
        if self.judging is not None and self.watch is not None:
            self.judging.ended = self._ended
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
        if self._settled_before() or not self.todo:
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
        if self.watch is not None:
            self._await_verdicts(plan, sample)
        if self.judging is not None:
            self.judging.submit(plan.task.name, record)
        if self.streak.reached:
            raise BackendUnavailable(self.streak.told)
        return not failed

    def _await_verdicts(self, plan: TaskPlan, sample: Sample) -> None:
        """Tell the watch at once of a sample that nobody judges, and of others when they are."""
        self.awaited[plan.task.name, sample.id] = plan, sample
        if self.judging is None or plan.task.name not in self.judging.open_tasks:
            self._ended(plan.task.name, sample.id)

    def _settled_before(self) -> bool:
        """Whether samples of earlier processes settle the verdict, so that nothing is asked."""
        if self.watch is None:
            return False
        for item in self.todo:
            plan, sample = item.value
            self.watch.expect(plan.task.config.metadata.media, sample)
        return self.watch.settled()

    def _ended(self, task: str, sample_id: str) -> None:
        """Tell the watch of a sample with its score; ask nothing more once that is enough."""
        if self.watch is None or (task, sample_id) not in self.awaited:
            return
        plan, sample = self.awaited.pop((task, sample_id))
        if self.watch.ended(plan.task.config.metadata.media, sample.cluster):
            self.schedule.stop()

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
                request, shown = await asyncio.to_thread(self._resolved, plan, request)
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

    def _resolved(
        self, plan: TaskPlan, request: Request
    ) -> tuple[Request, Mapping[Path, Fingerprint]]:
        """Return the request with its media as they are shown, and the files that are their source.

        What is drawn onto raw media is a copy: it is drawn again if it is lost.
        """
        config = self.plan.config
        resolve = partial(
            resolve_media,
            max_frames=config.max_frames,
            video_as=config.video_as,
            decoder=config.video_decoder,
        )
        if plan.marked is None:
            resolved = resolve(request)
            return resolved, fingerprints(request, resolved)
        raw = plan.marked.raw(request)
        return resolve(plan.marked.drawn(raw)), fingerprints(raw, resolve(raw))

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


def _tokens(usage: Usage) -> int:
    return (usage.prompt_tokens or 0) + (usage.completion_tokens or 0)
