"""Where two replies part, and what counts as a tie there."""

from __future__ import annotations

import pytest

from instit_bench.comparison.explain.divergence import find_divergence
from instit_bench.types import Tokens

TIE = 0.5


def tokens(*places, ids=()):
    """Each place: text, log-probability, the other token's text and log-probability."""
    return Tokens(*zip(*places, strict=True), ids=ids)


SAME = ("The", -0.1, "A", -3.0)
SAME_LISTS = tuple((value,) for value in SAME)
A = tokens(SAME, (" cat", -0.70, " dog", -0.72))


@pytest.mark.parametrize(
    ("b", "tie"),
    [
        pytest.param(tokens(SAME, (" dog", -0.70, " cat", -0.71)), True, id="swapped"),
        pytest.param(tokens(SAME, (" dog", -0.2, " cat", -1.9)), False, id="a clear choice in B"),
        pytest.param(tokens(SAME, (" sun", -0.70, " sky", -0.71)), False, id="other candidates"),
        pytest.param(tokens(SAME, (" dog", -0.9, " cat", -0.7)), False, id="not the most likely"),
        pytest.param(
            tokens(("The", -1.2, "A", -3.0), (" dog", -0.70, " cat", -0.71)), False, id="drifted"
        ),
        pytest.param(tokens(SAME), True, id="B ends"),
    ],
)
def test_a_tie_is_a_close_second_on_both_sides(b, tie):
    found = find_divergence(A, b)
    assert found.place == 2
    assert found.is_tie(TIE) is tie


def test_ids_tell_tokens_apart_whose_texts_are_equal():
    half = ("\ufffd", -0.7, "\ufffd", -0.71)
    a, b = tokens(SAME, half, ids=(1, 2)), tokens(SAME, half, ids=(1, 3))
    assert find_divergence(a, b).place == 2
    assert find_divergence(tokens(SAME, half), tokens(SAME, half)) is None


def test_nothing_is_known_without_log_probabilities():
    assert find_divergence(A, None) is None
    assert find_divergence(Tokens(ids=(1, 2)), Tokens(ids=(1, 3))) is None


def test_tokens_of_one_run_say_where_only_by_ids():
    close = ((" cat", -0.70, " dog", -0.72),)
    assert find_divergence(tokens(*close), Tokens(prompt="5f1c")) is None
    found = find_divergence(tokens(*close, ids=(1,)), Tokens(ids=(2,)))
    assert found.place == 1
    assert "B kept no tokens" in found.told


@pytest.mark.parametrize(
    "lists", [(("a",), (), (None,), (None,)), (("a",), (-1.0,), (), ()), (*SAME_LISTS, (1, 2))]
)
def test_lists_of_other_lengths_are_refused(lists):
    with pytest.raises(ValueError, match="as many"):
        Tokens(*lists)
