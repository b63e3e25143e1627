"""``instit-bench leaderboard``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instit_bench.cli.console import note
from instit_bench.validation import names_in

if TYPE_CHECKING:
    from instit_bench.leaderboard.rows import Row


def leaderboard_command(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="runs...", help="Runs, or folders of runs (default: all under results/)."
        ),
    ] = None,
    published: Annotated[bool, typer.Option("--published", help="Add published results.")] = False,
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            help="Only these tasks and groups, comma-separated, such as 'inst_it_*'; repeatable."
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(help="Best first in a column (its name, title or task), mean, or model."),
    ] = None,
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
    from instit_bench.leaderboard.select import in_order, with_tasks
    from instit_bench.leaderboard.show import (
        board,
        board_markdown,
        explained_marks,
        judge_notes,
    )
    from instit_bench.leaderboard.table import csv_text
    from instit_bench.report.leaderboard_page import leaderboard_page, report_links
    from instit_bench.runs.atomic import write_atomically
    from instit_bench.runs.directory import runs_among, runs_in
    from instit_bench.runs.loaded import load_results

    rows = published_rows() if published else []
    for path in runs_among(runs, note) if runs else runs_in(Path("results")):
        rows.append(row_of(load_results(path), path_text(path)))
    if not rows:
        raise InputError("no runs under results/; name run folders, or add --published")
    if tasks:
        rows = with_tasks(rows, _without_groups(names_in(tasks), rows))
    if sort:
        rows = in_order(rows, sort)
    console = stdout()
    console.print(board(rows, console.width))
    for line in (*explained_marks(rows), *judge_notes(rows)):
        console.print(line, markup=False)
    for kind, target, text_of in (
        ("csv", csv, csv_text),
        ("markdown", markdown, board_markdown),
        ("html", html, lambda rows: leaderboard_page(rows, report_links(rows, html or Path()))),
    ):
        if target:
            write_atomically(target, text_of(rows))
            note(f"{kind}: {target}")
    return 0


def _without_groups(names: list[str], rows: list[Row]) -> list[str]:
    """The names, with a group's tasks that have a column in its place."""
    from instit_bench.leaderboard.rows import columns_of
    from instit_bench.tasks.registry import load_registry

    registry = load_registry()
    held = {column.task for column in columns_of(rows).values()}
    found: list[str] = []
    for name in names:
        group = registry.resolve([name]) if name in registry.groups else []
        found += [task.name for task in group if task.name in held] or [name]
    return found
