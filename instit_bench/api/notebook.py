"""Progress of a run where Python shows it: bars in a notebook, a live view on a terminal."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from instit_bench.display import counted, path_text
from instit_bench.progress import Lines, Outcome, Reporter, Silent, Tally

_EVERY_S = 0.25


def make_reporter(progress: bool | None) -> Reporter:
    """Return the reporter that suits the place; unless told to, nothing is shown in a script."""
    if progress is False:
        return Silent()
    if in_notebook():
        return NotebookReporter()
    if progress or sys.stderr.isatty():
        from instit_bench.cli.progress import make_reporter as on_terminal

        return on_terminal()
    return Silent()


def in_notebook() -> bool:
    """Whether this is a Jupyter kernel; IPython is not imported to find out."""
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


@dataclass
class Bars:
    """One bar per lane, as a notebook shows them: a task, or its judging."""

    run: str = ""
    status: str = ""
    tally: Tally = field(default_factory=Tally)
    engine_lines: Lines = tuple

    def __repr__(self) -> str:
        lanes = self.tally.lanes.values()
        done, total = sum(lane.done for lane in lanes), sum(lane.total for lane in lanes)
        return f"{done:,} of {total:,} done, {counted(sum(n.failed for n in lanes), 'error')}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="text-align: left">{escape(name)}</td>'
            f'<td><progress max="{max(lane.total, 1)}" value="{lane.done}"></progress></td>'
            f"<td>{lane.done:,} of {lane.total:,}</td>"
            f"<td>{counted(lane.failed, 'error') if lane.failed else ''}</td></tr>"
            for name, lane in self.tally.lanes.items()
        )
        from instit_bench.cli.progress import numbers_line

        told = (numbers_line(self.tally), *self.engine_lines(), self.status)
        lines = "".join(f"<p>{escape(line)}</p>" for line in told if line)
        return f"<table><caption>{escape(self.run)}</caption>{rows}</table>{lines}"


class NotebookReporter:
    """Keeps bars up to date below the cell that runs."""

    def __init__(self) -> None:
        self._bars = Bars()
        self._handle: Any = None
        self._shown = 0.0

    def begin(self, run: Path) -> None:
        """Name the run, and start the clock."""
        self._bars.tally.begin()
        self._bars.run = path_text(run.name)

    def lane(self, name: str, total: int, done: int, *, judging: bool = False) -> None:
        """Add a bar."""
        self._bars.tally.lane(name, total, done, judging=judging)
        self._show()

    def engines(self, lines: Lines) -> None:
        """Show a line for each of them, too."""
        self._bars.engine_lines = lines

    def status(self, text: str) -> None:
        """Show one line below the bars, until the next one."""
        self._bars.status = text
        if self._bars.tally.lanes:
            self._show()

    def detail(self, text: str) -> None:
        """Show nothing: the run's samples have it."""

    def asked(self, lane: str) -> None:
        """Count from the first request."""
        self._bars.tally.asked(lane)

    def step(self, lane: str, outcome: Outcome = "done", tokens: int = 0) -> None:
        """Advance a bar."""
        self._bars.tally.step(lane, outcome, tokens)
        if time.monotonic() - self._shown >= _EVERY_S:
            self._show()

    def end(self) -> None:
        """Show the last state."""
        self._bars.tally.end()
        if self._bars.tally.lanes:
            self._show()

    def _show(self) -> None:
        from IPython import display

        self._shown = time.monotonic()
        if self._handle is None:
            self._handle = display.display(self._bars, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(self._bars)
