"""Several looks at a growing paired comparison: when its verdict is settled (docs/statistics.md).

Everything works on whole clusters in a random order, and on many repetitions at once: the last axis
of ``sums`` and ``sizes`` is the clusters, the last axis of a result is the looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from instit_bench.stats.spending import obf_bounds

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rule = Literal["obf", "curtailed", "cs"]

LEVEL = 0.05
SURE = 0.99
"""How probable the full run's verdict must be for ``curtailed`` to stop."""

_FEWEST = 2  # clusters that have a spread
_TAIL = 0.1
"""The part of the level, on each side, whose quantile says by how much t widens all bounds."""

_MOST_KURTOSIS = 9.0  # a few changed clusters among many say nothing about a tail


@dataclass(frozen=True, slots=True)
class Estimates:
    """What is known at each look; arrays end with the axis of the looks.

    ``mean`` is the mean difference per sample so far (-1..1), ``stderr`` its clustered standard
    error, and ``residual`` the part of it that more clusters would take away: less where the
    baseline explains the rest. ``freedom`` are the degrees of freedom by the effective number of
    clusters, ``leverage`` is a cluster's share of the samples. ``kurtosis`` is that of the
    clusters' deviations from the mean (3 for normal ones). ``own`` times |d| (1 - |d|)
    is the least variance that a true difference d brings with it, ``changed`` counts the clusters
    with any difference. ``fractions`` are the shares of the clusters, 0..1.
    """

    mean: Array
    stderr: Array
    residual: Array
    freedom: Array
    leverage: Array
    kurtosis: Array
    own: Array
    changed: Array
    clusters: Array
    fractions: tuple[float, ...]

    def least_error(self, difference: float) -> Array:
        """Return the standard error, at least what a true difference of this size brings."""
        return np.maximum(self.stderr, self._least(difference))

    def least_residual(self, difference: float) -> Array:
        """Return the same of ``residual``."""
        return np.maximum(self.residual, self._least(difference))

    def _least(self, difference: float) -> Array:
        size = abs(difference)
        return np.asarray(np.sqrt(size * (1 - size) * self.own))


def look_ends(clusters: int, looks: int = 10) -> tuple[int, ...]:
    """Return the number of clusters at each look, every equal part of them, each at least 1."""
    ends = (math.ceil(clusters * look / looks) for look in range(1, looks + 1))
    return tuple(dict.fromkeys(ends))


def estimates(
    sums: ArrayLike, sizes: ArrayLike, ends: Sequence[int], baseline: ArrayLike | None = None
) -> Estimates:
    """Estimate the mean difference after each number of clusters in ``ends``.

    ``sums`` are the clusters' sums of paired differences, ``sizes`` their samples. Clusters beyond
    a look do not matter to it, so the ones still to come may have any sum.

    With ``baseline``, the sums of the baseline's own values in *all* clusters, the estimate is
    adjusted by regression: the clusters so far may have been easier for it than all of them are.

    With fewer than two clusters the standard error is infinite: nothing is known.
    """
    s, n = np.asarray(sums, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    at = np.asarray(ends) - 1

    def total(values: Array) -> Array:
        return np.asarray(np.cumsum(values, axis=-1)[..., at])

    k, samples = np.asarray(ends, dtype=np.float64), total(n)
    mean = total(s) / samples
    squares = total(s * s) - 2 * mean * total(s * n) + mean**2 * total(n * n)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(k < _FEWEST, np.inf, np.sqrt(k / (k - 1)) / samples)
        error = np.where(k < _FEWEST, np.inf, scale * np.sqrt(np.maximum(squares, 0)))
        moved = total(np.abs(s))
        change = np.where(moved > 0, total(s * s) / moved, 1.0)
    found = Estimates(
        mean=mean,
        stderr=error,
        residual=error,
        freedom=np.maximum(1.0, total(n * n) ** 2 / total(n**4) - 1),
        leverage=total(n * n) / samples**2,
        kurtosis=_kurtosis(s, n, mean, ends),
        own=change / samples,
        changed=total((s != 0).astype(np.float64)),
        clusters=np.broadcast_to(k, mean.shape),
        fractions=tuple(float(end) / s.shape[-1] for end in ends),
    )
    if baseline is None:
        return found
    a = np.asarray(baseline, dtype=np.float64)
    before = total(a) / samples
    cross = (
        total(s * a) - before * total(s * n) - mean * total(a * n) + mean * before * total(n * n)
    )
    own = total(a * a) - 2 * before * total(a * n) + before**2 * total(n * n)
    return _adjusted(found, squares, cross, own, before, a.sum(-1) / n.sum(-1))


def _kurtosis(sums: Array, sizes: Array, mean: Array, ends: Sequence[int]) -> Array:
    """Return the kurtosis of the clusters' deviations at each look."""
    found = np.full_like(mean, 3.0)
    for look, end in enumerate(ends):
        square = (sums[..., :end] - mean[..., look, None] * sizes[..., :end]) ** 2
        spread = square.mean(-1)
        known = spread > 0
        scale = np.where(known, spread, 1.0)
        found[..., look] = np.where(known, (square * square).mean(-1) / scale**2, 3.0)
    return found


def _adjusted(
    found: Estimates, squares: Array, cross: Array, own: Array, before: Array, overall: Array
) -> Estimates:
    """Regress the differences on the baseline's values, both as deviations of clusters' sums.

    The baseline's mean is known over all clusters, which are themselves a sample of all images: its
    error shrinks by the share of the clusters so far, and does not vanish.
    """
    k = found.clusters
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where((own > 0) & (k > _FEWEST + 1), cross / own, 0.0)
        left = np.maximum(squares - slope * cross, 0)
        shrunk = np.where(squares > 0, np.sqrt(left / squares * (k - 1) / np.maximum(k - 2, 1)), 1)
        explained = np.where(squares > 0, slope * cross / squares, 0.0)
    residual = np.where(np.isinf(found.stderr), np.inf, found.stderr * shrunk)
    share = explained * np.asarray(found.fractions)
    error = np.where(np.isinf(found.stderr), np.inf, np.sqrt(residual**2 + share * found.stderr**2))
    mean = found.mean - slope * (before - overall[..., None])
    return replace(found, mean=mean, stderr=error, residual=residual)


def fails(rule: Rule, at: Estimates, allowed: float, level: float = LEVEL) -> Bools:
    """Return at which looks a drop beyond ``allowed`` (0..1) is settled, at a two-sided level.

    With m changed clusters, no sign test can have a p below 2^(1 - m) (stats/paired.py). Where that
    is above the tail beyond the bound, as with fewer than six clusters at 5 %, nothing is settled:
    clusters that all fall alike have no spread, and Student's t would take them for certainty.
    """
    from scipy.special import ndtr

    limits = bounds(rule, at, level)
    if rule == "curtailed":
        settled = _foreseen(at, allowed, None, level)
    else:
        settled = at.mean + _reach(limits, at, allowed, level) < -allowed
    return settled & (2.0 ** (1 - at.changed) <= 2 * ndtr(-limits))


def passes(rule: Rule, at: Estimates, allowed: float, margin: float, level: float = LEVEL) -> Bools:
    """Return at which looks a drop of ``margin`` or more beyond ``allowed`` is ruled out."""
    if rule == "curtailed":
        return _foreseen(at, allowed, margin, level)
    drop = allowed + margin
    return at.mean - _reach(bounds(rule, at, level), at, drop, level) > -drop


def _reach(limits: Array, at: Estimates, drop: float, level: float) -> Array:
    """Return how far a rule's bound is from the mean.

    Clusters with heavy tails tell their variance as well as fewer others would (Satterthwaite's
    degrees of freedom), and each pulls the mean towards itself, which its leverage corrects. What a
    true drop brings at least (``least_error``) is not estimated and needs neither.
    """
    with np.errstate(divide="ignore"):
        tails = 2 * at.clusters / (np.minimum(at.kurtosis, _MOST_KURTOSIS) - 1)
        widened = _widening(np.minimum(at.freedom, tails), level)
        found = widened * at.stderr / np.sqrt(1 - at.leverage)
    least = _widening(at.freedom, level) * at.least_error(drop)
    return np.asarray(limits * np.maximum(found, least))


def interval(rule: Rule, at: Estimates, look: int, drop: float) -> tuple[float, float]:
    """Return the interval of the difference at one look, by its place in the estimates.

    It holds at all looks together (``obf``, ``cs``), or for this look alone (``curtailed``), at
    95 %; it is no narrower than a true ``drop`` allows, even if nothing changed so far.
    """
    limits = bounds(rule, at)
    if rule == "curtailed":
        reach = _corrected(limits, at.freedom) * at.least_error(drop)
    else:
        reach = _reach(limits, at, drop, LEVEL)
    return float(at.mean[look] - reach[look]), float(at.mean[look] + reach[look])


def bounds(rule: Rule, at: Estimates, level: float = LEVEL) -> Array:
    """Return the rule's bounds on |z| at each look, before Student's t.

    For ``curtailed`` they are those of the full run, which is what it foresees.
    """
    from scipy.special import ndtri

    if rule == "obf":
        return np.asarray(obf_bounds(at.fractions, level))
    if rule == "cs":
        return sequence_bounds(at.clusters, at.clusters[..., -1:] / at.fractions[-1], level)
    return np.full(len(at.fractions), -float(ndtri(level / 2)))


def sequence_bounds(clusters: Array, all_clusters: Array, level: float = LEVEL) -> Array:
    """Return the bounds on |z| of an asymptotic confidence sequence, valid at every look at once.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, arXiv 2103.06476, theorem 2.2; rho is
    chosen so that it is narrowest at half of the clusters (their equation for rho in section 2.3).
    """
    small = -2 * math.log(level)
    rho2 = (small + math.log(small + 1)) / np.maximum(all_clusters / 2, 1)
    grown = clusters * rho2 + 1
    bounds: Array = np.sqrt(2 * grown / (grown - 1) * np.log(np.sqrt(grown) / level))
    return bounds


def _corrected(limits: Array, freedom: Array) -> Array:
    """Return the quantiles of Student's t with the tails that the limits have under the normal."""
    from scipy.special import ndtr, stdtrit

    return np.asarray(-stdtrit(freedom, ndtr(-limits)))


def _widening(freedom: Array, level: float) -> Array:
    """Return by what factor Student's t widens a bound, at whatever look.

    It is the factor for ``_TAIL``, about the tail of the late bounds, where errors happen. By their
    own tails, the first bounds would grow by half, though they spend next to nothing of the level.
    """
    from scipy.special import ndtri, stdtrit

    tail = _TAIL * level
    return np.asarray(stdtrit(freedom, tail) / ndtri(tail))


def _foreseen(at: Estimates, allowed: float, margin: float | None, level: float) -> Bools:
    """Return where the full run fails (without ``margin``) or passes with a probability of 0.99.

    Its mean is that of a finite number of clusters, of which a part is known: it differs from the
    mean so far by stderr * sqrt(1 - fraction), with Student's t. Its standard error is expected to
    be the one so far, times the root of the fraction.
    """
    from scipy.special import stdtr

    fraction = np.asarray(at.fractions)
    z = bounds("curtailed", at, level)
    full = _corrected(z, np.broadcast_to(at.freedom[..., -1:], at.mean.shape)) * np.sqrt(fraction)
    drop = allowed + (margin or 0.0)
    edge = full * at.least_error(drop)
    beyond = -drop - edge - at.mean if margin is None else at.mean - (edge - drop)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = at.least_residual(drop) * np.sqrt(1 - fraction)
        chance = np.where(spread > 0, stdtr(at.freedom, beyond / spread), beyond > 0)
    return np.asarray(chance >= SURE)
