"""The agreement between judges, and between a judge and humans."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from instit_bench.stats.two_phase import Floats, Frame

_STEPS = 100  # scores are compared to 0.01; kappa needs categories


def quadratic_kappa(scores: Mapping[str, Mapping[str, float]]) -> dict[str, float] | None:
    """Cohen's kappa with quadratic weights for each pair of judges, on the samples both scored.

    ``scores`` maps judge to sample to score (0..1). Returns ``None`` if scikit-learn, which
    computes it, is not installed.
    """
    if len(scores) < 2:
        return {}
    try:
        from sklearn.metrics import cohen_kappa_score
    except ImportError:
        return None
    found = {}
    for one, other in combinations(scores, 2):
        both = sorted(scores[one].keys() & scores[other].keys())
        steps = [[round(_STEPS * scores[judge][name]) for name in both] for judge in (one, other)]
        # Without any spread kappa is undefined: no agreement beyond chance is visible.
        if len(set(steps[0]) | set(steps[1])) > 1:
            labels = list(range(_STEPS + 1))
            kappa = cohen_kappa_score(*steps, labels=labels, weights="quadratic")
            found[f"{one} ~ {other}"] = float(kappa)
    return found


def kappa_with_humans(
    judge: Floats, human: Floats, frame: Frame, *, seed: int = 0, resamples: int = 2000
) -> tuple[float | None, tuple[float, float] | None]:
    """Return quadratic kappa of the labelled samples, as if all were labelled, and its interval.

    ``judge`` and ``human`` have a score (0..1) for each labelled sample. With quadratic weights,
    kappa is 1 - E(judge - human)^2 / E(judge - human')^2, where ``human'`` belongs to another
    sample; so it needs no categories. The interval is the 95 % percentile interval over resampled
    clusters. Kappa is ``None`` where no score differs from another, the interval also with fewer
    than two clusters.
    """
    import numpy as np

    weights = frame.weights
    moments = np.stack(
        [
            np.bincount(frame.clusters[frame.labelled], weights=weights * values)
            for values in (
                np.ones_like(judge),
                judge,
                human,
                judge**2,
                human**2,
                (judge - human) ** 2,
            )
        ],
        axis=1,
    )
    moments = moments[moments[:, 0] > 0]
    kappa = _kappa(moments.sum(axis=0, keepdims=True))[0]
    if np.isnan(kappa):
        return None, None
    count = len(moments)
    if count < 2:
        return float(kappa), None
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    found = _kappa(draws.astype(np.float64) @ moments)
    low, high = np.nanquantile(found, (0.025, 0.975))
    return float(kappa), (float(low), float(high))


def _kappa(sums: Floats) -> Floats:
    """Kappa of each row of weighted sums."""
    import numpy as np

    _, judge, human, judge2, human2, apart = (sums / sums[:, :1]).T
    by_chance = judge2 + human2 - 2 * judge * human
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(by_chance > 1e-12, 1 - apart / by_chance, np.nan))
