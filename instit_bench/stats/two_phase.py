"""A mean over all samples from cheap values of all and dear ones of a few (docs/statistics.md).

All samples of a run have a judge's score; a drawn few have a human's too. The mean of the judge's
scores, plus the mean of (human - judge) over the few, is the prediction-powered mean (Angelopoulos
et al., 2023) for a sample drawn from the same benchmark: a difference estimator.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instit_bench.stats.distributions import t_quantile
from instit_bench.stats.intervals import wilson

Floats = NDArray[np.float64]
Numbers = NDArray[np.intp]

FEWEST = 2  # labelled samples of a stratum, for their spread
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, its standard error and its 95 % interval; both are ``None`` for a single cluster."""

    value: float
    stderr: float | None
    ci95: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Frame:
    """All ``N`` samples, and which of them are labelled.

    ``clusters`` and ``strata`` number each sample's cluster and stratum from 0; ``labelled`` has
    the places of the labelled samples, drawn with equal probability within each stratum.
    """

    clusters: Numbers
    strata: Numbers
    labelled: Numbers

    @classmethod
    def of(
        cls, clusters: Sequence[Hashable], strata: Sequence[int], labelled: Sequence[int]
    ) -> Frame:
        """Number the clusters.

        Raises:
            ValueError: A stratum has fewer than two labelled samples, and more that are not.
        """
        numbers = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
        frame = cls(
            np.array([numbers[name] for name in clusters], dtype=np.intp),
            np.asarray(strata, dtype=np.intp),
            np.asarray(labelled, dtype=np.intp),
        )
        short = (frame.drawn < FEWEST) & (frame.drawn < frame.sizes)
        if short.any():
            raise ValueError(f"fewer than {FEWEST} labelled samples in {int(short.sum())} strata")
        return frame

    @property
    def sizes(self) -> Numbers:
        """The number of samples of each stratum."""
        return np.bincount(self.strata)

    @property
    def drawn(self) -> Numbers:
        """The number of labelled samples of each stratum."""
        return np.bincount(self.strata[self.labelled], minlength=len(self.sizes))

    @property
    def weights(self) -> Floats:
        """How many samples each labelled one stands for."""
        strata = self.strata[self.labelled]
        return np.asarray(self.sizes[strata] / self.drawn[strata], dtype=np.float64)

    def stratum_means(self, labels: Floats) -> Floats:
        """The mean label of each stratum."""
        of = self.strata[self.labelled]
        sums = np.bincount(of, weights=labels, minlength=len(self.sizes))
        return np.asarray(sums / np.maximum(self.drawn, 1), dtype=np.float64)

    @property
    def freedom(self) -> float:
        """Degrees of freedom: effective clusters with labels, less one per stratum; at least 1.

        The effective number is that of ``ClusterTotals.t``, by the samples that labels stand for.
        """
        sums = np.bincount(self.clusters[self.labelled], weights=self.weights)
        effective = float((sums**2).sum() ** 2 / (sums**4).sum())
        return max(1.0, effective - len(self.sizes))

    @property
    def labelled_clusters(self) -> int:
        """The number of clusters with a label."""
        return len(np.unique(self.clusters[self.labelled]))


def two_phase_mean(
    known: Floats,
    labels: Floats,
    frame: Frame,
    *,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Estimate:
    """Return mean(``known``) over all samples + the mean of ``labels``, weighted by strata.

    ``known`` has N values, ``labels`` one for each labelled sample. The interval is Student's t,
    clustered, for the mean over the images or videos that the benchmark is drawn from.
    """
    means = frame.stratum_means(labels)
    low, high = bounds
    value = float(np.clip(known.mean() + means @ frame.sizes / len(known), low, high))
    if frame.labelled_clusters < FEWEST:
        return Estimate(value, None, None)
    stderr = two_phase_stderr(known, labels, frame)
    half = t_quantile(frame.freedom, 0.975) * stderr
    if np.abs(labels).max() < _ROUNDING:  # no label says anything else: only their number counts
        half = float(np.hypot(half, wilson(0.0, frame.labelled_clusters)[1]))
    return Estimate(value, stderr, (max(low, value - half), min(high, value + half)))


def two_phase_stderr(known: Floats, labels: Floats, frame: Frame, *, least: float = 0.0) -> float:
    """Return the clustered standard error of ``two_phase_mean``, with ``least`` variance added.

    Each sample moves the mean by its expected value, a labelled one also by its label's surprise.
    """
    means, of = frame.stratum_means(labels), frame.strata[frame.labelled]
    drawn = frame.drawn[of]
    small = np.sqrt(drawn / np.maximum(drawn - 1, 1))
    moved = known + means[frame.strata]
    moved[frame.labelled] += frame.weights * small * (labels - means[of])
    sums = np.bincount(frame.clusters, weights=moved - moved.mean())
    count = len(sums)
    variance = count / (count - 1) * float((sums**2).sum()) / len(moved) ** 2
    return float(np.sqrt(variance + least))
