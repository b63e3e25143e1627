"""The files of generated items: items, dropped lines, catalogue and a description of the whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from instit_bench._version import __version__
from instit_bench.datasets.layout import GPT4TOOLS_FILES
from instit_bench.errors import InputError
from instit_bench.generation.catalogue import Catalogue, read_catalogue
from instit_bench.generation.conversation import Item, messages, render
from instit_bench.generation.lines import Dropped
from instit_bench.generation.report import Table, as_html, as_markdown
from instit_bench.runs.atomic import replaced, write_atomically
from instit_bench.runs.journal import read_lines

ITEMS, DROPPED, CATALOGUE = "items.jsonl", "dropped.jsonl", "catalogue.yaml"
ABOUT = "generation.json"
SPLIT_FILES = {
    "train": "gpt4tools_train.json",
    **{split: names[0] for split, names in GPT4TOOLS_FILES.items()},
}


class StoredItem(Item):
    """A line of ``items.jsonl``: an item with its texts, which are those of a split's record."""

    instruction: str
    input: str = ""
    output: str


def has_items(folder: Path) -> bool:
    """Whether a folder has items of an earlier command, which ``write_items`` would replace."""
    return (folder / ITEMS).exists()


def write_items(
    folder: Path,
    items: Iterable[Item],
    dropped: Iterable[Dropped],
    catalogue: Catalogue,
) -> None:
    """Write items, dropped lines and the catalogue; equal items give equal bytes.

    Raises:
        StorageError: A file cannot be written.
    """
    with replaced(folder / ITEMS) as file:
        for item in items:
            line = {**_record(item, catalogue), "conversation": item.conversation.model_dump()}
            file.write(_line(line))
    with replaced(folder / DROPPED) as file:
        for one in dropped:
            file.write(_line(asdict(one)))
    write_atomically(folder / CATALOGUE, catalogue.as_yaml())


def read_items(folder: Path) -> tuple[list[Item], Catalogue]:
    """Read what ``generate items`` wrote.

    Raises:
        InputError: A file is missing or broken, or the catalogue is not that of the items.
    """
    folder = folder.parent if folder.name == ITEMS else folder
    if not (folder / ITEMS).is_file():
        raise InputError(f"{folder / ITEMS}: no such file; name a folder that generate items wrote")
    catalogue = read_catalogue([str(folder / CATALOGUE)])
    items = [
        Item(id=one.id, conversation=one.conversation, provenance=one.provenance)
        for one in read_lines(folder / ITEMS, StoredItem)
    ]
    if not items:
        raise InputError(f"{folder / ITEMS}: contains no items")
    for number, item in enumerate(items, start=1):
        if item.provenance.catalogue != catalogue.digest:
            raise InputError(
                f"{folder / ITEMS}: line {number}: its item is from another catalogue than "
                f"{CATALOGUE}; make the items again"
            )
    return items, catalogue


def splits_in(folder: Path) -> list[Path]:
    """Return the files of splits in a folder, which ``write_splits`` would replace."""
    paths = (folder / "gpt4tools" / name for name in SPLIT_FILES.values())
    return [path for path in paths if path.exists()]


def write_splits(
    folder: Path,
    splits: Mapping[str, Sequence[Item]],
    catalogue: Catalogue,
    *,
    as_messages: bool = False,
) -> dict[str, Path]:
    """Write splits in the benchmark's form, and return the file of each that has items.

    ``as_messages`` writes the training split as conversations. Files of splits that were made
    before and are empty now are removed.

    Raises:
        InputError: The folder has files of these names that were not generated, or items.
        StorageError: A file cannot be written.
    """
    paths = {split: folder / "gpt4tools" / SPLIT_FILES[split] for split in splits}
    existing = splits_in(folder)
    if has_items(folder):  # its catalogue is that of the items
        raise InputError(f"{folder}: is a folder of items; choose another --output")
    if existing and not (folder / ABOUT).is_file():
        raise InputError(
            f"{existing[0]}: was not made by generate splits (the folder has no {ABOUT}); choose "
            "another --output"
        )
    for split, path in paths.items():
        if splits[split]:
            make = _conversation if as_messages and split == "train" else _record
            _write_split(path, (make(item, catalogue) for item in splits[split]))
        else:
            path.unlink(missing_ok=True)
    write_atomically(folder / CATALOGUE, catalogue.as_yaml())
    return {split: path for split, path in paths.items() if splits[split]}


def _write_split(path: Path, records: Iterable[dict[str, Any]]) -> None:
    with replaced(path) as file:
        for number, record in enumerate(records):
            file.write((b",\n" if number else b"[\n") + _line(record).rstrip())
        file.write(b"\n]\n")


def describe(folder: Path, title: str, about: dict[str, Any], tables: Sequence[Table]) -> None:
    """Write ``generation.json`` and the report, in Markdown and HTML.

    Raises:
        StorageError: A file cannot be written.
    """
    about = {"made_by": f"instit-bench {__version__}", **about}
    write_atomically(folder / ABOUT, json.dumps(about, indent=2, ensure_ascii=False) + "\n")
    write_atomically(folder / "report.md", as_markdown(title, tables))
    write_atomically(folder / "report.html", as_html(title, tables))


def _record(item: Item, catalogue: Catalogue) -> dict[str, Any]:
    texts = render(item, catalogue)
    origin = item.provenance.model_dump(exclude_none=True, exclude_defaults=True)
    return {
        "id": item.id,
        "instruction": texts.instruction,
        "input": "",
        "output": texts.output,
        "provenance": {**origin, "seed": item.provenance.seed},
    }


def _conversation(item: Item, catalogue: Catalogue) -> dict[str, Any]:
    record = _record(item, catalogue)
    told = {"messages": messages(item, catalogue), "provenance": record["provenance"]}
    return {"id": item.id, **told}


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
