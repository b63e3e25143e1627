"""The agreement between judges."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

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
