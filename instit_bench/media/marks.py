"""Draw the marks of objects onto an image, in one of the styles of ``--marks``.

Every style shows each object's number at the centre of its mask; ``box``, ``contour`` and ``mask``
add the outline or the area, in a colour that belongs to the number. So an object looks the same in
all frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from instit_bench.media.errors import MediaError
from instit_bench.media.masks import decode
from instit_bench.types import Marks, MarkStyle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = 1  # of the drawing: another one is drawn anew

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
    # Large objects first, so that no number of a small one is covered.
    order = sorted(shapes, key=lambda label: -int(shapes[label].sum()))
    for label in order:
        _outline(drawn, shapes[label], drawing.style, colour_of(label))
    for label in order:
        plate = _PLATE if drawing.style == "number" else colour_of(label)
        _number(drawn, centre(shapes[label]), label, plate)
    return drawn


def colour_of(label: str) -> str:
    """Return the colour of a number."""
    return _COLOURS[(int(label) - 1) % len(_COLOURS)]


def centre(area: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the pixel (x, y) of a mask that is nearest to the centre of its mass."""
    import numpy as np

    ys, xs = np.nonzero(area)
    nearest = int(np.argmin((ys - ys.mean()) ** 2 + (xs - xs.mean()) ** 2))
    return int(xs[nearest]), int(ys[nearest])


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
        drawn.paste(colour, mask=_rim(stencil, line))


def _rim(stencil: Image.Image, line: int) -> Image.Image:
    """Return the pixels inside a mask that are less than ``line`` away from what is outside it."""
    import numpy as np

    framed = Image.new("L", (stencil.width + 2 * line, stencil.height + 2 * line))
    framed.paste(stencil, (line, line))
    inner = framed.filter(ImageFilter.MinFilter(2 * line + 1))
    inner = inner.crop((line, line, line + stencil.width, line + stencil.height))
    return Image.fromarray(np.asarray(stencil) & ~np.asarray(inner))


def _number(drawn: Image.Image, at: tuple[int, int], label: str, plate: str) -> None:
    draw = ImageDraw.Draw(drawn)
    font = ImageFont.load_default(max(_LEAST_TEXT, round(min(drawn.size) / _TEXT)))
    left, top, right, bottom = draw.textbbox((0, 0), label, font=font, anchor="mm")
    margin = max(_LEAST_LINE, round((bottom - top) / 4))
    half = (right - left) / 2 + margin, (bottom - top) / 2 + margin
    # The whole plate stays within the image.
    x, y = (
        min(max(place, reach), side - 1 - reach) if side > 2 * reach else side / 2
        for place, reach, side in zip(at, half, drawn.size, strict=True)
    )
    middle = (left + right) / 2, (top + bottom) / 2  # of the ink, not of the line
    ink = "#000000" if _brightness(plate) > _BRIGHT else "#ffffff"
    box = (x - half[0], y - half[1], x + half[0], y + half[1])
    draw.rectangle(box, fill=plate, outline=ink)
    draw.text((x - middle[0], y - middle[1]), label, font=font, fill=ink, anchor="mm")


def _brightness(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue
