"""``instit-bench report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instit_bench.cli.complete import run_folders
from instit_bench.cli.console import note


def report_command(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="runs...", help="Run folders.", autocompletion=run_folders),
    ],
    output: Annotated[
        Path | None, typer.Option(help="Output page (default: report.html in the first run).")
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(help="Run that the others are compared with at first (default: the first)."),
    ] = None,
    media: Annotated[
        bool, typer.Option("--media/--no-media", help="Write thumbnails next to the page.")
    ] = True,
) -> int:
    """Write an HTML page about one or more runs: metrics, plots and every sample."""
    from instit_bench.report.report_page import write_report
    from instit_bench.runs.directory import runs_among

    report = write_report(runs_among(runs, note), output, media=media, baseline=baseline)
    note(f"report: {report.path} ({report.n_samples} samples, {report.n_images} images)")
    return 0
