"""One list of requests, shared out to several engines that come and go.

Requests that share an image are a *group*: a whole group goes to one engine, which computes the
image once. A group is handed out late, when its first request can be sent. Towards the end, an
engine takes nothing that the others would finish before it, and what waits at a slower engine
goes to one that has nothing else to do: only there a group is split. What shares nothing fills
the places that are free while the first request of a group is computed.

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
_MUCH_SLOWER = 2
_NEWEST_COUNTS = 0.2  # the weight of the last answer in an engine's mean time


@dataclass
class _Engine(Generic[T]):
    """What one engine does: requests in flight since when, and how long it takes for one."""

    schedule: Schedule[T]
    at_once: int
    in_flight: dict[Turn[T], float] = field(default_factory=dict)
    mean_s: float | None = None
    lead_s: float | None = None
    last_end: float = 0.0

    def computed(self, turn: Turn[T], now: float) -> None:
        self.lead_s = now - self.in_flight[turn]
        self.schedule.computed(turn)

    def ended(self, turn: Turn[T], now: float) -> None:
        taken = now - self.in_flight.pop(turn)
        before = self.mean_s
        self.mean_s = taken if before is None else before + _NEWEST_COUNTS * (taken - before)
        self.last_end = now

    def at_least(self, now: float) -> float | None:
        """Seconds for one request, or more if none has ended; ``None``: nothing is known."""
        oldest = next(iter(self.in_flight.values()), now)
        silent = now - max(oldest, self.last_end)
        return max(self.mean_s or 0.0, silent) or None

    def with_lead(self, now: float) -> float | None:
        """Seconds for a lead and a request that follows it, at least; ``None``: as above."""
        own = self.at_least(now)
        return None if own is None else own + (own if self.lead_s is None else self.lead_s)

    def until_all_end(self, now: float) -> float:
        """Seconds until what waits here has ended, at least."""
        return (self.schedule.left / self.at_once + 1) * (self.at_least(now) or 0.0)

    @property
    def has_too_much(self) -> bool:
        """Whether it has more than it can do at once."""
        return len(self.in_flight) + self.schedule.left > self.at_once


class Shares(Generic[T]):
    """Hands out items to engines, which are known by any name; each joins before it takes.

    ``clock`` gives seconds and never goes back.
    """

    def __init__(self, items: Sequence[Item[T]], clock: Callable[[], float]) -> None:
        self._items = items
        self._place, self._end = 0, len(items)
        self._ends_alone = True  # as far as it is known
        self._stopped = False
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
        return self._end - self._place + returned

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
            self._give_back(engine.schedule.give_up(engine.schedule.left))

    def lost(self, name: Hashable, turn: Turn[T]) -> None:
        """Give a turn back whose engine died while it worked on it."""
        self.ended(name, turn, answered=False)
        self._give_back([replace(turn.item, lost=turn.item.lost + 1)])

    def _give_back(self, items: Sequence[Item[T]]) -> None:
        for item in () if self._stopped else items:
            self._returned[item.shares].append(item)

    def _is_with(self, name: Hashable, turn: Turn[T]) -> bool:
        return name in self._engines and turn in self._engines[name].in_flight

    def stop(self) -> None:
        """Hand out nothing more."""
        self._stopped = True
        self._place = self._end
        self._returned.clear()
        for engine in self._engines.values():
            engine.schedule.stop()

    def take(self, name: Hashable) -> Turn[T] | None:
        """Return the next item for an engine, or ``None`` if there is none for it at present."""
        engine, now = self._engines[name], self._clock()
        if len(engine.in_flight) >= engine.at_once:
            return None
        if self._others_are_sooner(engine, now):
            self._give_back(engine.schedule.give_up(engine.schedule.left))
        elif engine.schedule.wants_more and (group := self._next_group(engine)):
            engine.schedule.extend(group)
        turn = engine.schedule.take()
        if turn is None and not engine.schedule.left and (part := self._split(engine, now)):
            engine.schedule.extend(part)
            turn = engine.schedule.take()
        if turn is None and engine.schedule.left and (text := self._last_alone()):
            turn = Turn(text)
        if turn is not None:
            engine.in_flight[turn] = now
        return turn

    def computed(self, name: Hashable, turn: Turn[T]) -> None:
        """Let those go that wait for this turn."""
        if self._is_with(name, turn):
            self._engines[name].computed(turn, self._clock())

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
        if self._place == self._end:
            return []
        first = self._items[self._place]
        group = [first]
        self._place += 1
        while first.shares is not None and len(group) < _LONGEST_GROUP and self._is_next(first):
            group.append(self._items[self._place])
            self._place += 1
        return group

    def _is_next(self, first: Item[T]) -> bool:
        return self._place < self._end and self._items[self._place].shares == first.shares

    def _last_alone(self) -> Item[T] | None:
        """Return the last item, if it shares nothing."""
        if not self._ends_alone or self._place == self._end:
            return None
        last = self._items[self._end - 1]
        self._ends_alone = last.shares is None
        if not self._ends_alone:
            return None
        self._end -= 1
        return last

    def _others_are_sooner(self, engine: _Engine[T], now: float) -> bool:
        """Whether the others would finish all that is left before this one ends a request."""
        own = engine.at_least(now)
        faster = [
            (other, seconds)
            for other in self._engines.values()
            if own and other.mean_s and (seconds := other.at_least(now)) and seconds < own
        ]
        if own is None or not faster:
            return False
        rate = sum(other.at_once / seconds for other, seconds in faster)
        left = self._untouched + engine.schedule.left
        first = min(seconds for _, seconds in faster)
        if own <= _MUCH_SLOWER * first:  # then all that waits counts, and images computed again
            left += sum(other.schedule.left for other, _ in faster)
            if engine.schedule.left:
                first = min(other.with_lead(now) or 0.0 for other, _ in faster)
        return own > left / rate + first

    def _split(self, engine: _Engine[T], now: float) -> list[Item[T]]:
        """Return half of what waits longest at another engine, if it would be done sooner here."""
        here = engine.with_lead(now)
        waiting = [
            (other.until_all_end(now), other)
            for other in self._engines.values()
            if other is not engine and other.schedule.left
        ]
        for there, other in sorted(waiting, key=lambda w: w[0], reverse=True):
            slower = (
                engine.mean_s is not None
                and (other.at_least(now) or 0.0) > _MUCH_SLOWER * engine.mean_s
            )
            if slower or (other.has_too_much and (here is None or here < there)):
                return other.schedule.give_up((other.schedule.left + 1) // 2)
        return []
