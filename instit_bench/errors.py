"""Errors that end a command with one clear line and an exit code of their own."""

from __future__ import annotations

from dataclasses import dataclass


class InstitBenchError(Exception):
    """A failure to tell the user in one line; ``exit_code`` is the process's exit status."""

    exit_code = 1


class InputError(InstitBenchError):
    """Wrong usage or bad input: the message names file, record and field and what to do."""

    exit_code = 2


class MissingDataError(InputError):
    """A data folder does not hold what a task needs."""


class NotComparableError(InstitBenchError):
    """Things that must be alike differ (model, prompts, data), or coverage is too low."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong with a run as a whole, in one line, and the exit code that says so."""

    message: str
    exit_code: int = 1
