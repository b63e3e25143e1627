"""The sum in NumPy's order, so that it is NumPy's to the last bit, without importing NumPy.

The benchmarks' evaluators average with NumPy, and the official numbers are theirs exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

_ONE_BY_ONE = 8  # fewer values than these are added in order
_AT_ONCE = 128  # more values than these are halved


def numpy_sum(values: Sequence[float]) -> float:
    """Return what ``numpy.sum`` returns for these values: pairwise summation."""
    count = len(values)
    if count < _ONE_BY_ONE:
        total = 0.0
        for value in values:
            total += value
        return total
    if count > _AT_ONCE:
        half = count // 2
        half -= half % 8
        return numpy_sum(values[:half]) + numpy_sum(values[half:])
    # Eight running totals, as in NumPy's unrolled loop.
    whole = count - count % 8
    a, b, c, d, e, f, g, h = (_in_order(values[start:whole:8]) for start in range(8))
    total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for value in values[whole:]:
        total += value
    return total


def _in_order(values: Sequence[float]) -> float:
    total = values[0]
    for value in values[1:]:
        total += value
    return total
