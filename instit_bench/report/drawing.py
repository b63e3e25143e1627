"""What the plots of a report share: the width, a scale, names, and the legend of runs.

A drawing is ``WIDTH`` wide, about a phone's width, so its text stays readable there; a wide window
shows it larger.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

from instit_bench.report.shapes import Anchor, Dot, Shape, Table, Text
from instit_bench.types import Metric

WIDTH = 460
NO_NUMBER = "–"
LONGEST_TIP = 120  # characters
_COLOURS = 6  # of the style sheet
_CHARACTER = 6.6  # units, on average
_LEGEND_LINE = 18
_HALF_LINE, _WHOLE_LINE = 29, 62  # characters of a name in the legend
_MOST_TICKS = 6
_STEPS = (1, 2, 5, 10, 20, 25, 50)


@dataclass(frozen=True, slots=True)
class Scale:
    """Converts ``low``..``high`` to ``start``..``end``; both ends are whole ``step``s."""

    low: float
    high: float
    step: float
    start: float
    end: float

    @classmethod
    def around(cls, values: Iterable[float], start: float, end: float) -> Scale:
        """Return a scale in percent with all of these values (0..100) on it, at least 20 wide."""
        values = [*values] or [0.0, 100.0]
        low = 10 * math.floor(min(values) / 10)
        high = 10 * math.ceil(max(values) / 10)
        high = min(100, max(high, low + 20))
        low = max(0, min(low, high - 20))
        step = next((s for s in _STEPS if (high - low) / s < _MOST_TICKS), 50)
        low, high = step * math.floor(low / step), min(100, step * math.ceil(high / step))
        return cls(low, high, step, start, end)

    @classmethod
    def about_zero(cls, values: Iterable[float], start: float, end: float) -> Scale:
        """Return a scale in points with zero and all of these values on it, and a tick at zero."""
        values = [0.0, *values]
        spread = max(2.0, max(values) - min(values))
        step = next((s for s in _STEPS if spread / s < _MOST_TICKS), 50)
        low, high = math.floor(min(values) / step), math.ceil(max(values) / step)
        return cls(step * low, step * max(high, low + 1), step, start, end)

    def at(self, value: float) -> float:
        """Return a value's position."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + (self.end - self.start) * share, 1)

    @property
    def ticks(self) -> list[float]:
        """The values of the grid."""
        count = round((self.high - self.low) / self.step)
        return [self.low + self.step * number for number in range(count + 1)]


def legend(runs: Sequence[str]) -> tuple[list[Shape], float]:
    """Draw the runs' colours, numbers and names, and return the height; nothing for one run."""
    if len(runs) < 2:
        return [], 0.0
    columns = 2 if all(len(run) <= _HALF_LINE for run in runs) else 1
    longest = _HALF_LINE if columns == 2 else _WHOLE_LINE
    shapes: list[Shape] = []
    for index, run in enumerate(runs):
        x, y = index % columns * WIDTH / columns, index // columns * _LEGEND_LINE + 12
        shapes.append(Dot(x + 7, y - 4, colour(index), run, 5))
        shapes.append(named(x + 18, y, f"{index + 1}  {run}", longest + 3))
    return shapes, math.ceil(len(runs) / columns) * _LEGEND_LINE + 10.0


def named(
    x: float, y: float, name: str, longest: int, anchor: Anchor = "start", *, angle: int = 0
) -> Text:
    """Shorten a name from data or models; its tip contains more of it."""
    words = cut(name, longest)
    tip = "" if words == name else cut(name, LONGEST_TIP)
    return Text(x, y, words, anchor, angle=angle, tip=tip)


def cut(name: str, longest: int) -> str:
    """Shorten a name to a number of characters."""
    return name if len(name) <= longest else name[: longest - 1] + "…"


def width(words: str) -> int:
    """Estimate the width of a text; Chinese, Japanese and Korean characters count twice."""
    return sum(13 if east_asian_width(character) in "WF" else 7 for character in words)


def colour(series: int) -> str:
    """Return the style of a run's shapes."""
    return f"series-{series % _COLOURS + 1}"


def metric_text(metric: Metric) -> str:
    """Format in percent, with the 95 % interval and n."""
    if metric.value is None:
        return NO_NUMBER
    interval = ""
    if metric.ci95 is not None:
        interval = f" ({100 * metric.ci95[0]:.1f} to {100 * metric.ci95[1]:.1f})"
    return f"{100 * metric.value:.1f} %{interval}, n {metric.n}"


def metric_table(rows: Mapping[str, Sequence[Metric]], runs: Sequence[str]) -> Table:
    """Return the numbers of a plot as text."""
    texts = tuple((name, *map(metric_text, metrics)) for name, metrics in rows.items())
    return Table(("", *runs), texts)


def ends(metrics: Iterable[Metric]) -> list[float]:
    """Return the values in percent, with the ends of their intervals."""
    found = [end for m in metrics if m.value is not None for end in (m.value, *(m.ci95 or ()))]
    return [100 * end for end in found]
