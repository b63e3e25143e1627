"""The append-only journal of one task: one line per finished sample.

A line is handed to the operating system before the sample is reported, so killing the process at
any moment loses no finished sample. The disk is synced at least every second, so a power failure
loses no more than that. A line truncated by a kill is dropped on the next open.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, TypeVar

from pydantic import BaseModel, ValidationError

from instit_bench.errors import InputError
from instit_bench.runs.atomic import write_atomically
from instit_bench.runs.record import SampleRecord
from instit_bench.validation import first_problem

_SYNC_EVERY_S = 1.0
_TAIL = 2**16  # bytes read at once in search of a line's end

Line = TypeVar("Line", bound=BaseModel)


def read_journal(path: Path) -> dict[str, SampleRecord]:
    """Read the records by sample id; of several for one sample the last counts.

    Raises:
        InputError: A line other than an unfinished last one is broken.
    """
    return {record.id: record for record in read_lines(path, SampleRecord)}


def read_lines(path: Path, model: type[Line]) -> Iterator[Line]:
    """Yield the lines of a journal except an unfinished last one; nothing if there is no journal.

    Raises:
        InputError: A line is broken.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.endswith(b"\n"):
                    yield _parsed(line[:-1], model, f"{path}: line {number}")
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _parsed(line: bytes, model: type[Line], where: str) -> Line:
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        raise InputError(
            f"{where}: {first_problem(error)}; delete the line to run its sample again"
        ) from error


class JournalWriter:
    """Appends records to a journal file; use it as a context manager."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("a+b")
        _drop_unfinished_line(self._file)
        self._synced = time.monotonic()

    def append(self, record: BaseModel) -> None:
        """Write one record; from here on it survives the process."""
        self._file.write(record.model_dump_json().encode() + b"\n")
        self._file.flush()
        if time.monotonic() - self._synced >= _SYNC_EVERY_S:
            self._sync()

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._sync()
        self._file.close()


def rewrite_journal(path: Path, records: Iterable[BaseModel]) -> None:
    """Replace a journal by these records, atomically."""
    lines = (record.model_dump_json() + "\n" for record in records)
    write_atomically(path, "".join(lines))


def _drop_unfinished_line(file: BinaryIO) -> None:
    """Cut off what follows the last newline; only the file's tail is read."""
    start = file.seek(0, os.SEEK_END)
    while start > 0:
        start = max(0, start - _TAIL)
        file.seek(start)
        end = file.read(_TAIL).rfind(b"\n")
        if end >= 0:
            start += end + 1
            break
    file.truncate(start)
    file.seek(0, os.SEEK_END)
