"""Correction for multiple tests."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p: Sequence[float | None]) -> list[float | None]:
    """The p values adjusted by Holm's step-down method (1979), in the order given.

    The k-th smallest of m is multiplied by m - k + 1, never falls below its predecessor and never
    rises above 1. ``None`` (no test was possible) stays ``None`` and does not count.
    """
    adjusted: list[float | None] = [None] * len(p)
    ascending = sorted((value, index) for index, value in enumerate(p) if value is not None)
    floor = 0.0
    for rank, (value, index) in enumerate(ascending):
        floor = max(floor, min(1.0, value * (len(ascending) - rank)))
        adjusted[index] = floor
    return adjusted
