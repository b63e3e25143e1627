"""``leaderboard --html``: the rows as one page with sorting, filters and a CSV download."""

from __future__ import annotations

import base64
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from instit_bench.leaderboard.rows import Cell, Column, Row, columns_of
from instit_bench.leaderboard.show import catalogue_lines, judge_notes
from instit_bench.leaderboard.table import csv_text
from instit_bench.report.pages import render_page
from instit_bench.runs.marks import Mark, explained


@dataclass(frozen=True, slots=True)
class ShownCell:
    """One cell of the table; ``best`` numbers are the best comparable ones."""

    column: Column
    cell: Cell | None
    best: bool

    @property
    def number(self) -> str:
        """One decimal; a dash if a run has no number; empty if there is no run."""
        if self.cell is None:
            return ""
        return "–" if self.cell.value is None else f"{self.cell.value:.1f}"

    @property
    def marks(self) -> list[Mark]:
        """Letter and meaning of the number's marks."""
        return explained(self.cell.marks) if self.cell else []


def leaderboard_page(rows: Sequence[Row], reports: Mapping[str, str] | None = None) -> str:
    """Return the page of the rows; equal rows give equal pages.

    ``reports`` has the address of a run's report by the row's source.
    """
    columns = columns_of(rows)
    best = {name: _best(rows, name, column) for name, column in columns.items()}
    shown = [
        (row, [_shown(row.cells.get(name), column, best[name]) for name, column in columns.items()])
        for row in rows
    ]
    cells = [cell for _, places in shown for cell in places]
    marks = [mark for cell in cells if cell.cell for mark in cell.cell.marks]
    return render_page(
        "leaderboard.html.j2",
        scripts=("leaderboard.js",),
        styles=("theme.css", "leaderboard.css"),
        rows=shown,
        reports=reports or {},
        columns=columns,
        benchmarks=Counter(column.benchmark for column in columns.values()),
        filled={cell.column.benchmark for cell in cells if cell.cell},
        kinds={row.published for row in rows},
        marks=explained(marks),
        judges=judge_notes(rows),
        catalogues=catalogue_lines(rows),
        csv=base64.b64encode(csv_text(rows).encode()).decode(),
    )


def report_links(rows: Sequence[Row], page: Path) -> dict[str, str]:
    """Return the address of each run's ``report.html``, if it has one, as seen from ``page``."""
    links = {}
    for row in rows:
        report = Path(row.source) / "report.html"
        if not row.published and report.is_file():
            links[row.source] = quote(Path(os.path.relpath(report, page.parent)).as_posix())
    return links


def _shown(cell: Cell | None, column: Column, best: float | None) -> ShownCell:
    is_best = cell is not None and best is not None and _comparable(cell) == best
    return ShownCell(column, cell, is_best)


def _best(rows: Sequence[Row], name: str, column: Column) -> float | None:
    """Return the best comparable number of a column, or ``None`` if fewer than two compare."""
    cells = [row.cells[name] for row in rows if name in row.cells]
    numbers = [number for cell in cells if (number := _comparable(cell)) is not None]
    best = min if column.lower_is_better else max
    return best(numbers) if len(numbers) > 1 else None


def _comparable(cell: Cell) -> float | None:
    """Return the number as shown, with the precision of published ones; ``None`` if marked."""
    return None if cell.marks or cell.value is None else round(cell.value, 1)
