"""The true share behind a judge that says only right or wrong (Rogan and Gladen, 1978)."""

from __future__ import annotations

from dataclasses import dataclass

from instit_bench.stats.distributions import t_quantile
from instit_bench.stats.two_phase import FEWEST, Estimate, Floats, Frame, two_phase_stderr


@dataclass(frozen=True, slots=True)
class RoganGladen:
    """``sensitivity``: right answers that the judge calls right; ``specificity``: wrong ones wrong.

    ``share`` is the corrected share of right answers, ``None`` if the judge is no better than
    chance.
    """

    sensitivity: float
    specificity: float
    share: Estimate | None


def rogan_gladen(judge: Floats, human: Floats, frame: Frame) -> RoganGladen | None:
    """Return the share of right answers: (p + specificity - 1) / (sensitivity + specificity - 1).

    ``judge`` has 0 or 1 for each sample, ``human`` for each labelled one; ``p`` is the mean of
    ``judge``. Returns ``None`` unless humans called some answers right and some wrong. The interval
    is clustered, by the delta method (Lang and Reiczigel, 2014), with their one pseudo-observation
    of each kind for a judge that made no mistake.
    """
    verdicts, weights = judge[frame.labelled], frame.weights
    right, wrong = weights * human, weights * (1 - human)
    if right.sum() <= 0 or wrong.sum() <= 0:
        return None
    sensitivity = float(right @ verdicts / right.sum())
    specificity = float(wrong @ (1 - verdicts) / wrong.sum())
    better = sensitivity + specificity - 1
    if better <= 0:
        return RoganGladen(sensitivity, specificity, None)
    p = float(judge.mean())
    share = (p + specificity - 1) / better
    bounded = min(1.0, max(0.0, share))
    if frame.labelled_clusters < FEWEST:
        return RoganGladen(sensitivity, specificity, Estimate(bounded, None, None))
    labels = (
        len(judge)
        / better
        * (
            (1 - share) * (1 - human) * ((1 - verdicts) - specificity) / wrong.sum()
            - share * human * (verdicts - sensitivity) / right.sum()
        )
    )
    least = (
        share**2 * _unseen(sensitivity, int(human.sum()))
        + (1 - share) ** 2 * _unseen(specificity, int((1 - human).sum()))
    ) / better**2
    stderr = two_phase_stderr(judge / better, labels, frame, least=least)
    half = t_quantile(frame.freedom, 0.975) * stderr
    interval = (max(0.0, share - half), min(1.0, share + half))
    return RoganGladen(sensitivity, specificity, Estimate(bounded, stderr, interval))


def _unseen(rate: float, count: int) -> float:
    """The variance of a rate of 1 (or 0), of which the labels show none."""
    if 0 < rate < 1:
        return 0.0
    smoothed = (count * rate + 1) / (count + 2)
    return smoothed * (1 - smoothed) / (count + 2)
