"""Check one metric against one limit, by its interval or by its mean (docs/ci.md)."""

from __future__ import annotations

import math
from typing import Literal

from instit_bench.comparison.compare import MetricComparison
from instit_bench.comparison.policy import Gate
from instit_bench.comparison.scored_run import TaskScores
from instit_bench.stats.distributions import t_quantile
from instit_bench.stats.intervals import mean_metric
from instit_bench.types import Metric

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


def judge_corrected_drop(
    before: TaskScores, after: TaskScores, metric: str, limit: float, gate: Gate
) -> tuple[Status, str]:
    """Return whether the corrected score fell by more than ``limit``.

    Both scores have an error of their own, so by interval a drop is a regression if the whole 95 %
    interval is beyond the limit: Student's t with the fewer degrees of freedom. That both runs saw
    the same images is left out, which makes it somewhat wider.
    """
    a, b = before.corrected, after.corrected
    if a is None or b is None or metric not in (a.metric, b.metric):
        which = "the baseline" if a is None else "the run"
        return "undecided", f"{which}: {_no_card(before if a is None else after)}"
    difference = b.value - a.value
    text = f"{a.value:.4f} to {b.value:.4f}, difference {difference:+.4f}, corrected"
    if gate == "mean":
        return ("regression" if -difference > limit + _ROUNDING else "passed"), text
    if a.stderr is None or b.stderr is None:
        return "undecided", f"{text}; {_TOO_FEW}"
    freedom = max(1.0, min(a.freedom, b.freedom))
    half = t_quantile(freedom, 0.975) * math.hypot(a.stderr, b.stderr)
    low, high = difference - half, difference + half
    text += f" ({low:+.4f} to {high:+.4f})"
    if -high > limit + _ROUNDING:
        return "regression", text
    return "passed", f"{text}; {min(1.0, limit + half):.4f} would be seen in every second case"


def _no_card(task: TaskScores) -> str:
    if task.card_problem:
        return f"the judge card does not apply: {task.card_problem}; `judge calibrate` again"
    return "no judge card; score a sheet (`instit-bench judge sheet`, `judge calibrate`)"


def judge_bound(
    task: TaskScores,
    metric: str,
    rule: Literal["min_value", "max_value"],
    bound: float,
    gate: Gate,
    *,
    corrected: bool = False,
) -> tuple[Status, str]:
    """Return whether a metric is on the wrong side of a bound; by interval, the whole interval."""
    measured = _corrected(task, metric) if corrected else _uncorrected(task, metric)
    if measured is None:
        return "undecided", _no_card(task)
    if measured.value is None:
        return "undecided", "no sample has a value"
    low = high = measured.value
    by = f"{measured.n} human scores: " if corrected else ""
    text = f"{by}{measured.value:.4f}"
    if gate == "interval":
        if measured.ci95 is None:
            return "undecided", f"{text}; 1 {_TOO_FEW}"
        low, high = measured.ci95
        text += f" ({low:.4f} to {high:.4f})"
    broken = high < bound - _ROUNDING if rule == "min_value" else low > bound + _ROUNDING
    return ("regression" if broken else "passed"), text


def _uncorrected(task: TaskScores, metric: str) -> Metric:
    return mean_metric(*task.samples.of_metric(metric))


def _corrected(task: TaskScores, metric: str) -> Metric | None:
    found = task.corrected
    if found is None or found.metric != metric:
        return None
    return Metric(found.value, found.stderr, found.ci95, found.n)
