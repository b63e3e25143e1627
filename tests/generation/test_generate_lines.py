"""The strict reader of a writer's reply: what is read, and why anything else is dropped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instit_bench.generation.captions import Caption
from instit_bench.generation.catalogue import SHIPPED, read_catalogue
from instit_bench.generation.lines import Dropped, Instruction, Reason, read_reply
from tests.generation.scripted_writer import BAD, EDGES, FIND

CAPTION = Caption(1, "000001.jpg", "A cat sits on a mat.")
CATALOGUE = read_catalogue(SHIPPED)
EDGE_TOOL, FIND_TOOL = "Edge Detection On Image", "Detect the Give Object"
DRAW = "Generate Image From User Input Text"
SWAP = "Replace Something From The Photo"
ASK = "Answer Question About The Image"


def read(reply: str) -> list[Instruction | Dropped]:
    return list(read_reply(reply, CAPTION, CATALOGUE))


@pytest.mark.parametrize(
    ("line", "request_", "tool", "arguments"),
    [
        (f"1.Show the edges, [{EDGES}]", "Show the edges", EDGE_TOOL, ()),
        (f"12) Show the edges [{EDGES}].", "Show the edges", EDGE_TOOL, ()),
        (f"- Show the edges: [{EDGES}]", "Show the edges", EDGE_TOOL, ()),
        (f'3. "Show the edges.", [{EDGES}]', "Show the edges.", EDGE_TOOL, ()),
        (f"**Show the edges**, [{EDGES}]", "Show the edges", EDGE_TOOL, ()),
        (f"**1.** Show the edges, [{EDGES}]", "Show the edges", EDGE_TOOL, ()),
        (f"- 1. **Show the edges** -> `[{EDGES}]`", "Show the edges", EDGE_TOOL, ()),
        (f"1. 2.5 times the edges, [{EDGES}]", "2.5 times the edges", EDGE_TOOL, ()),
        (f"10 cats: find one, [{FIND}, cat]", "10 cats: find one", FIND_TOOL, ("cat",)),
        (f"Show the [red] cat, [{FIND}, 'red cat']", "Show the [red] cat", FIND_TOOL, ("red cat",)),
        (
            "Find it, [detect the given object, example.jpg, “cat”] .",
            "Find it",
            FIND_TOOL,
            ("cat",),
        ),
        (f'Draw it, [{DRAW}, "a cat, on a mat"]', "Draw it", DRAW, ("a cat, on a mat",)),
        (f"Draw it, [{DRAW}, a cat,on a mat]", "Draw it", DRAW, ("a cat, on a mat",)),
        (
            f'Swap it, [{SWAP}, "example.jpg", "cat", "a dog, big"]',
            "Swap it",
            SWAP,
            ("cat", "a dog, big"),
        ),
        (f"Tell me, [{ASK}, example.jpg, what is [3]?]", "Tell me", ASK, ("what is [3]?",)),
        (
            f'Write "NO" on it, [{ASK}, example.jpg, is it "NO"]',
            'Write "NO" on it',
            ASK,
            ('is it "NO"',),
        ),
        (f"Find it, [{FIND_TOOL}, 000001.jpg, cat]", "Find it", FIND_TOOL, ("cat",)),
    ],
)
def test_a_line_is_read_as_it_is_meant(line, request_, tool, arguments):
    (found,) = read(line)
    assert isinstance(found, Instruction), found
    assert (found.request, found.tool.name, found.arguments) == (request_, tool, arguments)


@pytest.mark.parametrize("reason", BAD, ids=lambda reason: reason.name)
def test_a_bad_line_is_dropped_with_its_reason_and_text(reason):
    (found,) = read(BAD[reason])
    assert isinstance(found, Dropped)
    assert found.reason == reason
    assert BAD[reason].startswith(found.text)


@pytest.mark.parametrize(
    "line",
    [
        f"2.5 times as many edges, [{EDGES}]",
        f"10:30 is on the clock: show its edges, [{EDGES}]",
        f"1\\. Show the edges, [{EDGES}]",
        f"1、Show the edges, [{EDGES}]",
        f"a) Show the edges, [{EDGES}]",
        f"> Show the edges, [{EDGES}]",
        f"1. Request: show the edges, [{EDGES}]",
        f"1. Show the **edges, [{EDGES}]",
        rf'1. Find it there, [{FIND}, "a \"red\" cat"]',
    ],
)
def test_a_request_is_never_cut_and_keeps_no_markup(line):
    (found,) = read(line)
    assert isinstance(found, Dropped)
    assert found.reason == Reason.MARKUP


def test_every_reason_is_shown_by_a_test():
    assert set(Reason) == {*BAD, Reason.NO_REPLY, Reason.MANY_LINES}


@pytest.mark.parametrize("reply", ["", " \n ", "<think>Let me see.</think>\n"])
def test_an_empty_reply_is_one_dropped_line(reply):
    (found,) = read(reply)
    assert (found.line, found.reason) == (0, Reason.NO_REPLY)


def test_reasoning_before_the_lines_is_not_read():
    found = read(f"<think>1. Show lines, [{EDGES}]</think>\n1. Show the edges, [{EDGES}]")
    assert [one.request for one in found] == ["Show the edges"]


@given(st.text(alphabet='[]",. ab\n1\t“”', max_size=60) | st.text(max_size=60))
def test_any_text_is_read_or_dropped_line_by_line(text):
    for one in read(text):
        assert isinstance(one, Instruction | Dropped)
    for one in read(f"Show {text} now, [{FIND}, {text}]"):
        assert isinstance(one, Instruction | Dropped)
