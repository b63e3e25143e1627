"""List what a data source contains, without downloading anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from instit_bench.datasets.inst_it_dataset.hub import cached
from instit_bench.datasets.inst_it_dataset.stream import open_records
from instit_bench.datasets.layout import (
    GPT4TOOLS_FILES,
    GPT4TOOLS_FOLDERS,
    INST_IT_DATASET_FILES,
    INST_IT_DATASET_FOLDERS,
    INST_IT_FOLDERS,
    INST_IT_JSON,
    gpt4tools_file,
    inst_it_dataset_file,
    inst_it_files,
)
from instit_bench.datasets.records import count_records
from instit_bench.datasets.source import DataSource
from instit_bench.errors import InputError

_MISSING = "missing"


@dataclass(frozen=True, slots=True)
class InventoryLine:
    """One config, split or prompt file: how many records, and where they are."""

    name: str
    records: int | None
    location: str


def inventory(source: DataSource) -> Iterator[InventoryLine]:
    """The parts of the benchmarks and of their training data, found or missing."""
    for config in INST_IT_JSON:
        yield _line(f"inst_it_bench {config}", _located(config, source))
    for kind in INST_IT_DATASET_FILES:
        yield _line(f"inst_it_dataset {kind}s", _annotations(kind, source), _count_annotations)
    for split in GPT4TOOLS_FILES:
        file = gpt4tools_file(split, source.folders(GPT4TOOLS_FOLDERS))
        yield _line(f"gpt4tools {split}", (file,) if file else ())
    prompts = source.prompts_file()
    yield InventoryLine("official prompts", None, str(prompts) if prompts else _MISSING)


def _located(config: str, source: DataSource) -> tuple[Path, ...]:
    if source.kind == "hub":
        from instit_bench.datasets.hub import cached_snapshot

        snapshot = cached_snapshot(config, source.revision)
        return inst_it_files(config, snapshot) if snapshot else ()
    folders = source.folders(INST_IT_FOLDERS)
    return next((files for folder in folders if (files := inst_it_files(config, folder))), ())


def _annotations(kind: str, source: DataSource) -> tuple[Path, ...]:
    folders = source.folders(INST_IT_DATASET_FOLDERS)
    if source.kind == "hub" and (snapshot := cached(kind, source.revision)):
        folders = iter((snapshot,))
    files = (inst_it_dataset_file(kind, folder) for folder in folders)
    return next(((file,) for file in files if file), ())


def _count_annotations(file: Path) -> int:
    return len(open_records(file))


def _line(
    name: str, files: tuple[Path, ...], counted: Callable[[Path], int] = count_records
) -> InventoryLine:
    if not files:
        return InventoryLine(name, None, _MISSING)
    try:
        count = sum(counted(file) for file in files)
    except InputError as error:
        return InventoryLine(name, None, f"broken: {error}")
    return InventoryLine(name, count, ", ".join(str(file) for file in files))
