"""An instruction writer by script: one good line per tool, and every kind of bad line."""

from __future__ import annotations

import re
from typing import Any

from instit_bench.generation.lines import Reason
from tests.openai_server import Reply

EDGES = 'Edge Detection On Image, "example.jpg"'
FIND = 'Detect the Give Object, "example.jpg"'
# Every reason to drop a line that one line alone can give.
BAD: dict[Reason, str] = {
    Reason.NO_CALL: "Here are the requests that you asked for:",
    Reason.BRACKETS: f"1. Show me the edges, [{EDGES}",
    Reason.SEVERAL_CALLS: f"1. Show me both, [{FIND}, cat], [{EDGES}]",
    Reason.AFTER_CALL: f"1. Show me the edges, [{EDGES}] as a drawing",
    Reason.NO_REQUEST: f"1. , [{EDGES}]",
    Reason.TOO_SHORT: f"1. Edges, [{EDGES}]",
    Reason.TOO_LONG: f"1. Show me {'very ' * 300}sharp edges, [{EDGES}]",
    Reason.UNKNOWN_TOOL: '1. Bake a cake, [Bake Cake, "example.jpg"]',
    Reason.WRONG_IMAGE: '1. Show me the edges, [Edge Detection On Image, "cat.jpg"]',
    Reason.TOO_FEW: f"1. Where is the cat, [{FIND}]",
    Reason.TOO_MANY: '1. Swap them, [Replace Something From The Photo, "example.jpg", a, b, c]',
    Reason.EMPTY_ARGUMENT: f'1. Where is the cat, [{FIND}, " "]',
    Reason.COMMA: '1. Swap, please, [Replace Something From The Photo, example.jpg, "a, b", c]',
    Reason.FILE_IN_TEXT: f"1. Show the edges of example.jpg, [{EDGES}]",
    Reason.FORMAT_WORDS: f"1. Thought: show me the edges, [{EDGES}]",
    Reason.MARKUP: f"1. **Request 1:** Show me the edges, [{EDGES}]",
    Reason.OTHER_SCRIPT: f"1. 请显示图像的边缘, [{EDGES}]",
}
NOTHING, FLOOD, BROKEN = "nothing", "flood", "broken"
"""Captions with these words get an empty reply, far too many lines, and only bad lines."""

_TOOL = re.compile(
    r"^(\d+)\. ([^:\n]+): .*?The input is a (?:comma-separated )?string(?: of \w+)?, "
    r"representing (.*)\.$",
    re.M,
)


def caption_of(body: dict[str, Any]) -> str:
    """Return the caption that a request ends with."""
    return body["messages"][-1]["content"].rstrip().rsplit("\n", 1)[-1]


def write(body: dict[str, Any]) -> Reply:
    """Answer a request as the writer does."""
    caption = caption_of(body)
    if NOTHING in caption:
        return Reply("")
    if FLOOD in caption:
        return Reply("\n".join(BAD[Reason.NO_CALL] for _ in range(500)))
    if BROKEN in caption:
        return Reply("\n".join(BAD.values()))
    return Reply("\n".join(_lines(body["messages"][-1]["content"], caption)))


def _lines(text: str, caption: str) -> list[str]:
    """Return a good line for each tool, in the ways in which models number and quote."""
    lines = []
    for place, (number, name, taken) in enumerate(_TOOL.findall(text)):
        arguments = re.split(r", | and ", taken)
        image = arguments[0] == "the image_path"
        values = [f"what {caption.lower()} has, part {n}" for n in range(len(arguments) - image)]
        values = [value.replace(",", "") for value in values[:-1]] + values[-1:]
        quoted = [f'"{value}"' for value in (["example.jpg"] if image else []) + values]
        begin = (f"{number}.", f"{number}) ", "- ", "")[place % 4]
        request = f"Please help me with {caption.lower()} in way {number}"
        lines.append(f"{begin}{request}, [{', '.join([name, *quoted])}]")
    return lines
