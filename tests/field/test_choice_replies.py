"""Strict multiple choice on replies of real models.

The cases are in our own words and follow public bug reports; the real replies were labelled by two
readers. Both are stored beside the checkout and are not part of the project.
"""

from __future__ import annotations

import json
from string import ascii_uppercase
from typing import Any

import pytest

from benchmarks.extraction import REAL, Labelled, official, real_replies, shares, strict
from instit_bench.scorers.choice.strict import extract_choice

CASES_FILE = REAL.parent / "choice_cases.json"
CASES: list[dict[str, Any]] = (
    json.loads(CASES_FILE.read_text(encoding="utf-8")) if CASES_FILE.exists() else []
)
needs_real_replies = pytest.mark.skipif(not REAL.exists(), reason=f"{REAL} is not here")


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{number}-{case['source']}" for number, case in enumerate(CASES)]
)
def test_case(case):
    choices = case["input"]["choices"]
    found = extract_choice(case["input"]["reply"], choices, letters=ascii_uppercase[: len(choices)])
    assert found.letter == case["expected"], found


@pytest.fixture(scope="module")
def replies() -> list[Labelled]:
    return real_replies()


@needs_real_replies
def test_real_replies_are_read_correctly(replies):
    found = shares(replies, strict, weighted=True)
    assert found.right >= 0.98
    assert found.wrong <= 0.005


@needs_real_replies
def test_held_out_replies_are_read_equally_well(replies):
    held_out = [line for line in replies if line.group == "held out"]
    assert len(held_out) >= 100
    found = shares(held_out, strict, weighted=True)
    assert found.right >= 0.98
    assert found.wrong <= 0.005


@needs_real_replies
def test_official_extraction_is_far_less_accurate(replies):
    found = shares(replies, official, weighted=True)
    assert found.right == pytest.approx(0.617, abs=0.08)
