"""The cluster bootstrap."""

from __future__ import annotations

import numpy as np
import pytest

from instit_bench.stats.bootstrap import cluster_bootstrap
from instit_bench.stats.intervals import mean_metric


@pytest.fixture(scope="module")
def answers():
    """Return 1,000 right or wrong answers on 200 videos, correlated by half within a video."""
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(200), 5)
    right = rng.random(1000) < rng.beta(0.6, 0.4, 200)[clusters]
    return right.astype(float).tolist(), clusters.tolist()


def test_it_agrees_with_the_clustered_error(answers):
    metric = mean_metric(*answers)
    low, high = cluster_bootstrap(*answers)
    assert (high - low) / 2 == pytest.approx(1.96 * metric.stderr, rel=0.1)
    assert (high + low) / 2 == pytest.approx(metric.value, abs=0.005)


def test_whole_videos_are_resampled(answers):
    values, clusters = answers
    low, high = cluster_bootstrap(values, clusters)
    alone_low, alone_high = cluster_bootstrap(values, range(1000))
    assert high - low > 1.4 * (alone_high - alone_low)


def test_a_seed_makes_the_interval_reproducible(answers):
    assert cluster_bootstrap(*answers, seed=7) == cluster_bootstrap(*answers, seed=7)
    assert cluster_bootstrap(*answers, seed=7) != cluster_bootstrap(*answers, seed=8)


def test_a_higher_level_is_wider(answers):
    low, high = cluster_bootstrap(*answers, level=0.95)
    lower, higher = cluster_bootstrap(*answers, level=0.99)
    assert lower < low < high < higher


def test_means_are_taken_over_questions_and_not_over_videos():
    """One video with 98 right answers and two with one wrong answer: all draws lie in 0..1."""
    low, high = cluster_bootstrap([1.0] * 98 + [0.0, 0.0], [0] * 98 + [1, 2])
    assert (low, high) == (0.0, 1.0)


def test_one_video_is_not_enough_for_an_interval():
    assert cluster_bootstrap([1.0, 0.0], ["same", "same"]) is None
