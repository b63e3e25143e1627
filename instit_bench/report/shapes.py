"""The shapes of a plot; ``templates/chart.html.j2`` writes them as inline SVG.

Lengths are SVG units. ``style`` is a class of the page's style sheet, so colours follow the
reader's colour scheme; ``tip`` is the text for a pointer or a screen reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Text:
    """Text that starts, is centred or ends at a point, rotated by ``angle`` degrees."""

    kind: ClassVar = "text"
    x: float
    y: float
    words: str
    anchor: Anchor = "start"
    style: str = "label"
    angle: int = 0
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line."""

    kind: ClassVar = "line"
    x1: float
    y1: float
    x2: float
    y2: float
    style: str = "grid"


@dataclass(frozen=True, slots=True)
class Dot:
    """A point."""

    kind: ClassVar = "dot"
    x: float
    y: float
    style: str
    tip: str
    radius: float = 4


@dataclass(frozen=True, slots=True)
class Box:
    """A bar or a cell, filled with ``shade`` 0..1 of its colour."""

    kind: ClassVar = "box"
    x: float
    y: float
    width: float
    height: float
    style: str
    tip: str
    shade: float = 1.0


@dataclass(frozen=True, slots=True)
class Outline:
    """A closed line through points."""

    kind: ClassVar = "outline"
    points: tuple[tuple[float, float], ...]
    style: str


@dataclass(frozen=True, slots=True)
class Path:
    """An open line through points."""

    kind: ClassVar = "path"
    points: tuple[tuple[float, float], ...]
    style: str


Shape = Text | Line | Dot | Box | Outline | Path


@dataclass(frozen=True, slots=True)
class Table:
    """A chart's numbers as text, for readers who cannot see it or want all numbers."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its texts and numbers.

    ``against`` is the run that others differ from; a ``wide`` drawing may have to scroll.
    """

    title: str
    description: str
    width: float
    height: float
    shapes: tuple[Shape, ...]
    table: Table
    against: str = ""
    wide: bool = False
