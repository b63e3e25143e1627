"""GPT4Tools: a JSON list of ``instruction, input, output, id`` per split."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from instit_bench.datasets.layout import GPT4TOOLS_FILES, GPT4TOOLS_FOLDERS, gpt4tools_file
from instit_bench.datasets.record import Doc, Record
from instit_bench.datasets.records import Dataset, read_records
from instit_bench.datasets.source import DataSource
from instit_bench.errors import InputError, MissingDataError


def read_gpt4tools(split: str, source: DataSource) -> Dataset:
    """Read the records of the split ``seen`` or ``unseen``.

    Raises:
        InputError: The file is missing, or a record is broken.
    """
    if split not in GPT4TOOLS_FILES:
        raise InputError(f"GPT4Tools has no split {split!r}; it has seen and unseen")
    file = source.file or gpt4tools_file(split, source.folders(GPT4TOOLS_FOLDERS))
    if file is None and source.kind == "hub":
        from instit_bench.datasets.drive import fetch_gpt4tools

        file = fetch_gpt4tools(split, source.root / "gpt4tools")
    if file is None:
        raise MissingDataError(
            f"{source.root}: GPT4Tools split {split!r} not found; expected "
            f"gpt4tools/{GPT4TOOLS_FILES[split][0]}"
        )
    docs = tuple(_checked(file))
    return Dataset(docs, (file,), file.parent)


def _checked(file: Path) -> Iterator[Doc]:
    records = read_records(file)
    # The training form has no ids; number it from 0, like the splits.
    has_ids = any("id" in record for record in records)
    for number, fields in enumerate(records, start=1):
        record = Record(fields, f"{file}: record {number}")
        name = record.identity("id") if has_ids else number - 1
        record = record.known_as(f"id {name}")
        yield {
            "id": name,
            "instruction": record.text("instruction"),
            "output": record.text("output"),
        }
