"""Several looks at a growing comparison: bounds, estimates and verdicts (docs/statistics.md)."""

from __future__ import annotations

import numpy as np
import pytest

from instit_bench.stats.clusters import ClusterTotals
from instit_bench.stats.sequential import (
    estimates,
    fails,
    interval,
    look_ends,
    passes,
    sequence_bounds,
)
from instit_bench.stats.spending import obf_bounds, obf_spent

TENTHS = [look / 10 for look in range(1, 11)]


def test_the_bounds_are_those_of_the_spending_function():
    # Printed elsewhere as 8 where the tail is below 1e-9: no data ever reach the first bound.
    known = [None, 4.39, 3.59, 3.11, 2.81, 2.60, 2.44, 2.31, 2.21, 2.13]
    bounds = obf_bounds(TENTHS)
    assert bounds[0] > 6
    assert bounds[1:] == pytest.approx(known[1:], abs=0.011)


def test_the_first_bound_spends_exactly_its_part():
    (bound,) = obf_bounds([0.2])
    assert bound == pytest.approx(1.959964 / np.sqrt(0.2), abs=1e-4)
    assert obf_spent(1.0) == pytest.approx(0.05)


@pytest.mark.parametrize("level", [0.05, 0.0125])
def test_paths_without_drift_cross_the_bounds_as_often_as_the_level_says(level):
    steps = np.random.default_rng(7).standard_normal((200_000, 10))
    z = np.cumsum(steps, axis=1) / np.sqrt(np.arange(1, 11))
    crossed = (np.abs(z) >= np.array(obf_bounds(TENTHS, level))).any(axis=1).mean()
    assert crossed == pytest.approx(level, abs=3.5 * np.sqrt(level / 200_000))


@pytest.mark.parametrize("fractions", [[], [0.5, 0.5], [0.5, 0.4], [0.5, 1.1], [0.0, 1.0]])
def test_fractions_that_do_not_rise_are_refused(fractions):
    with pytest.raises(ValueError, match="must rise within"):
        obf_bounds(fractions)


def test_a_look_estimates_what_a_comparison_of_its_clusters_does():
    rng = np.random.default_rng(3)
    sizes, sums = rng.integers(1, 9, 60), rng.integers(-3, 3, 60)
    found = estimates(sums, sizes, (12, 60))
    for number, end in enumerate((12, 60)):
        totals = ClusterTotals(sums[:end].tolist(), sizes[:end].tolist())
        assert found.mean[number] == pytest.approx(totals.mean)
        assert found.stderr[number] == pytest.approx(totals.stderr)
    assert look_ends(206)[0] == 21
    assert look_ends(206)[-1] == 206
    assert look_ends(3) == (1, 2, 3)


def test_clusters_to_come_do_not_matter():
    sums, sizes = np.array([1, -1, 0, -2, 1, 0.0]), np.full(6, 4)
    other = np.array([1, -1, 0, -2, 9, 9.0])
    first, second = estimates(sums, sizes, (4,)), estimates(other, sizes, (4,))
    assert (first.mean, first.stderr) == (second.mean, second.stderr)


@pytest.mark.parametrize("rule", ["obf", "curtailed", "cs"])
def test_rules_see_a_collapse_and_a_copy_early_and_nothing_in_one_cluster(rule):
    sizes, ends = np.full(200, 5), look_ends(200)
    collapse = np.tile([-2, -3, -1, -4], 50)
    assert fails(rule, estimates(collapse, sizes, ends), 0.0)[:4].any()
    assert not passes(rule, estimates(collapse, sizes, ends), 0.0, 0.05).any()
    copy = estimates(np.zeros(200), sizes, ends)
    assert not fails(rule, copy, 0.0).any()
    assert passes(rule, copy, 0.0, 0.05)[:9].any()
    alone = estimates(np.array([-5]), np.array([5]), (1,))
    assert not fails(rule, alone, 0.0)
    assert not passes(rule, alone, 0.0, 0.05)


def test_five_changed_clusters_settle_no_drop():
    sums = np.zeros(40)
    sums[:5] = -5
    assert not fails("curtailed", estimates(sums, np.full(40, 5), (40,)), 0.0)
    sums[:7] = -5
    assert fails("curtailed", estimates(sums, np.full(40, 5), (40,)), 0.0)


def test_clusters_that_all_fall_alike_are_not_taken_for_certainty():
    sums, sizes, ends = np.full(60, -5.0), np.full(60, 5), look_ends(60)
    settled = fails("obf", estimates(sums, sizes, ends), 0.0)
    assert not settled[1]  # 12 clusters: p = 2^-11 by signs, and the bound asks for 1e-5
    assert settled[2]


@pytest.mark.parametrize(("rule", "wider"), [("obf", True), ("cs", True), ("curtailed", False)])
def test_heavy_tails_and_few_clusters_widen_the_interval(rule, wider):
    def reach(sums, clusters):
        at = estimates(np.tile(sums, clusters // 10), np.full(clusters, 5), look_ends(clusters))
        low, high = interval(rule, at, 9, 0.0)
        assert at.mean[9] - low == pytest.approx(high - at.mean[9])
        return (high - at.mean[9]) / at.stderr[9]

    light, heavy = [1, -1] * 5, [0, 0, 0, 0, 0, 0, 0, 0, 4, -4]
    assert (reach(heavy, 60) > 1.02 * reach(light, 60)) == wider
    assert reach(light, 20) > 1.02 * reach(light, 200)


def test_a_few_changed_clusters_do_not_keep_an_equal_model_from_passing():
    sums = np.zeros(200)
    sums[[3, 50, 90]] = 1, -1, 1
    ends = look_ends(200)
    assert passes("obf", estimates(sums, np.full(200, 5), ends), 0.0, 0.05)[:5].any()


def test_the_complete_run_under_curtailed_gives_the_verdict_of_its_interval():
    rng = np.random.default_rng(5)
    found = set()
    for shift in (0.0, 0.1, 0.2, 0.3):
        sums = rng.integers(-2, 3, 200) - 4 * (rng.random(200) < shift)
        totals = ClusterTotals(sums.tolist(), [20] * 200)
        reach = totals.t(0.975) * totals.stderr
        at = estimates(sums, np.full(200, 20), (200,))
        fail, passed = fails("curtailed", at, 0.0)[0], passes("curtailed", at, 0.0, 0.05)[0]
        assert (fail, passed) == (totals.mean + reach < 0, totals.mean - reach > -0.05)
        found |= {(bool(fail), bool(passed))}
    assert len(found) > 1


def test_the_baseline_takes_away_what_it_explains():
    rng = np.random.default_rng(11)
    sizes = np.full(200, 5)
    before = rng.binomial(5, 0.5, 200)
    after = before - rng.binomial(before, 0.3) + rng.binomial(5 - before, 0.3)
    plain = estimates(after - before, sizes, look_ends(200))
    adjusted = estimates(after - before, sizes, look_ends(200), baseline=before)
    assert (adjusted.residual[1:] < plain.residual[1:]).all()
    assert adjusted.mean[-1] == pytest.approx(plain.mean[-1])  # all of the baseline is there
    assert adjusted.stderr[-1] == pytest.approx(plain.stderr[-1], rel=0.01)


def test_a_confidence_sequence_is_wider_than_any_single_interval():
    found = sequence_bounds(np.arange(5.0, 206.0), np.array([206.0]))
    assert found.min() > 2.5
