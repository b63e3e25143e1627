"""Gates stop as early, and are wrong as rarely, as docs/statistics.md says (a small repetition)."""

from __future__ import annotations

import json

import pytest

from scripts.gate_simulation import Pair, draw, full_verdict, main, stop, videos

REPETITIONS = 1000
# Two standard errors of a share of 2.5 % in 1,000 repetitions, above the 2.5 %.
MOST_WRONG = 0.035


@pytest.fixture(scope="module")
def known():
    return videos(None)


def test_the_counts_in_the_script_are_those_of_the_file(shared_data, known):
    file = shared_data / "inst_it/video_mc_inference.json"
    assert len(json.loads(file.read_text())) == known[:, 0].sum() == 1001
    assert sorted(videos(file).tolist()) == sorted(known.tolist())


@pytest.mark.parametrize(
    ("difference", "obf", "curtailed"),
    [(0.0, 0.50, 0.48), (-0.05, 0.52, 0.51), (-0.08, 0.34, 0.25), (-0.12, 0.23, 0.13)],
)
def test_gates_ask_as_much_as_planned(known, difference, obf, curtailed):
    drawn = draw(Pair(difference), REPETITIONS, known)
    assert stop(drawn, "obf").asked.mean() == pytest.approx(obf, abs=0.03)
    early = stop(drawn, "curtailed")
    assert early.asked.mean() == pytest.approx(curtailed, abs=0.04)
    assert (early.verdict == full_verdict(drawn)).mean() >= 0.98


@pytest.mark.parametrize("clusters", [30, 100, 206])
def test_false_alarms_keep_the_level_that_naive_peeking_breaks(known, clusters):
    drawn = draw(Pair(0.0, clusters=clusters, icc=0.2), REPETITIONS, known)
    assert (stop(drawn, "obf").verdict < 0).mean() <= MOST_WRONG
    assert (stop(drawn, "cs").verdict < 0).mean() <= MOST_WRONG
    assert (stop(drawn, "naive").verdict < 0).mean() > 0.05


@pytest.mark.parametrize("icc", [0.0, 0.2])
def test_few_videos_do_not_pass_too_often_because_losers_are_not_among_them(known, icc):
    drawn = draw(Pair(-0.05, clusters=30, icc=icc), 10_000, known, seed=1)
    # 0.16 is the standard error.
    assert (stop(drawn, "obf").verdict > 0).mean() <= 0.025 + 2 * 0.0016
    # Clusters that did not change have no spread, which the plain rule takes for certainty.
    assert (stop(drawn, "plain").verdict > 0).mean() > 0.2


def test_the_script_prints_its_tables(capsys):
    main(20)
    printed = capsys.readouterr().out
    assert printed.count("\n| 206 |") == 6
    assert "| -12 | curtailed |" in printed
