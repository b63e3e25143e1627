"""When each request may go, so that an engine computes shared parts of requests only once.

An engine looks a prompt up in its prefix cache when it admits the request, and admits many at once.
Requests that share an image would all be admitted before the first has computed it. So the first
of them goes alone, as their *lead*, and the others follow once it is *computed*: its first token
is there. A few leads go ahead of the group being asked, so that the engine is never idle.

Nothing here waits or sends: ``dispatch`` does. Any number of engines can share one schedule.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")

_AHEAD_PER_ENGINE = 4


@dataclass(frozen=True, slots=True)
class Item(Generic[T]):
    """Something to ask; ``shares`` names what it shares with others, if with any: its image.

    ``lost`` counts the engines that died while they worked on it.
    """

    value: T
    shares: Hashable | None = None
    lost: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Turn(Generic[T]):
    """An item that may go now; if it leads, those that share with it wait until it is computed."""

    item: Item[T]
    leads: bool = False


def leads_ahead(in_flight: int, engines: int) -> int | None:
    """Return how many leads may be ahead: a few per engine, and at most half of all requests.

    ``None``, for no engine with a prefix cache, means that nothing waits for a lead.
    """
    return min(_AHEAD_PER_ENGINE * engines, in_flight // 2) if engines else None


def _alone(item: Item[T]) -> Item[T]:
    return Item(item.value, lost=item.lost)


class _Line(Generic[T]):
    """Items in a line, of which the front is in memory; some can be put back at the front."""

    def __init__(self, items: Iterable[Item[T]]) -> None:
        self._rest = iter(items)
        self._front = deque[Item[T]]()

    def __bool__(self) -> bool:
        if not self._front:
            self._front.extend(islice(self._rest, 1))
        return bool(self._front)

    @property
    def first(self) -> Item[T]:
        """The item at the front."""
        return self._front[0]

    def take(self) -> Item[T]:
        """Remove the item at the front, and return it."""
        return self._front.popleft()

    def append(self, items: Iterable[Item[T]]) -> None:
        """Put items at the end, all of which are in memory then."""
        self._front.extend(self._rest)
        self._front.extend(items)

    def pop(self) -> Item[T] | None:
        """Remove the item at the end, if there is one, and return it."""
        self.append(())
        return self._front.pop() if self._front else None

    def clear(self) -> None:
        """Remove all items."""
        self._front.clear()
        self._rest = iter(())

    def put_back(self, items: Sequence[Item[T]]) -> None:
        """Put items at the front, in their order."""
        self._front.extendleft(reversed(items))


class Schedule(Generic[T]):
    """Hands out items, nearly in their order; ``ahead`` bounds the leads that go ahead.

    A lead is ahead until the first item that shares with it is handed out. With ``ahead=0`` the
    next lead waits until nothing else can go, with ``ahead=None`` there are none. An item is taken
    from ``items`` shortly before it is handed out.
    """

    def __init__(self, items: Sequence[Item[T]], ahead: int | None) -> None:
        self._alone = ahead is None
        self._next = _Line(items if ahead is not None else map(_alone, items))
        self._left = len(items)
        self._sharing = Counter(item.shares for item in items) if ahead is not None else Counter()
        self._followers: deque[Item[T]] = deque()
        self._waiting: dict[Hashable, list[Item[T]]] = {}  # for a lead that is not computed yet
        self._computed: set[Hashable] = set()
        self._most_ahead = ahead or 0
        self._ahead: set[Hashable] = set()

    @property
    def empty(self) -> bool:
        """Whether every item has been handed out."""
        return self._left == 0

    @property
    def left(self) -> int:
        """How many items have not been handed out."""
        return self._left

    @property
    def wants_more(self) -> bool:
        """Whether the first of more items would be handed out next."""
        self._sort()
        waits = self._followers or self._waiting
        return not self._next and (len(self._ahead) < self._most_ahead or not waits)

    def extend(self, items: Sequence[Item[T]]) -> None:
        """Add items at the end."""
        self._left += len(items)
        if self._alone:
            self._next.append(map(_alone, items))
        else:
            self._next.append(items)
            self._sharing.update(item.shares for item in items)

    def give_up(self, most: int) -> list[Item[T]]:
        """Remove at most so many items from the end, and return them in their order."""
        given: list[Item[T]] = []
        while len(given) < most and (item := self._last()) is not None:
            given.append(item)
            self._count_off(item.shares)
        return given[::-1]

    def _last(self) -> Item[T] | None:
        if (item := self._next.pop()) is not None:
            return item
        if self._followers:
            return self._followers.pop()
        return next((items.pop() for items in self._waiting.values() if items), None)

    def take(self) -> Turn[T] | None:
        """Return the next item that may go, or ``None`` if there is none until a lead is done."""
        self._sort()
        shares = self._next.first.shares if self._next else None
        leads = shares is not None and self._sharing[shares] > 1
        if leads and len(self._ahead) < self._most_ahead:
            return self._handed(self._next.take(), leads=True)
        if self._followers:
            return self._handed(self._followers.popleft(), leads=False)
        # Never nothing at all: either a lead is being computed, or the next one goes.
        if self._next and not (leads and self._waiting):
            return self._handed(self._next.take(), leads=leads)
        return None

    def stop(self) -> None:
        """Hand out nothing more."""
        self._next.clear()
        self._followers.clear()
        self._waiting.clear()
        self._left = 0

    def computed(self, turn: Turn[T]) -> None:
        """What the turn leads is computed: its followers may go. Repeating this does nothing."""
        if turn.leads and turn.item.shares in self._waiting:
            if self._sharing[turn.item.shares]:
                self._computed.add(turn.item.shares)
            self._release(turn.item.shares)

    def failed(self, turn: Turn[T]) -> None:
        """The turn ended without an answer: unless it was computed before, another will lead."""
        if turn.leads and turn.item.shares in self._waiting:
            self._ahead.discard(turn.item.shares)
            self._release(turn.item.shares)

    def _sort(self) -> None:
        """Move items at the front that need no lead, or wait for one, to where they belong."""
        while self._next:
            shares = self._next.first.shares
            if shares in self._waiting:
                self._waiting[shares].append(self._next.take())
            elif shares in self._computed:
                self._followers.append(self._next.take())
            else:
                return

    def _handed(self, item: Item[T], *, leads: bool) -> Turn[T]:
        self._count_off(item.shares)
        if leads:
            self._waiting[item.shares] = []
            self._ahead.add(item.shares)
        else:
            self._ahead.discard(item.shares)
        return Turn(item, leads)

    def _count_off(self, shares: Hashable | None) -> None:
        """One item less; what nobody shares any more is forgotten."""
        self._left -= 1
        if shares is None:
            return
        self._sharing[shares] -= 1
        if self._sharing[shares] <= 0:
            del self._sharing[shares]
            self._computed.discard(shares)
            self._ahead.discard(shares)

    def _release(self, shares: Hashable) -> None:
        self._next.put_back(self._waiting.pop(shares))
