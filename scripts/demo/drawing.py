"""Things, scenes, and how a scene becomes an image with drawn marks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from PIL import Image, ImageColor, ImageDraw, ImageFont

OVERSAMPLING = 2
MARK_RADIUS = 9

PALETTE = {
    "red": "#d62f2f",
    "blue": "#2b62c9",
    "green": "#2f8a3c",
    "yellow": "#f2cf2c",
    "orange": "#ee8420",
    "purple": "#7f3fa3",
    "pink": "#ef8fb6",
    "white": "#f4f4f1",
    "black": "#26262a",
}


@dataclass(frozen=True, slots=True)
class Thing:
    """One marked thing: its centre (``x``, ``y``) and half its width, in pixels."""

    mark: int
    kind: str
    colour: str
    x: int
    y: int
    radius: int

    @property
    def tag(self) -> str:
        """The mark as it is written in questions."""
        return f"[{self.mark}]"


@dataclass(frozen=True, slots=True)
class Scene:
    """What one image shows, from back to front."""

    size: tuple[int, int]
    backdrop: str
    things: tuple[Thing, ...]

    def thing(self, mark: int) -> Thing:
        """Return the thing with a mark; KeyError if the scene has none."""
        return {thing.mark: thing for thing in self.things}[mark]


@dataclass(frozen=True, slots=True)
class Stroke:
    """One filled shape; ``paint`` is a colour, or empty for the thing's own colour."""

    form: Literal["rectangle", "ellipse", "polygon"]
    points: tuple[float, ...]
    paint: str = ""


def _rectangle(*points: float, paint: str = "") -> Stroke:
    return Stroke("rectangle", points, paint)


def _ellipse(*points: float, paint: str = "") -> Stroke:
    return Stroke("ellipse", points, paint)


def _polygon(*points: float, paint: str = "") -> Stroke:
    return Stroke("polygon", points, paint)


# Coordinates range from -1 to 1 on both axes of the square around a thing, with y downwards.
SHAPES: dict[str, tuple[Stroke, ...]] = {
    "ball": (
        _ellipse(-1, -1, 1, 1),
        _ellipse(-0.6, -0.72, -0.2, -0.36, paint="#ffffff"),
    ),
    "balloon": (
        _rectangle(-0.03, 0.6, 0.03, 1.8, paint="#555555"),
        _polygon(-0.2, 1, 0, 0.8, 0.2, 1),
        _ellipse(-0.8, -1, 0.8, 0.85),
    ),
    "boat": (
        _rectangle(-0.04, -1, 0.04, 0.4, paint="#5b3a21"),
        _polygon(0.1, -0.95, 0.1, 0.2, 0.8, 0.2, paint="#e8e2cf"),
        _polygon(-0.1, -0.7, -0.1, 0.2, -0.6, 0.2, paint="#e8e2cf"),
        _polygon(-1, 0.3, 1, 0.3, 0.65, 0.85, -0.65, 0.85),
    ),
    "box": (
        _rectangle(-1, -0.85, 1, 0.9),
        _rectangle(-1.06, -0.9, 1.06, -0.82, paint="#4a3320"),
        _rectangle(-1.06, -0.56, 1.06, -0.48, paint="#4a3320"),
    ),
    "car": (
        _polygon(-0.65, -0.05, -0.42, -0.6, 0.38, -0.6, 0.68, -0.05),
        _polygon(-0.5, -0.08, -0.34, -0.5, -0.04, -0.5, -0.04, -0.08, paint="#bcdcec"),
        _polygon(0.06, -0.08, 0.06, -0.5, 0.32, -0.5, 0.52, -0.08, paint="#bcdcec"),
        _rectangle(-1, -0.08, 1, 0.42),
        _ellipse(-0.72, 0.2, -0.28, 0.64, paint="#1d1d1f"),
        _ellipse(0.28, 0.2, 0.72, 0.64, paint="#1d1d1f"),
    ),
    "cat": (
        _polygon(0.5, 0.4, 0.82, -0.5, 0.96, -0.46, 0.7, 0.6),
        _ellipse(-0.6, -0.1, 0.72, 0.8),
        _rectangle(-0.5, 0.5, -0.3, 0.95),
        _rectangle(0.36, 0.5, 0.56, 0.95),
        _ellipse(-0.98, -0.75, -0.2, 0.03),
        _polygon(-0.96, -0.4, -0.94, -1, -0.62, -0.7),
        _polygon(-0.54, -0.72, -0.26, -1, -0.22, -0.4),
        _ellipse(-0.8, -0.5, -0.68, -0.36, paint="#d9f06a"),
        _ellipse(-0.5, -0.5, -0.38, -0.36, paint="#d9f06a"),
    ),
    "house": (
        _rectangle(-0.82, -0.2, 0.82, 1),
        _polygon(-1, -0.18, 0, -1, 1, -0.18, paint="#6d4a36"),
        _rectangle(-0.2, 0.4, 0.2, 1, paint="#3c2a20"),
        _rectangle(-0.66, 0.12, -0.34, 0.44, paint="#bcdcec"),
        _rectangle(0.34, 0.12, 0.66, 0.44, paint="#bcdcec"),
    ),
    "kite": (
        _polygon(-0.04, 0.8, 0.04, 0.8, 0.34, 1.7, 0.26, 1.7, paint="#555555"),
        _polygon(0, -1, 0.75, -0.1, 0, 1, -0.75, -0.1),
    ),
    "lamp": (
        _rectangle(-0.06, -0.2, 0.06, 0.92, paint="#4b4b50"),
        _rectangle(-0.32, 0.88, 0.32, 1, paint="#4b4b50"),
        _polygon(-0.24, -1, 0.24, -1, 0.5, -0.25, -0.5, -0.25),
    ),
    "person": (
        _rectangle(-0.27, 0.26, -0.04, 1, paint="#39404f"),
        _rectangle(0.04, 0.26, 0.27, 1, paint="#39404f"),
        _rectangle(-0.3, -0.48, 0.3, 0.32),
        _rectangle(-0.46, -0.46, -0.34, 0.12),
        _rectangle(0.34, -0.46, 0.46, 0.12),
        _ellipse(-0.23, -1, 0.23, -0.5, paint="#c99873"),
    ),
    "tree": (
        _rectangle(-0.13, 0.2, 0.13, 1, paint="#6b4526"),
        _ellipse(-0.8, -1, 0.8, 0.4),
    ),
}

# Coordinates range from 0 to 1 over the whole image.
BACKDROPS: dict[str, tuple[Stroke, ...]] = {
    "meadow": (
        _rectangle(0, 0, 1, 0.5, paint="#b5dcf2"),
        _rectangle(0, 0.5, 1, 1, paint="#a9cf7d"),
    ),
    "street": (
        _rectangle(0, 0, 1, 0.6, paint="#cfdfe8"),
        _rectangle(0, 0.6, 1, 0.66, paint="#b8b3aa"),
        _rectangle(0, 0.66, 1, 1, paint="#85868c"),
    ),
    "room": (
        _rectangle(0, 0, 1, 0.64, paint="#e9dcc4"),
        _rectangle(0, 0.64, 1, 1, paint="#b98f66"),
    ),
    "beach": (
        _rectangle(0, 0, 1, 0.3, paint="#c6e5f5"),
        _rectangle(0, 0.3, 1, 0.56, paint="#5fa8c4"),
        _rectangle(0, 0.56, 1, 1, paint="#ead7a4"),
    ),
    "snow": (
        _rectangle(0, 0, 1, 0.46, paint="#bccbdc"),
        _rectangle(0, 0.46, 1, 1, paint="#e3eaf0"),
    ),
}


def render(scene: Scene, *, marked: bool = True) -> Image.Image:
    """Draw a scene: first all things, then all marks on top, unless it is to be unmarked."""
    width, height = (side * OVERSAMPLING for side in scene.size)
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    for stroke in BACKDROPS[scene.backdrop]:
        _apply(draw, stroke, (0, 0), (width, height), "")
    for thing in scene.things:
        _draw_thing(draw, thing, PALETTE[thing.colour])
    for thing in scene.things if marked else ():
        _draw_mark(draw, thing)
    return image.reduce(OVERSAMPLING)


def visible(scene: Scene, mark: int) -> Image.Image:
    """Return where a thing is to be seen, as a black and white image: others may be before it."""
    width, height = (side * OVERSAMPLING for side in scene.size)
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    for thing in scene.things:
        _draw_thing(draw, thing, "#ffffff" if thing.mark == mark else "#000000", flat=True)
    return image.convert("L").reduce(OVERSAMPLING).point([0] * 128 + [255] * 128)


def _draw_thing(
    draw: ImageDraw.ImageDraw, thing: Thing, colour: str, *, flat: bool = False
) -> None:
    """Draw a thing; a flat one has its own colour everywhere."""
    centre = (thing.x * OVERSAMPLING, thing.y * OVERSAMPLING)
    reach = thing.radius * OVERSAMPLING
    for stroke in SHAPES[thing.kind]:
        _apply(draw, replace(stroke, paint="") if flat else stroke, centre, (reach, reach), colour)


def _apply(
    draw: ImageDraw.ImageDraw,
    stroke: Stroke,
    origin: tuple[float, float],
    scale: tuple[float, float],
    own_colour: str,
) -> None:
    points = [
        (origin[0] + x * scale[0], origin[1] + y * scale[1])
        for x, y in zip(stroke.points[::2], stroke.points[1::2], strict=True)
    ]
    fill = ImageColor.getrgb(stroke.paint or own_colour)
    if stroke.form == "rectangle":
        draw.rectangle(points, fill=fill)
    elif stroke.form == "ellipse":
        draw.ellipse(points, fill=fill)
    else:
        draw.polygon(points, fill=fill)


def _draw_mark(draw: ImageDraw.ImageDraw, thing: Thing) -> None:
    centre = (thing.x * OVERSAMPLING, thing.y * OVERSAMPLING)
    reach = MARK_RADIUS * OVERSAMPLING
    draw.circle(centre, reach, fill="#141414", outline="#ffffff", width=2 * OVERSAMPLING)
    font = ImageFont.load_default(size=13 * OVERSAMPLING)
    draw.text(centre, str(thing.mark), font=font, fill="#ffffff", anchor="mm")
