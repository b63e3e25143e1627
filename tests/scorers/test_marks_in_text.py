"""Scores of marks: lists of what appears and disappears, and the marks that a text names."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instit_bench.scorers.judge.marked_text import MarkedTextScorer
from instit_bench.scorers.mark_changes import Changes, MarkChangesScorer, Unreadable, read_changes
from instit_bench.types import Prediction, Sample, State

TARGET = "Appear: [5] [6]\nDisappear: none"


def sample(target: str = TARGET, **fields: str) -> Sample:
    doc = {"question": "What changes from <1> to <2>?", **fields}
    return Sample("t", "1", doc, target, "1", question=doc["question"])


@pytest.mark.parametrize(
    "reply",
    [
        TARGET,
        "Disappear: none\nAppear: [6], [5]",
        "**Appear:** 5, 6\n**Disappear:** None.",
        '{"appear": [5, 6], "disappear": []}',
        '```json\n{"appear": ["[5]", "[6]"], "disappear": null}\n```',
        "Appear: [5] (a woman in red), [6] (a phone); Disappear: no marks",
        "Appearing:\n- [5]\n- [6]\n\nDisappearing:\n- none",
        "Appeared: [5, 6]\nVanished: none\n\nThe woman holds a phone.",
        "<think>Appear: [1]\nDisappear: [2]</think>Appear: [5] and [6]\nDisappear: -",
        "Appear: [5] [6]\nDisappear: none\nAppear: [5] [6]\nDisappear: none",
        "1. **Appear:** [5], [6]\n2. **Disappear:** none",
        "1. Appear: 5, 6; 2. Disappear: none",
        "Appear: 5, 6. Disappear: none.",
        "- Appear: [5] (in red), [6]\n- Disappear: []",
        "Marks that appear: [5], [6]\nMarks that disappear: none",
        '{\n "disappear": [],\n "appear": [\n  5,\n  6\n ]\n}',
        "Disappear: none\nAppear:\n[5]\n[6]\n\n[6] is held by [5].",
    ],
)
def test_lists_are_read_in_the_forms_that_models_use(reply):
    score = MarkChangesScorer().score(sample(), Prediction(reply))
    assert score.state is State.SCORED
    assert set(score.values.values()) == {1.0}
    assert score.extracted == TARGET


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "empty"),
        ("[5] and [6] appear.", "no_lists"),
        ("Appear: [5] [6]", "one_list"),
        ("Appear: a woman and a phone\nDisappear: none", "not_a_list"),
        ("Appear: [5] or [6]\nDisappear: none", "not_a_list"),
        ("Appear: [5]\nDisappear: none\nAppear: [6]\nDisappear: none", "contradictory"),
        ("Appear: [5]-[6]\nDisappear: none", "not_a_list"),
        ("Appear:\nDisappear:", "not_a_list"),
        ("Appear: [5], 6\nDisappear: none", "not_a_list"),
        ("Appear: [5], [6] (not sure)\nDisappear: none", "not_a_list"),
        ("Appear: [5]\nDisappear: [5]", "contradictory"),
        ("Newly visible: [5] [6]\nDoesn't appear: [2]\nDisappear: none", "negated"),
        ("Appear: [5]\nDisappear: none\n\nWait, there is a phone, too.", "taken_back"),
        ("Appear: [5]\nDisappear: none\n\nIn addition, [6] appears.", "taken_back"),
    ],
)
def test_no_list_is_guessed(reply, reason):
    score = MarkChangesScorer().score(sample(), Prediction(reply))
    assert (score.state, score.reason) == (State.UNPARSED, reason)
    assert set(score.values.values()) == {0.0}


def test_a_reply_that_was_cut_off_is_not_read_to_its_last_line():
    cut = Prediction("Appear: [5] [6]\nDisappear: [1", finish_reason="length")
    assert MarkChangesScorer().score(sample(), cut).state is State.TRUNCATED
    thinking = Prediction("<think>Appear: [5]\nDisappear: none")
    assert MarkChangesScorer().score(sample(), thinking).state is State.TRUNCATED


def test_a_target_that_is_not_two_lists_is_a_fault_of_the_data():
    with pytest.raises(ValueError, match="target"):
        MarkChangesScorer().score(sample("[5]"), Prediction(TARGET))


MARKS = st.frozensets(st.integers(1, 40), max_size=5)


@given(MARKS, MARKS)
def test_what_is_written_is_read(appear, disappear):
    changes = Changes(appear, disappear - appear)
    assert read_changes(str(changes)) == changes


@given(st.text(max_size=200))
def test_no_text_fails_to_be_read_or_refused(text):
    with suppress(Unreadable):
        assert len(read_changes(f"Appear: {text}\nDisappear: {text}")) == 2


def test_marks_are_counted_outside_the_reasoning_and_against_what_can_be_seen():
    doc = {"marks": "1 2 6", "asked": "1 2"}
    score = MarkedTextScorer().score(
        sample("[1] A cat.\n[2] A dog near [9].", **doc),
        Prediction("<think>[7]</think>[1] is a cat, [6] a hat, [8] a bag."),
    )
    assert score.state is State.NOT_JUDGED
    assert score.values == {
        "mark_precision": 2 / 3,
        "mark_recall": 1 / 2,
        "mark_f1": 2 * 1 / (3 + 2),
        "time_f1": 1.0,
    }


def test_moments_of_the_question_are_not_counted():
    found = [
        MarkedTextScorer()
        .score(sample("At <2> and <4> [1] turns."), Prediction(reply))
        .values["time_f1"]
        for reply in ("<1> <2> <4>", "<4>", "<2>", "<4> <5>", "")
    ]
    assert found == [1.0, 1.0, 0.0, 2 / 3, 0.0]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("filler", ["\n", "(", "- ", "[1] ", "the ", "not ", "1. "])
def test_a_long_reply_is_read_in_linear_time(filler):
    for text in (
        f"Appear: [1]{filler * 30_000}x Disappear: none",
        f"Appear: 1\nVanish: {filler * 30_000}",
    ):
        with suppress(Unreadable):
            read_changes(text)
