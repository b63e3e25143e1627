"""Intervals by resampling whole images or videos, without assuming a distribution."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from instit_bench.stats.clusters import cluster_totals


def cluster_bootstrap(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> tuple[float, float] | None:
    """Return the percentile interval of the mean over samples; ``None`` for a single cluster.

    Each resample draws as many clusters as there are, with replacement, and keeps their samples
    together (Field and Welsh, 2007). The same seed gives the same interval.
    """
    from scipy.stats import bootstrap

    totals = cluster_totals(values, clusters)
    if totals.count < 2:
        return None
    result = bootstrap(
        (np.asarray(totals.sums), np.asarray(totals.sizes)),
        _ratio,
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        confidence_level=level,
        method="percentile",
        batch=100,  # to save memory
        rng=np.random.default_rng(seed),
    )
    interval = result.confidence_interval
    return float(interval.low), float(interval.high)


def _ratio(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], axis: int = -1
) -> NDArray[np.float64]:
    return np.asarray(sums.sum(axis=axis) / sizes.sum(axis=axis))
