"""Bounds for several looks at growing data, by spending the error level (Lan and DeMets, 1983).

Whoever looks ten times and stops at the first |z| above 1.96 is wrong far more often than in 5 % of
cases. A spending function says how much of the level may be used up by when; each look's bound is
the one that spends its part, given that no earlier look stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST = 8.0  # a bound beyond this is never reached: its tail is 1e-15
_POINTS = 501
_STEPS = 60


def obf_spent(fraction: float, level: float = 0.05) -> float:
    """Return the part of a two-sided level that is spent at an information fraction (0..1].

    O'Brien-Fleming type: 2 - 2 Phi(z / sqrt(t)) with z the quantile of half the level; hardly
    anything early, and all of it at the end.
    """
    from scipy.special import ndtr, ndtri

    return float(2 * ndtr(ndtri(level / 2) / np.sqrt(fraction)))


def obf_bounds(fractions: Sequence[float], level: float = 0.05) -> tuple[float, ...]:
    """Return the bound on |z| at each look, for rising information fractions in 0..1.

    Raises:
        ValueError: The fractions do not rise, or are not in 0..1.
    """
    steps = (0.0, *fractions)
    rising = all(a < b for a, b in pairwise(steps))
    if not fractions or not rising or fractions[-1] > 1:
        raise ValueError(f"information fractions must rise within 0..1, not {fractions}")
    return _bounds(tuple(fractions), level)


@lru_cache(maxsize=256)
def _bounds(fractions: tuple[float, ...], level: float) -> tuple[float, ...]:
    """The recursion of Armitage, McPherson and Rowe (1969) on a grid of Brownian paths."""
    found: list[float] = []
    # Before the first look, all paths are at 0.
    grid, weight = np.zeros(1), np.ones(1)
    before = spent = 0.0
    for fraction in fractions:
        step, root = np.sqrt(fraction - before), np.sqrt(fraction)
        due = obf_spent(fraction, level)
        bound = _bound(grid, weight, step, root, due - spent)
        found.append(bound)
        grid, weight = _onward(grid, weight, step, bound * root)
        before, spent = fraction, due
    return tuple(found)


def _bound(grid: Array, weight: Array, step: float, root: float, due: float) -> float:
    """Return the z beyond which paths from the grid spend what is due, by bisection."""
    from scipy.special import ndtr

    low, high = 0.0, MOST
    for _ in range(_STEPS):
        middle = (low + high) / 2
        end = middle * root
        beyond = ndtr((-end - grid) / step) + ndtr((grid - end) / step)
        low, high = (middle, high) if float(weight @ beyond) > due else (low, middle)
    return high


def _onward(grid: Array, weight: Array, step: float, end: float) -> tuple[Array, Array]:
    """Return the paths that stay within +-``end``: a new grid, and its weights by Simpson."""
    most = min(end, MOST)
    points = np.linspace(-most, most, _POINTS)
    simpson = np.ones(_POINTS)
    simpson[1:-1:2], simpson[2:-1:2] = 4, 2
    density = np.exp(-(((points[:, None] - grid) / step) ** 2) / 2) @ weight
    density /= step * np.sqrt(2 * np.pi)
    return points, density * simpson * (points[1] - points[0]) / 3
