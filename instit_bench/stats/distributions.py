"""Student's t and the binomial distribution, as far as intervals and tests need them.

scipy.special has the same functions, but importing it takes longer than the rest of most commands.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_PRECISION = 1e-15
_MOST_STEPS = 100_000  # the fraction below takes about sqrt(max(a, b)) of them
_SERIES_FROM = 20.0
_COUNTED = 1000  # tosses; the result of a division of larger numbers may be out of range


@lru_cache(maxsize=1024)
def t_quantile(freedom: float, probability: float) -> float:
    """Return the quantile of Student's t for a probability of at least 0.5 and below 1.

    ``freedom``, the degrees of freedom, need not be whole; it is at least 1.
    """
    # Newton's method from the normal quantile, which is too small: the distribution function is
    # concave there, so each step approaches the solution from below.
    t = NormalDist().inv_cdf(probability)
    for _ in range(100):
        step = (probability - _t_cdf(freedom, t)) / _t_density(freedom, t)
        t += step
        if step <= _PRECISION * t:
            break
    return t


def binomial_cdf(most: int, n: int) -> float:
    """Return the probability of at most ``most`` heads in ``n`` tosses of a fair coin.

    Up to ``_COUNTED`` tosses it is counted in whole numbers, so the result is correctly rounded.
    """
    if most >= n:
        return 1.0
    if n > _COUNTED:
        return beta_cdf(n - most, most + 1, 0.5)
    ways = total = 1
    for heads in range(most):
        ways = ways * (n - heads) // (heads + 1)
        total += ways
    return float(total / (1 << n))


def share_for(wanted: int, n: int, probability: float) -> float:
    """Return the share with which ``wanted`` or more of ``n`` happen with a given probability."""
    low, high = 0.0, 1.0
    while (middle := (low + high) / 2) not in (low, high):
        if beta_cdf(wanted, n - wanted + 1, middle) < probability:
            low = middle
        else:
            high = middle
    return high


def beta_cdf(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function of positive ``a`` and ``b``, for x in 0..1.

    By its continued fraction (DLMF 8.17.22), on the side of the mean where that converges fast.
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_cdf(b, a, 1 - x)
    return math.exp(a * math.log(x) + b * math.log1p(-x) - _log_beta(a, b)) / (
        a * _fraction(a, b, x)
    )


def _fraction(a: float, b: float, x: float) -> float:
    """1 + d1 / (1 + d2 / (1 + …)), evaluated from the front by Lentz's method."""
    value, c, d = 1.0, 1.0, 0.0
    for step in range(1, _MOST_STEPS):
        m, odd = divmod(step, 2)
        if odd:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        c, d = 1 + term / c, 1 / (1 + term * d)
        value *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return value


def _log_beta(a: float, b: float) -> float:
    a, b = sorted((a, b))
    if b < _SERIES_FROM:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    # The logarithms of large gamma functions would cancel; Stirling's series subtracts them first.
    rest = _stirling(b) - _stirling(a + b) + a
    return math.lgamma(a) - (b - 0.5) * math.log1p(a / b) - a * math.log(a + b) + rest


def _stirling(z: float) -> float:
    return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * z * z)) / (z * z)) / (z * z)) / z


def _t_cdf(freedom: float, t: float) -> float:
    return 0.5 + beta_cdf(0.5, freedom / 2, t * t / (freedom + t * t)) / 2


def _t_density(freedom: float, t: float) -> float:
    power = -(freedom + 1) / 2 * math.log1p(t * t / freedom)
    return math.exp(power - _log_beta(0.5, freedom / 2)) / math.sqrt(freedom)
