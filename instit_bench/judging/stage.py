"""Judging while answers come in: every answer once, every verdict on disk at once.

Open answers are judged one by one as they come. Letters are extracted at the end, when it is known
how many predictions stay unread, so that number and cost are told before the first call.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType

from instit_bench.display import counted
from instit_bench.errors import INTERRUPTED, Problem
from instit_bench.judging.at_work import JudgeAtWork
from instit_bench.judging.base import (
    BudgetReached,
    Call,
    Judge,
    JudgeOnReplicas,
    JudgeUnavailable,
)
from instit_bench.judging.config import JudgeConfig
from instit_bench.judging.contracts import name_judges
from instit_bench.judging.create import make_judges
from instit_bench.judging.panels import Panel
from instit_bench.progress import Reporter
from instit_bench.runs.loaded import Run
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.verdicts import VerdictRecord, item_of, verdict_record
from instit_bench.scorers.contract import Item
from instit_bench.scorers.registry import spec_of
from instit_bench.stopping import run_until_stopped


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why judging ended early, and the exit code of that."""

    message: str
    exit_code: int


_INTERRUPTED = Stopped(
    "interrupted; the verdicts given are kept; run the same command again to resume", INTERRUPTED
)


@dataclass(frozen=True, slots=True)
class _Job:
    panel: Panel
    task: str
    sample: str
    item: Item
    repeat: int


@dataclass
class JudgingStage:
    """Judges in progress; use it as an async context manager.

    Each judge has its own jobs and workers, so that a slow one does not delay the others.
    ``ended`` is told of each open answer, by task and sample, once every judge has spoken on it.
    """

    run: Run
    config: JudgeConfig
    panels: Sequence[Panel]
    reporter: Reporter
    stopped: Stopped | None = None
    in_flight: int = 0
    ended: Callable[[str, str], None] | None = None
    _open: Counter[tuple[str, str]] = field(default_factory=Counter)
    _judges: dict[str, JudgeAtWork[_Job]] = field(default_factory=dict)
    _journals: dict[str, Callable[[VerdictRecord], None]] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    async def __aenter__(self) -> JudgingStage:
        names = (name for panel in self.panels for name in panel.judging.judges)
        at_once = self.config.judge_concurrency
        for judge in make_judges(self.config.setup(names)):
            self._judges[judge.name] = JudgeAtWork(judge, at_once)
        for task in (task for panel in self.panels for task in panel.contracts):
            judgements = self.run.tasks[task].judgements(self.reporter.status)
            self._journals[task] = self._stack.enter_context(judgements)
        for at_work in self._judges.values():
            if not at_work.judge.late:
                self._begin(at_work)
        return self

    def _begin(self, at_work: JudgeAtWork[_Job]) -> None:
        judge = at_work.judge
        if isinstance(judge, JudgeOnReplicas):
            self.reporter.engines(judge.lines)
        at_work.begin(partial(self._take, judge), self.run.path, self.reporter.status)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tasks = [task for at_work in self._judges.values() for task in at_work.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for at_work in self._judges.values():
            await at_work.judge.close()
        self._stack.close()

    @property
    def open_tasks(self) -> list[str]:
        """The tasks whose answers are judged as they come."""
        return [task for p in self.panels if p.role == "judging" for task in p.contracts]

    def announce(self, answers: Mapping[str, Sequence[SampleRecord]]) -> None:
        """Report the judges with the estimated calls and cost, and open the lanes.

        ``answers`` are those of each open task that will be submitted; where there is none yet, the
        target stands in for it.
        """
        for panel in self.panels:
            if panel.role == "judging":
                self._announce(panel, answers)

    def submit(self, task: str, record: SampleRecord) -> None:
        """Have an open answer judged, unless it has been; returns at once."""
        for panel in self.panels:
            if panel.role == "judging" and task in panel.contracts:
                self._submit(panel, task, record)

    def extract(self) -> None:
        """Have the letters of all unread predictions extracted, unless they have been."""
        for panel in self.panels:
            if panel.role == "extraction":
                records = {task: self._unread(task) for task in panel.contracts}
                self._announce(panel, records)
                for task, unread in records.items():
                    for record in unread:
                        self._submit(panel, task, record)

    def _unread(self, task: str) -> list[SampleRecord]:
        stored = self.run.tasks[task]
        spec = spec_of(stored.entry)
        return [r for r in stored.records.values() if item_of(r, spec) is not None]

    def _announce(self, panel: Panel, answers: Mapping[str, Sequence[SampleRecord]]) -> None:
        judges, repeats = panel.judging.judges, panel.judging.repeats
        if told := panel.from_elsewhere(self.run):
            self.reporter.status(told)
        for name in judges:
            judge = self._judges[name].judge
            total = repeats * sum(len(answers[task]) for task in panel.contracts)
            asked = [
                (contract, item)
                for task, contract in panel.contracts.items()
                for record in answers[task]
                if (item := self._item(task, record)) is not None
                for repeat in range(repeats)
                if (name, repeat) not in panel.given(self.run, task, record.id, item)
                and not judge.knows(contract, item, repeat)
            ]
            self.reporter.status(panel.told(name, total, asked))
        for task in panel.contracts:
            if total := len(judges) * repeats * len(answers[task]):
                self.reporter.lane(panel.lane(task), total, 0, judging=True)

    def _item(self, task: str, record: SampleRecord) -> Item | None:
        return item_of(record, spec_of(self.run.tasks[task].entry))

    def _submit(self, panel: Panel, task: str, record: SampleRecord) -> None:
        item = self._item(task, record)
        if item is None:
            for _ in range(len(panel.judging.judges) * panel.judging.repeats):
                self.reporter.step(panel.lane(task), "void")
            self._closed(panel, task, record.id)
            return
        have = panel.given(self.run, task, record.id, item)
        self._heard(panel, *(judge for judge, _ in have))
        for name in panel.judging.judges:
            for repeat in range(panel.judging.repeats):
                if (name, repeat) in have:
                    self.reporter.step(panel.lane(task), "known")
                else:
                    self._open[task, record.id] += 1
                    self._judges[name].add(_Job(panel, task, record.id, item, repeat))
        self._closed(panel, task, record.id)

    def _closed(self, panel: Panel, task: str, sample: str) -> None:
        """Tell of an open answer that no judge is asked about any more."""
        if self.ended is not None and panel.role == "judging" and not self._open[task, sample]:
            del self._open[task, sample]
            self.ended(task, sample)

    async def drain(self) -> None:
        """Start late judges after generation, and wait until all submitted answers are judged.

        Raises:
            Exception: A worker failed, other than by an error of its judge.
        """
        begun = [at_work for at_work in self._judges.values() if at_work.tasks]
        parts = [asyncio.create_task(self._judged_by(at_work)) for at_work in begun]
        parts.append(asyncio.create_task(self._judged_late()))
        try:
            await asyncio.gather(*parts)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    async def _judged_late(self) -> None:
        """Have late judges take their jobs one after another: they need the same GPUs."""
        for at_work in self._judges.values():
            if at_work.judge.late and at_work.waits and self.stopped is None:
                self._begin(at_work)
                await self._judged_by(at_work)
                await at_work.judge.close()

    async def _judged_by(self, at_work: JudgeAtWork[_Job]) -> None:
        """Wait until a judge has no more jobs, or can do none."""
        joined = asyncio.create_task(at_work.taken())
        tasks = set(at_work.tasks)
        try:
            while not joined.done():
                done, _ = await asyncio.wait({joined, *tasks}, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks & done:
                    task.result()
                tasks -= done
        except JudgeUnavailable as error:
            self._end(Stopped(str(error), 1))
        finally:
            joined.cancel()
            await asyncio.gather(joined, return_exceptions=True)

    async def _take(self, judge: Judge, job: _Job, call: Call) -> None:
        if self.stopped is None:
            await self._judge(judge, job, call)
            self._open[job.task, job.sample] -= 1
            self._closed(job.panel, job.task, job.sample)

    async def _judge(self, judge: Judge, job: _Job, call: Call) -> None:
        panel, contract = job.panel, job.panel.contracts[job.task]
        self.in_flight += 1
        self.reporter.asked(panel.lane(job.task))
        try:
            verdict = await call(contract, job.item, job.repeat)
        except JudgeUnavailable as error:
            self._end(Stopped(str(error), 1))
            return
        except BudgetReached as error:
            self._end(Stopped(str(error), 3))
            return
        finally:
            self.in_flight -= 1
        line = verdict_record(
            job.sample, job.item, judge.name, job.repeat, contract, verdict
        ).model_copy(update={"base_url": panel.addresses.get(judge.name)})
        self._journals[job.task](line)
        judge.keep(contract, job.item, job.repeat, verdict)  # what is cached was paid for by a run
        panel.last_error = line.error or panel.last_error
        first = panel.role == "judging" and self.run.manifest.judging is None
        if line.given or first:
            self._heard(panel, judge.name)
        if line.error:
            self.reporter.detail(f"{job.task} {job.sample}: {judge.name}: {line.error}")
        self.reporter.step(panel.lane(job.task), "done" if line.given else "failed")

    def stop(self) -> int:
        """Ask no judge from now on; return the number of calls in flight."""
        self._end(_INTERRUPTED)
        return self.in_flight

    def _end(self, stopped: Stopped) -> None:
        """Judge nothing more, for the first reason that there is."""
        self.stopped = self.stopped or stopped
        for at_work in self._judges.values():
            if isinstance(at_work.judge, JudgeOnReplicas):
                at_work.judge.stop()

    def finish(self) -> bool:
        """Let the calls in flight finish, and no more; return whether there are any."""
        if count := self.stop():
            self.reporter.status(
                f"stopping: {counted(count, 'judge call')} in flight will be finished; "
                "Ctrl-C again stops at once"
            )
        return count > 0

    def _heard(self, panel: Panel, *judges: str) -> None:
        """Have the manifest name the judges as soon as the first one, who counts, has spoken.

        Where others were named before, it takes a verdict and not an error: what they said was paid
        for. Predictions without a letter stay as they are until there is one.
        """
        if not panel.spoken and panel.judging.judges[0] in judges:
            panel.spoken = True
            name_judges(self.run, panel.role, panel.judging)


def problem_of(judging: JudgingStage | None) -> Problem | None:
    """Return the problem, if any; a reached budget leaves coverage too low."""
    if judging is None:
        return None
    if judging.stopped is not None:
        return Problem(judging.stopped.message, judging.stopped.exit_code)
    silent = [told for panel in judging.panels if (told := panel.silence)]
    return Problem("; ".join(silent)) if silent else None


def judge_now(stage: JudgingStage) -> Problem | None:
    """Judge answers that all exist already; return what stopped it, if anything."""
    if stage.config.ray is not None and not stage.config.uses_cluster:
        stage.reporter.status("--ray: no judge of the form vllm:MODEL runs there; not used")
    if run_until_stopped(judge_all(stage), stage.finish):
        stage.stop()
    return problem_of(stage)


async def judge_all(stage: JudgingStage) -> None:
    """Judge answers that all exist already."""
    answers = {
        task: [record for record in stage.run.tasks[task].records.values() if record.finished]
        for task in stage.open_tasks
    }
    async with stage:
        stage.announce(answers)
        for task, those in answers.items():
            for record in those:
                stage.submit(task, record)
        stage.extract()
        await stage.drain()
