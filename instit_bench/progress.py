"""What a run tells of its progress, and the numbers that a view shows of it.

A run sends events to a ``Reporter``. A reporter that draws keeps a ``Tally``, which turns events
into counts, rates and times; how these look is the reporter's own business.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

Tell = Callable[[str], None]
"""Shows one line about what is going on."""

Lines = Callable[[], Sequence[str]]

Outcome = Literal["done", "failed", "known", "void"]
"""How a step ended. ``known``: an earlier process did it; ``void``: there is nothing to do."""

_WINDOW_S = 60.0


class Reporter(Protocol):
    """Shows progress; every call returns at once. A lane is a task, or its judging."""

    def begin(self, run: Path) -> None:
        """Start reporting on a run."""
        ...

    def lane(self, name: str, total: int, done: int, *, judging: bool = False) -> None:
        """Announce ``total`` steps, of which an earlier process completed ``done``."""
        ...

    def engines(self, lines: Lines) -> None:
        """Announce several engines; ``lines`` returns what each of them is doing."""
        ...

    def status(self, text: str) -> None:
        """Show one line about something other than the lanes' steps."""
        ...

    def detail(self, text: str) -> None:
        """Show one line that few need, such as why one request failed."""
        ...

    def asked(self, lane: str) -> None:
        """Report that one request of a lane is being sent; rates count from the first."""
        ...

    def step(self, lane: str, outcome: Outcome = "done", tokens: int = 0) -> None:
        """Report the end of one step, which is on disk, and the tokens that it took."""
        ...

    def end(self) -> None:
        """Stop reporting."""
        ...


class Silent:
    """A reporter that shows nothing."""

    def begin(self, run: Path) -> None:
        """Ignore the start."""

    def lane(self, name: str, total: int, done: int, *, judging: bool = False) -> None:
        """Ignore the lane."""

    def engines(self, lines: Lines) -> None:
        """Ignore the engines."""

    def status(self, text: str) -> None:
        """Ignore the line."""

    def detail(self, text: str) -> None:
        """Ignore the line."""

    def asked(self, lane: str) -> None:
        """Ignore the request."""

    def step(self, lane: str, outcome: Outcome = "done", tokens: int = 0) -> None:
        """Ignore the step."""

    def end(self) -> None:
        """Ignore the end."""


@dataclass
class Lane:
    """The steps of one task, or of its judging: all, those that ended, and those that failed."""

    name: str
    total: int
    done: int
    judging: bool = False
    failed: int = 0


@dataclass
class Meter:
    """Steps per second over the last minute, from the first request on."""

    since: float | None = None
    steps: int = 0
    last: float = 0.0
    _seconds: deque[tuple[float, int]] = field(default_factory=deque)

    def start(self, now: float) -> None:
        """Count from the first request."""
        self.since = now if self.since is None else self.since

    def step(self, now: float) -> None:
        """Count one step."""
        self.start(now)
        self.steps += 1
        self.last = now
        if self._seconds and now - self._seconds[-1][0] < 1.0:
            second, count = self._seconds.pop()
            self._seconds.append((second, count + 1))
        else:
            self._seconds.append((now, 1))
        while now - self._seconds[0][0] > _WINDOW_S:
            self._seconds.popleft()

    def rate(self, now: float) -> float | None:
        """Return the rate, or ``None`` before the first step has ended."""
        if self.since is None or not self.steps:
            return None
        span = min(now - self.since, _WINDOW_S)
        ended = sum(count for second, count in self._seconds if now - second <= _WINDOW_S)
        return ended / span if span > 0 else None


class Tally:
    """Counts events; all times are in seconds. ``clock`` never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = clock()
        self._ended: float | None = None
        self._meters = {False: Meter(), True: Meter()}
        self.lanes: dict[str, Lane] = {}
        self.tokens = 0

    def begin(self) -> None:
        """Start the clock."""
        self._begun = self._clock()

    def lane(self, name: str, total: int, done: int, *, judging: bool = False) -> None:
        """Add a lane."""
        self.lanes[name] = Lane(name, total, done, judging)

    def asked(self, lane: str) -> None:
        """Count from the first request."""
        self._meters[self.lanes[lane].judging].start(self._clock())

    def step(self, lane: str, outcome: Outcome = "done", tokens: int = 0) -> None:
        """Count one step."""
        entry = self.lanes[lane]
        self.tokens += tokens
        if outcome == "void":
            entry.total -= 1
            return
        entry.done += 1
        entry.total = max(entry.total, entry.done)
        entry.failed += outcome == "failed"
        if outcome != "known":
            self._meters[entry.judging].step(self._clock())

    def end(self) -> None:
        """Stop the clock: rates are those of the last step from now on."""
        self._ended = self._clock()

    def sum(self, *, judging: bool = False) -> Lane:
        """Return all tasks, or all judging, as one lane."""
        lanes = [lane for lane in self.lanes.values() if lane.judging is judging]
        return Lane(
            "judged" if judging else "total",
            sum(lane.total for lane in lanes),
            sum(lane.done for lane in lanes),
            judging,
            sum(lane.failed for lane in lanes),
        )

    def rate(self, *, judging: bool = False) -> float | None:
        """Return the steps per second over the last minute; ``None`` if that is not known yet."""
        meter = self._meters[judging]
        return meter.rate(self._clock() if self._ended is None else meter.last)

    @property
    def elapsed_s(self) -> float:
        """The time since the start."""
        return (self._clock() if self._ended is None else self._ended) - self._begun

    @property
    def left_s(self) -> float | None:
        """The time that remains at the present rates; ``None`` if that is not known."""
        left = 0.0
        for judging in (False, True):
            lanes = self.sum(judging=judging)
            if lanes.done < lanes.total:
                rate = self.rate(judging=judging)
                if not rate:
                    return None
                left = max(left, (lanes.total - lanes.done) / rate)
        return left
