"""A run in progress: what remains is asked, scored, written down and judged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from instit_bench.backends import BackendUnavailable, EngineLost, GenerationError
from instit_bench.backends.asker import Asker
from instit_bench.display import counted
from instit_bench.errors import InputError, Problem
from instit_bench.evaluation.failures import Streak
from instit_bench.evaluation.looks import Watch
from instit_bench.evaluation.marked_media import MarkedMedia
from instit_bench.evaluation.order import Asked
from instit_bench.evaluation.plan import RunPlan, TaskPlan
from instit_bench.evaluation.scoring import ReasoningWatch, ScoringFaults, TaskScorer
from instit_bench.evaluation.shown_media import ShownMedia
from instit_bench.judging.stage import JudgingStage
from instit_bench.media import MediaError, resolve_media
from instit_bench.media.fingerprint import Fingerprint, fingerprints
from instit_bench.progress import Reporter
from instit_bench.runs.loaded import Run
from instit_bench.runs.record import SampleRecord, answered, failed, unscored
from instit_bench.scheduling.engines import MOST_LOST, Engines
from instit_bench.scheduling.schedule import Item, Turn
from instit_bench.types import Prediction, Request, Sample, Score, State, Usage


@dataclass
class Asking:
    """A run in progress: what remains, the backend, and where it is written."""

    plan: RunPlan
    engines: Engines[Asked]
    reporter: Reporter
    run: Run
    todo: Sequence[Item[Asked]]
    scorers: Mapping[str, TaskScorer]
    journals: Mapping[str, Callable[[SampleRecord], None]]
    judging: JudgingStage | None
    media: ShownMedia
    watch: Watch | None = None
    unavailable: list[str] = field(default_factory=list)
    no_judge: Problem | None = None
    awaited: dict[tuple[str, str], tuple[TaskPlan, str]] = field(default_factory=dict)
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

    async def ask(self) -> None:
        """Request all that remains, and judge answers as they come in."""
        for plan in self.plan.tasks:
            ids, done = plan.selected.ids, self.run.tasks[plan.task.name].answered
            self.reporter.lane(plan.task.name, len(ids), sum(sample in done for sample in ids))
        self.reporter.engines(self.engines.lines)
        self._score_kept()
        self._expect()
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
            try:
                await judging.drain()
            except InputError as error:  # a judge that cannot start: predictions are there
                self.no_judge = Problem(str(error), error.exit_code)
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
            await self.engines.ask_all(self.todo, self._take, self.run.path, self.reporter.status)
        except BackendUnavailable as error:
            self.unavailable.append(str(error))

    async def _take(self, turn: Turn[Asked], computed: Callable[[], None], asker: Asker) -> bool:
        """Ask one sample, and keep what came of it; return whether it was answered."""
        plan, sample = turn.item.value
        self.in_flight += 1
        self.reporter.asked(plan.task.name)
        try:
            record = await self._ask(plan, sample, computed if turn.leads else None, asker)
        except EngineLost as error:
            if turn.item.lost < MOST_LOST:
                raise
            record = failed(sample, f"{turn.item.lost + 1} engines died with it; {error}")
        finally:
            self.in_flight -= 1
        self.journals[plan.task.name](record)
        is_failed = record.state is State.INFER_ERROR
        if is_failed:
            self.reporter.detail(f"{plan.task.name} {sample.id}: {record.error}")
        self.reporter.step(plan.task.name, "failed" if is_failed else "done", _tokens(record.usage))
        if self.watch is not None:
            self._await_verdicts(plan, sample)
        if self.judging is not None:
            self.judging.submit(plan.task.name, record)
        if self.streak.reached:
            raise BackendUnavailable(self.streak.told)
        return not is_failed

    def _await_verdicts(self, plan: TaskPlan, sample: Sample) -> None:
        """Tell the watch at once of a sample that nobody judges, and of others when they are."""
        self.awaited[plan.task.name, sample.id] = plan, sample.cluster
        if self.judging is None or plan.task.name not in self.judging.open_tasks:
            self._ended(plan.task.name, sample.id)

    def _settled_before(self) -> bool:
        """Whether samples of earlier processes settle the verdict, so that nothing is asked."""
        return self.watch is not None and self.watch.settled()

    def _expect(self) -> None:
        """Have the watch wait for what will be asked, and for verdicts on what has been asked.

        It is told of each as it ends, also of a verdict that has been there all along.
        """
        if self.watch is None:
            return
        for item in self.todo:
            plan, sample = item.value
            self.watch.expect(plan.task.config.metadata.media, sample.cluster)
        for plan in self.plan.tasks:
            task = plan.task.name
            if self.judging is None or task not in self.judging.open_tasks:
                continue
            selected = set(plan.selected.ids)
            for record in self.run.tasks[task].records.values():
                if record.finished and record.id in selected:
                    self.watch.expect(plan.task.config.metadata.media, record.cluster)
                    self.awaited[task, record.id] = plan, record.cluster

    def _ended(self, task: str, sample_id: str) -> None:
        """Tell the watch of a sample with its score; ask nothing more once that is enough."""
        if self.watch is None or (task, sample_id) not in self.awaited:
            return
        plan, cluster = self.awaited.pop((task, sample_id))
        if self.watch.ended(plan.task.config.metadata.media, cluster):
            self.engines.stop()

    def finish(self) -> bool:
        """Send nothing more; return whether anything is in flight, which is then awaited."""
        self.engines.stop()
        judged = self.judging.stop() if self.judging else 0
        counts = {"request": self.in_flight, "judge call": judged}
        waiting = " and ".join(counted(n, noun) for noun, n in counts.items() if n)
        if waiting:
            self.reporter.status(
                f"stopping: {waiting} in flight will be finished; Ctrl-C again stops at once"
            )
        return bool(waiting)

    async def _ask(
        self,
        plan: TaskPlan,
        sample: Sample,
        computed: Callable[[], None] | None,
        asker: Asker,
    ) -> SampleRecord:
        request = plan.request(sample)

        def seen(resolved: Request, files: Mapping[Path, Fingerprint]) -> None:
            nonlocal request
            request = resolved
            if plan.marked is None:
                self.media.add(files)

        try:
            asked = request
            if plan.marked is not None and not request.text_only:
                asked, raw = await asyncio.to_thread(self._marked, plan.marked, request)
                self.media.add(raw)
            prediction = request.completed(await asker.ask(asked, seen, computed))
        except MediaError as error:
            return failed(sample, str(error), request)
        except GenerationError as error:
            self.streak.failed(str(error))
            return failed(sample, str(error), request)
        self.streak.answered()
        return await self._scored(plan, sample, prediction, request)

    def _marked(
        self, marked: MarkedMedia, request: Request
    ) -> tuple[Request, Mapping[Path, Fingerprint]]:
        """Return the request with the marks drawn, and the files that are their source.

        What is drawn onto raw media is a copy: it is drawn again if it is lost.
        """
        raw, config = marked.raw(request), self.plan.config
        drawn = marked.drawn(raw)
        read = resolve_media(raw, config.max_frames, config.video_as, config.video_decoder)
        return drawn, fingerprints(raw, read)

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
