"""The records of a JSONL file, left in the file: a large dataset takes little memory."""

from __future__ import annotations

import os
import weakref
from array import array
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

from instit_bench.datasets.record import Doc
from instit_bench.datasets.records import is_plain_utf8, parsed_line
from instit_bench.errors import InputError

_BEGINNING = 4096  # bytes that tell one format from another


class JsonLines(Sequence[Doc]):
    """The records of a file with one JSON object per line, in UTF-8.

    Of each record only its place is in memory. Asking for one raises ``InputError`` if its line is
    not valid, or if the file has changed since it was opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")
        weakref.finalize(self, self._file.close)
        self._state = self._now()
        self._places = array("Q")
        place = self._file.seek(len(BOM_UTF8) if self._file.read(len(BOM_UTF8)) == BOM_UTF8 else 0)
        for line in self._file:
            if line.strip():
                self._places.append(place)
            place += len(line)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Doc: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Doc]: ...

    def __getitem__(self, index: int | slice) -> Doc | Sequence[Doc]:
        if isinstance(index, slice):
            return [self._at(place) for place in self._places[index]]
        return self._at(self._places[index])

    def __iter__(self) -> Iterator[Doc]:
        return map(self._at, self._places)

    def _at(self, place: int) -> Doc:
        if self._now() != self._state:
            raise InputError(f"{self._path}: changed while it was being read")
        self._file.seek(place)
        line = self._file.readline()
        try:
            return parsed_line(line.decode())
        except UnicodeDecodeError as error:
            problem = f"cannot be read as utf-8 text: {error.reason}; save it as UTF-8"
        except ValueError as error:
            problem = str(error)
        raise InputError(f"{self._path}: line {self._number(place)}: {problem}")

    def _number(self, place: int) -> int:
        """The number of the line that begins at this place."""
        self._file.seek(0)
        return self._file.read(place).count(b"\n") + 1

    def _now(self) -> tuple[int, int]:
        state = os.fstat(self._file.fileno())
        return state.st_size, state.st_mtime_ns


def stored_lines(path: Path) -> JsonLines | None:
    """Return the records of a JSONL file; ``None`` for files that must be read as a whole.

    Raises:
        InputError: The file cannot be read.
    """
    if path.suffix.lower() != ".jsonl":
        return None
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
        return JsonLines(path) if is_plain_utf8(beginning) else None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
