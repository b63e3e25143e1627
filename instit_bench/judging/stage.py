"""Judging while answers arrive: every answer once, every verdict written to disk at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from types import TracebackType

from instit_bench.errors import Problem
from instit_bench.judging.base import BudgetReached, Judge, JudgeUnavailable
from instit_bench.judging.config import JudgeConfig
from instit_bench.judging.contracts import judging_manifest, name_judges
from instit_bench.judging.create import make_judges
from instit_bench.judging.prices import REPLY_TOKENS, cost_told, estimated_tokens
from instit_bench.progress import Reporter
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import JudgingManifest, Price
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.verdicts import VerdictRecord, item_of, that_count, verdict_record
from instit_bench.scorers.judge import JudgeContract, JudgeItem
from instit_bench.types import Usage


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why judging ended early; ``over_budget`` distinguishes a decision from a fault."""

    message: str
    over_budget: bool


@dataclass(frozen=True, slots=True)
class _Job:
    task: str
    record: SampleRecord
    repeat: int


@dataclass
class JudgingStage:
    """Judges in progress; use it as an async context manager.

    Each judge has its own queue and workers, so that a slow one does not delay the others.
    """

    run: Run
    config: JudgeConfig
    contracts: Mapping[str, JudgeContract]
    reporter: Reporter
    stopped: Stopped | None = None
    spoken: bool = False
    last_error: str | None = None
    _judging: JudgingManifest = field(init=False)
    _judges: list[Judge] = field(default_factory=list)
    _queues: dict[str, asyncio.Queue[_Job]] = field(default_factory=dict)
    _workers: list[asyncio.Task[None]] = field(default_factory=list)
    _journals: dict[str, Callable[[VerdictRecord], None]] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        judging = judging_manifest(self.config, self.contracts)
        assert judging is not None  # noqa: S101 - a stage has judges and something to judge
        self._judging = judging

    async def __aenter__(self) -> JudgingStage:
        self._judges = make_judges(self.config.setup())
        for task in self.contracts:
            self._journals[task] = self._stack.enter_context(self.run.tasks[task].judgements())
        for judge in self._judges:
            self._queues[judge.name] = asyncio.Queue()
            if not judge.late:
                self._begin(judge)
        return self

    def _begin(self, judge: Judge) -> None:
        """Start a judge and its workers, which wait until it is ready."""
        starting = asyncio.create_task(judge.start(self.run.path, self.reporter.status))
        self._workers += [
            asyncio.create_task(self._worker(judge, starting))
            for _ in range(self.config.judge_concurrency)
        ]

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        for judge in self._judges:
            await judge.close()
        self._stack.close()

    def announce(self, answers: Mapping[str, Sequence[SampleRecord]]) -> None:
        """Report the judges with the estimated calls and cost, and open the lanes.

        ``answers`` are those of each task that will be submitted; if an answer does not exist yet,
        the target is used for the estimate.
        """
        repeats = self.config.judge_repeats
        for judge in self._judges:
            total = repeats * sum(len(answers[task]) for task in self.contracts)
            asked = [
                (self.contracts[task], item_of(record))
                for task in self.contracts
                for record in answers[task]
                for repeat in range(repeats)
                if (judge.name, repeat) not in self._have(task, record)
                and not judge.knows(self.contracts[task], item_of(record), repeat)
            ]
            self.reporter.status(_told(judge, total, asked, self._judging.prices.get(judge.name)))
        for task in self.contracts:
            total = len(self._judges) * repeats * len(answers[task])
            self.reporter.lane(_lane(task), total, 0)

    def _have(self, task: str, record: SampleRecord) -> set[tuple[str, int]]:
        """Return which judges have scored this exact answer, and at which repeat."""
        known = that_count(
            record,
            self.run.tasks[task].verdicts.of(record.id),
            self.config.judges,
            self.contracts[task].digest,
            self.config.judge_repeats,
        )
        return {(v.judge, v.repeat) for v in known if v.score is not None}

    def submit(self, task: str, record: SampleRecord) -> None:
        """Submit an answer for judging, unless it has been judged; return at once."""
        if task not in self.contracts or record.prediction is None:
            return
        have = self._have(task, record)
        self._heard(*(judge for judge, _ in have))
        for name, queue in self._queues.items():
            for repeat in range(self.config.judge_repeats):
                if (name, repeat) in have:
                    self.reporter.step(_lane(task), failed=False)
                else:
                    queue.put_nowait(_Job(task, record, repeat))

    async def drain(self) -> None:
        """Start late judges after generation, and wait until all submitted answers are judged.

        Raises:
            Exception: A worker failed, other than by an error of its judge.
        """
        for judge in self._judges:
            if judge.late and not self._queues[judge.name].empty():
                self._begin(judge)
        joined = asyncio.gather(*(queue.join() for queue in self._queues.values()))
        waiting: list[asyncio.Future[object]] = [joined, *self._workers]  # type: ignore[list-item]
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if (
                joined.cancel()
            ):  # otherwise its cancelled parts would be reported as never retrieved
                with suppress(asyncio.CancelledError):
                    await joined
        for finished in done:
            if finished is not joined:
                finished.result()

    async def _worker(self, judge: Judge, starting: asyncio.Task[None]) -> None:
        await asyncio.shield(starting)
        queue = self._queues[judge.name]
        while True:
            job = await queue.get()
            if self.stopped is None:
                await self._judge(judge, job)
            queue.task_done()

    async def _judge(self, judge: Judge, job: _Job) -> None:
        contract = self.contracts[job.task]
        try:
            verdict = await judge.judge(contract, item_of(job.record), job.repeat)
        except JudgeUnavailable as error:
            self.stopped = self.stopped or Stopped(str(error), over_budget=False)
            return
        except BudgetReached as error:
            self.stopped = self.stopped or Stopped(str(error), over_budget=True)
            return
        line = verdict_record(job.record, judge.name, job.repeat, contract, verdict)
        self._journals[job.task](line)
        self.last_error = line.error or self.last_error
        if line.score is not None or self.run.manifest.judging is None:
            self._heard(judge.name)
        self.reporter.step(_lane(job.task), failed=line.score is None)

    def _heard(self, *judges: str) -> None:
        """Record the judges in the manifest once the first one, whose scores count, gave a verdict.

        If other judges were recorded before, an error is not enough: their scores were paid for.
        """
        if not self.spoken and self._judging.judges[0] in judges:
            self.spoken = True
            name_judges(self.run, self._judging)


def problem_of(judging: JudgingStage | None) -> Problem | None:
    """Return the problem, if any; a reached budget leaves coverage too low."""
    if judging is None:
        return None
    if judging.stopped is not None:
        return Problem(judging.stopped.message, 3 if judging.stopped.over_budget else 1)
    if judging.last_error is not None and not judging.spoken:
        return Problem(
            f"{judging.config.judges[0]} gave no score, and the run keeps its earlier verdicts: "
            f"{judging.last_error}"
        )
    return None


def _told(
    judge: Judge, total: int, asked: Sequence[tuple[JudgeContract, JudgeItem]], price: Price | None
) -> str:
    texts = (contract.instructions + item.as_json() for contract, item in asked)
    usage = Usage(sum(map(estimated_tokens, texts)), len(asked) * REPLY_TOKENS)
    known = f" ({total - len(asked):,} scores are known)" if 0 < len(asked) < total else ""
    cost = cost_told(price, usage) if asked else "no cost"
    return f"judged by {judge.name}: about {len(asked):,} calls{known}, {cost}"


def _lane(task: str) -> str:
    return f"{task} judged"


async def judge_all(stage: JudgingStage) -> None:
    """Judge answers that all exist already."""
    answers = {
        task: [record for record in stage.run.tasks[task].records.values() if record.finished]
        for task in stage.contracts
    }
    async with stage:
        stage.announce(answers)
        for task, those in answers.items():
            for record in those:
                stage.submit(task, record)
        await stage.drain()
