"""Errors that end a command with one clear line and their own exit code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

INTERRUPTED = 130
"""The exit code of an interrupted command."""

PLUGIN_FAULTS = (Exception, SystemExit)
"""What a plugin's code may raise: an exit of its own must not end a command as a success."""


class InstitBenchError(Exception):
    """A failure reported in one line; ``exit_code`` is the process's exit status."""

    exit_code = 1


class InputError(InstitBenchError):
    """Wrong usage or bad input: the message names file, record and field and what to do."""

    exit_code = 2


class MissingDataError(InputError):
    """A data folder lacks something that a task needs."""


class DownloadError(MissingDataError):
    """Data cannot be downloaded; ``fact`` is the message without the advice at its end."""

    def __init__(self, fact: str, advice: str) -> None:
        super().__init__(f"{fact}; {advice}")
        self.fact = fact


class NotComparableError(InstitBenchError):
    """Model, prompts or data differ between runs, or coverage is too low."""

    exit_code = 3


class StorageError(InstitBenchError):
    """A file cannot be written: the disk is full, or the folder does not allow it."""

    @classmethod
    def of(cls, path: Path, error: OSError) -> StorageError:
        """Return the error for one file, with what to do."""
        return cls(
            f"{path}: cannot be written: {error.strerror or error}; make room or choose another "
            "folder, then run the same command again: what was written is kept"
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong with a run as a whole, in one line, with its exit code."""

    message: str
    exit_code: int = 1
    cause: InstitBenchError | None = None

    def error(self) -> InstitBenchError:
        """Return the problem as an exception with its exit code, and its cause for a traceback."""
        error = InstitBenchError(self.message)
        error.exit_code, error.__cause__ = self.exit_code, self.cause
        return error
