"""Calls written as in Python: ``[detect_face(image_path="x.png")]``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from instit_bench.scorers.tool_call.formats.base import MOST_CALLS, Format, Found, Reading
from instit_bench.scorers.tool_call.literals import read_literal
from instit_bench.scorers.tool_call.prompt import Prompt, file_names

_BRACKET = re.compile(r"\(")
_NAME_WIDTH = 80
_NAME = re.compile(r"[^\s\[\](){},;=\n`\"'*|>:#][^\[\](){},;=\n`\"'*|>:#]*\Z")
_BEFORE = re.compile(r"(?:^|[\n\[(,;=`*>|:#])[ \t]*(?:[-•]|\d+[.)])?[ \t]*\Z")
# After these, anything that looks like a call is one, whatever its name.
_CODE = re.compile(
    r"```(?:tool_code|tool_call|python|py)\b|<\|python_tag\|>|<\|python_start\|>"
    r"|<\|tool_call_start\|>|<function_calls>|<tool_code>|<tool_call>|\A\s*\["
)
_RECORDS = frozenset(("Function", "FunctionCall", "ToolCall", "function_call", "tool_call"))
_NOT_TOOLS = frozenset(
    ("print", "display", "list", "dict", "str", "int", "float", "len", "range", "open")
)


@dataclass(frozen=True, slots=True)
class _Code:
    text: str
    prompt: Prompt
    certain: bool

    def calls(self) -> Iterator[Found]:
        end = 0
        for bracket in islice(_BRACKET.finditer(self.text), MOST_CALLS):
            if bracket.start() < end:
                continue
            found = self._call(bracket.start())
            if found is not None:
                end = found.end
                yield found

    def _call(self, bracket: int) -> Found | None:
        """Return the call whose arguments open at this bracket."""
        line = self.text[max(0, bracket - _NAME_WIDTH) : bracket]
        found = _NAME.search(line)
        if found is None or not _BEFORE.search(line[: found.start()] or "\n"):
            return None
        name = found[0].strip()
        if name in _RECORDS:
            return self._record(bracket)
        listed = self.prompt.find_tool(name) is not None
        if not listed and not (self.certain and self._is_identifier(name)):
            return None
        arguments = read_literal(self.text, bracket)
        if arguments is None or not (self.certain or self._is_call(bracket, arguments.end)):
            return None
        return Found(name, arguments.value, bracket - len(found[0]), arguments.end)

    def _record(self, bracket: int) -> Found | None:
        """Return the call in a client library's repr: ``Function(name="…", arguments="…")``."""
        record = read_literal(self.text, bracket)
        if record is None or not isinstance(record.value, dict):
            return None
        name, value = record.value.get("name"), record.value.get("arguments")
        if not isinstance(name, str) or value is None:
            return None
        return Found(name, value, bracket, record.end)

    def _is_identifier(self, name: str) -> bool:
        last = name.rpartition(".")[2]
        return last.isidentifier() and last not in _NOT_TOOLS

    def _is_call(self, start: int, end: int) -> bool:
        """Whether a bracket after a tool's name contains arguments rather than a remark."""
        inside = self.text[start:end]
        return '"' in inside or "'" in inside or "=" in inside or bool(file_names(inside))


def _read(text: str, prompt: Prompt) -> Reading:
    return Reading(tuple(_Code(text, prompt, _CODE.search(text) is not None).calls()))


PYTHONIC = Format("pythonic", ("(",), _read, certain=False)
