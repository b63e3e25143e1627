"""Comparisons and checks on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.style import Style
from rich.table import Table
from rich.text import Text

from instit_bench.comparison.cells import (
    COLUMNS,
    NOT_COMPARABLE,
    first_of,
    flip_counts,
    metric_cells,
    notes,
    run_title,
)
from instit_bench.comparison.check import CheckReport
from instit_bench.comparison.compare import RunComparison, TaskComparison
from instit_bench.comparison.flips import sample_address
from instit_bench.display import one_line


def comparison_view(
    comparison: RunComparison, flips: int | None, report_url: str | None = None
) -> RenderableType:
    """Return the table, its notes, and at most ``flips`` ids per group (``None``: all).

    ``report_url`` is the URL of B's report page: terminals that support it turn ids into links.
    """
    tables = [
        _flips(task, comparison, flips, report_url) for task in comparison.tasks if task.flips
    ]
    return Group(_metrics(comparison), *map(Text, notes(comparison)), *tables)


def check_view(report: CheckReport) -> Table:
    """Return every rule, its limit, and what was found."""
    title = escape(f"check of {run_title(report.run)}")
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    for column in ("rule", "limit", "result", "found"):
        table.add_column(column, overflow="fold")
    last = None
    for finding in report.findings:
        if finding.task != last:
            table.add_row(escape(one_line(finding.task)))
            last = finding.task
        texts = (finding.rule, finding.limit, finding.status, finding.text)
        rule, *others = (escape(one_line(text)) for text in texts)
        table.add_row(f"  {rule}", *others)
    return table


def _metrics(comparison: RunComparison) -> Table:
    title = f"B: {run_title(comparison.b)} against A: {run_title(comparison.a)}"
    table = _table(title, comparison)
    table.add_column("task, metric", no_wrap=True)
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "verdict" else "right")
    for task in comparison.tasks:
        if task.metrics:
            table.add_row(escape(one_line(task.task)))
        for found in task.metrics:
            table.add_row(escape(f"  {one_line(found.metric)}"), *metric_cells(found))
    return table


def _flips(
    task: TaskComparison, comparison: RunComparison, limit: int | None, report_url: str | None
) -> Table:
    table = _table(f"{one_line(task.task)}: {flip_counts(task)}", comparison)
    for column in ("kind of question", "right to wrong", "wrong to right"):
        table.add_column(column, overflow="fold")
    for group in task.flips:
        cells = (
            _ids(task.task, ids, limit, report_url) for ids in (group.to_wrong, group.to_right)
        )
        table.add_row(escape(one_line(group.kind)), *cells)
    return table


def _table(title: str, comparison: RunComparison) -> Table:
    """Return a table whose title says what speaks against the comparison."""
    lines = [title, *_warning(comparison)]
    return Table(title=escape("\n".join(lines)), title_justify="left", box=box.SIMPLE)


def _warning(comparison: RunComparison) -> Iterator[str]:
    for mismatch in comparison.mismatches:
        yield f"{NOT_COMPARABLE}: {mismatch}"


def _ids(task: str, ids: tuple[str, ...], limit: int | None, report_url: str | None) -> Text:
    if not ids:
        return Text("0")
    shown, others = first_of(ids, limit)
    named = [
        Text(
            one_line(id_), Style(link=sample_address(report_url, task, id_) if report_url else None)
        )
        for id_ in shown
    ]
    return Text.assemble(f"{len(ids)}: ", Text(", ").join(named), others)
