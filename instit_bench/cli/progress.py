"""Live progress on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from instit_bench.cli.console import note, stderr
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.runner import Reporter
from instit_bench.types import State

_PLAIN_EVERY_S = 10.0


def make_reporter() -> Reporter:
    """The display that suits standard error."""
    return LiveReporter() if stderr().is_terminal else PlainReporter()


class LiveReporter:
    """One bar a task: done of total, samples a second, errors, time left."""

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
        self._asked: Counter[str] = Counter()
        self._started: dict[str, float] = {}

    def begin(self, run: RunDirectory, totals: Mapping[str, int], done: Mapping[str, int]) -> None:
        """Draw the bars."""
        note(f"run: {run.path}")
        for task, total in totals.items():
            self._bars[task] = self._progress.add_task(
                task, total=total, completed=done[task], rate="", errors=""
            )
        self._progress.start()

    def sample(self, task: str, record: SampleRecord) -> None:
        """Advance one bar."""
        now = time.monotonic()
        self._errors[task] += record.state is State.INFER_ERROR
        self._asked[task] += 1
        elapsed = now - self._started.setdefault(task, now)
        rate = f"{self._asked[task] / elapsed:.1f}/s" if elapsed > 0 else ""
        errors = f"{self._errors[task]} errors" if self._errors[task] else ""
        self._progress.update(self._bars[task], advance=1, rate=rate, errors=errors)

    def end(self) -> None:
        """Leave the bars as they are."""
        self._progress.stop()


class PlainReporter:
    """A line at the start, every ten seconds, and at the end."""

    def __init__(self) -> None:
        self._totals: dict[str, int] = {}
        self._done: Counter[str] = Counter()
        self._errors = 0
        self._asked = 0
        self._started = self._printed = time.monotonic()

    def begin(self, run: RunDirectory, totals: Mapping[str, int], done: Mapping[str, int]) -> None:
        """Say what there is to do."""
        self._totals, self._done = dict(totals), Counter(done)
        self._started = self._printed = time.monotonic()
        note(f"run: {run.path}")
        for task, total in totals.items():
            resumed = f", {done[task]} done before" if done[task] else ""
            note(f"  {task}: {total} samples{resumed}")

    def sample(self, task: str, record: SampleRecord) -> None:
        """Count, and print now and then."""
        self._done[task] += 1
        self._asked += 1
        self._errors += record.state is State.INFER_ERROR
        if time.monotonic() - self._printed >= _PLAIN_EVERY_S:
            self._print()

    def end(self) -> None:
        """Print the last count."""
        self._print()

    def _print(self) -> None:
        self._printed = time.monotonic()
        elapsed = self._printed - self._started
        done, total = self._done.total(), sum(self._totals.values())
        rate = self._asked / elapsed if elapsed > 0 else 0.0
        left = f", about {(total - done) / rate:.0f} s left" if rate > 0 and done < total else ""
        note(f"{done}/{total} samples, {self._errors} errors, {rate:.1f}/s{left}")
