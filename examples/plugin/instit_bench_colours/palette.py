"""The colours that the plugin can name."""

from __future__ import annotations

Colour = tuple[int, int, int]

PRIMARY: dict[str, Colour] = {"red": (220, 40, 40), "green": (40, 170, 60), "blue": (40, 70, 220)}
COLOURS: dict[str, Colour] = PRIMARY | {
    "orange": (240, 150, 40),
    "yellow": (240, 220, 60),
    "cyan": (60, 200, 220),
    "purple": (140, 60, 180),
    "grey": (130, 130, 130),
}
_FARTHEST = (3 * 255**2) ** 0.5


def distance(one: Colour, other: Colour) -> float:
    """Return the distance of two colours: 0 for equal colours, 1 for black and white."""
    squares = ((a - b) ** 2 for a, b in zip(one, other, strict=True))
    return sum(squares) ** 0.5 / _FARTHEST
