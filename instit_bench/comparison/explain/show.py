"""An explanation on the terminal, in Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from instit_bench.comparison.explain.causes import Cause
from instit_bench.comparison.explain.explain import Explanation, TaskExplanation
from instit_bench.display import counted, markdown_table, markdown_text, one_line

_TOTALS = ("cause", "right to wrong", "wrong to right", "changed", "points")
_SAMPLES = ("sample", "A", "B", "cause", "evidence")
_LINES = 3  # of evidence per sample on the terminal


def explanation_view(found: Explanation, limit: int | None) -> RenderableType:
    """Return a table of causes per task, and at most ``limit`` samples of each (``None``: all)."""
    parts: list[RenderableType] = []
    for task in found.tasks:
        parts += [Text(_title(found, task)), _table(_TOTALS, _total_rows(task))]
        parts += map(Text, _notes(task))
        if rows := list(_sample_rows(task, limit)):
            parts.append(_table(_SAMPLES, rows))
        if (more := _left_out(task, limit)) is not None:
            parts.append(Text(more))
    parts += [Text(one_line(f"not explained: {line}")) for line in found.skipped]
    return Group(*parts)


def explanation_markdown(found: Explanation, limit: int | None) -> str:
    """Return a section with the same tables."""
    parts = []
    for task in found.tasks:
        parts.append(f"### {markdown_text(_title(found, task))}")
        rows = [[markdown_text(cell) for cell in row] for row in _total_rows(task)]
        parts.append(markdown_table(_TOTALS, rows))
        parts.append("\n".join(f"- {markdown_text(note)}" for note in _notes(task)))
        samples = [[markdown_text(cell) for cell in row] for row in _sample_rows(task, limit)]
        if samples:
            parts.append(markdown_table(_SAMPLES, samples, left=len(_SAMPLES)))
        if (more := _left_out(task, limit)) is not None:
            parts.append(markdown_text(more))
    parts += [markdown_text(f"not explained: {line}") for line in found.skipped]
    return "\n\n".join(part for part in parts if part) + "\n"


def explanation_json(found: Explanation) -> str:
    """Return everything, with all samples; values are fractions 0..1, points hundredths."""
    values = {
        "format": "instit-bench explanation 1",
        "a": found.a,
        "b": found.b,
        "tasks": {task.task: _task(task) for task in found.tasks},
        "skipped": found.skipped,
    }
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def cause_text(causes: Sequence[Cause]) -> str:
    """Return causes that cannot be told apart as one text."""
    return " and ".join(causes)


def _task(task: TaskExplanation) -> dict[str, object]:
    values = asdict(task)
    del values["task"]
    return values | {"difference": task.difference}


def _title(found: Explanation, task: TaskExplanation) -> str:
    return one_line(
        f"{task.task}, {task.metric}: A {found.a} {task.a:.4f}, B {found.b} {task.b:.4f}, "
        f"difference {task.difference:+.2f} points"
    )


def _total_rows(task: TaskExplanation) -> Iterator[list[str]]:
    for total in task.totals:
        counts = (total.to_wrong, total.to_right, total.changed)
        yield [cause_text(total.causes), *map(str, counts), f"{total.points:+.2f}"]
    sums = [sum(getattr(t, name) for t in task.totals) for name in ("to_wrong", "to_right")]
    changed = str(len(task.samples))
    yield ["all", *map(str, sums), changed, f"{sum(t.points for t in task.totals):+.2f}"]


def _notes(task: TaskExplanation) -> Iterator[str]:
    seen = task.noticed
    not_kept = f", prompt or media not kept {seen.unknown}" if seen.unknown else ""
    yield (
        f"of {counted(task.n, 'sample')}: other prompt {seen.prompt}, other media {seen.media}, "
        f"other prediction {seen.prediction}{not_kept}"
    )
    if task.unpaired:
        yield f"{counted(task.unpaired, 'sample')} have a value in one run only: not explained"
    for difference in task.settings:
        yield one_line(f"{difference.scope}: {difference}")


def _sample_rows(task: TaskExplanation, limit: int | None) -> Iterator[list[str]]:
    """The samples with the largest changes first."""
    ordered = sorted(task.samples, key=lambda sample: -abs(sample.points))
    for sample in ordered[:limit]:
        evidence = "; ".join(sample.evidence[:_LINES])
        cells = (sample.id, f"{sample.a:g}", f"{sample.b:g}", cause_text(sample.causes), evidence)
        yield [one_line(cell) for cell in cells]


def _left_out(task: TaskExplanation, limit: int | None) -> str | None:
    more = 0 if limit is None else len(task.samples) - limit
    return f"{counted(more, 'more sample')}: --samples all" if more > 0 else None


def _table(columns: Sequence[str], rows: Iterable[list[str]]) -> Table:
    table = Table(box=box.SIMPLE)
    numbers = ("right to wrong", "wrong to right", "changed", "points")
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table
