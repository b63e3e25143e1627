"""``instit-bench export``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from instit_bench.cli.complete import run_folders
from instit_bench.cli.console import note


class Format(StrEnum):
    """Formats to write."""

    OFFICIAL = "official"
    LMMS_EVAL = "lmms-eval"
    INSPECT = "inspect"


FORMATS = (
    "official: for the benchmarks' own evaluators; lmms-eval: its results and sample logs; "
    "inspect: logs for the Inspect viewer (needs the inspect extra)."
)


def export_command(
    run: Annotated[Path, typer.Argument(help="Run folder.", autocompletion=run_folders)],
    to: Annotated[Format, typer.Option("--format", help=FORMATS)] = Format.OFFICIAL,
    output: Annotated[
        Path | None,
        typer.Option(help="Output folder (default: RUN/export, or RUN/export/FORMAT)."),
    ] = None,
    include_path: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="<path>", help="lmms-eval: folder with additional task plugins; repeatable."
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="lmms-eval: data of a run on a subset (hub, demo, or a path)."),
    ] = None,
) -> int:
    """Write a run in another program's format."""
    from instit_bench.formats.export import export_run

    for name, path in export_run(run, to, output, include_path or (), data).items():
        note(f"{name}: {path}")
    return 0
