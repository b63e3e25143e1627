"""Calls written as in Python: ``[detect_face(image_path="x.png")]``, also each as a string."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from instit_bench.scorers.tool_call.declines import declines
from instit_bench.scorers.tool_call.formats.base import MOST_CALLS, Format, Found, Reading
from instit_bench.scorers.tool_call.literals import Word, read_literal, read_literals
from instit_bench.scorers.tool_call.prompt import Prompt, file_names

_BRACKET = re.compile(r"\(")
_NAME_WIDTH = 80
_NAME = re.compile(r"[^\s\[\](){},;=\n`\"'*|>:#][^\[\](){},;=\n`\"'*|>:#]*\Z")
_BEFORE = re.compile(r"(?:^|[\n\[(,;=`*>|:#])[ \t]*(?:[-•]|\d+[.)])?[ \t]*\Z")
# After these, anything that looks like a call is one, whatever its name. Code for the user may also
# be in Python, so a fence that says so is not enough.
_CODE = re.compile(
    r"```(?:tool_code|tool_call)\b|<\|python_tag\|>|<\|python_start\|>"
    r"|<\|tool_call_start\|>|<function_calls>|<tool_code>|<tool_call>|\A\s*\[[\w.]+\("
)
# In a block of code a tool without arguments is a call too; in prose it is a mention.
_BLOCK = re.compile(r"```|<code>")
_ALONE = re.compile(r"\s*[\w.]{1,80}\(\s*\)\s*")
# What prints or makes a call whose name is an argument: Function, ToolCall, run_tool, call_tool.
_DISPATCHER = re.compile(r"(?:tool|function|call|action|execute|invoke|run)s?\Z", re.I)
# A list whose first string may be a call; after these marks it is a value.
_STRINGS = re.compile(r"\[\s{0,9}[\"'][^\W\d][^\[\](){}\"'\n]{0,80}\(")
_ASSIGNS = ("=", "(", ",")
_NOT_TOOLS = frozenset(
    ("print", "display", "list", "dict", "str", "int", "float", "len", "range", "open")
)


@dataclass(frozen=True, slots=True)
class _Code:
    text: str
    prompt: Prompt
    certain: bool
    block: int

    def calls(self) -> Iterator[Found]:
        end = 0
        for bracket in islice(_BRACKET.finditer(self.text), MOST_CALLS):
            if bracket.start() < end:
                continue
            found = self.call(bracket.start())
            if found is not None:
                end = found.end
                yield found

    def call(self, bracket: int) -> Found | None:
        """Return the call whose arguments open at this bracket."""
        line = self.text[max(0, bracket - _NAME_WIDTH) : bracket]
        found = _NAME.search(line)
        if found is None or not _BEFORE.search(line[: found.start()] or "\n"):
            return None
        name = found[0].strip()
        listed = self._is_listed(name)
        if not listed and _DISPATCHER.search(name) and (record := self._record(bracket)):
            return record
        if not listed and not (self.certain and self._is_identifier(name)):
            return None
        arguments = read_literal(self.text, bracket)
        if arguments is None or not (self.certain or self._is_call(bracket, arguments.end)):
            return None
        return Found(name, arguments.value, bracket - len(found[0]), arguments.end)

    def _record(self, bracket: int) -> Found | None:
        """Return the call that is an argument: ``Function(name="…", arguments="…")``.

        So a client library prints a call; ``call_tool("…", {…})`` makes one.
        """
        record = read_literal(self.text, bracket)
        if record is None or len(record.value) < 2:
            return None
        values = record.value if isinstance(record.value, dict) else dict(enumerate(record.value))
        if isinstance(values.get("name"), str) and values.get("arguments") is not None:
            return Found(values["name"], values["arguments"], bracket, record.end)
        key = next((key for key, value in values.items() if self._is_listed(value)), None)
        if key is None:
            return None
        rest = {str(place): value for place, value in values.items() if place != key}
        value = next(iter(rest.values())) if len(rest) == 1 else rest
        return Found(values[key], value, bracket, record.end)

    def _is_listed(self, name: Any) -> bool:
        return isinstance(name, str) and self.prompt.find_tool(name) is not None

    def _is_identifier(self, name: str) -> bool:
        last = name.rpartition(".")[2]
        return last.isidentifier() and last not in _NOT_TOOLS and not declines(last)

    def _is_call(self, start: int, end: int) -> bool:
        """Whether a bracket after a tool's name contains arguments rather than a remark."""
        inside = self.text[start:end]
        if not inside.strip("(){} \n"):
            return "{" in inside or start > self.block or _ALONE.fullmatch(self.text) is not None
        return '"' in inside or "'" in inside or "=" in inside or bool(file_names(inside))


def _call_strings(text: str, prompt: Prompt) -> Iterator[Found]:
    """Yield the calls of lists in which every item is a string with the call of a listed tool."""
    for literal in read_literals(text):
        before = text[max(0, literal.start - 20) : literal.start].rstrip()
        if not isinstance(literal.value, list) or before.endswith(_ASSIGNS):
            continue
        found = [_whole_call(item, prompt) for item in literal.value[:MOST_CALLS]]
        calls = [call for call in found if call is not None]
        if len(calls) == len(literal.value):
            yield from (replace(call, start=literal.start, end=literal.end) for call in calls)


def _whole_call(item: Any, prompt: Prompt) -> Found | None:
    """Return the call that a string consists of."""
    if not isinstance(item, str) or isinstance(item, Word) or not item.rstrip().endswith(")"):
        return None
    text = item.strip()
    found = _Code(text, prompt, certain=True, block=0).call(text.find("("))
    if found is None or (found.start, found.end) != (0, len(text)):
        return None
    return found if prompt.find_tool(found.name) is not None else None


def _read(text: str, prompt: Prompt) -> Reading:
    if _STRINGS.search(text) and (strings := tuple(_call_strings(text, prompt))):
        return Reading(strings)
    block = _BLOCK.search(text)
    start = block.end() if block else len(text)
    return Reading(tuple(_Code(text, prompt, _CODE.search(text) is not None, start).calls()))


PYTHONIC = Format("pythonic", ("(",), _read, certain=False)
