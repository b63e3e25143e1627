"""``instit-bench export``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from instit_bench.cli.console import note


class Format(StrEnum):
    """Formats to write."""

    OFFICIAL = "official"


def export_command(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    to: Annotated[
        Format, typer.Option("--format", help="official: for the benchmarks' own evaluators.")
    ] = Format.OFFICIAL,
    output: Annotated[
        Path | None, typer.Option(help="The folder to write to (default: RUN/export).")
    ] = None,
) -> int:
    """Write a run's predictions in another program's format."""
    from instit_bench.runs.directory import RunDirectory
    from instit_bench.runs.export import export_official

    exporters = {Format.OFFICIAL: export_official}
    for task, path in exporters[to](RunDirectory(run), output or run / "export").items():
        note(f"{task}: {path}")
    return 0
