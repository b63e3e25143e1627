"""One list of requests, shared out to several engines that come and go.

Requests that share an image are a *group*: a whole group goes to one engine, which computes the
image once. A group is handed out late, when its first request can be sent. Towards the end, an
engine takes nothing that the others would finish before it, and what waits at a slower engine
goes to one that has nothing else to do: only there a group is split.

Nothing here waits or sends, and time is an argument: ``spread`` does both.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from instit_bench.scheduling.schedule import Item, Schedule, Turn, leads_ahead

T = TypeVar("T")

_LONGEST_GROUP = 256
_NEWEST_COUNTS = 0.2  # the weight of the last answer in an engine's mean time


@dataclass
class _Engine(Generic[T]):
    """What one engine does: requests in flight since when, and how long it takes for one."""

    schedule: Schedule[T]
    at_once: int
    in_flight: dict[Turn[T], float] = field(default_factory=dict)
    mean_s: float | None = None
    last_end: float = 0.0

    def ended(self, turn: Turn[T], now: float) -> None:
        taken = now - self.in_flight.pop(turn)
        before = self.mean_s
        self.mean_s = taken if before is None else before + _NEWEST_COUNTS * (taken - before)
        self.last_end = now

    def seconds(self, now: float) -> float | None:
        """Seconds for one request, at least as long as none has ended; ``None``: not known yet."""
        oldest = next(iter(self.in_flight.values()), now)
        silent = now - max(oldest, self.last_end)
        return max(self.mean_s or 0.0, silent) or None


class Shares(Generic[T]):
    """Hands out items to engines, which are known by any name; each joins before it takes.

    ``clock`` gives seconds and never goes back.
    """

    def __init__(self, items: Sequence[Item[T]], clock: Callable[[], float]) -> None:
        self._items = items
        self._place = 0
        self._returned: defaultdict[Hashable, deque[Item[T]]] = defaultdict(deque)
        self._clock = clock
        self._engines: dict[Hashable, _Engine[T]] = {}

    @property
    def empty(self) -> bool:
        """Whether every item has been handed out."""
        return self._untouched == 0 and not any(e.schedule.left for e in self._engines.values())

    @property
    def _untouched(self) -> int:
        returned = sum(map(len, self._returned.values()))
        return len(self._items) - self._place + returned

    def join(self, name: Hashable, at_once: int, prefix_caches: int) -> None:
        """Let an engine take part, with at most ``at_once`` requests in flight."""
        ahead = leads_ahead(at_once, prefix_caches)
        self._engines[name] = _Engine(Schedule([], ahead), at_once)

    def resize(self, name: Hashable, at_once: int) -> None:
        """Let an engine take more or fewer requests at once."""
        self._engines[name].at_once = at_once

    def leave(self, name: Hashable) -> None:
        """End an engine's part: what waited for it goes to others, what is in flight goes on."""
        if (engine := self._engines.pop(name, None)) is not None:
            self._give_back(engine.schedule.give_up(engine.schedule.left, waiting=True))

    def lost(self, name: Hashable, turn: Turn[T]) -> None:
        """Give a turn back whose engine died while it worked on it."""
        self.ended(name, turn, answered=False)
        self._give_back([replace(turn.item, lost=turn.item.lost + 1)])

    def _give_back(self, items: Sequence[Item[T]]) -> None:
        for item in items:
            self._returned[item.shares].append(item)

    def _is_with(self, name: Hashable, turn: Turn[T]) -> bool:
        return name in self._engines and turn in self._engines[name].in_flight

    def stop(self) -> None:
        """Hand out nothing more."""
        self._place = len(self._items)
        self._returned.clear()
        for engine in self._engines.values():
            engine.schedule.stop()

    def take(self, name: Hashable) -> Turn[T] | None:
        """Return the next item for an engine, or ``None`` if there is none for it at present."""
        engine, now = self._engines[name], self._clock()
        if len(engine.in_flight) >= engine.at_once:
            return None
        if self._others_are_sooner(engine, now):
            self._give_back(engine.schedule.give_up(engine.schedule.left, waiting=True))
        elif engine.schedule.wants_more and (group := self._next_group(engine)):
            engine.schedule.extend(group)
        turn = engine.schedule.take()
        if turn is None and not engine.schedule.left and (part := self._split(engine, now)):
            engine.schedule.extend(part)
            turn = engine.schedule.take()
        if turn is not None:
            engine.in_flight[turn] = now
        return turn

    def computed(self, name: Hashable, turn: Turn[T]) -> None:
        """Let those go that wait for this turn."""
        if self._is_with(name, turn):
            self._engines[name].schedule.computed(turn)

    def ended(self, name: Hashable, turn: Turn[T], answered: bool) -> None:
        """End a turn, with or without an answer."""
        if not self._is_with(name, turn):
            return
        engine = self._engines[name]
        engine.ended(turn, self._clock())
        if answered:
            engine.schedule.computed(turn)
        else:
            engine.schedule.failed(turn)

    def _next_group(self, engine: _Engine[T]) -> list[Item[T]]:
        """Return the next items that belong together, those of a lost engine first.

        Of those that were in flight when an engine died, an engine gets one at a time: if it dies
        again, the others have nothing to do with it.
        """
        suspects = any(turn.item.lost for turn in engine.in_flight)
        for shares, items in self._returned.items():
            if items[0].lost and suspects:
                continue
            group = [items.popleft()]
            while items and shares is not None and not (group[0].lost or items[0].lost):
                group.append(items.popleft())
            if not items:
                del self._returned[shares]
            return group
        if self._place == len(self._items):
            return []
        first = self._items[self._place]
        group = [first]
        self._place += 1
        while first.shares is not None and len(group) < _LONGEST_GROUP and self._is_next(first):
            group.append(self._items[self._place])
            self._place += 1
        return group

    def _is_next(self, first: Item[T]) -> bool:
        return self._place < len(self._items) and self._items[self._place].shares == first.shares

    def _others_are_sooner(self, engine: _Engine[T], now: float) -> bool:
        """Whether the others would finish all that is left before this one ends a request."""
        own = engine.seconds(now)
        faster = [
            (other.at_once, seconds)
            for other in self._engines.values()
            if own and (seconds := other.seconds(now)) and seconds < own
        ]
        if own is None or not faster:
            return False
        rate = sum(at_once / seconds for at_once, seconds in faster)
        left = self._untouched + engine.schedule.left
        return own > left / rate + min(seconds for _, seconds in faster)

    def _split(self, engine: _Engine[T], now: float) -> list[Item[T]]:
        """Return half of what waits longest at another engine, if it would be done sooner here."""
        own = engine.seconds(now)
        waiting = [
            (left * seconds / other.at_once, left, self._is_much_slower(seconds, own), other)
            for other in self._engines.values()
            if other is not engine
            and (left := other.schedule.left)
            and (seconds := other.seconds(now))
        ]
        for wait_s, left, slower, other in sorted(waiting, key=lambda w: w[0], reverse=True):
            is_full = len(other.in_flight) >= other.at_once
            if slower or (is_full and (own is None or own < wait_s + (other.seconds(now) or 0))):
                return other.schedule.give_up((left + 1) // 2, waiting=slower)
        return []

    @staticmethod
    def _is_much_slower(seconds: float, own: float | None) -> bool:
        return own is not None and seconds > 2 * own
