"""Read records from files; and ``Dataset``, the value that readers return."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from instit_bench.datasets.hub_archive import HubArchive
from instit_bench.datasets.record import Doc
from instit_bench.errors import InputError
from instit_bench.textfile import UTF8_MARK, decoded, is_utf8, not_empty

_MOST_DIGITS = 4000  # Python refuses to convert more than 4300
_MOST_OF_A_FIELD = 2**31 - 1  # characters of a CSV field: images are stored there as base64
_FIELD_SIZE = Lock()
_ROWS_AT_ONCE = 4  # of Parquet: a row may contain an image


@dataclass(frozen=True)
class Dataset:
    """The records of one task and where they came from.

    ``media_root`` is the folder that relative media paths in the records start from; ``revision``
    is the resolved hub commit, if any. ``generated`` has the digests of the tool catalogues from
    which items were generated; the benchmark's own come from none. ``missing_media`` says what to
    do if the records are there, but no images or videos at all; ``archive`` is what they were
    unpacked from, if it is the hub's.
    """

    docs: Sequence[Doc]
    files: tuple[Path, ...]
    media_root: Path
    revision: str | None = None
    generated: tuple[str, ...] = ()
    missing_media: str | None = None
    archive: HubArchive | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over all records; image bytes count by their own SHA-256."""
        total = DataDigest()
        for doc in self.docs:
            total.add(doc)
        return total.hexdigest()


class DataDigest:
    """The digest of a dataset whose records are seen one by one."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def add(self, doc: Doc) -> None:
        """Add the next record."""
        self._sha256.update(_SORTED.encode(doc).encode() + b"\n")

    def hexdigest(self) -> str:
        """Return the SHA-256 of what was added."""
        return self._sha256.hexdigest()


class LeftOut(bytes):
    """Bytes that were left in their file: empty, with the SHA-256 of the original."""

    sha256: str

    @classmethod
    def of(cls, data: bytes) -> LeftOut:
        """Return the placeholder for ``data``."""
        left = cls()
        left.sha256 = hashlib.sha256(data).hexdigest()
        return left


def _digest_of_bytes(value: object) -> str:
    if isinstance(value, LeftOut):
        return value.sha256
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else str(value)


_SORTED = json.JSONEncoder(sort_keys=True, default=_digest_of_bytes)


def read_records(path: Path, *, lists_as: str | None = None) -> list[dict[str, Any]]:
    """Read the records of a JSON list, JSONL, CSV, TSV or Parquet file.

    Raises:
        InputError: The file is missing or not valid; the message names file and line.
    """
    return list(iter_records(path, lists_as=lists_as))


def iter_records(path: Path, *, lists_as: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield the records one by one; of a Parquet file only a few are in memory at a time.

    A record that is a list, in JSON, is refused, or becomes one with the field ``lists_as``.

    Raises:
        InputError: As for ``read_records``, at the latest when the broken record is reached.
    """
    try:
        match path.suffix.lower():
            case ".parquet":
                yield from _read_parquet(path)
            case ".csv" | ".tsv" | ".tab":
                yield from _read_table(path)
            case _:
                yield from _read_json(path, lists_as)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _read_json(path: Path, lists_as: str | None) -> list[dict[str, Any]]:
    """Read a list of records or one record per line, whichever the file name promises."""
    text = decoded(path.read_bytes(), path)
    lines = text.lstrip()[:1] != "[" and path.suffix.lower() == ".jsonl"
    if not lines:
        try:
            records = json.loads(not_empty(text, path), parse_int=_integer)
        except json.JSONDecodeError as error:
            begins = "{[" if lists_as else "{"
            lines = error.msg == "Extra data" and text.lstrip()[0] in begins
            if not lines:
                raise InputError(f"{path}: is not valid JSON: {error}") from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: is not valid JSON: {error}") from error
    if lines:
        return _read_lines(path, text, lists_as)
    if not isinstance(records, list):
        raise InputError(f"{path}: must hold a JSON list of records, or one record per line")
    if lists_as:
        records = [{lists_as: item} if isinstance(item, list) else item for item in records]
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise InputError(f"{path}: record {number}: is not a JSON object")
    return records


def _read_lines(path: Path, text: str, lists_as: str | None) -> list[dict[str, Any]]:
    records = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            records.append(parsed_line(line, lists_as))
        except ValueError as error:
            raise InputError(f"{path}: line {number}: {error}") from error
    return records


def parsed_line(line: str, lists_as: str | None = None) -> dict[str, Any]:
    """Return the record in a line; ``lists_as`` as for ``iter_records``.

    Raises:
        ValueError: It is not a JSON object.
    """
    try:
        record = _OF_A_LINE.decode(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not valid JSON: {error}") from error
    if lists_as and isinstance(record, list):
        return {lists_as: record}
    if not isinstance(record, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004 - the file's fault
    return record


def is_plain_utf8(beginning: bytes) -> bool:
    """Whether a file with this beginning is read as lines of UTF-8, and not as one JSON list."""
    text = beginning.removeprefix(UTF8_MARK).lstrip()
    return is_utf8(beginning) and text[:1] not in (b"", b"[")


def _integer(digits: str) -> int | str:
    """Keep a number with too many digits for Python as text, so the error names its field."""
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


_OF_A_LINE = json.JSONDecoder(parse_int=_integer)


def _read_table(path: Path) -> Iterator[dict[str, Any]]:
    """Read CSV with commas, semicolons or tabs, as in its first line."""
    lines = io.StringIO(decoded(path.read_bytes(), path), newline="")
    first = lines.readline()
    if named := re.fullmatch(r"sep=([,;\t])\s*", first):  # Excel's own first line
        delimiter = named[1]
    else:
        delimiter = max(",;\t", key=first.count)
        lines.seek(0)
    reader = csv.DictReader(lines, strict=True, delimiter=delimiter)
    try:
        with _any_field_size():
            names = reader.fieldnames or ()
        for name in names:
            if name and names.count(name) > 1:
                raise InputError(f"{path}: column {name!r} occurs twice; keep one of them")
        while row := _next_row(reader):
            if None in row or None in row.values():
                raise InputError(
                    f"{path}: line {reader.line_num}: does not have the {len(names)} columns of "
                    "the first line; quote fields that contain the delimiter or a line break"
                )
            yield row
    except csv.Error as error:
        line = reader.line_num
        raise InputError(f"{path}: near line {line}: is not valid CSV: {error}") from error


def _next_row(reader: csv.DictReader[str]) -> dict[str, Any] | None:
    with _any_field_size():
        return next(reader, None)


@contextmanager
def _any_field_size() -> Iterator[None]:
    """Lift the limit on a field's size, which the whole process shares, for the time of a read."""
    with _FIELD_SIZE:
        before = csv.field_size_limit(_MOST_OF_A_FIELD)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow
    import pyarrow.parquet

    try:
        # Read one file unchanged; read_table would add columns from folders named ``key=value``.
        with pyarrow.parquet.ParquetFile(path, buffer_size=2**20, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, use_threads=False):
                yield from batch.to_pylist()
    except (pyarrow.ArrowException, ValueError, OverflowError) as error:
        raise InputError(f"{path}: is not valid Parquet: {error}") from error


def count_records(path: Path) -> int:
    """Count a file's records; a Parquet file is not read for that.

    Raises:
        InputError: As for ``read_records``.
    """
    if path.suffix.lower() != ".parquet":
        return sum(1 for _ in iter_records(path))
    import pyarrow
    import pyarrow.parquet

    try:
        return int(pyarrow.parquet.read_metadata(path).num_rows)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path}: is not valid Parquet: {error}") from error
