"""The four plots of a report, from numbers to shapes.

A drawing is ``WIDTH`` wide, about a phone's width, so that its text stays readable there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from instit_bench.report.shapes import Box, Chart, Dot, Line, Outline, Shape, Table, Text
from instit_bench.types import Metric

WIDTH = 400
_LEFT, _RIGHT = 16, 316  # where 0 % and 100 % lie in a chart of intervals
_LABEL_HEIGHT, _LINE_HEIGHT = 20, 16
_BAR_HEIGHT = 120
_CELL = 26
_CENTRE, _RADIUS = (WIDTH / 2, 150.0), 115
_COLOURS = 6  # of the style sheet
_LONGEST_NAME = 34  # characters, each about 7 wide
_NO_NUMBER = "–"


def intervals(
    title: str, description: str, rows: Mapping[str, Sequence[Metric]], runs: Sequence[str]
) -> Chart:
    """Means with 95 % intervals on a scale from 0 to 100 %: a row a key, in it a line a run."""
    shapes: list[Shape] = []
    y = 0.0
    for name, metrics in rows.items():
        y += _LABEL_HEIGHT
        shapes.append(Text(0, y - 6, name))
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
    """A bar for each bin and run, as high as its share of the run's samples."""
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
    """Counts in cells shaded by their share of the row; rows are gold, columns predicted."""
    predicted = {name for row in counts.values() for name in row}
    columns = [*(name for name in counts if name in predicted), *sorted(predicted - counts.keys())]
    left, top = _LONGEST_NAME * 7.0, _LONGEST_NAME * 5.5  # names at the left, and slanted above
    right, bottom = left + len(columns) * _CELL, top + len(counts) * _CELL
    shapes: list[Shape] = [
        Text(left + (i + 0.6) * _CELL, top - 6, _cut(name), angle=-50)
        for i, name in enumerate(columns)
    ]
    for row, (gold, of_gold) in enumerate(counts.items()):
        y = top + row * _CELL
        shapes.append(Text(left - 6, y + 17, _cut(gold), "end"))
        for column, name in enumerate(columns):
            count = of_gold.get(name, 0)
            x = left + column * _CELL
            tip = f"gold {gold}, predicted {name}: {count}"
            style = "cell match" if name == gold else "cell"
            shade = round(0.6 * count / sum(of_gold.values()), 3)
            shapes.append(Box(x, y, _CELL, _CELL, style, tip, shade))
            if count:
                shapes.append(Text(x + _CELL / 2, y + 17, str(count), "middle"))
    rows = tuple((gold, name, str(n)) for gold, of in counts.items() for name, n in of.items())
    table = Table(("gold", "predicted", "calls"), rows)
    return Chart(title, description, right + 0.6 * top, bottom + 4, tuple(shapes), table)


def radar(
    title: str, description: str, axes: Mapping[str, Sequence[Metric]], runs: Sequence[str]
) -> Chart:
    """An axis a task from 0 % in the centre to 100 %; a run without a number skips the axis."""
    angles = [2 * math.pi * i / len(axes) - math.pi / 2 for i in range(len(axes))]
    rings = [Outline(tuple(_polar(a, part / 4) for a in angles), "grid") for part in range(1, 5)]
    shapes: list[Shape] = [*rings]
    for angle, name in zip(angles, axes, strict=True):
        x, y = _polar(angle, 1.0)
        shapes.append(Line(*_CENTRE, x, y))
        below = 14 if math.sin(angle) > 0 else -6
        shapes.append(Text(_inside(x, name), y + below, name, "middle"))
    for series, run in enumerate(runs):
        dots = [
            Dot(*_polar(angle, value), _colour(series), f"{run}, {name}: {_text(of[series])}")
            for angle, (name, of) in zip(angles, axes.items(), strict=True)
            if (value := of[series].value) is not None
        ]
        shapes += [Outline(tuple((dot.x, dot.y) for dot in dots), _colour(series)), *dots]
    table = _metric_table(axes, runs)
    return Chart(title, description, WIDTH, 300, tuple(shapes), table, tuple(runs))


def _text(metric: Metric) -> str:
    """In percent, with the 95 % interval and n."""
    if metric.value is None:
        return _NO_NUMBER
    interval = ""
    if metric.ci95 is not None:
        interval = f" ({100 * metric.ci95[0]:.1f} to {100 * metric.ci95[1]:.1f})"
    return f"{100 * metric.value:.1f} %{interval}, n {metric.n}"


def _interval(metric: Metric, y: float, series: int, *, numbered: bool) -> list[Shape]:
    """A dot on its interval, with its number at the right and its run's at the left."""
    shapes: list[Shape] = [Text(0, y + 4, str(series + 1), style="quiet")] if numbered else []
    if metric.value is None:
        return [*shapes, Text(_RIGHT + 10, y + 4, _NO_NUMBER)]
    if metric.ci95 is not None:
        low, high = metric.ci95
        shapes.append(Line(_along(low), y, _along(high), y, _colour(series)))
    numbers = f"{100 * metric.value:.1f}, n {metric.n}"
    dot = Dot(_along(metric.value), y, _colour(series), _text(metric))
    return [*shapes, dot, Text(_RIGHT + 10, y + 4, numbers)]


def _metric_table(rows: Mapping[str, Sequence[Metric]], runs: Sequence[str]) -> Table:
    texts = tuple((name, *map(_text, metrics)) for name, metrics in rows.items())
    return Table(("", *runs), texts)


def _along(fraction: float) -> float:
    return round(_LEFT + (_RIGHT - _LEFT) * fraction, 1)


def _polar(angle: float, fraction: float) -> tuple[float, float]:
    x, y = _CENTRE
    length = _RADIUS * fraction
    return round(x + length * math.cos(angle), 1), round(y + length * math.sin(angle), 1)


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _inside(x: float, words: str) -> float:
    """Moved so far that centred words stay in the drawing; a character is about 6.5 wide."""
    half = 3.3 * len(words)
    return round(min(max(x, half), WIDTH - half), 1)


def _colour(series: int) -> str:
    return f"series-{series % _COLOURS + 1}"
