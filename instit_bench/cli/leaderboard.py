"""``instit-bench leaderboard``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instit_bench.cli.console import note


def leaderboard_command(
    runs: Annotated[
        list[Path] | None, typer.Argument(help="Run folders (default: all under results/).")
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Include published results.")
    ] = False,
    csv: Annotated[Path | None, typer.Option(help="Write a CSV file with full precision.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a Markdown table.")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a self-contained page with sorting and filters.")
    ] = None,
) -> int:
    """Show one row per model, from finished runs."""
    from instit_bench.cli.console import stdout
    from instit_bench.display import path_text
    from instit_bench.errors import InputError
    from instit_bench.leaderboard.rows import published_rows, row_of
    from instit_bench.leaderboard.show import board, board_markdown, explained_marks
    from instit_bench.leaderboard.table import csv_text
    from instit_bench.report.leaderboard_page import leaderboard_page
    from instit_bench.runs.atomic import write_atomically
    from instit_bench.runs.directory import runs_among
    from instit_bench.runs.loaded import load_results

    rows = published_rows() if published else []
    for path in runs_among(runs or [], note) or ([] if published else _all_runs()):
        rows.append(row_of(load_results(path), path_text(path)))
    if not rows:
        raise InputError("no runs under results/; name run folders, or add --published")
    console = stdout()
    console.print(board(rows, console.width))
    for line in explained_marks(rows):
        console.print(line)
    for kind, target, text_of in (
        ("csv", csv, csv_text),
        ("markdown", markdown, board_markdown),
        ("html", html, leaderboard_page),
    ):
        if target:
            write_atomically(target, text_of(rows))
            note(f"{kind}: {target}")
    return 0


def _all_runs() -> list[Path]:
    return sorted(path.parent for path in Path("results").glob("*/manifest.json"))
