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
    published: Annotated[bool, typer.Option("--published", help="Add published rows.")] = False,
    csv: Annotated[Path | None, typer.Option(help="Write a CSV file, full precision.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a Markdown table.")] = None,
) -> int:
    """One row a model, from finished runs."""
    from instit_bench.cli.console import stdout
    from instit_bench.errors import InputError
    from instit_bench.leaderboard.rows import published_rows, row_of
    from instit_bench.leaderboard.show import board_markdown, board_table, explained_marks
    from instit_bench.leaderboard.table import frame
    from instit_bench.runs.atomic import write_atomically
    from instit_bench.runs.results import load_results

    rows = published_rows() if published else []
    for path in runs or ([] if published else _all_runs()):
        rows.append(row_of(load_results(path), source=str(path)))
    if not rows:
        raise InputError("no runs under results/; name run folders, or add --published")
    console = stdout()
    console.print(board_table(rows, console.width))
    for line in explained_marks(rows):
        console.print(line)
    if csv:
        write_atomically(csv, frame(rows).to_csv(index=False))
        note(f"csv: {csv}")
    if markdown:
        write_atomically(markdown, board_markdown(rows))
        note(f"markdown: {markdown}")
    return 0


def _all_runs() -> list[Path]:
    return sorted(path.parent for path in Path("results").glob("*/manifest.json"))
