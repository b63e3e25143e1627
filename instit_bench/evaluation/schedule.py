"""When each request may go, so that an engine computes what requests share only once.

An engine looks a prompt up in its prefix cache when it admits the request, and admits many at once.
Requests that share an image would all be admitted before the first has computed it. So the first
of them goes alone, as their *lead*, and the others follow once it is *computed*: its first token
is there. A few leads go ahead of the group being asked, so that the engine is never idle.

Nothing here waits or sends: ``dispatch`` does. Any number of engines can share one schedule.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_AHEAD_PER_ENGINE = 4


@dataclass(frozen=True, slots=True)
class Item(Generic[T]):
    """Something to ask, and what it shares with others: from the beginning of its prompt on.

    Items with equal keys in ``shares`` have equal beginnings, longer with each further key.
    """

    value: T
    shares: tuple[Hashable, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Turn(Generic[T]):
    """An item that may go now; others wait for it if it leads any of its keys."""

    item: Item[T]
    leads: tuple[Hashable, ...] = ()


def leads_ahead(in_flight: int, engines: int) -> int | None:
    """Return how many leads may be ahead: a few per engine, and at most half of all requests.

    ``None``, for no engine with a prefix cache, means that nothing waits for a lead.
    """
    return min(_AHEAD_PER_ENGINE * engines, in_flight // 2) if engines else None


class Schedule(Generic[T]):
    """Hands out items, nearly in their order; ``ahead`` bounds the leads that go ahead.

    A lead is ahead until the first item that shares its keys is handed out. With ``ahead=0`` the
    next lead waits until nothing else can go, with ``ahead=None`` there are none.
    """

    def __init__(self, items: Iterable[Item[T]], ahead: int | None) -> None:
        self._next = deque(items if ahead is not None else (Item(item.value) for item in items))
        self._left = len(self._next)
        self._sharing = Counter(key for item in self._next for key in item.shares)
        self._followers: deque[Item[T]] = deque()
        self._waiting: dict[Hashable, list[Item[T]]] = {}  # by a key that has a lead
        self._computed: set[Hashable] = set()
        self._most_ahead = ahead or 0
        self._ahead: dict[Hashable, Turn[T]] = {}  # by each key that a lead ahead leads

    @property
    def empty(self) -> bool:
        """Whether every item has been handed out."""
        return self._left == 0

    def take(self) -> Turn[T] | None:
        """Return the next item that may go, or ``None`` if there is none until a lead is done."""
        self._sort()
        leads = self._leads_of(self._next[0]) if self._next else ()
        if leads and len(set(self._ahead.values())) < self._most_ahead:
            return self._handed(self._next.popleft(), leads)
        if self._followers:
            return self._handed(self._followers.popleft(), ())
        # Never nothing at all: either a lead is being computed, or the next one goes.
        if self._next and (not leads or not self._waiting):
            return self._handed(self._next.popleft(), leads)
        return None

    def computed(self, turn: Turn[T]) -> None:
        """What the turn leads is computed: its followers may go. Repeating this does nothing."""
        self._computed.update(key for key in turn.leads if key in self._waiting)
        self._release(turn)

    def failed(self, turn: Turn[T]) -> None:
        """The turn ended without an answer: unless it was computed before, another will lead."""
        self._release(turn)
        self._no_longer_ahead(turn.leads)

    def _sort(self) -> None:
        """Move items at the front that need no lead, or wait for one, to where they belong."""
        while self._next:
            item = self._next[0]
            led = [key for key in item.shares if key in self._waiting]
            if led:
                self._waiting[led[0]].append(self._next.popleft())
            elif item.shares and self._computed.issuperset(item.shares):
                self._followers.append(self._next.popleft())
            else:
                return

    def _leads_of(self, item: Item[T]) -> tuple[Hashable, ...]:
        keys = (key for key in item.shares if key not in self._computed)
        return tuple(key for key in keys if self._sharing[key] > 1)

    def _handed(self, item: Item[T], leads: tuple[Hashable, ...]) -> Turn[T]:
        self._left -= 1
        self._sharing.subtract(item.shares)
        self._no_longer_ahead(item.shares)
        turn = Turn(item, leads)
        for key in leads:
            self._waiting[key] = []
            self._ahead[key] = turn
        return turn

    def _release(self, turn: Turn[T]) -> None:
        for key in reversed(turn.leads):
            self._next.extendleft(reversed(self._waiting.pop(key, [])))

    def _no_longer_ahead(self, keys: Iterable[Hashable]) -> None:
        for turn in {self._ahead[key] for key in keys if key in self._ahead}:
            for key in turn.leads:
                self._ahead.pop(key, None)
