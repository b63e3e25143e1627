"""Group samples by cluster: the image or video that they share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from instit_bench.stats.distributions import t_quantile
from instit_bench.stats.sums import numpy_sum


@dataclass(frozen=True, slots=True)
class ClusterTotals:
    """What means, errors and tests need from the samples; both sequences have G entries.

    ``sums`` holds the sum of the values of each cluster, ``sizes`` the number of its samples.
    """

    sums: Sequence[float]
    sizes: Sequence[int]

    @property
    def n(self) -> int:
        """The number of samples."""
        return sum(self.sizes)

    @property
    def count(self) -> int:
        """The number of clusters, G."""
        return len(self.sizes)

    @property
    def mean(self) -> float:
        """The mean over samples, not over clusters; NumPy's to the last bit."""
        return float(numpy_sum(self.sums) / self.n)

    @property
    def stderr(self) -> float:
        """sqrt(G/(G-1) * sum over clusters of (sum of deviations)^2) / n; needs G > 1.

        Source: Miller, arXiv 2411.00640. The factor G/(G-1) makes it the plain standard error when
        every cluster has one value.
        """
        mean = self.mean
        deviations = (s - size * mean for s, size in zip(self.sums, self.sizes, strict=True))
        variance = self.count / (self.count - 1) * math.fsum(d * d for d in deviations)
        return math.sqrt(variance) / self.n

    def t(self, probability: float) -> float:
        """The quantile of Student's t with G* - 1 degrees of freedom, at least 1.

        G* = (sum of sizes^2)^2 / (sum of sizes^4) is the effective number of clusters of Carter,
        Schnepel and Steigerwald (2017): G where all are of one size, fewer where a few large ones
        decide.
        """
        squares = sum(size**2 for size in self.sizes)
        effective = squares**2 / sum(size**4 for size in self.sizes)
        return t_quantile(max(1.0, effective - 1), probability)


def cluster_totals(values: Sequence[float], clusters: Sequence[Hashable]) -> ClusterTotals:
    """Group ``values`` by ``clusters``, in order of first appearance.

    Raises:
        ValueError: there are no values, or not as many clusters as values.
    """
    if len(values) == 0 or len(values) != len(clusters):
        raise ValueError(f"{len(values)} values in {len(clusters)} clusters")
    sums: dict[Hashable, float] = {}
    for cluster, value in zip(clusters, values, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + value
    sizes = Counter(clusters)
    return ClusterTotals(tuple(sums.values()), tuple(sizes.values()))
