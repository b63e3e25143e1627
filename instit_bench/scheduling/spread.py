"""Asks what is shared out to several engines, each as much at once as it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, Protocol, TypeVar

from instit_bench.backends import EngineLost
from instit_bench.scheduling.schedule import Item, Turn
from instit_bench.scheduling.shares import Shares

_LOOK_EVERY_S = 0.5  # an engine may turn out to be slow without anything ending


class Member(Protocol):
    """One engine of several."""

    prefix_caches: int

    @property
    def at_once(self) -> int:
        """The most requests in flight; it may change."""
        ...


T = TypeVar("T")
M = TypeVar("M", bound=Member)

Ask = Callable[[Turn[T], Callable[[], None], M], Awaitable[bool]]
"""Asks one item at one engine, and returns whether it was answered; see ``dispatch.Ask``.

It raises `EngineLost` if the engine died before.
"""
Watch = Callable[[Callable[[Sequence[M]], None]], Awaitable[None]]
"""Tells at every change which engines are there, for as long as there can be any.

It raises `BackendUnavailable` once there can be none.
"""


class Spread(Generic[T, M]):
    """Items in progress at several engines; ``watch`` tells which these are."""

    def __init__(self, items: Sequence[Item[T]], watch: Watch[M]) -> None:
        self._shares = Shares(items, time.monotonic)
        self._watch = watch
        self._members: list[M] = []
        self._in_flight: dict[M, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []
        self._turned = asyncio.Event()

    def stop(self) -> None:
        """Hand out nothing more."""
        self._shares.stop()
        self._turned.set()

    async def ask_all(self, ask: Ask[T, M]) -> None:
        """Ask every item. The first exception cancels everything in flight, and is raised."""
        watching = [asyncio.create_task(self._follow()), asyncio.create_task(self._tick())]
        try:
            while not self._failures:
                self._turned.clear()
                self._hand_out(ask)
                if self._shares.empty and not self._tasks:
                    return
                await self._turned.wait()
            raise self._failures[0]
        finally:
            tasks = [*watching, *self._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _hand_out(self, ask: Ask[T, M]) -> None:
        """Hand out all that can go, first to those with the least to do."""
        free = list(self._members)
        while free:
            member = min(free, key=lambda m: self._in_flight[m] / m.at_once)
            self._shares.resize(id(member), member.at_once)
            turn = self._shares.take(id(member))
            if turn is None:
                free.remove(member)
                continue
            self._in_flight[member] += 1
            self._tasks.add(asyncio.create_task(self._one(member, turn, ask)))

    async def _one(self, member: M, turn: Turn[T], ask: Ask[T, M]) -> None:
        answered = False
        try:
            answered = await ask(turn, partial(self._computed, member, turn), member)
        except EngineLost:
            self._shares.lost(id(member), turn)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - raised by `ask_all`
            self._failures.append(error)
        finally:
            self._shares.ended(id(member), turn, answered)
            self._in_flight[member] -= 1
            if (task := asyncio.current_task()) is not None:
                self._tasks.discard(task)
            self._turned.set()

    def _computed(self, member: M, turn: Turn[T]) -> None:
        self._shares.computed(id(member), turn)
        self._turned.set()

    async def _follow(self) -> None:
        try:
            await self._watch(self._present)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - raised by `ask_all`
            self._failures.append(error)
            self._turned.set()

    def _present(self, members: Sequence[M]) -> None:
        for gone in [m for m in self._members if m not in members]:
            self._shares.leave(id(gone))
        for new in [m for m in members if m not in self._members]:
            self._in_flight.setdefault(new, 0)
            self._shares.join(id(new), new.at_once, new.prefix_caches)
        self._members = list(members)
        self._turned.set()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self._turned.set()
