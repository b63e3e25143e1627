"""The leaderboard on the screen and in Markdown: one decimal, doubtful cells marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.markup import escape
from rich.table import Table

from instit_bench.leaderboard.rows import COLUMNS, Cell, Row
from instit_bench.runs.results import MARKS

HEADER = ("model", "source", *COLUMNS)
_WIDE = 160  # room for the columns' names as they stand in the CSV


def board_table(rows: Sequence[Row], width: int) -> Table:
    """A table for a terminal of ``width`` characters; narrow ones get headings that can wrap."""
    table = Table(title="Leaderboard (official metrics, percent)", title_justify="left")
    for name in HEADER[:2]:
        table.add_column(name, overflow="fold")
    for name in COLUMNS:
        heading = name if width >= _WIDE else name.replace("_", " ")
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(escape(row.model), escape(row.source), *(map(escape, _texts(row))))
    return table


def board_markdown(rows: Sequence[Row]) -> str:
    """A Markdown table with its marks explained below."""
    lines = [_line(HEADER), _line(["---", "---", *(["---:"] * len(COLUMNS))])]
    lines += [_line([_cell_safe(row.model), _cell_safe(row.source), *_texts(row)]) for row in rows]
    notes = [f"- {line}" for line in explained_marks(rows)]
    return "\n".join([*lines, *(["", *notes] if notes else [])]) + "\n"


def explained_marks(rows: Iterable[Row]) -> list[str]:
    """One line for each mark that occurs."""
    used = {mark for row in rows for cell in row.cells.values() for mark in cell.marks}
    return [f"{letter}: {meaning}" for mark, (letter, meaning) in MARKS.items() if mark in used]


def _texts(row: Row) -> list[str]:
    return [cell_text(row.cells.get(column)) for column in COLUMNS]


def cell_text(cell: Cell | None) -> str:
    """One decimal and the letters of the marks; a dash where there is no number."""
    if cell is None:
        return ""
    letters = "".join(MARKS[mark][0] for mark in cell.marks)
    number = "-" if cell.value is None else f"{cell.value:.1f}"
    return f"{number} {letters}".strip()


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell_safe(text: str) -> str:
    """Text that stays one cell, and stays text, in Markdown."""
    for character in "\\|<>[]*_`":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
