"""The leaderboard on the terminal and in Markdown: one decimal, marked where needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from instit_bench.display import markdown_table, markdown_text, one_line
from instit_bench.leaderboard.rows import COLUMNS, Cell, Row, columns_of
from instit_bench.runs.marks import explained

_WORDS = ("model", "source")
_TITLE = "Leaderboard (official metrics, percent)"
_WIDE = 160  # enough for the columns' names as in the CSV
_NARROW = 100  # below this there is no room for one column per metric


def board(rows: Sequence[Row], width: int) -> Table:
    """Return the rows for a terminal of ``width`` characters; nothing is cut off.

    Narrower terminals get two-line headings, the narrowest ones one block per model.
    """
    return _blocks(rows) if width < _NARROW else _table(rows, wide=width >= _WIDE)


def _table(rows: Sequence[Row], *, wide: bool) -> Table:
    table = Table(title=_TITLE, title_justify="left")
    columns = list(columns_of(rows))
    for name in _WORDS:
        table.add_column(name, overflow="fold")
    for name in columns:
        benchmark, *metric = name.rsplit("_", 2)
        heading = name if wide else f"{benchmark}\n{'_'.join(metric)}"
        table.add_column(escape(heading), justify="right", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, _words(row)), *map(escape, _texts(row, columns)))
    return table


def _blocks(rows: Sequence[Row]) -> Table:
    table = Table(title=_TITLE, title_justify="left", box=box.SIMPLE, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    columns = list(columns_of(rows))
    for row in rows:
        texts = (*_words(row), *_texts(row, columns))
        for name, text in zip((*_WORDS, *columns), texts, strict=True):
            if text:
                table.add_row(escape(name), escape(text))
        table.add_section()
    return table


def board_markdown(rows: Sequence[Row]) -> str:
    """Return a Markdown table with its marks explained below."""
    columns = list(columns_of(rows))
    table = markdown_table(
        (*_WORDS, *(name if name in COLUMNS else markdown_text(name) for name in columns)),
        [
            (markdown_text(row.model), markdown_text(row.source), *_texts(row, columns))
            for row in rows
        ],
        left=2,
    )
    notes = [f"- {line}" for line in explained_marks(rows)]
    return "\n".join([table, *(["", *notes] if notes else [])]) + "\n"


def explained_marks(rows: Iterable[Row]) -> list[str]:
    """Return one line for each mark that occurs."""
    marks = explained(mark for row in rows for cell in row.cells.values() for mark in cell.marks)
    return [f"{mark.letter}: {mark.meaning}" for mark in marks]


def _words(row: Row) -> tuple[str, str]:
    return one_line(row.model), one_line(row.source)


def _texts(row: Row, columns: Iterable[str]) -> list[str]:
    return [cell_text(row.cells.get(column)) for column in columns]


def cell_text(cell: Cell | None) -> str:
    """Return one decimal and the letters of the marks, or a dash if there is no number."""
    if cell is None:
        return ""
    letters = "".join(mark.letter for mark in explained(cell.marks))
    number = "-" if cell.value is None else f"{cell.value:.1f}"
    return f"{number} {letters}".strip()
