"""Calls written in XML-like tags: one row of patterns per model family."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from instit_bench.scorers.tool_call.calls import ParseError, decode
from instit_bench.scorers.tool_call.formats.base import MOST_CALLS, Format, Found, Reading
from instit_bench.scorers.tool_call.prompt import Prompt

_PAIR = re.compile(r"<(?P<key>[A-Za-z_][\w.-]{0,80})>")
_TOOL_TAG = re.compile(
    r"<(?P<name>[A-Za-z_][\w.-]{0,80})"
    r"(?P<attributes>(?:\s{1,9}[\w-]{1,80}=(?:\"[^\"<>]*\"|'[^'<>]*'))*)\s{0,9}(?P<end>/?)>"
)
_ATTRIBUTE = re.compile(r"(?P<key>[\w-]{1,80})=(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)')")
_NAME_TAGS = r"(?:tool_name|function_name|tool|name)"


@dataclass(frozen=True, slots=True)
class _Family:
    """``head`` opens a call and captures its name, ``parameter`` one argument and its key."""

    head: re.Pattern[str]
    end: re.Pattern[str]
    parameter: re.Pattern[str]
    parameter_end: re.Pattern[str]
    listed_only: bool = False

    def read(self, text: str, prompt: Prompt) -> Reading:
        heads = [
            found
            for found in islice(self.head.finditer(text), MOST_CALLS)
            if not self.listed_only or prompt.find_tool(_name(found)) is not None
        ]
        calls = tuple(self._calls(text, heads, prompt))
        if heads and not calls:
            return Reading(error=ParseError("malformed_call", "the tool call breaks off"))
        return Reading(calls)

    def _calls(self, text: str, heads: list[re.Match[str]], prompt: Prompt) -> Iterator[Found]:
        for place, head in enumerate(heads):
            end = heads[place + 1].start() if place + 1 < len(heads) else len(text)
            closed = self.end.search(text, head.end(), end)
            body = text[head.end() : closed.start() if closed else end]
            value = self._value(body, whole=closed is not None or end < len(text))
            if value is None or not (value or closed or end < len(text)):
                continue
            if value or _is_name(_name(head), prompt):
                yield Found(_name(head), value, head.start(), closed.end() if closed else end)

    def _value(self, body: str, *, whole: bool) -> Any:
        """Return the arguments in a call's body, or ``None`` if it breaks off within one."""
        opened = list(islice(self.parameter.finditer(body), MOST_CALLS))
        if opened:
            return self._parameters(body, opened, whole=whole)
        body = body.strip()
        if body.startswith("<"):
            return _pairs(body)
        value = decode(body) if body else {}
        # Words after a tag that is never closed are about the tag.
        return value if whole or not isinstance(value, str) else None

    def _parameters(
        self, body: str, opened: list[re.Match[str]], *, whole: bool
    ) -> dict[str, str] | None:
        values = {}
        for place, tag in enumerate(opened):
            last = place + 1 == len(opened)
            stop = len(body) if last else opened[place + 1].start()
            closed = self.parameter_end.search(body, tag.end(), stop)
            if last and closed is None and not whole:
                return None
            values[tag["key"]] = body[tag.end() : closed.start() if closed else stop].strip()
        return values


def _name(head: re.Match[str]) -> str:
    """The name that a head captures, in whichever of its groups."""
    return next(group for group in head.groups() if group)


def _is_name(name: str, prompt: Prompt) -> bool:
    """Whether a call without arguments is a call: ``<tool_call>I see</tool_call>`` is not."""
    return not any(mark.isspace() for mark in name) or prompt.find_tool(name) is not None


def _pairs(body: str) -> Any:
    """Return ``<key>value</key>`` pairs, also inside one more tag: ``<arguments><key>…``."""
    values: dict[str, Any] = {}
    position = 0
    while (tag := _PAIR.search(body, position)) is not None:
        end = body.find(f"</{tag['key']}>", tag.end())
        if end < 0:
            if tag["key"] == "tool_input":  # LangChain's agents stop at its end
                values[tag["key"]] = body[tag.end() :].strip()
            break
        values[tag["key"]] = body[tag.end() : end].strip()
        position = end
    if len(values) == 1:
        (only,) = values.values()
        return _pairs(only) if only.startswith("<") and only != body else decode(only)
    return values


def _read_tool_tags(text: str, prompt: Prompt) -> Reading:
    """A tool's name as the tag, its arguments as tags, as an object or as attributes."""
    calls: list[Found] = []
    for head in islice(_TOOL_TAG.finditer(text), MOST_CALLS):
        name = head["name"]
        if prompt.find_tool(name) is None or (calls and head.start() < calls[-1].end):
            continue
        closed = -1 if head["end"] else text.find(f"</{name}>", head.end())
        if closed < 0 and not head["attributes"]:
            continue
        body = text[head.end() : closed].strip() if closed >= 0 else ""
        value: Any = _pairs(body) if body.startswith("<") else decode(body)
        if not body:
            found = _ATTRIBUTE.finditer(head["attributes"])
            value = {item["key"]: item["double"] or item["single"] or "" for item in found}
        calls.append(Found(name, value, head.start(), max(closed, head.end())))
    return Reading(tuple(calls))


def _tag_format(name: str, markers: tuple[str, ...], family: _Family, certain: bool) -> Format:
    return Format(name, markers, family.read, certain)


_FUNCTION = _Family(
    re.compile(r"<function\s*=\s*[\"']?(?P<name>(?=\S)[^<>{}\"'\n]{1,120}?)[\"']?\s*(?:>|(?=\{))"),
    re.compile(r"</function>?|</tool_call>"),
    re.compile(r"<parameter\s*=\s*[\"']?(?P<key>[^<>\"'\n]{1,80}?)[\"']?\s*>"),
    re.compile(r"</parameter>?"),
)
_INVOKE = _Family(
    re.compile(
        r"<(?:invoke|function|tool_call|tool_use|call|tool)\s(?:[^<>\n]{0,80}?\s)?"
        r"(?:name|tool)\s*=\s*[\"'](?P<name>(?=\S)[^<>\"\n]{1,120}?)[\"'][^<>\n]{0,80}>"
    ),
    re.compile(r"</(?:invoke|function|tool_call|tool_use|call|tool)>"),
    re.compile(
        r"<(?:parameter|param|argument|arg)\s(?:[^<>\n]{0,80}?\s)?"
        r"(?:name|key)\s*=\s*[\"'](?P<key>[^<>\"\n]{1,80}?)[\"'][^<>\n]{0,80}>"
    ),
    re.compile(r"</(?:parameter|param|argument|arg)>"),
)
_ARG_KEY = _Family(
    re.compile(
        r"<tool_call>\s*(?P<name>(?=[^\s`])[^<>{}\[\n]{1,120}?)\s*"
        r"(?:(?=\n|<arg_key>|</tool_call>)|<tool_sep>)"
        # Laguna at times takes another tag for it.
        r"|<\w{1,20}>\s*(?P<other>(?=\S)[^<>{}\[\n]{1,120}?)\s*(?=<arg_key>)"
    ),
    re.compile(r"</tool_call>"),
    re.compile(
        r"<arg_key>\s*(?P<key>[^<>]{1,80}?)\s*</arg_key>\s*"
        r"(?:<arg_type>[^<>]{0,80}</arg_type>\s*)?<arg_value>"
    ),
    re.compile(r"</arg_value>|<arg_key>"),
)
_NAME_TAG = _Family(
    re.compile(rf"<{_NAME_TAGS}>\s*(?P<name>(?=\S)[^<>\n]{{1,120}}?)\s*</{_NAME_TAGS}>"),
    re.compile(r"</(?:tool_call|function_call|tool_use|tool_request|invoke|call|action)>"),
    _INVOKE.parameter,
    _INVOKE.parameter_end,
)
# The code world model: <tool: function>, a line with the name and the input
_TOOL_LINE = _Family(
    re.compile(r"<tool:[ ]?\w{1,20}>\s*(?P<name>[^\s<>{}]{1,120})"),
    re.compile(r"</tool>"),
    re.compile(r"(?!)(?P<key>)"),
    re.compile(r"(?!)"),
)
# Qwen3-Coder's, with a damaged head
_HEADLESS = _Family(
    re.compile(
        r"(?:^|[>=\n])[ \t]{0,9}(?P<name>(?=\S)[^<>{}=\n]{1,120}?)[ \t]{0,9}>?\s{0,9}"
        r"(?:</\w{1,20}>\s{0,9})?"
        r"(?=<parameter\s?=)"
    ),
    _FUNCTION.end,
    _FUNCTION.parameter,
    _FUNCTION.parameter_end,
    listed_only=True,
)
# Claude, MiniMax, DeepSeek V3.2, Step 3, GigaChat 3.5: <invoke name="…"><parameter name="…">. Some
# stand within other tokens that name the tool too.
INVOKE = _tag_format("invoke", ('name="', "name='", 'tool="'), _INVOKE, certain=False)
TAGS = (
    # Qwen3-Coder: <function=name><parameter=key>value</parameter></function>; Llama 3.1: an object
    _tag_format("function_tag", ("<function=", "<function ="), _FUNCTION, certain=True),
    _tag_format("function_tag", ("<parameter=", "<parameter ="), _HEADLESS, certain=False),
    # GLM-4.5: <tool_call>name<arg_key>key</arg_key><arg_value>value</arg_value></tool_call>
    _tag_format("arg_key", ("<arg_key>", "<tool_call>"), _ARG_KEY, certain=False),
    # <tool>name</tool><tool_input>value</tool_input>, <name>…</name><arguments>…</arguments>
    _tag_format("name_tag", ("</tool", "</name>", "</function_name>"), _NAME_TAG, certain=False),
    _tag_format("tool_line", ("<tool:",), _TOOL_LINE, certain=True),
    # Cline: the tool's name is the tag
    Format("tool_tag", ("</", "/>"), _read_tool_tags, certain=False),
)
