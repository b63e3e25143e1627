"""References in answers and the offline score."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instit_bench.scorers.judge import OpenEndedScorer, lexical_score
from instit_bench.scorers.judge.references import objects_in, times_in
from instit_bench.types import Prediction, Sample, State


@pytest.mark.parametrize(
    ("text", "objects", "times"),
    [
        ("[3] hands [12] a cup at <4>", {3, 12}, {4}),
        ("[1, 2] wave during <5>-<7>.", {1, 2}, {5, 6, 7}),
        ("from <2> – <4>", set(), {2, 3, 4}),
        ("<7>-<5> is no stretch", set(), {5, 7}),
        ("<1>-<9999> is not expanded", set(), {1, 9999}),
        ("[a] <b> 3 (4) []", set(), set()),
    ],
)
def test_references(text, objects, times):
    assert objects_in(text) == objects
    assert times_in(text) == times


@pytest.mark.parametrize(
    ("answer", "gold", "score"),
    [
        ("A red ball.", "a red ball", 1.0),
        ("blue", "red", 0.0),
        ("", "", 1.0),
        ("", "red", 0.0),
        ("[3] [3] [3]", "[3]", 1.0),  # references count once
        ("[1] runs", "[2] runs", 0.5),
        ("at <5>-<6>", "at <5> and <6>", 2 * 3 / (3 + 4)),
        ("red red", "red", 2 / 3),  # words count each time they occur
    ],
)
def test_lexical_score_by_hand(answer, gold, score):
    assert lexical_score(answer, gold) == pytest.approx(score)


@given(st.text(), st.text())
def test_lexical_score_is_symmetric_and_in_range(one, other):
    score = lexical_score(one, other)
    assert 0 <= score <= 1
    assert score == pytest.approx(lexical_score(other, one))
    assert lexical_score(one, one) == 1.0


def test_diagnostics_exist_if_the_target_has_references():
    sample = Sample(task="t", id="1", doc={}, target="[1] waves at <3>.", cluster="1")
    score = OpenEndedScorer().score(sample, Prediction("[1] and [2] wave."))
    assert score.state is State.NOT_JUDGED
    assert score.values == {"id_f1": pytest.approx(2 / 3), "time_f1": 0.0}
    plain = Sample(task="t", id="1", doc={}, target="A man.", cluster="1")
    assert OpenEndedScorer().score(plain, Prediction("[1]")).values == {}
