"""Baselines that answer without a model."""

from __future__ import annotations

import asyncio

import pytest

from instit_bench.backends import BackendOptions, create_backend
from instit_bench.errors import InputError
from instit_bench.types import GenerationParams, Request, Sample

MC = Sample(task="mc", id="1", doc={}, target="C", cluster="1", choices=("p", "q", "r", "s"))
OE = Sample(task="oe", id="1", doc={}, target="A red ball.", cluster="1")
TOOL = Sample(
    task="tools",
    id="1",
    doc={},
    target="Thought: …",
    cluster="1",
    question="the action to take, should be one of [Blur, Crop It]\nHuman: image/ab1.png",
)


def answer(model, sample, seed=0):
    backend = create_backend("baseline", BackendOptions(model, seed=seed))
    request = Request(sample, (), GenerationParams())
    return asyncio.run(backend.generate(request)).text


@pytest.mark.parametrize(
    ("model", "sample", "expected"),
    [
        ("first", MC, "A"),
        ("first", OE, "I do not know."),
        (
            "first",
            TOOL,
            "Thought: Do I need to use a tool? Yes\nAction: Blur\nAction Input: image/ab1.png",
        ),
        ("echo-gold", MC, "C"),
        ("echo-gold", OE, "A red ball."),
        ("text:No\\nAI: hi", TOOL, "No\nAI: hi"),
    ],
)
def test_fixed_answers(model, sample, expected):
    assert answer(model, sample) == expected


def test_random_is_uniform_and_reproducible():
    samples = [
        Sample(task="mc", id=str(i), doc={}, target="A", cluster="", choices=("",) * 4)
        for i in range(400)
    ]
    first = [answer("random", sample) for sample in samples]
    assert first == [answer("random", sample) for sample in reversed(samples)][::-1]
    assert first != [answer("random", sample, seed=1) for sample in samples]
    for letter in "ABCD":
        assert 70 <= first.count(letter) <= 130


def test_random_over_tools_names_listed_tools_or_none():
    seen = {answer("random", TOOL, seed) for seed in range(50)}
    assert len(seen) == 3
    assert any("tool? No" in text for text in seen)


def test_an_unknown_baseline_is_an_error_that_lists_the_known_ones():
    with pytest.raises(InputError, match="random, first, echo-gold"):
        create_backend("baseline", BackendOptions("gpt-4o"))
