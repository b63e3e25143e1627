"""Holm's correction."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instit_bench.stats.correction import holm


@pytest.mark.parametrize(
    ("p", "adjusted"),
    [
        ([], []),
        ([0.03], [0.03]),
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.01, 0.01], [0.02, 0.02]),
        ([0.6, 0.7], [1.0, 1.0]),
        ([None, 0.02, None, 0.04], [None, 0.04, None, 0.04]),
        ([None], [None]),
    ],
)
def test_worked_examples(p, adjusted):
    assert holm(p) == [None if a is None else pytest.approx(a) for a in adjusted]


@given(st.lists(st.floats(0, 1), min_size=1))
def test_it_rejects_what_the_step_down_procedure_rejects(p):
    """Holm (1979): start at the smallest p, stop when the k-th exceeds 0.05 / (m - k + 1)."""
    rejected = set()
    for rank, index in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        if p[index] * (len(p) - rank) > 0.05:
            break
        rejected.add(index)
    assert {index for index, value in enumerate(holm(p)) if value <= 0.05} == rejected


@given(st.lists(st.floats(0, 1)))
def test_it_lies_between_no_correction_and_bonferroni_s(p):
    for before, after in zip(p, holm(p), strict=True):
        assert before <= after <= min(1.0, before * len(p))
