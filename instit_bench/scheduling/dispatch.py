"""Asks what a schedule hands out, a bounded number at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

from instit_bench.scheduling.schedule import Schedule, Turn

T = TypeVar("T")

Ask = Callable[[Turn[T], Callable[[], None]], Awaitable[bool]]
"""Asks one item and returns whether it was answered.

It calls its second argument as soon as the prompt is computed, if that is known before the answer.
"""


async def ask_all(schedule: Schedule[T], in_flight: int, ask: Ask[T]) -> None:
    """Ask every item of a schedule, at most ``in_flight`` at once.

    The first exception cancels everything in flight, and is raised.
    """
    queue = _Queue(schedule)

    async def work() -> None:
        while (turn := await queue.next()) is not None:
            answered = False
            try:
                answered = await ask(turn, partial(queue.computed, turn))
            finally:
                queue.ended(turn, answered)

    workers = [asyncio.create_task(work()) for _ in range(in_flight)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


class _Queue(Generic[T]):
    """A schedule whose next turn can be awaited."""

    def __init__(self, schedule: Schedule[T]) -> None:
        self._schedule = schedule
        self._idle: deque[asyncio.Future[Turn[T] | None]] = deque()

    async def next(self) -> Turn[T] | None:
        """Wait for an item that may go; ``None`` if every one has been handed out."""
        turn = self._schedule.take()
        if turn is not None or self._schedule.empty:
            return turn
        idle: asyncio.Future[Turn[T] | None] = asyncio.get_running_loop().create_future()
        self._idle.append(idle)
        return await idle

    def computed(self, turn: Turn[T]) -> None:
        self._schedule.computed(turn)
        self._wake()

    def ended(self, turn: Turn[T], answered: bool) -> None:
        if answered:
            self._schedule.computed(turn)
        else:
            self._schedule.failed(turn)
        self._wake()

    def _wake(self) -> None:
        while self._idle:
            if self._idle[0].done():  # its worker was cancelled
                self._idle.popleft()
                continue
            turn = self._schedule.take()
            if turn is None and not self._schedule.empty:
                return
            self._idle.popleft().set_result(turn)
