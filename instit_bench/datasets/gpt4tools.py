"""GPT4Tools: a JSON list of ``instruction, input, output, id`` per split.

The training data have the same columns without ``id``, or conversations (``training``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from instit_bench.datasets.layout import (
    GPT4TOOLS_FILES,
    GPT4TOOLS_FOLDERS,
    GPT4TOOLS_TRAINING,
    gpt4tools_file,
    gpt4tools_training_files,
)
from instit_bench.datasets.record import Doc, Record
from instit_bench.datasets.records import Dataset, read_records
from instit_bench.datasets.source import DataSource
from instit_bench.datasets.training import CONVERSATION, as_item
from instit_bench.errors import InputError, MissingDataError

TRAINING = "train"
_TRAINING_DRIVE_ID = "1JKIT-Or1of7TJuWvmrJpPoOx0cLdcWry"


def read_gpt4tools(split: str, source: DataSource) -> Dataset:
    """Read the records of the split ``seen`` or ``unseen``, or the training data (``train``).

    Raises:
        InputError: The file is missing, or a record is broken.
    """
    if split == TRAINING:
        return _read_training(source)
    if split not in GPT4TOOLS_FILES:
        raise InputError(f"GPT4Tools has no split {split!r}; it has seen, unseen and train")
    file = source.file or gpt4tools_file(split, source.folders(GPT4TOOLS_FOLDERS))
    if file is None and source.kind == "hub":
        from instit_bench.datasets.drive import fetch_gpt4tools

        file = fetch_gpt4tools(split, source.root / "gpt4tools")
    if file is None:
        raise MissingDataError(
            f"{source.root}: GPT4Tools split {split!r} not found; expected "
            f"gpt4tools/{GPT4TOOLS_FILES[split][0]}"
        )
    return _dataset((file,), read_records(file), str(file))


def _read_training(source: DataSource) -> Dataset:
    folders = source.folders(GPT4TOOLS_FOLDERS)
    files = (source.file,) if source.file else gpt4tools_training_files(folders)
    if not files:
        raise MissingDataError(
            f"{source.root}: GPT4Tools training data not found; put {GPT4TOOLS_TRAINING[0][0]} "
            f"(229 MB, Google Drive id {_TRAINING_DRIVE_ID}) into gpt4tools/, or name a file with "
            "--data"
        )
    records = [
        as_item(Record(fields, f"{file}: record {number}"))
        for file in files
        for number, fields in enumerate(read_records(file, lists_as=CONVERSATION), start=1)
    ]
    place = str(files[0]) if len(files) == 1 else f"{files[0].parent}"
    return _dataset(files, records, place)


def _dataset(files: tuple[Path, ...], records: Sequence[Doc], place: str) -> Dataset:
    docs = tuple(_checked(records, place))
    return Dataset(docs, files, files[0].parent, generated=_catalogues(records))


def _checked(records: Sequence[Doc], place: str) -> Iterator[Doc]:
    # The training form has no ids; number it from 0, like the splits.
    has_ids = any("id" in record for record in records)
    for number, fields in enumerate(records, start=1):
        record = Record(fields, f"{place}: record {number}")
        name = record.identity("id") if has_ids else number - 1
        record = record.known_as(f"id {name}")
        yield {
            "id": name,
            "instruction": record.text("instruction"),
            "output": record.text("output"),
        }


def _catalogues(records: Iterable[Doc]) -> tuple[str, ...]:
    """Return the digests of the catalogues that ``generate`` noted in its items."""
    origins: Iterator[Any] = (record.get("provenance") for record in records)
    digests = (origin.get("catalogue") for origin in origins if isinstance(origin, dict))
    return tuple(sorted({digest for digest in digests if isinstance(digest, str)}))
