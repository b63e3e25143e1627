"""The mean that humans would give, from a judge's scores and a few human ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from instit_bench.stats.two_phase import Estimate, Floats, Frame, Numbers, two_phase_mean

TUNED_FROM = 50  # human scores; with fewer, a tuned weight is mostly noise
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Corrected:
    """The corrected mean, and the weight of the judge's scores in it."""

    mean: Estimate
    weight: float


def corrected_mean(judge: Floats, human: Floats, frame: Frame) -> Corrected:
    """Return mean of the judge's scores + mean of (human - judge): the judge's weight is 1.

    ``judge`` has a score (0..1) for each sample, ``human`` for each labelled one.
    """
    return Corrected(two_phase_mean(judge, human - judge[frame.labelled], frame), 1.0)


def tuned_mean(judge: Floats, human: Floats, frame: Frame, *, seed: int = 0) -> Corrected:
    """Return the same with the weight that gives the least variance (Angelopoulos et al., PPI++).

    The weight for a label is found without the labels of its fold of clusters (cross-fitting):
    found on the same labels, it would make the interval too narrow.

    Raises:
        ValueError: There are fewer than ``TUNED_FROM`` human scores.
    """
    if len(human) < TUNED_FROM:
        raise ValueError(f"{len(human)} human scores; a tuned weight takes {TUNED_FROM}")
    folds = _folds(frame, seed)
    weights = np.array([_weight(judge, human, frame, folds != fold) for fold in range(_FOLDS)])
    own = weights[folds]
    mean = float(own.mean())
    scores = judge[frame.labelled]
    expected = _stratum_means(judge, frame)[frame.strata[frame.labelled]]
    labels = human - own * scores + (own - mean) * expected
    return Corrected(two_phase_mean(mean * judge, labels, frame), mean)


def _folds(frame: Frame, seed: int) -> Numbers:
    """Give each labelled sample the fold of its cluster; folds have about as many clusters each."""
    clusters, place = np.unique(frame.clusters[frame.labelled], return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(clusters))
    return np.asarray((order % _FOLDS)[place], dtype=np.intp)


def _weight(judge: Floats, human: Floats, frame: Frame, used: np.ndarray) -> float:
    """The slope of the human scores on the judge's within strata, 0..1; 1 if none can be seen."""
    of = frame.strata[frame.labelled][used]
    weights, scores, truth = frame.weights[used], judge[frame.labelled][used], human[used]
    total = np.bincount(of, weights=weights, minlength=len(frame.sizes))

    def centred(values: Floats) -> Floats:
        sums = np.bincount(of, weights=weights * values, minlength=len(total))
        return np.asarray(values - (sums / np.where(total > 0, total, 1.0))[of], dtype=np.float64)

    spread = float(weights @ centred(scores) ** 2)
    if spread < 1e-9:
        return 1.0
    return float(np.clip(weights @ (centred(scores) * centred(truth)) / spread, 0.0, 1.0))


def _stratum_means(values: Floats, frame: Frame) -> Floats:
    sums = np.bincount(frame.strata, weights=values, minlength=len(frame.sizes))
    return np.asarray(sums / frame.sizes, dtype=np.float64)
