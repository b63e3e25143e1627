"""Means with clustered standard errors and intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, t

from instit_bench.stats.intervals import mean_metric

TEN_PICTURES_OF_FOUR = [i // 4 for i in range(40)]


@given(st.lists(st.floats(0, 1), min_size=2))
def test_without_clusters_the_error_is_the_plain_standard_error(values):
    metric = mean_metric(values, range(len(values)))
    assert metric.value == pytest.approx(np.mean(values), abs=1e-12)
    plain = np.std(values, ddof=1) / math.sqrt(len(values))
    assert metric.stderr == pytest.approx(plain, abs=1e-12)


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=2))
def test_without_clusters_the_interval_of_right_or_wrong_is_wilson_s(values):
    wilson = binomtest(int(sum(values)), len(values)).proportion_ci(method="wilson")
    assert mean_metric(values, range(len(values))).ci95 == pytest.approx(tuple(wilson), abs=1e-9)


def test_questions_that_always_agree_count_as_one():
    spread_out = mean_metric([1.0, 0.0] * 20, range(40))
    per_picture = mean_metric([1.0, 1.0, 0.0, 0.0] * 10, [i // 2 for i in range(40)])
    assert per_picture.stderr == pytest.approx(math.sqrt(2) * spread_out.stderr, rel=0.02)


def test_hand_computed_clusters():
    # deviations from 0.5: a: +0.5 +0.5, b: -0.5 -0.5, c: +0.5 -0.5; sums 1, -1, 0
    metric = mean_metric([1, 1, 0, 0, 1, 0], list("aabbcc"))
    assert metric.stderr == pytest.approx(math.sqrt(3 / 2 * 2) / 6)


def test_the_clustered_interval_is_student_s_on_the_log_odds_scale():
    values = [0.8, 0.9, 1.0, 0.5, 0.7, 0.9, 0.6, 0.8, 1.0, 1.0] * 4
    metric = mean_metric(values, TEN_PICTURES_OF_FOUR)
    half = t.ppf(0.975, 9) * metric.stderr / (metric.value * (1 - metric.value))
    log_odds = [math.log(end / (1 - end)) for end in metric.ci95]
    middle = math.log(metric.value / (1 - metric.value))
    assert log_odds == pytest.approx([middle - half, middle + half])
    low, high = metric.ci95
    assert metric.value - low > high - metric.value  # it leans towards 0.5


def test_a_few_large_clusters_are_less_informative_than_equal_ones():
    """Both have 20 images and the same mean and error; in one, two images have most questions."""
    one_way = [1.0 if i % 2 else 0.0 for i in range(20)]
    equal = mean_metric(one_way * 2, [i % 20 for i in range(40)])
    large = mean_metric(
        [1.0] * 11 + [0.0] * 11 + one_way[2:], [0] * 11 + [1] * 11 + [*range(2, 20)]
    )

    def quantile(metric):
        low, high = (math.log(end / (1 - end)) for end in metric.ci95)
        return (high - low) / 2 * metric.value * (1 - metric.value) / metric.stderr

    assert quantile(equal) == pytest.approx(t.ppf(0.975, 19))
    effective = (2 * 11**2 + 18) ** 2 / (2 * 11**4 + 18)  # 2.3 images
    assert quantile(large) == pytest.approx(t.ppf(0.975, effective - 1))


def test_a_perfect_score_is_not_certainty_and_clusters_limit_what_is_known():
    many = mean_metric([1.0] * 100, range(100))
    few = mean_metric([1.0] * 100, [i // 10 for i in range(100)])
    assert many.ci95[1] == few.ci95[1] == 1.0
    assert few.ci95[0] < many.ci95[0] < 1.0
    assert many.ci95[0] == pytest.approx(100 / (100 + 1.959964**2), abs=1e-6)  # Wilson


def test_equal_scores_are_not_certainty():
    low, high = mean_metric([0.7] * 40, TEN_PICTURES_OF_FOUR).ci95
    assert low < 0.5
    assert high > 0.8


@pytest.mark.parametrize("values", [[], [0.3], [0.3, 0.4]])
def test_too_few_values_for_an_interval(values):
    metric = mean_metric(values, ["same"] * len(values))
    assert metric.n == len(values)
    assert metric.stderr is None
    assert metric.ci95 is None
    assert metric.value == (pytest.approx(np.mean(values)) if values else None)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 5)), min_size=1))
def test_the_interval_contains_the_mean_and_stays_in_range(pairs):
    metric = mean_metric([v for v, _ in pairs], [c for _, c in pairs])
    if metric.ci95 is not None:
        low, high = metric.ci95
        assert 0 <= low <= metric.value + 1e-12
        assert metric.value - 1e-12 <= high <= 1
