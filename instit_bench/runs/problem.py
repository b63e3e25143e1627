"""What can go wrong with a run as a whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, in one line, and the exit code that says so."""

    message: str
    exit_code: int = 1
