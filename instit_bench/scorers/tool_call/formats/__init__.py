"""All formats for tool calls except the benchmark's own: one parser per format, one registry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from instit_bench.scorers.tool_call.calls import ParseError, ToolCall, make_call
from instit_bench.scorers.tool_call.formats.base import MOST_CALLS, Format, Found, Reading
from instit_bench.scorers.tool_call.formats.dialects import rewrite
from instit_bench.scorers.tool_call.formats.headed import (
    HEADED,
    NAME_AND_CODE,
    NAME_AND_OBJECT,
    NAME_IN_LINE,
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
_NAMES = (NAME_AND_OBJECT, TOKEN_AND_OBJECT, NAME_IN_LINE, NAME_AND_CODE)
_BARE = (BARE_OBJECTS, *_NAMES, PYTHONIC)
FORMATS: tuple[Format, ...] = (INVOKE, *HEADED, *TAGS, *WRAPPED_OBJECTS, *_BARE)
# In which a call is one beside calls in another format.
_IN_TOKENS = (INVOKE, *HEADED, *TAGS, *WRAPPED_OBJECTS)
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

    ``in_tokens`` says that the calls stand in a model's own tokens, ``ends_text`` that nothing but
    such tokens follows the last one.
    """

    format: str
    calls: tuple[ToolCall, ...]
    answer: str | None
    in_tokens: bool = False
    ends_text: bool = False


def read_calls(text: str, prompt: Prompt, *, answered: bool) -> Outcome | ParseError | None:
    """Read the calls of a text in the first format that finds any.

    Args:
        text: A reply without reasoning; a line's end at its end says that it does not break off.
        prompt: The prompt that it answers.
        answered: Whether the reply also answers or declines; then only a model's own tokens and
            objects that name a tool of the prompt are calls, and the rest is part of the answer.

    Returns:
        What was found; a ParseError for a malformed call; ``None`` if there is nothing.
    """
    error: ParseError | None = None
    doubtful: Outcome | None = None
    text = rewrite(text, prompt)
    for format_ in _ANSWERED if answered else FORMATS:
        if not format_.may_be(text):
            continue
        reading = format_.read(text, prompt)
        if reading.declines or any(_is_firm(call, prompt) for call in reading.calls):
            return _outcome(text, format_, reading, prompt)
        if reading.calls and doubtful is None:
            doubtful = _outcome(text, format_, reading, prompt)
        error = error or reading.error
        if error is None and format_.certain and format_ is not ANSWERED_OBJECTS:
            error = ParseError("malformed_call", f"the {format_.name} tool call cannot be read")
    return doubtful or error


def _is_firm(call: Found, prompt: Prompt) -> bool:
    """Whether a call has arguments or a listed name; any other may be a word between two tags."""
    return bool(call.value) or prompt.find_tool(call.name) is not None


def _outcome(text: str, format_: Format, reading: Reading, prompt: Prompt) -> Outcome:
    found: Sequence[Found] = reading.calls
    if 0 < len(found) < MOST_CALLS and format_ not in _BARE:
        found = _with_other_formats(text, found, prompt)
    calls = _build(text, found, prompt)
    in_tokens = format_ not in _BARE or text.rstrip().endswith(">")
    ends_text = bool(found and _CLOSING.fullmatch(text, found[-1].end))
    return Outcome(format_.name, calls, reading.answer, in_tokens, ends_text)


def _with_other_formats(text: str, found: Sequence[Found], prompt: Prompt) -> tuple[Found, ...]:
    """Add the calls of listed tools that stand in other models' tokens in the rest of the text.

    A call that is only repeated in another format is no second one, nor is one without arguments:
    a name before another format's call.
    """
    calls = list(found)
    for format_ in _IN_TOKENS:
        rest = _blank(text, calls)
        if not format_.may_be(rest):
            continue
        known = {(call.name, repr(call.value)) for call in calls}
        calls += [
            call
            for call in format_.read(rest, prompt).calls
            if call.value
            and prompt.find_tool(call.name) is not None
            and (call.name, repr(call.value)) not in known
        ]
    return tuple(sorted(calls, key=lambda call: call.start))


def _blank(text: str, calls: Sequence[Found]) -> str:
    """Return the text with spaces in place of calls."""
    pieces, position = list[str](), 0
    for call in sorted(calls, key=lambda call: call.start):
        if call.end > position:
            start = max(call.start, position)
            pieces += [text[position:start], " " * (call.end - start)]
            position = call.end
    return "".join((*pieces, text[position:]))


def _build(text: str, calls: Sequence[Found], prompt: Prompt) -> tuple[ToolCall, ...]:
    """Return the calls with their results, if the reply puts any between them."""
    if not calls:
        return ()
    ends = [found.start for found in calls[1:]] + [len(text)]
    results = [
        text[found.end : end] if end - found.end < 10_000 else ""
        for found, end in zip(calls, ends, strict=True)
    ]
    return tuple(
        make_call(found.name, found.value, prompt, result if _is_result(result) else "")
        for found, result in zip(calls, results, strict=True)
    )


def _is_result(text: str) -> bool:
    return any(mark in text for mark in _RESULT_MARKS)
