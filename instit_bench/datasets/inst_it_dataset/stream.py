"""The records of a large annotation file, of which only one is in memory at a time.

The files of the dataset are JSON lists of 100 to 700 MB. A large list is written once, record by
record, as JSON lines, from which any record can be read later. Masks are left out on the way: they
are the larger part of a file, and no caption needs them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from instit_bench.datasets.archive import content_digest
from instit_bench.datasets.lines import JsonLines, stored_lines
from instit_bench.datasets.record import Doc
from instit_bench.datasets.records import read_records
from instit_bench.errors import InputError, StorageError
from instit_bench.resources import home
from instit_bench.textfile import UTF8_MARK, is_utf8

MASKS = "segmentations"
"""The field of a record with its masks: ``segmentations[frame_name][mark]``, in COCO's RLE."""

_SMALL = 16 * 2**20  # bytes of a file that is read as a whole
_DEEPEST = 32  # levels of a record; those of the dataset have five
_OPENING, _CLOSING = ("start_map", "start_array"), ("end_map", "end_array")


def open_records(file: Path) -> Sequence[Doc]:
    """Return the records of an annotation file.

    Raises:
        InputError: The file cannot be read or is not a list of records.
        StorageError: A large file cannot be written again as lines, in the folder for data.
    """
    if (lines := stored_lines(file)) is not None:
        return lines
    try:
        if file.stat().st_size <= _SMALL:
            return read_records(file)
        return JsonLines(_as_lines(file, home() / "extracted"))
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error}") from error


def stream_records(file: Path, *, without: frozenset[str] = frozenset({MASKS})) -> Iterator[Doc]:
    """Yield the records of a JSON list one by one, without these of their fields.

    Raises:
        InputError: The file cannot be read, or is not a JSON list of objects.
    """
    import ijson

    try:
        with file.open("rb") as opened:
            beginning = opened.read(len(UTF8_MARK) + 1)
            if not beginning:
                raise InputError(f"{file}: the file is empty")
            if not is_utf8(beginning):
                raise InputError(f"{file}: is not text in UTF-8; save it as UTF-8")
            opened.seek(len(UTF8_MARK) if beginning.startswith(UTF8_MARK) else 0)
            yield from _built(_events(opened), file, without)
    except ijson.JSONError as error:
        raise InputError(
            f"{file}: is not valid JSON: {_first_line(error)}; if it was cut off, download it again"
        ) from error
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error}") from error


def _events(opened: IO[bytes]) -> Iterator[tuple[str, Any]]:
    import ijson

    events: Iterator[tuple[str, Any]] = ijson.basic_parse(opened, use_float=True)
    return events


def _built(events: Iterator[tuple[str, Any]], file: Path, without: frozenset[str]) -> Iterator[Doc]:
    """Build one record after the other; a field that is not wanted is never built."""
    from ijson.common import ObjectBuilder

    if next(events, ("", None))[0] != "start_array":
        raise InputError(f"{file}: must hold a JSON list of records, or one record per line")
    number, depth, builder = 0, 0, ObjectBuilder()
    for event, value in events:
        if depth == 0:
            if event == "end_array":
                continue  # what follows is an error of the parser
            number, builder = number + 1, ObjectBuilder()
            if event != "start_map":
                raise InputError(f"{file}: record {number}: is not a JSON object")
        elif depth == 1 and event == "map_key" and value in without:
            _skip(events)
            continue
        depth += (event in _OPENING) - (event in _CLOSING)
        if depth > _DEEPEST:
            raise InputError(f"{file}: record {number}: has more than {_DEEPEST} levels")
        builder.event(event, value)
        if depth == 0:
            yield builder.value


def _skip(events: Iterator[tuple[str, Any]]) -> None:
    """Pass over one value."""
    depth = 0
    for event, _ in events:
        depth += (event in _OPENING) - (event in _CLOSING)
        if depth == 0:
            return


def _as_lines(file: Path, folder: Path) -> Path:
    """Write a file's records as lines, once per content; return that file, which is complete.

    Raises:
        StorageError: The folder cannot be written.
    """
    from filelock import FileLock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{file.stem}-{content_digest(file, folder)[:16]}.jsonl"
        with FileLock(folder / f".{target.name}.lock"):
            if not target.is_file():
                part = target.with_name(f".{target.name}.part")
                with part.open("w", encoding="utf-8", newline="\n") as lines:
                    for record in stream_records(file):
                        lines.write(json.dumps(record, ensure_ascii=False) + "\n")
                part.rename(target)
    except OSError as error:
        raise StorageError.of(folder, error) from error
    return target


def _first_line(error: Exception) -> str:
    told = error.args[0] if error.args else ""
    text = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    return text.strip().partition("\n")[0].strip() or type(error).__name__
