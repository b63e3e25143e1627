"""The four plots of a report: convert numbers to shapes.

A drawing is ``WIDTH`` wide, about a phone's width, so its text stays readable there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from unicodedata import east_asian_width

from instit_bench.report.shapes import Anchor, Box, Chart, Dot, Line, Outline, Shape, Table, Text
from instit_bench.types import Metric

WIDTH = 400
_LEFT, _RIGHT = 16, 294  # positions of 0 % and 100 % in a chart of intervals; numbers follow
_LABEL_HEIGHT, _LINE_HEIGHT = 20, 16
_BAR_HEIGHT = 120
_CELL = 28
_SHADE = 0.45  # of a full cell: text stays readable on it in both schemes
_MOST_NAMES = 39  # maximum of a matrix's rows and columns; the rest share one
_OTHER = "(other)"
_SLANT = 50  # degrees
_CENTRE, _RADIUS = (WIDTH / 2, 112.0), 80  # labels of tasks are outside
_COLOURS = 6  # of the style sheet
_LONGEST_LINE, _LONGEST_NAME, _LONGEST_TASK, _LONGEST_TIP = 54, 26, 16, 120  # characters
_NO_NUMBER = "–"


def intervals(
    title: str, description: str, rows: Mapping[str, Sequence[Metric]], runs: Sequence[str]
) -> Chart:
    """Draw means with 95 % intervals on a scale from 0 to 100 %: a row per key, a line per run."""
    shapes: list[Shape] = []
    y = 0.0
    for name, metrics in rows.items():
        y += _LABEL_HEIGHT
        shapes.append(_named(0, y - 6, name, _LONGEST_LINE))
        for series, metric in enumerate(metrics):
            y += _LINE_HEIGHT
            shapes += _interval(metric, y - 6, series, numbered=len(runs) > 1)
    grid = [Line(_along(part / 4), 4, _along(part / 4), y) for part in range(5)]
    scale = [
        Text(_along(part / 4), y + 14, f"{25 * part} %", "middle", "quiet") for part in range(5)
    ]
    return Chart(
        title,
        description,
        WIDTH,
        y + 20,
        (*grid, *scale, *shapes),
        _metric_table(rows, runs),
        tuple(runs),
    )


def histogram(
    title: str,
    description: str,
    bins: Sequence[str],
    counts: Sequence[Sequence[int]],
    runs: Sequence[str],
) -> Chart:
    """Draw a bar for each bin and run, as high as its share of the run's samples."""
    totals = [max(1, sum(of_run)) for of_run in counts]
    highest = max(n / t for of_run, t in zip(counts, totals, strict=True) for n in of_run) or 1.0
    step = WIDTH / len(bins)
    width = step * 0.8 / len(counts)
    base = _BAR_HEIGHT + 20
    shapes: list[Shape] = [Line(0, base, WIDTH, base)]
    for index, name in enumerate(bins):
        shapes.append(Text(round((index + 0.5) * step, 1), base + 16, name, "middle"))
        for series, (of_run, total) in enumerate(zip(counts, totals, strict=True)):
            x = round((index + 0.1) * step + series * width, 1)
            height = round(_BAR_HEIGHT * of_run[index] / total / highest, 1)
            tip = f"{runs[series]}: {of_run[index]} samples score {name}"
            shapes.append(Box(x, base - height, round(width, 1), height, _colour(series), tip))
            if len(runs) == 1:
                middle = round(x + width / 2, 1)
                shapes.append(Text(middle, base - height - 4, str(of_run[index]), "middle"))
    rows = tuple((name, *(str(of[i]) for of in counts)) for i, name in enumerate(bins))
    table = Table(("score", *runs), rows)
    return Chart(title, description, WIDTH, base + 24, tuple(shapes), table, tuple(runs))


def matrix(title: str, description: str, counts: Mapping[str, Mapping[str, int]]) -> Chart:
    """Draw counts shaded by their share of the row; rows are targets, columns predictions."""
    counts = _commonest(counts)
    predicted = {name for row in counts.values() for name in row}
    columns = [*(name for name in counts if name in predicted), *sorted(predicted - counts.keys())]
    columns.sort(key=_OTHER.__eq__)
    left = max(_width(_cut(name, _LONGEST_NAME)) for name in counts) + 8
    above = [_width(_cut(name, _LONGEST_NAME)) for name in columns]
    top = round(math.sin(math.radians(_SLANT)) * max(above)) + 16
    right, bottom = left + len(columns) * _CELL, top + len(counts) * _CELL
    # A slanted name may extend further to the right than the last cell.
    ends = [i * _CELL + math.cos(math.radians(_SLANT)) * w for i, w in enumerate(above)]
    width = max(right, round(left + max(ends)) + _CELL)
    shapes: tuple[Shape, ...] = (
        *(Line(left, y, right, y) for y in _steps(top, len(counts) + 1)),
        *(Line(x, top, x, bottom) for x in _steps(left, len(columns) + 1)),
        *_names_around(list(counts), columns, left, top),
        *_cells(counts, columns, left, top),
    )
    rows = tuple(
        (_cut(target, _LONGEST_TIP), _cut(name, _LONGEST_TIP), str(n))
        for target, of in counts.items()
        for name, n in of.items()
    )
    table = Table(("target", "predicted", "calls"), rows)
    if _OTHER in {*counts, *columns}:
        description += f" The rarer names share {_OTHER}."
    return Chart(title, description, width, bottom + 4, shapes, table)


def _names_around(
    rows: Sequence[str], columns: Sequence[str], left: float, top: float
) -> Iterator[Text]:
    """Draw row names at the left, column names slanted above."""
    for y, name in zip(_steps(top, len(rows)), rows, strict=True):
        yield _named(left - 6, y + 18, name, _LONGEST_NAME, "end")
    for x, name in zip(_steps(left, len(columns)), columns, strict=True):
        yield _named(x + 0.6 * _CELL, top - 6, name, _LONGEST_NAME, angle=-_SLANT)


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
            names = f"target {_cut(gold, _LONGEST_TIP)}, predicted {_cut(name, _LONGEST_TIP)}"
            style, into = ("cell match", matches) if match else ("cell", cells)
            shade = round(_SHADE * count / sum(of_gold.values()), 3)
            into.append(Box(x, y, _CELL, _CELL, style, f"{names}: {count}", shade))
            if count:
                numbers.append(Text(x + _CELL / 2, y + 18, str(count), "middle", "count"))
    return [*cells, *matches, *numbers]


def radar(
    title: str, description: str, axes: Mapping[str, Sequence[Metric]], runs: Sequence[str]
) -> Chart:
    """Draw one axis per task from 0 % in the centre to 100 %; a run without a number skips it."""
    angles = [2 * math.pi * i / len(axes) - math.pi / 2 for i in range(len(axes))]
    rings = [Outline(tuple(_polar(a, part / 4) for a in angles), "grid") for part in range(1, 5)]
    shapes: list[Shape] = [*rings]
    for angle, name in zip(angles, axes, strict=True):
        shapes += [Line(*_CENTRE, *_polar(angle, 1.0)), _axis_name(angle, name)]
    for series, run in enumerate(runs):
        dots = [
            Dot(*_polar(angle, value), _colour(series), f"{run}, {name}: {_text(of[series])}")
            for angle, (name, of) in zip(angles, axes.items(), strict=True)
            if (value := of[series].value) is not None
        ]
        shapes += [Outline(tuple((dot.x, dot.y) for dot in dots), _colour(series)), *dots]
    table = _metric_table(axes, runs)
    return Chart(title, description, WIDTH, 2 * _CENTRE[1], tuple(shapes), table, tuple(runs))


def _axis_name(angle: float, name: str) -> Text:
    """Place the name outside the axis's end, away from the centre and the outlines."""
    x, y = _polar(angle, 1.08)
    across, down = round(math.cos(angle), 3), round(math.sin(angle), 3)
    anchor: Anchor = "middle" if across == 0 else "start" if across > 0 else "end"
    return _named(x, round(y + 4 + 8 * down, 1), name, _LONGEST_TASK, anchor)


def _text(metric: Metric) -> str:
    """Format in percent, with the 95 % interval and n."""
    if metric.value is None:
        return _NO_NUMBER
    interval = ""
    if metric.ci95 is not None:
        interval = f" ({100 * metric.ci95[0]:.1f} to {100 * metric.ci95[1]:.1f})"
    return f"{100 * metric.value:.1f} %{interval}, n {metric.n}"


def _interval(metric: Metric, y: float, series: int, *, numbered: bool) -> list[Shape]:
    """Draw a dot on its interval, with its number at the right and its run's at the left."""
    shapes: list[Shape] = [Text(0, y + 4, str(series + 1), style="quiet")] if numbered else []
    if metric.value is None:
        return [*shapes, Text(WIDTH, y + 4, _NO_NUMBER, "end")]
    if metric.ci95 is not None:
        low, high = metric.ci95
        shapes.append(Line(_along(low), y, _along(high), y, _colour(series)))
    numbers = f"{100 * metric.value:.1f}, n {metric.n}"
    dot = Dot(_along(metric.value), y, _colour(series), _text(metric))
    return [*shapes, dot, Text(WIDTH, y + 4, numbers, "end")]


def _metric_table(rows: Mapping[str, Sequence[Metric]], runs: Sequence[str]) -> Table:
    texts = tuple((name, *map(_text, metrics)) for name, metrics in rows.items())
    return Table(("", *runs), texts)


def _along(fraction: float) -> float:
    return round(_LEFT + (_RIGHT - _LEFT) * fraction, 1)


def _polar(angle: float, fraction: float) -> tuple[float, float]:
    x, y = _CENTRE
    length = _RADIUS * fraction
    return round(x + length * math.cos(angle), 1), round(y + length * math.sin(angle), 1)


def _named(
    x: float, y: float, name: str, longest: int, anchor: Anchor = "start", *, angle: int = 0
) -> Text:
    """Shorten a name from data or models; its tip contains more of it."""
    words = _cut(name, longest)
    tip = "" if words == name else _cut(name, _LONGEST_TIP)
    return Text(x, y, words, anchor, angle=angle, tip=tip)


def _cut(name: str, longest: int) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _width(words: str) -> int:
    """Estimate the width of a text; Chinese, Japanese and Korean characters count twice."""
    return sum(13 if east_asian_width(character) in "WF" else 7 for character in words)


def _steps(start: float, count: int) -> list[float]:
    """Return where cells begin; with one more than there are, also where the last one ends."""
    return [start + i * _CELL for i in range(count)]


def _colour(series: int) -> str:
    return f"series-{series % _COLOURS + 1}"
