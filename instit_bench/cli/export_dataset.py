"""``instit-bench export-dataset``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from instit_bench.cli.console import note
from instit_bench.cli.data import DATA, REVISION, Kind


class Format(StrEnum):
    """Formats to write."""

    LLAVA = "llava"


def export_dataset_command(
    data: Annotated[str, DATA] = "hub",
    revision: Annotated[str, REVISION] = "main",
    split: Annotated[
        Kind | None, typer.Option(help="Only videos or only images (default: what is there).")
    ] = None,
    to: Annotated[Format, typer.Option("--format", help="Format to write.")] = Format.LLAVA,
    output: Annotated[
        Path, typer.Option(help="File to write: .jsonl for lines, .json for a list.")
    ] = Path("inst_it_dataset_llava.jsonl"),
) -> int:
    """Write the Inst-IT Dataset as training conversations; its media are not needed."""
    from instit_bench.datasets.inst_it_dataset.reader import read_annotations
    from instit_bench.datasets.source import open_source
    from instit_bench.errors import MissingDataError
    from instit_bench.formats.llava import write_llava

    assert to is Format.LLAVA  # noqa: S101 - the only one
    source = open_source(data, revision, offline=True)
    parts = []
    for kind in [split] if split else [Kind.VIDEO, Kind.IMAGE]:
        try:
            parts.append(read_annotations(kind.value, source))
        except MissingDataError as error:
            if split or (kind is Kind.IMAGE and not parts):
                raise
            note(f"{kind} conversations are left out: {error}")
    counts = write_llava(parts, output)
    turns = counts.pop("turns")
    for name, count in counts.items():
        note(f"{name}: {count:,}")
    note(f"{output}: {_total(counts):,} conversations, {turns:,} turns")
    return 0


def _total(counts: dict[str, int]) -> int:
    return sum(count for name, count in counts.items() if " " not in name)
