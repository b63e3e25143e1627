"""Tool calls written as JSON: bare, in lists, in code fences, in ``<tool_call>`` tags."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from instit_bench.scorers.tool_call.calls import ParseError, ToolCall, make_call
from instit_bench.scorers.tool_call.prompt import Prompt

_NAME_KEYS = ("name", "action", "tool", "tool_name", "function")
_INPUT_KEYS = ("arguments", "action_input", "args", "parameters", "input", "tool_input")
_OBJECT = re.compile(r"\{\s*[\"']")
_CALL_KEY = re.compile(rf"[{{,]\s*[\"'](?:{'|'.join(_NAME_KEYS)})[\"']\s*:")
_DECODER = json.JSONDecoder()
# The name under which some agents write their answer as if it were a call.
_FINAL_ANSWER = "final answer"


@dataclass(frozen=True, slots=True)
class JsonReply:
    """The calls found, and the answer where one is written as a call."""

    calls: tuple[ToolCall, ...]
    answer: str | None


def read_json(text: str, prompt: Prompt, *, listed_only: bool) -> JsonReply | ParseError | None:
    """Read the calls that a text holds as JSON objects, in order.

    Args:
        text: The reply.
        prompt: The prompt it answers.
        listed_only: Whether to pass over what names no tool of the prompt.

    Returns:
        The calls; a ``malformed_json`` or ``missing_input`` error where something meant as a call
        is not one; ``None`` where the text holds no such thing.
    """
    calls: list[ToolCall] = []
    answer: str | None = None
    records = list(_records(text))
    for record in records:
        name, value = _pick(record, _NAME_KEYS), _pick(record, _INPUT_KEYS)
        listed = prompt.find_tool(name) is not None
        if name.strip().casefold() == _FINAL_ANSWER:
            answer = str(value)
        elif value is not None and (listed or not listed_only):
            calls.append(make_call(name, value, prompt))
        elif listed:
            return ParseError("missing_input", f"the JSON call of {name!r} has no arguments")
    if calls or answer is not None:
        return JsonReply(tuple(calls), answer)
    if "<tool_call>" in text or (_CALL_KEY.search(text) and not records):
        return ParseError("malformed_json", "the JSON of the tool call cannot be decoded")
    return None


def _pick(record: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((record[key] for key in keys if key in record), None)


def _records(text: str) -> Iterator[Mapping[str, Any]]:
    """The JSON objects in a text that name something, also those nested in others."""
    position = 0
    while found := _OBJECT.search(text, position):
        try:
            value, position = _DECODER.raw_decode(text, found.start())
        except ValueError:
            position = found.end()
        else:
            yield from _named(value)


def _named(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if isinstance(_pick(value, _NAME_KEYS), str):
            yield value
            return
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _named(item)
