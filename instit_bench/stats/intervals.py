"""Means with honest uncertainty when questions share a picture.

Sources: Miller, "Adding Error Bars to Evals" (arXiv 2411.00640) for the clustered standard error;
Wilson (1927) for the interval of a proportion, with the effective sample size in place of n.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from instit_bench.types import Metric

_Z95 = 1.959963984540054  # the 97.5 % point of the standard normal distribution


def mean_metric(values: Sequence[float], clusters: Sequence[Hashable]) -> Metric:
    """The mean of ``values`` (0..1) with a clustered standard error and a 95 % interval.

    ``clusters`` names the picture or video of each value; give every value its own where samples
    are independent. With one cluster only, error and interval are ``None``: nothing is known of
    other pictures.
    """
    n = len(values)
    if n == 0:
        return Metric(None, None, None, 0)
    array = np.asarray(values, dtype=np.float64)
    mean = float(np.mean(array))
    stderr, n_clusters = _clustered_stderr(array, mean, clusters)
    if stderr is None:
        return Metric(mean, None, None, n)
    if set(values) <= {0.0, 1.0}:
        interval = _wilson(mean, _effective_n(mean, stderr, n, n_clusters))
    else:
        interval = (max(0.0, mean - _Z95 * stderr), min(1.0, mean + _Z95 * stderr))
    return Metric(mean, stderr, interval, n)


def _clustered_stderr(
    values: np.ndarray, mean: float, clusters: Sequence[Hashable]
) -> tuple[float | None, int]:
    """sqrt(G/(G-1) * sum over clusters of (sum of deviations)^2) / n.

    The factor G/(G-1) makes it the plain standard error when every cluster has one value.
    """
    numbering = {cluster: index for index, cluster in enumerate(dict.fromkeys(clusters))}
    n_clusters = len(numbering)
    if n_clusters < 2:
        return None, n_clusters
    index = np.fromiter((numbering[c] for c in clusters), dtype=np.intp, count=len(values))
    sums = np.bincount(index, weights=values - mean, minlength=n_clusters)
    variance = n_clusters / (n_clusters - 1) * float(np.sum(sums**2))
    return float(np.sqrt(variance)) / len(values), n_clusters


def _effective_n(mean: float, stderr: float, n: int, n_clusters: int) -> float:
    """How many independent answers carry the same information.

    All right or all wrong says nothing of the correlation: then only the clusters count.
    """
    if stderr == 0.0:
        return float(n_clusters)
    return float(min(max(mean * (1.0 - mean) / stderr**2, 1.0), n))


def _wilson(mean: float, n: float) -> tuple[float, float]:
    z2 = _Z95**2
    centre = (mean + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 / (1 + z2 / n) * float(np.sqrt(mean * (1 - mean) / n + z2 / (4 * n**2)))
    return max(0.0, min(centre - half, mean)), min(1.0, max(centre + half, mean))
