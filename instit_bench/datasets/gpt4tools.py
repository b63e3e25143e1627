"""GPT4Tools: a JSON list of ``instruction, input, output, id`` a split."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from instit_bench.datasets.layout import GPT4TOOLS_FILES, GPT4TOOLS_FOLDERS, gpt4tools_file
from instit_bench.datasets.records import Dataset, Doc, read_records, text_field
from instit_bench.datasets.source import DataSource
from instit_bench.errors import InputError, MissingDataError


def read_gpt4tools(split: str, source: DataSource) -> Dataset:
    """The records of the split ``seen`` or ``unseen``.

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
            f"{source.root}: holds no GPT4Tools split {split!r}; expected "
            f"gpt4tools/{GPT4TOOLS_FILES[split][0]}"
        )
    docs = tuple(_checked(file))
    return Dataset(docs, (file,), file.parent)


def _checked(file: Path) -> Iterator[Doc]:
    for number, record in enumerate(read_records(file), start=1):
        where = f"{file}: record {number}"
        identity = record.get("id")
        if not isinstance(identity, int | str) or isinstance(identity, bool) or identity == "":
            raise InputError(f"{where}: field 'id' must be a number or text, found {identity!r}")
        where = f"{where} (id {identity})"
        yield {
            "id": identity,
            "instruction": text_field(record, "instruction", where),
            "output": text_field(record, "output", where),
        }
