"""The append-only journal of one task: one line per finished sample.

A line is handed to the operating system before the sample is reported, so killing the process at
any moment loses no finished sample. The disk is synced at least every second, so a power failure
loses no more than that. A line truncated by a kill is dropped on the next open.

Of a journal only the place of each line is in memory, and of what a run appends not even that until
somebody asks; a sample is parsed when it is asked for.
"""

from __future__ import annotations

import os
import re
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader, RawIOBase
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from pydantic import BaseModel, ValidationError

from instit_bench.errors import InputError, StorageError
from instit_bench.progress import Tell
from instit_bench.runs.atomic import opened, replaced
from instit_bench.runs.record import SampleRecord
from instit_bench.validation import first_problem

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_SYNC_EVERY_S = 1.0
_TAIL = 2**16  # bytes read at once in search of a line's end
# How lines begin that this program wrote; any other line is parsed to learn its id.
_TEXT = rb'"(?:[^"\\]|\\.)*"'
_HEAD = re.compile(rb'\{"id":(' + _TEXT + rb'),"repeat_of":(?:null|' + _TEXT + rb'),"state":"')

Line = TypeVar("Line", bound=BaseModel)


class Journal(Mapping[str, SampleRecord]):
    """The records of a journal by sample id; of several for one sample the last counts.

    ``Journal.read`` finds those of a file; ``Journal(path)`` has none yet. Asking for a record
    raises ``InputError`` if its line is broken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found: dict[str, int] = {}  # where each sample's last line begins
        self._lines = 0
        self._end = 0  # of the last of them
        self._appended = False  # more lines, which are not found yet
        self._file: BinaryIO | None = None

    @classmethod
    def read(cls, path: Path) -> Journal:
        """Return the journal in a file, without any record if there is no such file.

        Raises:
            InputError: The file cannot be read, or a line is broken so that its sample is unknown.
        """
        journal = cls(path)
        try:
            journal._read_from(opened(path))
            journal._scan()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error}") from error
        return journal

    def __getitem__(self, sample: str) -> SampleRecord:
        place = self._places[sample]
        line = self._line(place)
        try:
            return SampleRecord.model_validate_json(line)
        except ValidationError as error:
            raise self._broken(place, error) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, sample: object) -> bool:
        return sample in self._places

    def __reduce__(self) -> tuple[Callable[[Path], Journal], tuple[Path]]:
        """A journal that goes to another process is read there, so the file must be there too."""
        return Journal.read, (self.path.absolute(),)

    @contextmanager
    def appending(self, tell: Tell) -> Iterator[Callable[[SampleRecord], None]]:
        """Yield a function that appends samples."""
        with JournalWriter(self.path, tell) as writer:
            self._read_from(writer.reader())  # an older one may still hold the half line

            def append(record: SampleRecord) -> None:
                writer.append(record)
                self._appended = True

            yield append

    def replace(self, records: Iterable[SampleRecord]) -> None:
        """Replace the whole journal by these records, atomically."""
        self._replace((record.id, _line_of(record)) for record in records)

    def sort(self, samples: Iterable[str]) -> None:
        """Bring the lines into the order of these samples, and drop all others, atomically.

        Nothing is written if they are in that order already.
        """
        places = self._places
        wanted = [sample for sample in samples if sample in places]
        if self._lines == len(wanted) and wanted == list(places):
            return
        self._replace((sample, self._line(places[sample])) for sample in wanted)

    def close(self) -> None:
        """Close the file; the journal is not used afterwards."""
        if self._file is not None:
            self._file.close()

    def _read_from(self, file: BinaryIO) -> None:
        self.close()
        self._file = file
        weakref.finalize(self, file.close)

    @property
    def _places(self) -> dict[str, int]:
        if self._appended:
            self._scan()
        return self._found

    def _scan(self) -> None:
        """Find the places of all lines from ``_end`` on."""
        assert self._file is not None  # noqa: S101 - whoever has appended has a file
        self._file.seek(self._end)
        for line in self._file:
            if line.endswith(b"\n"):
                self._found[self._id_of(line, self._end)] = self._end
                self._lines += 1
                self._end += len(line)
        self._appended = False

    def _id_of(self, line: bytes, place: int) -> str:
        try:
            if (head := _HEAD.match(line)) and b"\\" not in head[1]:
                return head[1][1:-1].decode()
            return SampleRecord.model_validate_json(line).id
        except ValidationError as error:
            raise self._broken(place, error) from error
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path}: line {self._number(place)}: {error}") from error

    def _line(self, place: int) -> bytes:
        assert self._file is not None  # noqa: S101 - whoever has a place has a file
        self._file.seek(place)
        return self._file.readline()

    def _replace(self, lines: Iterable[tuple[str, bytes]]) -> None:
        places: dict[str, int] = {}
        count = place = 0
        with replaced(self.path) as file:
            for sample, line in lines:
                file.write(line)
                places[sample] = place
                place += len(line)
                count += 1
            file.flush()
            reader = _reader_of(file)
        self._read_from(reader)
        self._found, self._lines, self._end, self._appended = places, count, place, False

    def _broken(self, place: int, error: ValidationError) -> InputError:
        return _broken(self.path, self._number(place), error)

    def _number(self, place: int) -> int:
        """The number of the line that begins at this place."""
        with self.path.open("rb") as file:
            return file.read(place).count(b"\n") + 1


def read_lines(path: Path, model: type[Line]) -> Iterator[Line]:
    """Yield the lines of a journal except an unfinished last one; nothing if there is no journal.

    Raises:
        InputError: A line is broken.
    """
    try:
        with opened(path) as file:
            for number, line in enumerate(file, start=1):
                if line.endswith(b"\n"):
                    yield _parsed(line, model, path, number)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _parsed(line: bytes, model: type[Line], path: Path, number: int) -> Line:
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        raise _broken(path, number, error) from error


def _broken(path: Path, number: int, error: ValidationError) -> InputError:
    return InputError(
        f"{path}: line {number}: {first_problem(error)}; delete the line to run its sample again"
    )


def _line_of(record: BaseModel) -> bytes:
    return record.model_dump_json().encode() + b"\n"


class JournalWriter:
    """Appends records to a journal file; use it as a context manager.

    ``tell`` gets a warning if half a line is dropped, which a killed process left behind.
    """

    def __init__(self, path: Path, tell: Tell) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        # Without a buffer: what the disk refuses must not be written by a later line.
        self._file: BinaryIO = path.open("a+b", buffering=0)
        self._end, dropped = _drop_unfinished_line(self._file)
        if dropped:
            tell(
                f"warning: {path}: its last line was unfinished and is dropped ({dropped:,} bytes, "
                "left by a killed process); what it was about is done again"
            )
        self._synced = time.monotonic()

    def append(self, record: BaseModel) -> None:
        """Write one record; from here on it survives the process.

        Raises:
            StorageError: The disk is full; the journal is as it was.
        """
        line, place = _line_of(record), self._end
        try:
            self._write(line)
            if time.monotonic() - self._synced >= _SYNC_EVERY_S:
                self._sync()
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(place)
            raise StorageError.of(self._path, error) from error
        self._end += len(line)

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            rest = rest[self._file.write(rest) :]

    def reader(self) -> BinaryIO:
        """Return a reader of the same file."""
        return _reader_of(self._file)

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
        with suppress(OSError):  # a line that the disk refused was reported when it was written
            self._sync()
        self._file.close()


class _Reader(RawIOBase):
    """Reads an open file whose writes are all at its end.

    The place in the file is shared with its writer, so it is set before each read.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._descriptor = os.dup(file.fileno())
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = self._place if whence == os.SEEK_CUR else 0
        if whence == os.SEEK_END:
            start = os.fstat(self._descriptor).st_size
        self._place = start + offset
        return self._place

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        os.lseek(self._descriptor, self._place, os.SEEK_SET)
        found = os.read(self._descriptor, len(view))
        view[: len(found)] = found
        self._place += len(found)
        return len(found)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def _reader_of(file: BinaryIO) -> BinaryIO:
    return BufferedReader(_Reader(file))


def _drop_unfinished_line(file: BinaryIO) -> tuple[int, int]:
    """Cut off what follows the last newline; return the length and how many bytes that were.

    Only the tail is read.
    """
    start = length = file.seek(0, os.SEEK_END)
    while start > 0:
        start = max(0, start - _TAIL)
        file.seek(start)
        end = file.read(_TAIL).rfind(b"\n")
        if end >= 0:
            start += end + 1
            break
    if start < length:  # else not even the time of the last change is touched
        file.truncate(start)
    return file.seek(0, os.SEEK_END), length - start
