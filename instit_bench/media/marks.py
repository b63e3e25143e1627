"""Draw the marks of objects onto an image, in one of the styles of ``--marks``.

Every style shows each object's number on the object, near the centre of its mask; ``box``,
``contour`` and ``mask`` add the outline or the area, in a colour that belongs to the number. So an
object looks the same in all frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from instit_bench.media.errors import MediaError
from instit_bench.media.masks import decode
from instit_bench.media.placing import Places, within
from instit_bench.types import Marks, MarkStyle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = 2  # of the drawing: another one is drawn anew

# Distinct, and none close to another one's brightness and hue.
_COLOURS = (
    *("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#f032e6", "#9a6324"),
    *("#ffe119", "#42d4f4", "#800000", "#808000", "#000075", "#bfef45", "#fabed4", "#aaffc3"),
)
_PLATE = "#141414"
_OPACITY = 0.45  # of a filled mask
_LINE = 200  # the image's shorter side is this many lines thick
_TEXT = 26  # and this many lines of text high
_LEAST_LINE, _LEAST_TEXT = 2, 11  # pixels
_BRIGHT = 150  # of 255: black text on a brighter plate


@dataclass(frozen=True)
class Drawing:
    """How marks are drawn; ``renamed`` maps an object's number to the one that is shown instead."""

    style: MarkStyle
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """A text that is equal for equal drawings."""
        return f"{VERSION} {self.style} {sorted(self.renamed.items())}"

    def label(self, mark: str) -> str:
        """Return the number that is shown for an object."""
        return self.renamed.get(mark, mark)


def draw_marks(image: Image.Image, marks: Marks, drawing: Drawing, where: str) -> Image.Image:
    """Return an RGB copy of the image with its marks.

    A mask of another size is scaled if it has the image's proportions.

    Raises:
        MediaError: A mask is not valid, or is that of an image of another shape; ``where`` and the
            mark name it.
    """
    drawn = image.convert("RGB")
    shapes = {}
    for mark, mask in marks.items():
        named = f"{where}: mark {mark}"
        area = _fitted(decode(mask, named), drawn.size, named)
        if area.any():  # the object may be too small, or hidden
            shapes[drawing.label(mark)] = area
    order = sorted(shapes, key=lambda label: int(shapes[label].sum()))
    for label in reversed(order):  # no outline of a small object is covered
        _outline(drawn, shapes[label], drawing.style, colour_of(label))
    places = Places(drawn.size)
    for label in order:
        plate = _PLATE if drawing.style == "number" else colour_of(label)
        _number(drawn, shapes[label], label, plate, places)
    return drawn


def colour_of(label: str) -> str:
    """Return the colour of a number."""
    return _COLOURS[(int(label) - 1) % len(_COLOURS)]


def _fitted(area: NDArray[np.bool_], size: tuple[int, int], where: str) -> NDArray[np.bool_]:
    import numpy as np

    height, width = area.shape
    if (width, height) == size:
        return area
    # Each side may be off by a rounded pixel.
    if abs(width * size[1] - height * size[0]) > max(width + size[0], height + size[1]):
        raise MediaError(
            f"{where}: the mask is {width} x {height} pixels, but the image {size[0]} x {size[1]}"
        )
    scaled = Image.fromarray(area).resize(size, Image.Resampling.NEAREST)
    return np.asarray(scaled, dtype=bool)


def _outline(drawn: Image.Image, area: NDArray[np.bool_], style: MarkStyle, colour: str) -> None:
    line = max(_LEAST_LINE, round(min(drawn.size) / _LINE))
    stencil = Image.fromarray(area).convert("L")
    if style == "box":
        left, top, right, bottom = stencil.getbbox() or (0, 0, 0, 0)
        edges = (left, top, right - 1, bottom - 1)
        ImageDraw.Draw(drawn).rectangle(edges, outline=colour, width=line)
    elif style in ("contour", "mask"):
        if style == "mask":
            drawn.paste(colour, mask=stencil.point([0] * 255 + [round(255 * _OPACITY)]))
        # The rim: what is inside and less than ``line`` away from what is outside.
        rim = area & ~within(area, (2 * line + 1, 2 * line + 1))
        drawn.paste(colour, mask=Image.fromarray(rim).convert("L"))


def _number(
    drawn: Image.Image, area: NDArray[np.bool_], label: str, plate: str, places: Places
) -> None:
    draw = ImageDraw.Draw(drawn)
    font = ImageFont.load_default(max(_LEAST_TEXT, round(min(drawn.size) / _TEXT)))
    left, top, right, bottom = draw.textbbox((0, 0), label, font=font, anchor="mm")
    margin = max(_LEAST_LINE, round((bottom - top) / 4))
    across, down = (ceil(length / 2) + margin for length in (right - left, bottom - top))
    x, y = places.place(area, (2 * across + 1, 2 * down + 1))
    middle = (left + right) / 2, (top + bottom) / 2  # of the ink, not of the line
    ink = "#000000" if _brightness(plate) > _BRIGHT else "#ffffff"
    draw.rectangle((x - across, y - down, x + across, y + down), fill=plate, outline=ink)
    draw.text((x - middle[0], y - middle[1]), label, font=font, fill=ink, anchor="mm")


def _brightness(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue
