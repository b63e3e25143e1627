"""The leaderboard on the terminal and in Markdown: one decimal, marked where needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from instit_bench.display import markdown_table, markdown_text, one_line
from instit_bench.leaderboard.rows import COLUMNS, Cell, Column, Row, columns_of, mean_of
from instit_bench.leaderboard.select import MEAN
from instit_bench.runs.marks import explained

_WORDS = ("model", "source")
_TITLE = "Leaderboard (official metrics, percent)"
_WIDEST_WORD = 40  # characters; longer names and sources are folded
_NARROWEST_MODEL = 12

Heading = Callable[[str, Column], str]
"""How a column is named on the screen."""


def board(rows: Sequence[Row], width: int) -> RenderableType:
    """Return the rows as a table for a terminal of ``width`` characters; nothing is cut off.

    If there is no room for the columns' full names, they are stacked, then short, then the source
    moves below the model's name, and in the end the columns are spread over several tables.
    """
    columns = columns_of(rows)
    words = _WORDS if any(row.source for row in rows) else _WORDS[:1]
    for heading in (_full, _stacked, _short):
        table = _table(rows, columns, heading, words)
        if _width(table) <= width:
            return Group(_TITLE, table)
    return Group(_TITLE, *_spread(rows, columns, width))


def _full(name: str, _column: Column) -> str:
    return name


def _stacked(name: str, _column: Column) -> str:
    benchmark, *metric = name.rsplit("_", 2)
    return f"{benchmark}\n{'_'.join(metric)}"


def _short(name: str, column: Column) -> str:
    """The words of the title, one below the other."""
    if name in COLUMNS:
        return column.title.replace(" ", "\n")
    return column.title.replace("_", "_\n")


def _table(
    rows: Sequence[Row], columns: Mapping[str, Column], heading: Heading, words: Sequence[str]
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in words:
        table.add_column(name, overflow="fold", max_width=_WIDEST_WORD)
    for name, column in columns.items():
        table.add_column(escape(heading(name, column)), justify="right", no_wrap=True)
    means = _means(rows, columns)
    if means:
        table.add_column(MEAN, justify="right", no_wrap=True)
    for index, row in enumerate(rows):
        named = _words(row) if len(words) > 1 else (_model_and_source(row),)
        cells = (*named, *_texts(row, columns), *means[index : index + 1])
        table.add_row(*map(escape, cells))
    return table


def _spread(rows: Sequence[Row], columns: Mapping[str, Column], width: int) -> Iterator[Table]:
    """Yield tables of as many columns as there is room for beside the models' names."""
    left = list(columns)
    while left:
        taken = next(
            (n for n in range(len(left), 1, -1) if _fits(rows, columns, left[:n], width)), 1
        )
        part = {name: columns[name] for name in left[:taken]}
        yield _table(rows, part, _short, _WORDS[:1])
        left = left[taken:]


def _fits(
    rows: Sequence[Row], columns: Mapping[str, Column], names: Sequence[str], width: int
) -> bool:
    table = _table(rows, {name: columns[name] for name in names}, _short, _WORDS[:1])
    table.columns[0].max_width = _NARROWEST_MODEL
    return _width(table) <= width


def _width(table: Table) -> int:
    """Return the width at which nothing but over-long words is folded."""
    console = Console(width=10_000)
    return Measurement.get(console, console.options, table).maximum


def _model_and_source(row: Row) -> str:
    """The name, and below it where an own run is; published rows are known by their names."""
    model, source = _words(row)
    return model if row.published or not source else f"{model}\n  {source}"


def _means(rows: Sequence[Row], columns: Mapping[str, Column]) -> list[str]:
    """Return each row's mean with one decimal; nothing at all if no row has one."""
    means = [mean_of(row, columns) for row in rows]
    if all(mean is None for mean in means):
        return []
    return ["" if mean is None else f"{mean:.1f}" for mean in means]


def board_markdown(rows: Sequence[Row]) -> str:
    """Return a Markdown table with its marks explained below."""
    columns = columns_of(rows)
    means = _means(rows, columns)
    names = [name if name in COLUMNS else markdown_text(name) for name in columns]
    table = markdown_table(
        (*_WORDS, *names, *([MEAN] if means else [])),
        [
            (*map(markdown_text, (row.model, row.source)), *_texts(row, columns), *means[i : i + 1])
            for i, row in enumerate(rows)
        ],
        left=2,
    )
    lines = (*explained_marks(rows), *map(markdown_text, judge_notes(rows)))
    notes = [f"- {line}" for line in lines]
    return "\n".join([table, *(["", *notes] if notes else [])]) + "\n"


def explained_marks(rows: Iterable[Row]) -> list[str]:
    """Return one line for each mark that occurs, and one for each catalogue of generated items."""
    rows = list(rows)
    marks = explained(mark for row in rows for cell in row.cells.values() for mark in cell.marks)
    return [f"{mark.letter}: {mark.meaning}" for mark in marks] + catalogue_lines(rows)


def catalogue_lines(rows: Iterable[Row]) -> list[str]:
    """Say from which tool catalogue each row's generated items were made."""
    found: dict[str, list[str]] = {}
    for row in rows:
        for digest in sorted({d for cell in row.cells.values() for d in cell.generated}):
            found.setdefault(digest, []).append(" ".join(_words(row)).strip())
    return [f"catalogue {digest[:12]}: {', '.join(names)}" for digest, names in found.items()]


def judge_notes(rows: Iterable[Row]) -> list[str]:
    """Return one line for each judge card of a row, applicable or not."""
    return [f"{' '.join(filter(None, _words(row)))}: {note}" for row in rows for note in row.notes]


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
