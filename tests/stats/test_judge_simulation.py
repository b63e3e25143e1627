"""Corrected scores cover the truth as often as they claim (a reduced scripts/judge_simulation.py).

The seeds are fixed, and so is the outcome.
"""

from __future__ import annotations

import importlib
import json
import math

import pytest

from tests.command_line import REPOSITORY

REPETITIONS = 150


@pytest.fixture(scope="module")
def simulation():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(REPOSITORY / "scripts"))
        return importlib.import_module("judge_simulation")


@pytest.mark.parametrize("n", [30, 60, 120])
def test_95_percent_intervals_cover_93_to_97_percent(simulation, n):
    world = simulation.World("a noisy judge", noise=0.3, per_video=0.2)
    found = simulation.measure(world, n, REPETITIONS, simulation.video_sizes(None), stratify=True)[
        "corrected"
    ]
    allowed = 2 * math.sqrt(0.05 * 0.95 / REPETITIONS)
    assert 0.93 - allowed <= found.held / found.of <= min(1.0, 0.97 + allowed)
    assert abs(sum(found.errors) / found.of) < 0.01


def test_the_intervals_of_kappa_cover_it_where_a_few_differences_are_large(simulation):
    world = simulation.World("few", binary=True, sensitivity=0.97, specificity=0.95)
    sizes = simulation.video_sizes(None)
    found = simulation.measure(world, 30, REPETITIONS, sizes, stratify=True)["kappa"]
    assert found.of == REPETITIONS
    assert found.held / found.of >= 0.93 - 2 * math.sqrt(0.05 * 0.95 / REPETITIONS)


def test_the_committed_sizes_are_those_of_the_real_file(simulation, shared_data):
    file = shared_data / "inst_it" / "video_oe_inference.json"
    assert sorted(simulation.video_sizes(file)) == simulation.video_sizes(None)
    assert sum(simulation.video_sizes(None)) == len(json.loads(file.read_text())) == 1001
