"""Live progress on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from instit_bench.cli.console import note, stderr
from instit_bench.progress import Reporter

_PLAIN_EVERY_S = 10.0


def make_reporter() -> Reporter:
    """The display that suits standard error."""
    return LiveReporter() if stderr().is_terminal else PlainReporter()


class LiveReporter:
    """One bar per lane: done of total, rate per second, errors, time left."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TextColumn("[red]{task.fields[errors]}"),
            TimeRemainingColumn(),
            console=stderr(),
        )
        self._bars: dict[str, TaskID] = {}
        self._errors: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._started: dict[str, float] = {}

    def begin(self, run: Path) -> None:
        """Say where the run is, and start drawing."""
        note(f"run: {run}")
        self._progress.start()

    def lane(self, name: str, total: int, done: int) -> None:
        """Draw a bar."""
        self._bars[name] = self._progress.add_task(
            name, total=total, completed=done, rate="", errors=""
        )

    def status(self, text: str) -> None:
        """One line above the bars."""
        self._progress.console.print(text, markup=False)

    def step(self, lane: str, *, failed: bool) -> None:
        """Advance one bar."""
        now = time.monotonic()
        self._errors[lane] += failed
        self._done[lane] += 1
        elapsed = now - self._started.setdefault(lane, now)
        rate = f"{self._done[lane] / elapsed:.1f}/s" if elapsed > 0 else ""
        errors = f"{self._errors[lane]} errors" if self._errors[lane] else ""
        self._progress.update(self._bars[lane], advance=1, rate=rate, errors=errors)

    def end(self) -> None:
        """Leave the bars as they are."""
        self._progress.stop()


class PlainReporter:
    """A line for each lane, one for all every ten seconds, and one at the end."""

    def __init__(self) -> None:
        self._totals: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._errors = 0
        self._steps = 0
        self._started = self._printed = time.monotonic()

    def begin(self, run: Path) -> None:
        """Say where the run is."""
        note(f"run: {run}")
        self._started = self._printed = time.monotonic()

    def lane(self, name: str, total: int, done: int) -> None:
        """Say what there is to do."""
        self._totals[name], self._done[name] = total, done
        note(f"{name}: {total}" + (f", {done} done before" if done else ""))

    def status(self, text: str) -> None:
        """One line."""
        note(text)
        if self._steps == 0:  # the rate counts from the first request
            self._started = time.monotonic()

    def step(self, lane: str, *, failed: bool) -> None:
        """Count, and print now and then."""
        self._done[lane] += 1
        self._steps += 1
        self._errors += failed
        if time.monotonic() - self._printed >= _PLAIN_EVERY_S:
            self._print()

    def end(self) -> None:
        """Print the last count."""
        self._print()

    def _print(self) -> None:
        self._printed = time.monotonic()
        elapsed = self._printed - self._started
        done, total = self._done.total(), self._totals.total()
        rate = self._steps / elapsed if elapsed > 0 else 0.0
        left = f", about {(total - done) / rate:.0f} s left" if rate > 0 and done < total else ""
        note(f"{done}/{total} done, {self._errors} errors, {rate:.1f}/s{left}")
