"""Which columns of a leaderboard are shown, and in which order its rows are."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from instit_bench.errors import InputError
from instit_bench.leaderboard.rows import COLUMNS, Column, Row, columns_of, mean_of
from instit_bench.validation import did_you_mean

MEAN = "mean"


def with_tasks(rows: Sequence[Row], patterns: Collection[str]) -> list[Row]:
    """Return the rows with the columns of these tasks; rows without any number are left out.

    A pattern is a task's name, which may have ``*``, ``?`` and ``[…]``.

    Raises:
        InputError: No row has a task that matches a pattern.
    """
    columns = columns_of(rows)
    held = sorted({column.task for column in columns.values()})
    for pattern in patterns:
        if not any(fnmatchcase(task, pattern) for task in held):
            raise InputError(
                f"--tasks {pattern}: no run has such a task; there are {', '.join(held)}"
            )
    kept = {
        name
        for name, column in columns.items()
        if any(fnmatchcase(column.task, pattern) for pattern in patterns)
    }
    chosen = (
        replace(
            row,
            cells={name: cell for name, cell in row.cells.items() if name in kept},
            own={name: column for name, column in row.own.items() if name in kept},
        )
        for row in rows
    )
    return [row for row in chosen if row.cells]


def in_order(rows: Sequence[Row], by: str) -> list[Row]:
    """Return the rows from best to worst in a column, or by ``model``; the last have no number.

    ``by`` is a column's name, title or task, or ``mean``.

    Raises:
        InputError: There is no such column.
    """
    if by == "model":
        return sorted(rows, key=lambda row: row.model.casefold())
    columns = columns_of(rows)
    if by == MEAN:
        return sorted(rows, key=lambda row: _key(mean_of(row, columns), False))
    name, column = _column(by, columns)

    def key(row: Row) -> float:
        return _key(row.cells[name].value if name in row.cells else None, column.lower_is_better)

    return sorted(rows, key=key)


def _column(by: str, columns: dict[str, Column]) -> tuple[str, Column]:
    for name, column in columns.items():
        if by.casefold() in (name.casefold(), column.title.casefold(), column.task.casefold()):
            return name, column
    known = [*columns, MEAN, "model"]
    hint = did_you_mean(by, known) or f"; there are {', '.join(known)}"
    missing = "no run shown has a number in it" if by in COLUMNS else "there is no such column"
    raise InputError(f"--sort {by}: {missing}{hint}")


def _key(value: float | None, lower: bool, /) -> float:
    if value is None:
        return math.inf
    return value if lower else -value
