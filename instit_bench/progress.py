"""What a run tells of its progress, to whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

Tell = Callable[[str], None]
"""Shows one line of what is going on."""


class Reporter(Protocol):
    """Shows progress; every call returns at once. A lane is a task, or its judging."""

    def begin(self, run: Path) -> None:
        """Work on a run starts."""
        ...

    def lane(self, name: str, total: int, done: int) -> None:
        """There is ``total`` to do, of which an earlier process did ``done``."""
        ...

    def status(self, text: str) -> None:
        """One line on what is going on beside the lanes."""
        ...

    def step(self, lane: str, *, failed: bool) -> None:
        """One more is done, and on disk."""
        ...

    def end(self) -> None:
        """Nothing more will be told."""
        ...


class Silent:
    """For callers who show nothing."""

    def begin(self, run: Path) -> None:
        """Say nothing."""

    def lane(self, name: str, total: int, done: int) -> None:
        """Say nothing."""

    def status(self, text: str) -> None:
        """Say nothing."""

    def step(self, lane: str, *, failed: bool) -> None:
        """Say nothing."""

    def end(self) -> None:
        """Say nothing."""
