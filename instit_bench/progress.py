"""Progress reporting, independent of how it is displayed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

Tell = Callable[[str], None]
"""Shows one line about what is going on."""


class Reporter(Protocol):
    """Shows progress; every call returns at once. A lane is a task, or its judging."""

    def begin(self, run: Path) -> None:
        """Start reporting on a run."""
        ...

    def lane(self, name: str, total: int, done: int) -> None:
        """Announce ``total`` steps, of which an earlier process completed ``done``."""
        ...

    def status(self, text: str) -> None:
        """Show one line about something other than the lanes' steps."""
        ...

    def step(self, lane: str, *, failed: bool) -> None:
        """Report one step, which is on disk."""
        ...

    def end(self) -> None:
        """Stop reporting."""
        ...


class Silent:
    """A reporter that shows nothing."""

    def begin(self, run: Path) -> None:
        """Ignore the start."""

    def lane(self, name: str, total: int, done: int) -> None:
        """Ignore the lane."""

    def status(self, text: str) -> None:
        """Ignore the line."""

    def step(self, lane: str, *, failed: bool) -> None:
        """Ignore the step."""

    def end(self) -> None:
        """Ignore the end."""
