"""``leaderboard --html``: the rows as one page that sorts, filters and hands out its CSV."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from instit_bench.leaderboard.rows import COLUMNS, Cell, Column, Row
from instit_bench.leaderboard.table import csv_text
from instit_bench.report.pages import render_page
from instit_bench.runs.marks import Mark, explained


@dataclass(frozen=True, slots=True)
class ShownCell:
    """One place in the table; ``best`` numbers are the highest that may be compared."""

    column: Column
    cell: Cell | None
    best: bool

    @property
    def number(self) -> str:
        """One decimal, a dash where a run has no number, nothing where there is no run."""
        if self.cell is None:
            return ""
        return "–" if self.cell.value is None else f"{self.cell.value:.1f}"

    @property
    def marks(self) -> list[Mark]:
        """Letter and meaning of what a reader must know about the number."""
        return explained(self.cell.marks) if self.cell else []


def leaderboard_page(rows: Sequence[Row]) -> str:
    """The page of the rows; equal rows give equal pages."""
    best = {name: _best(rows, name) for name in COLUMNS}
    shown = [
        (row, [_shown(row.cells.get(name), column, best[name]) for name, column in COLUMNS.items()])
        for row in rows
    ]
    cells = [cell for _, places in shown for cell in places]
    marks = [mark for cell in cells if cell.cell for mark in cell.cell.marks]
    return render_page(
        "leaderboard.html.j2",
        scripts=("leaderboard.js",),
        styles=("theme.css", "leaderboard.css"),
        rows=shown,
        columns=COLUMNS,
        benchmarks=Counter(column.benchmark for column in COLUMNS.values()),
        filled={cell.column.benchmark for cell in cells if cell.cell},
        kinds={row.published for row in rows},
        marks=explained(marks),
        csv=base64.b64encode(csv_text(rows).encode()).decode(),
    )


def _shown(cell: Cell | None, column: Column, best: float | None) -> ShownCell:
    is_best = cell is not None and best is not None and _comparable(cell) == best
    return ShownCell(column, cell, is_best)


def _best(rows: Sequence[Row], column: str) -> float | None:
    """The highest comparable number of a column; ``None`` where there are no two to compare."""
    cells = [row.cells[column] for row in rows if column in row.cells]
    numbers = [number for cell in cells if (number := _comparable(cell)) is not None]
    return max(numbers) if len(numbers) > 1 else None


def _comparable(cell: Cell) -> float | None:
    """The number as it is shown, which is how precise published ones are; ``None`` if marked."""
    return None if cell.marks or cell.value is None else round(cell.value, 1)
