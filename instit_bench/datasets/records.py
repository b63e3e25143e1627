"""Reading records from files, and the dataset value that readers return."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from instit_bench.errors import InputError

Doc = Mapping[str, Any]


@dataclass(frozen=True)
class Dataset:
    """The records of one task and where they came from.

    ``media_root`` is the folder that relative media paths in the records start from; ``revision``
    the resolved hub commit, where there is one.
    """

    docs: Sequence[Doc]
    files: tuple[Path, ...]
    media_root: Path
    revision: str | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over all records; picture bytes count by their own SHA-256."""
        total = hashlib.sha256()
        for doc in self.docs:
            total.update(json.dumps(doc, sort_keys=True, default=_digest_of_bytes).encode())
            total.update(b"\n")
        return total.hexdigest()


def _digest_of_bytes(value: object) -> str:
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else str(value)


def read_records(path: Path) -> list[dict[str, Any]]:
    """The records of a JSON list, JSONL, CSV or parquet file.

    Raises:
        InputError: The file is missing or not of its kind; the message names file and line.
    """
    try:
        match path.suffix.lower():
            case ".parquet":
                return _read_parquet(path)
            case ".jsonl":
                return _read_jsonl(path)
            case ".csv":
                return _read_csv(path)
            case _:
                return _read_json(path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _read_json(path: Path) -> list[dict[str, Any]]:
    try:
        records = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not valid JSON: {error}") from error
    if not isinstance(records, list):
        raise InputError(f"{path}: must hold a JSON list of records")
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise InputError(f"{path}: record {number}: is no JSON object")
    return records


def _read_jsonl(path: Path) -> list[dict[str, Any]]:
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: line {number}: is not valid JSON: {error}") from error
        if not isinstance(record, dict):
            raise InputError(f"{path}: line {number}: is no JSON object")
        records.append(record)
    return records


def _read_csv(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            names = reader.fieldnames or ()
            records = []
            for row in reader:
                if None in row or None in row.values():
                    raise InputError(
                        f"{path}: line {reader.line_num}: has not the {len(names)} columns of the "
                        "first line"
                    )
                records.append(row)
        except csv.Error as error:
            line = reader.line_num
            raise InputError(f"{path}: near line {line}: is not valid CSV: {error}") from error
    return records


def _read_parquet(path: Path) -> list[dict[str, Any]]:
    import pyarrow
    import pyarrow.parquet

    try:
        # One file as it is; read_table would add columns from folders named ``key=value``.
        with pyarrow.parquet.ParquetFile(path) as file:
            rows: list[dict[str, Any]] = file.read().to_pylist()
    except (pyarrow.ArrowException, ValueError, OverflowError) as error:
        raise InputError(f"{path}: is not valid parquet: {error}") from error
    return rows


def count_records(path: Path) -> int:
    """How many records a file holds; a parquet file tells without being read.

    Raises:
        InputError: As for ``read_records``.
    """
    if path.suffix.lower() != ".parquet":
        return len(read_records(path))
    import pyarrow
    import pyarrow.parquet

    try:
        return int(pyarrow.parquet.read_metadata(path).num_rows)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path}: is not valid parquet: {error}") from error


def text_field(record: Doc, name: str, where: str, *, may_be_empty: bool = False) -> str:
    """A record's text field; ``where`` names file and record for the error.

    Raises:
        InputError: The field is missing, empty or no text.
    """
    value = record.get(name)
    if isinstance(value, str) and (value or may_be_empty):
        if not _is_text(value):
            raise InputError(f"{where}: field '{name}' holds half a character (a lone surrogate)")
        return value
    found = "is missing" if value is None else f"must be text, found {value!r}"
    raise InputError(f"{where}: field '{name}' {found}")


def _is_text(value: str) -> bool:
    """Whether it can be sent and stored; JSON can spell half of a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def relative_path(value: str, where: str) -> str:
    """A path from a record or an archive, with forward slashes, refused if it is no safe one.

    Raises:
        InputError: The path is absolute, climbs out of its folder or names no file.
    """
    path = PurePosixPath(value.replace("\\", "/"))
    if not path.parts or "\0" in value:
        raise InputError(f"{where}: path {value!r} names no file; refused")
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise InputError(f"{where}: path {value!r} leaves the data folder; refused")
    return str(path)
