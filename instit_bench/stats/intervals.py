"""Means with honest uncertainty when questions share an image (docs/statistics.md)."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from instit_bench.stats.clusters import cluster_totals
from instit_bench.types import Metric

_Z95 = 1.959963984540054  # the 97.5 % point of the standard normal distribution


def mean_metric(values: Sequence[float], clusters: Sequence[Hashable]) -> Metric:
    """The mean of ``values`` (0..1) with a clustered standard error and a 95 % interval.

    ``clusters`` names the image or video of each value; give every value its own if samples
    are independent. With a single cluster, error and interval are ``None``: nothing is known about
    other images.
    """
    if len(values) == 0:
        return Metric(None, None, None, 0)
    totals = cluster_totals(values, clusters)
    if totals.count < 2:
        return Metric(totals.mean, None, None, totals.n)
    mean, stderr = totals.mean, totals.stderr
    independent = totals.count == totals.n and set(values) <= {0.0, 1.0}
    # If all clusters agree, the spread is unknown; then only the clusters count.
    if independent or stderr < 1e-9:
        interval = wilson(mean, totals.count)
    else:
        interval = _logit_t(mean, totals.t(0.975) * stderr)
    return Metric(mean, stderr, interval, totals.n)


def wilson(share: float, n: float, z: float = _Z95) -> tuple[float, float]:
    """Return the score interval of a share of ``n`` (Wilson, 1927); ``z`` is the quantile."""
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))


def _logit_t(mean: float, margin: float) -> tuple[float, float]:
    """Student's t interval on the scale of log odds (Korn and Graubard, 1998).

    It stays within 0..1 and leans towards 0.5, as the error of a mean near 0 or 1 does.
    """
    half = margin / (mean * (1 - mean))
    odds = mean / (1 - mean)
    return odds / (odds + math.exp(half)), odds / (odds + math.exp(-half))
