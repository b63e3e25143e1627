"""Live progress on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from instit_bench.cli.console import note, record, settings, stderr
from instit_bench.display import counted, one_line
from instit_bench.progress import Lane, Lines, Outcome, Reporter, Tally

_PLAIN_EVERY_S = 10.0
_LINES_BESIDE_LANES = 4  # the total, the numbers, and what stands above


def make_reporter() -> Reporter:
    """The display that suits standard error."""
    if settings.quiet:
        return QuietReporter()
    return LiveReporter() if stderr().is_terminal else PlainReporter()


class _Counting:
    """Counts all events; what is shown of them is up to the classes below."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.engine_lines: Lines = tuple

    def begin(self, run: Path) -> None:
        """Say where the run is."""
        note(f"run: {run}")
        self.tally.begin()

    def lane(self, name: str, total: int, done: int, *, judging: bool = False) -> None:
        """Add a lane."""
        self.tally.lane(name, total, done, judging=judging)

    def engines(self, lines: Lines) -> None:
        """Take note of whom to ask for their lines."""
        self.engine_lines = lines

    def status(self, text: str) -> None:
        """Show one line."""
        note(text)

    def detail(self, text: str) -> None:
        """Show one line if the user asked for more."""
        if settings.verbose:
            self.status(text)
        else:
            record(text)

    def asked(self, lane: str) -> None:
        """Count from the first request."""
        self.tally.asked(lane)

    def step(self, lane: str, outcome: Outcome = "done", tokens: int = 0) -> None:
        """Count."""
        self.tally.step(lane, outcome, tokens)

    def end(self) -> None:
        """Show the last count; what was done is kept even if nobody reads it."""
        self.tally.end()
        with suppress(BrokenPipeError):
            note(final_line(self.tally))


class QuietReporter(_Counting):
    """Shows warnings only; a log file gets the rest."""

    def status(self, text: str) -> None:
        """Show a warning."""
        note(text, warning=text.startswith("warning"))


class LiveReporter(_Counting):
    """One bar per lane and one for all, redrawn four times per second."""

    def __init__(self) -> None:
        super().__init__()
        self._console = stderr()
        self._live = Live(
            get_renderable=self._view,
            console=self._console,
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
            transient=True,
        )

    def begin(self, run: Path) -> None:
        """Say where the run is, and start drawing."""
        super().begin(run)
        self._live.start()

    def status(self, text: str) -> None:
        """One line above the bars."""
        record(text)
        self._console.print(one_line(text), markup=False, soft_wrap=True)

    def end(self) -> None:
        """Leave the bars as they are, and the last count below."""
        self.tally.end()
        self._live.stop()
        if self.tally.lanes:
            self._console.print(lanes_view(self.tally, self._console.height))
        note(final_line(self.tally))

    def _view(self) -> Group:
        numbers = Text(numbers_line(self.tally), no_wrap=True, overflow="ellipsis")
        engines = [one_line(line) for line in self.engine_lines()]
        shown = [Text(line, no_wrap=True, overflow="ellipsis") for line in engines]
        room = self._console.height - len(shown)
        return Group(lanes_view(self.tally, room), *shown, numbers)


class PlainReporter(_Counting):
    """A line for each lane, one for all every ten seconds, and one at the end."""

    def __init__(self) -> None:
        super().__init__()
        self._printed = time.monotonic()

    def lane(self, name: str, total: int, done: int, *, judging: bool = False) -> None:
        """Say what there is to do."""
        super().lane(name, total, done, judging=judging)
        note(f"{name}: {total}" + (f", {done} done before" if done else ""))

    def step(self, lane: str, outcome: Outcome = "done", tokens: int = 0) -> None:
        """Count, and print now and then."""
        super().step(lane, outcome, tokens)
        if time.monotonic() - self._printed >= _PLAIN_EVERY_S:
            self._printed = time.monotonic()
            total = self.tally.sum()
            head = f"{total.done}/{total.total} done, " if total.total else ""
            note(head + numbers_line(self.tally))
            for line in self.engine_lines():
                note(line)


def numbers_line(tally: Tally) -> str:
    """What the bars do not show: ``4.2/s, about 0:08 left, 0:07 elapsed, 1,234 tokens``."""
    left = tally.left_s
    parts = [
        _rate(tally, judging=not tally.sum().total),
        "" if left is None else f"about {_duration(left)} left",
        f"{_duration(tally.elapsed_s)} elapsed",
        counted(tally.tokens, "token") if tally.tokens else "",
        *_errors_and_verdicts(tally),
    ]
    return ", ".join(filter(None, parts))


def final_line(tally: Tally) -> str:
    """How it ended: done of all, rate, time, tokens, errors and verdicts."""
    total = tally.sum()
    parts = [
        (f"{total.done}/{total.total} done " if total.total else "")
        + f"in {_duration(tally.elapsed_s)}",
        _rate(tally, judging=not total.total),
        counted(tally.tokens, "token") if tally.tokens else "",
        *_errors_and_verdicts(tally),
    ]
    return ", ".join(filter(None, parts))


def _errors_and_verdicts(tally: Tally) -> Iterable[str]:
    total, judged = tally.sum(), tally.sum(judging=True)
    yield counted(total.failed + judged.failed, "error")
    if judged.total:
        yield f"judged {judged.done}/{judged.total}"


def _rate(tally: Tally, *, judging: bool) -> str:
    rate = tally.rate(judging=judging)
    if rate is None:
        return ""
    return f"{rate:.1f}/s" if rate >= 0.95 else f"{60 * rate:.1f}/min"


def lanes_view(tally: Tally, height: int) -> Table:
    """One row per lane, as many as fit into ``height`` lines, and one for all."""
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, style="red")
    for lane in _shown(tally, max(height - _LINES_BESIDE_LANES, 1)):
        table.add_row(*_row(lane))
    total = tally.sum()
    if total.total:
        table.add_row(*_row(total), style="bold")
    return table


def _row(lane: Lane) -> tuple[Text, ProgressBar, str, str]:
    errors = counted(lane.failed, "error") if lane.failed else ""
    bar = ProgressBar(total=max(lane.total, 1), completed=lane.done if lane.total else 1)
    return Text(one_line(lane.name)), bar, f"{lane.done:,}/{lane.total:,}", errors


def _shown(tally: Tally, room: int) -> list[Lane]:
    """The lanes that fit: those that are not finished first."""
    lanes = list(tally.lanes.values())
    first = sorted(lanes, key=lambda lane: lane.done >= lane.total)[:room]
    return [lane for lane in lanes if lane in first]


def _duration(seconds: float) -> str:
    """Return ``0:07``, ``12:05`` or ``3:00:00``."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
