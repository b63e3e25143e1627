"""Tool-call replies like those in public bug reports, read as a careful reader would.

The cases and the real unseen split that they answer are in ``../shared/data``; without them, these
tests are skipped.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from instit_bench.scorers.tool_call.scorer import ToolCallScorer
from instit_bench.types import NativeToolCall, Prediction, Sample

DATA = Path(__file__).parents[2].parent / "shared/data"
CASES = DATA / "replies/tool_call_cases.json"
SPLIT = DATA / "gpt4tools/gpt4tools_test_unseen.json"


def read_cases() -> list[Any]:
    if not (CASES.is_file() and SPLIT.is_file()):
        reason = f"the collected replies are not at {CASES}"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    cases = json.loads(CASES.read_text(encoding="utf-8"))
    return [
        pytest.param(case, id=f"{place}-{case['source'][:40]}") for place, case in enumerate(cases)
    ]


@cache
def records() -> dict[int, dict[str, Any]]:
    return {record["id"]: record for record in json.loads(SPLIT.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("case", read_cases())
def test_a_collected_reply_is_read_correctly(case: dict[str, Any]) -> None:
    given = case["input"]
    record = records()[given["id"]]
    sample = Sample(
        "gpt4tools_unseen",
        str(given["id"]),
        {"instruction": record["instruction"]},
        record["output"],
        str(given["id"]),
    )
    calls = tuple(NativeToolCall(name, arguments) for name, arguments in given["tool_calls"])
    score = ToolCallScorer().score(sample, Prediction(given["reply"], tool_calls=calls))
    assert {name: score.values[name] for name in case["expected"]} == case["expected"], score
