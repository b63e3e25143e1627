"""Group samples by cluster: the image or video that they share."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ClusterTotals:
    """What means, errors and tests need from the samples; both arrays have shape (G,).

    ``sums`` holds the sum of the values of each cluster, ``sizes`` the number of its samples.
    """

    sums: NDArray[np.float64]
    sizes: NDArray[np.float64]

    @property
    def n(self) -> int:
        """The number of samples."""
        return int(self.sizes.sum())

    @property
    def count(self) -> int:
        """The number of clusters, G."""
        return len(self.sizes)

    @property
    def mean(self) -> float:
        """The mean over samples, not over clusters."""
        return float(self.sums.sum() / self.sizes.sum())

    @property
    def stderr(self) -> float:
        """sqrt(G/(G-1) * sum over clusters of (sum of deviations)^2) / n; needs G > 1.

        Source: Miller, arXiv 2411.00640. The factor G/(G-1) makes it the plain standard error when
        every cluster has one value.
        """
        deviations = self.sums - self.sizes * self.mean
        variance = self.count / (self.count - 1) * float(deviations @ deviations)
        return math.sqrt(variance) / self.n

    def t(self, probability: float) -> float:
        """The quantile of Student's t with G* - 1 degrees of freedom, at least 1.

        G* = (sum of sizes^2)^2 / (sum of sizes^4) is the effective number of clusters of Carter,
        Schnepel and Steigerwald (2017): G where all are of one size, fewer where a few large ones
        decide.
        """
        from scipy.special import stdtrit  # loads much faster than scipy.stats

        squares = self.sizes**2
        effective = float(squares.sum() ** 2 / (squares @ squares))
        return float(stdtrit(max(1.0, effective - 1), probability))


def cluster_totals(values: Sequence[float], clusters: Sequence[Hashable]) -> ClusterTotals:
    """Group ``values`` by ``clusters``, in order of first appearance.

    Raises:
        ValueError: there are no values, or not as many clusters as values.
    """
    if len(values) == 0 or len(values) != len(clusters):
        raise ValueError(f"{len(values)} values in {len(clusters)} clusters")
    numbering = {cluster: index for index, cluster in enumerate(dict.fromkeys(clusters))}
    index = np.fromiter((numbering[c] for c in clusters), dtype=np.intp, count=len(values))
    sums = np.bincount(index, weights=np.asarray(values, dtype=np.float64))
    return ClusterTotals(sums.astype(np.float64), np.bincount(index).astype(np.float64))
