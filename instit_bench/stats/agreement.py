"""The agreement between judges, and between a judge and humans."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from instit_bench.stats.two_phase import Floats, Frame

_STEPS = 100  # scores are compared to 0.01; kappa needs categories
_ROUNDING = 1e-12


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
    judge: Floats, human: Floats, frame: Frame
) -> tuple[float | None, tuple[float, float] | None]:
    """Return quadratic kappa of the labelled samples, as if all were labelled, and its interval.

    ``judge`` and ``human`` have a score (0..1) for each labelled sample. With quadratic weights,
    kappa is 1 - E(judge - human)^2 / E(judge - human')^2, where ``human'`` belongs to another
    sample; so it needs no categories. The 95 % interval is Student's t for the logarithm of that
    ratio, clustered, by the delta method: a few large differences make kappa skewed. Kappa is
    ``None`` where no score differs from another, the interval also with fewer than two clusters.
    """
    import numpy as np

    from instit_bench.stats.distributions import t_quantile
    from instit_bench.stats.intervals import wilson
    from instit_bench.stats.two_phase import FEWEST, two_phase_stderr

    shares = frame.weights / frame.weights.sum()
    apart = (judge - human) ** 2
    by_chance = (judge - shares @ human) ** 2 + (human - shares @ judge) ** 2
    observed = float(shares @ apart)
    expected = float(shares @ by_chance - (shares @ (judge - human)) ** 2)
    if expected < _ROUNDING:
        return None, None
    kappa = 1 - observed / expected
    if frame.labelled_clusters < FEWEST:
        return kappa, None
    if observed < _ROUNDING:  # none differs: only their number counts
        return 1.0, (max(-1.0, 1 - wilson(0.0, frame.labelled_clusters)[1] / expected), 1.0)
    moved = apart / observed - by_chance / expected
    stderr = two_phase_stderr(np.zeros(len(frame.strata)), moved, frame)
    factor = float(np.exp(t_quantile(frame.freedom, 0.975) * stderr))
    return kappa, (max(-1.0, 1 - (1 - kappa) * factor), 1 - (1 - kappa) / factor)
