"""Comparisons and checks in Markdown, for pull requests and step summaries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

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
from instit_bench.display import markdown_table, markdown_text

_MARKS = {"passed": "passed", "regression": "**regression**", "undecided": "**undecided**"}


def comparison_markdown(
    comparison: RunComparison, flips: int | None, report_url: str | None = None
) -> str:
    """Return a section: the table, its notes, and at most ``flips`` ids per group (or all).

    ``report_url`` is the URL of B's report page, for links to samples.
    """
    a, b = markdown_text(run_title(comparison.a)), markdown_text(run_title(comparison.b))
    rows = [
        [markdown_text(task.task), markdown_text(found.metric), *metric_cells(found)]
        for task in comparison.tasks
        for found in task.metrics
    ]
    warning = _warning(comparison)
    parts = [f"### {b} against {a}", *warning]
    if rows:
        parts.append(markdown_table(("task", "metric", *COLUMNS), rows, left=2))
    parts.append(f"A: {a}, B: {b}; p after Holm's correction over the tasks.")
    if lines := [f"- {markdown_text(line)}" for line in notes(comparison)]:
        parts.append("\n".join(lines))
    for task in comparison.tasks:
        if task.flips:
            parts += _flips(task, flips, report_url, warning)
    return "\n\n".join(parts) + "\n"


def check_markdown(report: CheckReport, flips: int | None) -> str:
    """Return the conclusion, every rule, and below them the comparison behind them."""
    rows = [
        [
            markdown_text(finding.task),
            markdown_text(finding.rule),
            markdown_text(finding.limit),
            _MARKS[finding.status],
            markdown_text(finding.text),
        ]
        for finding in report.findings
    ]
    header = ("task", "rule", "limit", "result", "found")
    parts = [
        f"## Check of {markdown_text(run_title(report.run))}",
        f"**{report.conclusion}**",
        markdown_table(header, rows, left=len(header)),
    ]
    if report.comparison is not None:
        details = comparison_markdown(report.comparison, flips)
        parts.append(f"<details><summary>Comparison and flips</summary>\n\n{details}\n</details>")
    return "\n\n".join(parts) + "\n"


def _warning(comparison: RunComparison) -> list[str]:
    found = [f"> {markdown_text(str(mismatch))}" for mismatch in comparison.mismatches]
    return ["\n>\n".join([f"> **{NOT_COMPARABLE}**", *found])] if found else []


def _flips(
    task: TaskComparison, limit: int | None, report_url: str | None, warning: Sequence[str]
) -> Iterator[str]:
    link = _linker(task.task, report_url)
    rows = [
        [
            markdown_text(group.kind),
            *(_ids(ids, limit, link) for ids in (group.to_wrong, group.to_right)),
        ]
        for group in task.flips
    ]
    yield f"#### {markdown_text(task.task)}: {flip_counts(task)}"
    yield from warning
    yield markdown_table(("kind of question", "right to wrong", "wrong to right"), rows, left=3)


def _ids(ids: Sequence[str], limit: int | None, link: Callable[[str], str]) -> str:
    shown, others = first_of(ids, limit)
    return f"{len(ids)}: {', '.join(map(link, shown))}{others}" if ids else "0"


def _linker(task: str, report_url: str | None) -> Callable[[str], str]:
    def link(id_: str) -> str:
        if report_url is None:
            return markdown_text(id_)
        return f"[{markdown_text(id_)}]({sample_address(report_url, task, id_)})"

    return link
