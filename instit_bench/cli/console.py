"""What every command prints with: results on standard output, all else on standard error."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn, TextIO, cast

from instit_bench.display import one_line
from instit_bench.errors import InputError, StorageError

if TYPE_CHECKING:
    from rich.console import Console


_UNFOLDED = 1000  # characters: wider than any table of ours


@dataclass
class Settings:
    """How much a command tells: ``--quiet``, ``--verbose``, ``--log-file`` and ``--debug``."""

    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    log: IO[str] | None = None


settings = Settings()


def configure(*, quiet: bool, verbose: bool, log_file: Path | None, debug: bool = False) -> None:
    """Set how much this command tells.

    Raises:
        InputError: The log file's folder does not exist.
        StorageError: The log file cannot be written.
    """
    settings.quiet, settings.verbose, settings.debug = quiet, verbose, debug
    if settings.log is not None:
        settings.log.close()
        settings.log = None
    if log_file is not None:
        try:
            settings.log = log_file.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                raise InputError(f"--log-file {one_line(str(log_file))}: no such folder") from error
            raise StorageError.of(log_file, error) from error


def stdout() -> Console:
    """Results: tables and numbers, as wide as the terminal.

    In a pipe or file they are as wide as ``COLUMNS`` says, or else as their content needs.
    """
    from rich.console import Console

    class Output(Console):
        def on_broken_pipe(self) -> None:  # rich would make exit code 1 of it
            raise BrokenPipeError

    terminal = sys.stdout is not None and sys.stdout.isatty()
    columns = os.environ.get("COLUMNS", "")
    wide = None if terminal or columns.isdecimal() else _UNFOLDED
    return Output(highlight=False, width=wide, soft_wrap=False)


def stderr() -> Console:
    """Progress, notes and warnings."""
    from rich.console import Console

    return Console(file=cast("IO[str]", _Stderr()), highlight=False)


class _Stderr:
    """Standard error, to which writing goes on in silence when the terminal has gone."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        """Write."""
        _write_error(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: every write is flushed."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return sys.stderr.isatty()

    def fileno(self) -> int:
        """The file's number."""
        return sys.stderr.fileno()


def _write_error(text: str) -> None:
    """Write to standard error.

    Raises:
        BrokenPipeError: The reader has gone, as in `… | head`; what is written later vanishes.
    """
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError as error:
        write_nowhere(sys.stderr)
        if isinstance(error, BrokenPipeError):
            raise


def note(message: str, *, warning: bool = False) -> None:
    """One line about what is going on; with ``--quiet`` it is shown only if it is a warning."""
    record(message)
    if warning or not settings.quiet:
        _write_error(f"{one_line(message)}\n")


def record(message: str) -> None:
    """Write one line to the log file, if there is one; a full disk does not end a run."""
    if settings.log is not None:
        with suppress(OSError):
            now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
            settings.log.write(f"{now} {one_line(message)}\n")


def fail(message: str, code: int) -> NoReturn:
    """One clear line, and out."""
    record(f"error: {message}")
    with suppress(BrokenPipeError):
        _write_error(f"instit-bench: error: {one_line(message)}\n")
    sys.exit(code)


def write_nowhere(stream: TextIO) -> None:
    """Let what is still to be written to a closed terminal or pipe vanish."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
