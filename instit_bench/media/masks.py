"""Decode COCO's run lengths.

pycocotools trusts them: with too few it returns memory that was never written. Here their sum must
be the number of pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from instit_bench.media.errors import MediaError
from instit_bench.media.limits import check_pixels
from instit_bench.types import Mask

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FIRST = 48  # each character holds six bits, from "0" on
_DATA, _MORE, _SIGN = 0x1F, 0x20, 0x10
_BITS = 5
_MOST_BITS = 40  # of one run length: longer than any image's


def decode(mask: Mask, where: str) -> NDArray[np.bool_]:
    """Return a mask as an array of shape (height, width).

    Raises:
        MediaError: The run lengths are not valid, or the mask is too large; ``where`` names it.
    """
    import numpy as np

    check_pixels(mask.width, mask.height, where)
    try:
        runs = _runs(mask.counts) if isinstance(mask.counts, str) else list(mask.counts)
    except ValueError as error:
        raise MediaError(f"{where}: the mask's run lengths are not valid: {error}") from error
    pixels = mask.height * mask.width
    if sum(runs) != pixels:
        raise MediaError(
            f"{where}: the mask's run lengths cover {sum(runs):,} pixels, not the {pixels:,} of "
            f"{mask.height} x {mask.width}"
        )
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape((mask.height, mask.width), order="F")


def _runs(text: str) -> list[int]:
    """Return the run lengths in COCO's text: from the fourth on, differences to the last but one.

    Raises:
        ValueError: It is not valid.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - _FIRST
        if not 0 <= code <= _DATA | _MORE:
            raise ValueError(f"character {character!r}")
        value |= (code & _DATA) << shift
        shift += _BITS
        if shift > _MOST_BITS:
            raise ValueError("a run is too long")
        if code & _MORE:
            continue
        if code & _SIGN:
            value -= 1 << shift
        run = value + (runs[-2] if len(runs) > 2 else 0)
        if run < 0:
            raise ValueError("a run is negative")
        runs.append(run)
        value = shift = 0
    if shift:
        raise ValueError("the text is cut off")
    return runs
