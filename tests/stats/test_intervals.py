"""Means with clustered errors and intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instit_bench.stats.intervals import mean_metric


def test_without_clusters_the_error_is_the_plain_standard_error():
    values = [0.1, 0.5, 0.9, 0.3]
    metric = mean_metric(values, range(4))
    assert metric.value == pytest.approx(0.45)
    assert metric.stderr == pytest.approx(np.std(values, ddof=1) / 2)


def test_questions_that_always_agree_count_as_one():
    spread_out = mean_metric([1.0, 0.0] * 20, range(40))
    per_picture = mean_metric([1.0, 1.0, 0.0, 0.0] * 10, [i // 2 for i in range(40)])
    assert per_picture.stderr == pytest.approx(math.sqrt(2) * spread_out.stderr, rel=0.02)


def test_hand_computed_clusters():
    # deviations from 0.5: a: +0.5 +0.5, b: -0.5 -0.5, c: +0.5 -0.5; sums 1, -1, 0
    metric = mean_metric([1, 1, 0, 0, 1, 0], list("aabbcc"))
    assert metric.stderr == pytest.approx(math.sqrt(3 / 2 * 2) / 6)


def test_all_right_is_not_certainty_and_clusters_limit_what_is_known():
    many = mean_metric([1.0] * 100, range(100))
    few = mean_metric([1.0] * 100, [i // 10 for i in range(100)])
    assert many.ci95[1] == few.ci95[1] == 1.0
    assert few.ci95[0] < many.ci95[0] < 1.0
    assert many.ci95[0] == pytest.approx(100 / (100 + 1.959964**2), abs=1e-6)  # Wilson


@pytest.mark.parametrize("values", [[], [0.3], [0.3, 0.4]])
def test_too_little_to_say_more(values):
    metric = mean_metric(values, ["same"] * len(values))
    assert metric.n == len(values)
    assert metric.stderr is None
    assert metric.ci95 is None
    assert metric.value == (pytest.approx(np.mean(values)) if values else None)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 5)), min_size=1))
def test_the_interval_holds_the_mean_and_stays_in_range(pairs):
    metric = mean_metric([v for v, _ in pairs], [c for _, c in pairs])
    if metric.ci95 is not None:
        low, high = metric.ci95
        assert 0 <= low <= metric.value + 1e-12
        assert metric.value - 1e-12 <= high <= 1
