"""Where the number of an object is drawn: on the object, and clear of all other numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Area = NDArray[np.bool_]

Size = tuple[int, int]
"""Width and height in pixels, both odd: a rectangle of that size has a pixel in its centre."""


class Places:
    """The numbers of one image, placed one by one: the smallest object's first.

    So the number of a large object is not on a smaller one in front of it.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        import numpy as np

        width, height = size
        self._objects = np.zeros((height, width), dtype=bool)
        self._plates = np.zeros((height, width), dtype=bool)

    def place(self, area: Area, plate: Size) -> tuple[int, int]:
        """Return the pixel (x, y) for the centre of the plate, and keep others away from it.

        It is the nearest one to the centre of the object's mass at which the plate is wholly on
        the object. If the object is too small for that, its centre counts.
        """
        x, y = next(
            nearest_to_centre(area, allowed)
            for allowed in self._choices(area, plate)
            if allowed.any()
        )
        self._objects |= area
        across, down = plate[0] // 2, plate[1] // 2
        self._plates[max(0, y - down) : y + down + 1, max(0, x - across) : x + across + 1] = True
        return x, y

    def _choices(self, area: Area, plate: Size) -> Iterator[Area]:
        """Yield where the centre of the plate may be, the best first."""
        own = area & ~self._objects
        yield within(own & ~self._plates, plate)
        clear = within(~self._plates, plate)
        yield own & clear
        yield area & clear
        yield clear  # beside the object
        yield area


def within(area: Area, size: Size) -> Area:
    """Return the pixels around which a rectangle of this size is wholly in the area."""
    import numpy as np

    across, down = size
    found = np.pad(area, ((down // 2, down // 2), (across // 2, across // 2)))
    return _rows(_rows(found, down).T, across).T


def _rows(area: Area, count: int) -> Area:
    """Return which pixels begin a run of ``count`` that goes down the columns."""
    known = 1
    while known < count:
        step = min(known, count - known)
        area = area[:-step] & area[step:]
        known += step
    return area


def nearest_to_centre(area: Area, allowed: Area) -> tuple[int, int]:
    """Return the allowed pixel (x, y) that is nearest to the centre of the area's mass."""
    import numpy as np

    x, y = (
        np.average(np.arange(counts.size), weights=counts)
        for counts in (area.sum(axis=0), area.sum(axis=1))
    )
    ys, xs = np.nonzero(allowed)
    nearest = int(np.argmin((ys - y) ** 2 + (xs - x) ** 2))
    return int(xs[nearest]), int(ys[nearest])
