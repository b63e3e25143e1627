"""Check one metric against one limit, by its interval or by its mean (docs/ci.md)."""

from __future__ import annotations

from typing import Literal

from instit_bench.comparison.compare import MetricComparison
from instit_bench.comparison.policy import Gate
from instit_bench.comparison.scored_run import TaskScores
from instit_bench.stats.intervals import mean_metric

Status = Literal["passed", "regression", "undecided"]

# Means of scores in tenths miss their limit in the last digits: 0.7 / 5 < 0.14.
_ROUNDING = 1e-9
_TOO_FEW = "images or videos are too few for an interval to decide; use gate: mean"


def judge_drop(found: MetricComparison, limit: float, gate: Gate) -> tuple[Status, str]:
    """Return whether B lost more than ``limit``, a fraction of 1, and the figures.

    By interval, two conditions must hold: the difference is shown at all (p after correction), and
    the whole 95 % interval is beyond the limit. If lower is better, a loss is a rise.
    """
    test = found.test
    values = f"{test.a:.4f} to {test.b:.4f}, difference {test.difference:+.4f}"
    if test.n < found.n_total:
        values += f" on {test.n} of {found.n_total} samples"
    sign = 1 if found.lower_is_better else -1
    if gate == "mean":
        return ("regression" if sign * test.difference > limit + _ROUNDING else "passed"), values
    if test.ci95 is None or test.detectable is None:
        return "undecided", f"{values}; {test.clusters} {_TOO_FEW}"
    text = f"{values} ({test.ci95[0]:+.4f} to {test.ci95[1]:+.4f}), p {found.p:.2g}"
    if found.conclusion == "worse" and min(sign * end for end in test.ci95) > limit + _ROUNDING:
        return "regression", text
    detectable = min(1.0, limit + test.detectable)
    return "passed", f"{text}; {detectable:.4f} could have been detected"


def judge_bound(
    task: TaskScores, metric: str, rule: Literal["min_value", "max_value"], bound: float, gate: Gate
) -> tuple[Status, str]:
    """Return whether a metric is on the wrong side of a bound; by interval, the whole interval."""
    measured = mean_metric(*task.samples.of_metric(metric))
    if measured.value is None:
        return "undecided", "no sample has a value"
    low = high = measured.value
    text = f"{measured.value:.4f}"
    if gate == "interval":
        if measured.ci95 is None:
            return "undecided", f"{text}; 1 {_TOO_FEW}"
        low, high = measured.ci95
        text += f" ({low:.4f} to {high:.4f})"
    broken = high < bound - _ROUNDING if rule == "min_value" else low > bound + _ROUNDING
    return ("regression" if broken else "passed"), text
