"""Plots that compare runs: convert numbers to shapes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from instit_bench.report.drawing import (
    LONGEST_TIP,
    NO_NUMBER,
    WIDTH,
    Scale,
    colour,
    cut,
    ends,
    legend,
    metric_table,
    metric_text,
    named,
)
from instit_bench.report.paired import Paired
from instit_bench.report.shapes import (
    Anchor,
    Box,
    Chart,
    Dot,
    Line,
    Outline,
    Path,
    Shape,
    Table,
    Text,
)
from instit_bench.types import Metric

_LEFT, _RIGHT = 20, 350  # a chart of intervals; numbers follow
_LABEL_HEIGHT, _LINE_HEIGHT = 22, 17
_PLOT_HEIGHT = 180
_TREND_LEFT = 44
_RADIUS = 88
_LONGEST_LINE, _LONGEST_TASK = 60, 18  # characters


def intervals(
    title: str, description: str, rows: Mapping[str, Sequence[Metric]], runs: Sequence[str]
) -> Chart:
    """Draw means with 95 % intervals: a row per key, a line per run."""
    shapes, top = legend(runs)
    scale = Scale.around(ends(m for of in rows.values() for m in of), _LEFT, _RIGHT)
    y = top
    for name, metrics in rows.items():
        y += _LABEL_HEIGHT
        shapes.append(named(0, y - 6, name, _LONGEST_LINE))
        for series, metric in enumerate(metrics):
            y += _LINE_HEIGHT
            shapes += _interval(scale, metric, y - 6, series, numbered=len(runs) > 1)
    return Chart(
        title,
        description,
        WIDTH,
        y + 20,
        (*_across(scale, top + 4, y, " %"), *shapes),
        metric_table(rows, runs),
    )


def differences(
    title: str,
    description: str,
    rows: Mapping[str, Mapping[int, Paired]],
    runs: Sequence[str],
    against: str,
) -> Chart:
    """Draw paired differences in points with intervals: a row per task, a line per other run."""
    shapes, top = legend(runs)
    found = [paired for of in rows.values() for paired in of.values()]
    values = [end for paired in found for end in (paired.difference, *(paired.ci95 or ()))]
    scale = Scale.about_zero(values, _LEFT, _RIGHT - 20)
    y = top
    for task, of in rows.items():
        y += _LABEL_HEIGHT
        shapes.append(named(0, y - 6, task, _LONGEST_LINE))
        for series, paired in of.items():
            y += _LINE_HEIGHT
            shapes += _difference(scale, paired, y - 6, series, f"{runs[series]}, {task}")
    table = Table(
        ("task", "run", "difference", "95 % interval", "p", "verdict", "n"),
        tuple(
            (task, runs[series], p.text, p.interval, p.p_text, p.verdict, str(p.n))
            for task, of in rows.items()
            for series, p in of.items()
        ),
    )
    zero = Line(scale.at(0), top + 4, scale.at(0), y, "axis")
    grid = _across(scale, top + 4, y, "")
    return Chart(title, description, WIDTH, y + 20, (*grid, zero, *shapes), table, against=against)


def trend(
    title: str, description: str, rows: Mapping[str, Sequence[Metric]], runs: Sequence[str]
) -> Chart:
    """Draw means of ordered groups as a line per run, with 95 % intervals."""
    shapes, top = legend(runs)
    base = top + 10 + _PLOT_HEIGHT
    scale = Scale.around(ends(m for of in rows.values() for m in of), base, top + 10)
    for value in scale.ticks:
        shapes.append(Line(_TREND_LEFT, scale.at(value), WIDTH, scale.at(value)))
        label = f"{value:g} %"
        shapes.append(Text(_TREND_LEFT - 5, scale.at(value) + 4, label, "end", "quiet"))
    step = (WIDTH - _TREND_LEFT) / len(rows)
    every = math.ceil(max(7 * len(name) + 6 for name in rows) / step)
    for index, name in enumerate(rows):
        if index % every == 0:
            middle = round(_TREND_LEFT + (index + 0.5) * step, 1)
            shapes.append(Text(middle, base + 18, name, "middle"))
    apart = min(5.0, 0.6 * step / len(runs))
    for series, run in enumerate(runs):
        shift = (series - (len(runs) - 1) / 2) * apart
        dots: list[Dot] = []
        for index, (name, metrics) in enumerate(rows.items()):
            metric, x = metrics[series], round(_TREND_LEFT + (index + 0.5) * step + shift, 1)
            if metric.value is None:
                continue
            if metric.ci95 is not None:
                low, high = (scale.at(100 * end) for end in metric.ci95)
                shapes.append(Line(x, low, x, high, f"{colour(series)} faint"))
            tip = f"{run}, {name}: {metric_text(metric)}"
            dots.append(Dot(x, scale.at(100 * metric.value), colour(series), tip))
        shapes += [Path(tuple((dot.x, dot.y) for dot in dots), colour(series)), *dots]
    table = metric_table(rows, runs)
    return Chart(title, description, WIDTH, base + 26, tuple(shapes), table)


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
    shapes, top = legend(runs)
    base = top + _PLOT_HEIGHT + 20
    shapes.append(Line(0, base, WIDTH, base, "axis"))
    for index, name in enumerate(bins):
        shapes.append(Text(round((index + 0.5) * step, 1), base + 16, name, "middle"))
        for series, (of_run, total) in enumerate(zip(counts, totals, strict=True)):
            x = round((index + 0.1) * step + series * width, 1)
            height = round(_PLOT_HEIGHT * of_run[index] / total / highest, 1)
            tip = f"{runs[series]}: {of_run[index]} samples score {name}"
            shapes.append(Box(x, base - height, round(width, 1), height, colour(series), tip))
            if len(runs) == 1:
                middle = round(x + width / 2, 1)
                shapes.append(Text(middle, base - height - 4, str(of_run[index]), "middle"))
    rows = tuple((name, *(str(of[i]) for of in counts)) for i, name in enumerate(bins))
    table = Table(("score", *runs), rows)
    return Chart(title, description, WIDTH, base + 24, tuple(shapes), table)


def radar(
    title: str, description: str, axes: Mapping[str, Sequence[Metric]], runs: Sequence[str]
) -> Chart:
    """Draw one axis per task from 0 % in the centre to 100 %; a run without a number skips it."""
    shapes, top = legend(runs)
    centre = (WIDTH / 2, top + _RADIUS + 32)
    angles = [2 * math.pi * i / len(axes) - math.pi / 2 for i in range(len(axes))]
    for part in range(1, 5):
        ring = tuple(_polar(centre, angle, part / 4) for angle in angles)
        shapes.append(Outline(ring, "grid"))
    for angle, name in zip(angles, axes, strict=True):
        shapes += [Line(*centre, *_polar(centre, angle, 1.0)), _axis_name(centre, angle, name)]
    for series, run in enumerate(runs):
        dots = [
            Dot(
                *_polar(centre, angle, value),
                colour(series),
                f"{run}, {name}: {metric_text(of[series])}",
            )
            for angle, (name, of) in zip(angles, axes.items(), strict=True)
            if (value := of[series].value) is not None
        ]
        shapes += [Outline(tuple((dot.x, dot.y) for dot in dots), colour(series)), *dots]
    height = centre[1] + _RADIUS + 30
    return Chart(title, description, WIDTH, height, tuple(shapes), metric_table(axes, runs))


def _axis_name(centre: tuple[float, float], angle: float, name: str) -> Text:
    """Place the name outside the axis's end, away from the centre and the outlines."""
    x, y = _polar(centre, angle, 1.08)
    across, down = round(math.cos(angle), 3), round(math.sin(angle), 3)
    anchor: Anchor = "middle" if across == 0 else "start" if across > 0 else "end"
    return named(x, round(y + 4 + 8 * down, 1), name, _LONGEST_TASK, anchor)


def _polar(centre: tuple[float, float], angle: float, fraction: float) -> tuple[float, float]:
    length = _RADIUS * fraction
    x, y = centre[0] + length * math.cos(angle), centre[1] + length * math.sin(angle)
    return round(x, 1), round(y, 1)


def _across(scale: Scale, top: float, bottom: float, unit: str) -> list[Shape]:
    """Draw the grid of a horizontal scale, with its numbers below."""
    shapes: list[Shape] = []
    for value in scale.ticks:
        x, sign = scale.at(value), "−" if value < 0 else "+" if value and scale.low < 0 else ""
        shapes.append(Line(x, top, x, bottom))
        shapes.append(Text(x, bottom + 14, f"{sign}{abs(value):g}{unit}", "middle", "quiet"))
    return shapes


def _interval(
    scale: Scale, metric: Metric, y: float, series: int, *, numbered: bool
) -> list[Shape]:
    """Draw a dot on its interval, with its number at the right and its run's at the left."""
    shapes: list[Shape] = [Text(0, y + 4, str(series + 1), style="quiet")] if numbered else []
    if metric.value is None:
        return [*shapes, Text(WIDTH - 2, y + 4, NO_NUMBER, "end")]
    if metric.ci95 is not None:
        low, high = (scale.at(100 * end) for end in metric.ci95)
        shapes.append(Line(low, y, high, y, colour(series)))
    numbers = f"{100 * metric.value:.1f}, n {metric.n}"
    dot = Dot(scale.at(100 * metric.value), y, colour(series), metric_text(metric))
    return [*shapes, dot, Text(WIDTH - 2, y + 4, numbers, "end")]


def _difference(scale: Scale, paired: Paired, y: float, series: int, name: str) -> list[Shape]:
    """Draw a difference on its interval: filled if it is shown to be one."""
    shapes: list[Shape] = [Text(0, y + 4, str(series + 1), style="quiet")]
    if paired.ci95 is not None:
        low, high = map(scale.at, paired.ci95)
        shapes.append(Line(low, y, high, y, colour(series)))
    style = colour(series) if paired.verdict in ("better", "worse") else f"{colour(series)} hollow"
    test = f", p {paired.p_text}" if paired.p_text else ""
    tip = cut(f"{name}: {paired.text} ({paired.interval}){test}, {paired.verdict}", LONGEST_TIP)
    shapes.append(Dot(scale.at(paired.difference), y, style, tip))
    return [*shapes, Text(WIDTH - 2, y + 4, f"{paired.text}{test}", "end")]
