"""The plot of a matrix: what was predicted where which target was due."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from instit_bench.report.drawing import LONGEST_TIP, cut, named, width
from instit_bench.report.shapes import Box, Chart, Line, Shape, Table, Text

_CELL = 28
_SHADE = 0.45  # of a full cell: text stays readable on it in both schemes
_MOST_NAMES = 39  # maximum of a matrix's rows and columns; the rest share one
_OTHER = "(other)"
_SLANT = 50  # degrees
_LONGEST_NAME = 26  # characters


def matrix(title: str, description: str, counts: Mapping[str, Mapping[str, int]]) -> Chart:
    """Draw counts shaded by their share of the row; rows are targets, columns predictions."""
    counts = _commonest(counts)
    predicted = {name for row in counts.values() for name in row}
    columns = [*(name for name in counts if name in predicted), *sorted(predicted - counts.keys())]
    columns.sort(key=_OTHER.__eq__)
    left = max(width(cut(name, _LONGEST_NAME)) for name in counts) + 8
    above = [width(cut(name, _LONGEST_NAME)) for name in columns]
    top = round(math.sin(math.radians(_SLANT)) * max(above)) + 16
    right, bottom = left + len(columns) * _CELL, top + len(counts) * _CELL
    # A slanted name may extend further to the right than the last cell.
    ends = [i * _CELL + math.cos(math.radians(_SLANT)) * w for i, w in enumerate(above)]
    across = max(right, round(left + max(ends)) + _CELL)
    shapes: tuple[Shape, ...] = (
        *(Line(left, y, right, y) for y in _steps(top, len(counts) + 1)),
        *(Line(x, top, x, bottom) for x in _steps(left, len(columns) + 1)),
        *_names_around(list(counts), columns, left, top),
        *_cells(counts, columns, left, top),
    )
    rows = tuple(
        (cut(target, LONGEST_TIP), cut(name, LONGEST_TIP), str(n))
        for target, of in counts.items()
        for name, n in of.items()
    )
    table = Table(("target", "predicted", "calls"), rows)
    if _OTHER in {*counts, *columns}:
        description += f" The rarer names share {_OTHER}."
    return Chart(title, description, across, bottom + 4, shapes, table, wide=True)


def _names_around(
    rows: Sequence[str], columns: Sequence[str], left: float, top: float
) -> Iterator[Text]:
    """Draw row names at the left, column names slanted above."""
    for y, name in zip(_steps(top, len(rows)), rows, strict=True):
        yield named(left - 6, y + 18, name, _LONGEST_NAME, "end")
    for x, name in zip(_steps(left, len(columns)), columns, strict=True):
        yield named(x + 0.6 * _CELL, top - 6, name, _LONGEST_NAME, angle=-_SLANT)


def _commonest(counts: Mapping[str, Mapping[str, int]]) -> dict[str, Counter[str]]:
    """Return the most frequent rows and columns; the others are added up under one name.

    A model may make up a new name for every call, and a page cannot show thousands of columns.
    """
    of_column: Counter[str] = Counter()
    for row in counts.values():
        of_column.update(row)
    of_row = Counter({gold: sum(row.values()) for gold, row in counts.items()})
    rows = {name for name, _ in of_row.most_common(_MOST_NAMES)}
    columns = {name for name, _ in of_column.most_common(_MOST_NAMES)}
    folded: dict[str, Counter[str]] = {name: Counter() for name in counts if name in rows}
    for gold, row in counts.items():
        into = folded.setdefault(gold if gold in rows else _OTHER, Counter())
        for name, n in row.items():
            into[name if name in columns else _OTHER] += n
    return folded


def _cells(
    counts: Mapping[str, Mapping[str, int]], columns: Sequence[str], left: float, top: float
) -> list[Shape]:
    """Draw a cell for each count and on the diagonal; frames on the diagonal are on top."""
    cells: list[Shape] = []
    matches: list[Shape] = []
    numbers: list[Shape] = []
    for y, (gold, of_gold) in zip(_steps(top, len(counts)), counts.items(), strict=True):
        for x, name in zip(_steps(left, len(columns)), columns, strict=True):
            count, match = of_gold.get(name, 0), name == gold != _OTHER
            if not (count or match):
                continue
            names = f"target {cut(gold, LONGEST_TIP)}, predicted {cut(name, LONGEST_TIP)}"
            style, into = ("cell match", matches) if match else ("cell", cells)
            shade = round(_SHADE * count / sum(of_gold.values()), 3)
            into.append(Box(x, y, _CELL, _CELL, style, f"{names}: {count}", shade))
            if count:
                numbers.append(Text(x + _CELL / 2, y + 18, str(count), "middle", "count"))
    return [*cells, *matches, *numbers]


def _steps(start: float, count: int) -> list[float]:
    """Return where cells begin; with one more than there are, also where the last one ends."""
    return [start + i * _CELL for i in range(count)]
