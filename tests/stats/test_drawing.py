"""Samples for humans to score: drawn with known probabilities, spread over clusters and scores."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instit_bench.stats.drawing import draw_samples

SCORES = [round((17 * k % 11) / 10, 1) for k in range(200)]
CLUSTERS = [k // 5 for k in range(200)]


def test_the_same_seed_draws_the_same_samples_and_another_seed_others():
    first, again, other = (
        draw_samples(SCORES, CLUSTERS, 30, stratify=True, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert set(first.places) != set(other.places)


@pytest.mark.parametrize("stratify", [False, True])
@given(
    samples=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9)), min_size=1, max_size=60),
    n=st.integers(1, 80),
    seed=st.integers(0, 5),
)
def test_n_different_samples_are_drawn_or_all(stratify, samples, n, seed):
    scores, clusters = zip(*samples, strict=True)
    draw = draw_samples(scores, clusters, n, stratify=stratify, seed=seed)
    assert len(draw.places) == len(set(draw.places)) == min(n, len(samples))
    drawn = Counter(draw.strata[place] for place in draw.places)
    sizes = Counter(draw.strata)
    assert drawn.keys() == sizes.keys() == set(range(len(sizes)))
    if len(sizes) > 1:
        assert all(count >= 5 for count in drawn.values())


def test_within_a_stratum_every_sample_is_drawn_equally_often():
    times: Counter[int] = Counter()
    for seed in range(600):
        times.update(draw_samples(SCORES, CLUSTERS, 40, stratify=True, seed=seed).places)
    draw = draw_samples(SCORES, CLUSTERS, 40, stratify=True)
    sizes = Counter(draw.strata)
    drawn = Counter(draw.strata[place] for place in draw.places)
    for place, stratum in enumerate(draw.strata):
        expected = drawn[stratum] / sizes[stratum]
        assert times[place] / 600 == pytest.approx(expected, abs=0.08)


def test_no_cluster_is_drawn_twice_while_another_is_not_drawn():
    draw = draw_samples([0.5] * 200, CLUSTERS, 40)
    assert len({CLUSTERS[place] for place in draw.places}) == 40


def test_any_first_part_of_the_sheet_is_spread_over_the_strata():
    draw = draw_samples(SCORES, CLUSTERS, 60, stratify=True)
    whole = Counter(draw.strata[place] for place in draw.places)
    half = Counter(draw.strata[place] for place in draw.places[:30])
    for stratum, count in whole.items():
        assert abs(half[stratum] - count / 2) <= 2
