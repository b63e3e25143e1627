"""All formats for tool calls except the benchmark's own: one parser per format, one registry."""

from __future__ import annotations

import re
from dataclasses import dataclass

from instit_bench.scorers.tool_call.calls import ParseError, ToolCall, make_call
from instit_bench.scorers.tool_call.formats.base import Format, Found, Reading
from instit_bench.scorers.tool_call.formats.dialects import rewrite
from instit_bench.scorers.tool_call.formats.headed import (
    HEADED,
    NAME_AND_CODE,
    NAME_AND_OBJECT,
    TOKEN_AND_OBJECT,
)
from instit_bench.scorers.tool_call.formats.objects import (
    ANSWERED_OBJECTS,
    BARE_OBJECTS,
    WRAPPED_OBJECTS,
)
from instit_bench.scorers.tool_call.formats.pythonic import PYTHONIC
from instit_bench.scorers.tool_call.formats.tags import INVOKE, TAGS
from instit_bench.scorers.tool_call.prompt import Prompt

__all__ = ["FORMATS", "Format", "Found", "Outcome", "Reading", "read_calls"]

# In the order in which they are tried: formats of a single model before common ones.
_BARE = (BARE_OBJECTS, NAME_AND_OBJECT, TOKEN_AND_OBJECT, NAME_AND_CODE, PYTHONIC)
FORMATS: tuple[Format, ...] = (INVOKE, *HEADED, *TAGS, *WRAPPED_OBJECTS, *_BARE)
_ANSWERED = (*(format_ for format_ in FORMATS if format_.certain), ANSWERED_OBJECTS)
_CLOSING = re.compile(r"(?:\s|</?[|｜]?[^<>\s]{1,40}>|\]|\})*+")
# What models write around results that they invent for their own calls.
_RESULT_MARKS = (
    "bservation",
    "<tool_response",
    "<tool_result",
    "<function_results>",
    "[TOOL_RESULTS]",
    "✿RESULT✿",
    "tool▁output",
    "<result>",
    "tool_output",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The calls or the refusal that a format found, and the format's name.

    ``ends_text`` says that the calls stand in a model's own tokens, and nothing but such tokens
    follows the last one.
    """

    format: str
    calls: tuple[ToolCall, ...]
    answer: str | None
    ends_text: bool = False


def read_calls(text: str, prompt: Prompt, *, answered: bool) -> Outcome | ParseError | None:
    """Read the calls of a text in the first format that finds any.

    Args:
        text: A reply without reasoning.
        prompt: The prompt that it answers.
        answered: Whether the reply also answers or declines; then only a model's own tokens and
            objects that name a tool of the prompt are calls, and the rest is part of the answer.

    Returns:
        What was found; a ParseError for a malformed call; ``None`` if there is nothing.
    """
    error: ParseError | None = None
    text = rewrite(text)
    for format_ in _ANSWERED if answered else FORMATS:
        if not format_.may_be(text):
            continue
        reading = format_.read(text, prompt)
        if reading.calls or reading.declines:
            calls = _build(text, reading, prompt)
            in_tokens = format_ not in _BARE or text.endswith(">")
            ends_text = in_tokens and _ends_text(text, reading)
            return Outcome(format_.name, calls, reading.answer, ends_text)
        error = error or reading.error
        if error is None and format_.certain and format_ is not ANSWERED_OBJECTS:
            error = ParseError("malformed_call", f"the {format_.name} tool call cannot be read")
    return error


def _build(text: str, reading: Reading, prompt: Prompt) -> tuple[ToolCall, ...]:
    """Return the calls with their results, if the reply puts any between them."""
    if not reading.calls:
        return ()
    ends = [found.start for found in reading.calls[1:]] + [len(text)]
    results = [
        text[found.end : end] if end - found.end < 10_000 else ""
        for found, end in zip(reading.calls, ends, strict=True)
    ]
    return tuple(
        make_call(found.name, found.value, prompt, result if _is_result(result) else "")
        for found, result in zip(reading.calls, results, strict=True)
    )


def _ends_text(text: str, reading: Reading) -> bool:
    return bool(reading.calls and _CLOSING.fullmatch(text, reading.calls[-1].end))


def _is_result(text: str) -> bool:
    return any(mark in text for mark in _RESULT_MARKS)
