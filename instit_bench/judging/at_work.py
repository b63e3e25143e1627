"""A judge at work: what waits for it, and who takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Generic, TypeVar

from instit_bench.judging.base import Call, Judge, JudgeHere, JudgeOnReplicas
from instit_bench.progress import Tell

J = TypeVar("J")
TakeJob = Callable[[J, Call], Awaitable[None]]


class JudgeAtWork(Generic[J]):
    """A judge and its jobs, at most ``at_once`` at a time.

    Replicas get all jobs that exist when they start, and share them.
    """

    def __init__(self, judge: Judge, at_once: int) -> None:
        self.judge = judge
        self.tasks: list[asyncio.Task[None]] = []
        self._at_once = at_once
        self._jobs: asyncio.Queue[J] = asyncio.Queue()

    @property
    def waits(self) -> bool:
        """Whether there are jobs, and nobody has begun."""
        return not (self.tasks or self._jobs.empty())

    def add(self, job: J) -> None:
        """Have a job taken in its turn; returns at once."""
        self._jobs.put_nowait(job)

    def begin(self, take: TakeJob[J], folder: Path, tell: Tell) -> None:
        """Start the judge, and take jobs as soon as it is ready.

        A task ends with the error of a judge that cannot start.
        """
        if isinstance(self.judge, JudgeOnReplicas):
            self.tasks = [asyncio.create_task(self._spread(self.judge, take, folder, tell))]
        elif isinstance(self.judge, JudgeHere):
            starting = asyncio.create_task(self.judge.start(folder, tell))
            work = [self._work(self.judge, starting, take) for _ in range(self._at_once)]
            self.tasks = [asyncio.create_task(one) for one in work]

    async def taken(self) -> None:
        """Wait until every job has been taken."""
        await self._jobs.join()

    async def _work(self, judge: JudgeHere, starting: asyncio.Task[None], take: TakeJob[J]) -> None:
        await asyncio.shield(starting)
        while True:
            await take(await self._jobs.get(), judge.judge)
            self._jobs.task_done()

    async def _spread(
        self, judge: JudgeOnReplicas, take: TakeJob[J], folder: Path, tell: Tell
    ) -> None:
        jobs = [self._jobs.get_nowait() for _ in range(self._jobs.qsize())]
        try:
            await judge.judge_all(jobs, take, folder, tell)
        finally:
            for _ in jobs:
                self._jobs.task_done()
