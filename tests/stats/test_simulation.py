"""The statistics are right as often as they claim (a reduced scripts/coverage_simulation.py).

The seeds are fixed, and so is the outcome. A share of ``n`` repetitions may be off by two standard
errors; the pooled share of many settings may not.
"""

from __future__ import annotations

import importlib
import math
from functools import cache

import numpy as np
import pytest

from tests.command_line import REPOSITORY

REPETITIONS = 400
SETTINGS = [
    (values, clusters, mean, icc)
    for values in ("right/wrong", "scores")
    for clusters in (30, 100, 206)
    for mean in (0.5, 0.9)
    for icc in (0, 0.2, 0.5)
]


def two_errors(share: float, repetitions: int) -> float:
    return 2 * math.sqrt(share * (1 - share) / repetitions)


@pytest.fixture(scope="module")
def simulation():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(REPOSITORY / "scripts"))
        return importlib.import_module("coverage_simulation")


@pytest.fixture(scope="module")
def covered(simulation):
    """The coverage of each setting, computed once."""
    return cache(lambda setting: simulation.coverage(simulation.Benchmark(*setting), REPETITIONS))


class TestTheMean:
    @pytest.mark.parametrize("setting", SETTINGS, ids=str)
    def test_95_percent_intervals_cover_93_to_97_percent(self, covered, setting):
        found = covered(setting)
        assert found >= 0.93 - two_errors(0.93, REPETITIONS)
        assert found <= 0.97 + two_errors(0.97, REPETITIONS)

    @pytest.mark.parametrize("values", ["right/wrong", "scores"])
    @pytest.mark.parametrize("icc", [0, 0.2, 0.5])
    def test_pooled_intervals_cover_95_percent_without_an_allowance(self, covered, values, icc):
        held = [covered(one) for one in SETTINGS if (one[0], one[3]) == (values, icc)]
        assert 0.94 <= np.mean(held) <= 0.965

    def test_intervals_that_ignore_clusters_cover_too_little(self, simulation):
        setting = simulation.Benchmark("right/wrong", 206, 0.5, 0.5)
        ignoring = simulation.ignoring_clusters
        assert simulation.coverage(setting, REPETITIONS, interval=ignoring) < 0.85


class TestTwoRuns:
    @pytest.mark.parametrize(
        ("values", "clusters", "icc", "repetitions"),
        [
            ("right/wrong", 30, 0.2, 1000),
            ("right/wrong", 100, 0, 1000),
            ("right/wrong", 100, 0.2, 1000),
            ("right/wrong", 100, 0.5, 1000),
            ("scores", 30, 0.2, 400),
        ],
    )
    def test_the_test_and_the_interval_keep_their_level(
        self, simulation, values, clusters, icc, repetitions
    ):
        found = simulation.compare(
            simulation.Pair(values, clusters, 0.2, 0.5, icc), repetitions, seed=1
        )
        # An exact test of few whole numbers stays below its level.
        assert 0.02 <= found.rejected <= 0.05 + two_errors(0.05, repetitions)
        assert found.covered >= 0.93 - two_errors(0.93, repetitions)
        assert found.covered <= 0.97 + two_errors(0.97, repetitions)

    def test_mcnemar_s_test_alone_does_not_keep_its_level_with_correlated_questions(
        self, simulation
    ):
        found = simulation.compare(simulation.Pair("right/wrong", 206, 0.2, 0.5, 0.5), 400)
        assert found.rejected <= 0.05 + two_errors(0.05, 400)
        assert found.rejected_by_mcnemar > 0.12

    @pytest.mark.parametrize("changed", [0.0, 0.02, 0.2])
    def test_a_detectable_difference_is_found_four_times_out_of_five(self, simulation, changed):
        null = simulation.Pair("right/wrong", 206, changed, 0.5, 0)
        _, found = simulation.power_at_detectable(null, 400)
        assert found == pytest.approx(0.8, abs=0.04 + two_errors(0.8, 400) / 2)
