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

# A namespace before a tag's name: antml:invoke, ｜DSML｜invoke, steptml:parameter.
_SPACE = r"(?:[\w-]{1,20}:|[|｜]{1,2}\w{1,20}[|｜]{1,2})?"
_ANY_TAG = r"<(?P<key>[A-Za-z_][\w.-]{0,80})>"
_PAIR = re.compile(_ANY_TAG)
# MiniMax M3 puts this before each of its tags.
_MINIMAX = "]<]minimax[>["
# Kimi K3 writes <|open|>call name="x"<|sep|> and <|close|>call<|sep|>.
_OPEN_CLOSE = re.compile(r"<\|(?P<kind>open|close)\|>(?P<tag>[^<>\n]{1,160})<\|sep\|>")
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
            if not self.listed_only or prompt.find_tool(found["name"]) is not None
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
            if value is not None and (value or _is_name(head["name"], prompt)):
                yield Found(head["name"], value, head.start(), closed.end() if closed else end)

    def _value(self, body: str, *, whole: bool) -> Any:
        """Return the arguments in a call's body, or ``None`` if it breaks off within one."""
        opened = list(islice(self.parameter.finditer(body), MOST_CALLS))
        if opened:
            return self._parameters(body, opened, whole=whole)
        body = body.strip()
        if body.startswith("<"):
            return _pairs(body)
        return decode(body) if body else {}

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
            break
        values[tag["key"]] = body[tag.end() : end].strip()
        position = end
    if len(values) == 1:
        (only,) = values.values()
        return _pairs(only) if only.startswith("<") and only != body else decode(only)
    return values


def _tag_format(name: str, markers: tuple[str, ...], family: _Family, certain: bool) -> Format:
    return Format(name, markers, family.read, certain)


def _read_open_close(text: str, prompt: Prompt) -> Reading:
    plain = _OPEN_CLOSE.sub(
        lambda found: f"<{'/' if found['kind'] == 'close' else ''}{found['tag']}>", text
    )
    return _INVOKE.read(plain, prompt)


def _read_minimax(text: str, prompt: Prompt) -> Reading:
    return _INVOKE.read(text.replace(_MINIMAX, ""), prompt)


_FUNCTION = _Family(
    re.compile(r"<function\s*=\s*[\"']?(?P<name>(?=\S)[^<>{}\"'\n]{1,120}?)[\"']?\s*(?:>|(?=\{))"),
    re.compile(r"</function>?|</tool_call>"),
    re.compile(r"<parameter\s*=\s*[\"']?(?P<key>[^<>\"'\n]{1,80}?)[\"']?\s*>"),
    re.compile(r"</parameter>?"),
)
_INVOKE = _Family(
    re.compile(
        rf"<{_SPACE}(?:invoke|function|tool_call|tool_use|call|tool)\s(?:[^<>\n]{{0,80}}?\s)?"
        r"(?:name|tool)\s*=\s*[\"'](?P<name>(?=\S)[^<>\"\n]{1,120}?)[\"'][^<>\n]{0,80}>"
    ),
    re.compile(rf"</{_SPACE}(?:invoke|function|tool_call|tool_use|call|tool)>"),
    re.compile(
        rf"<{_SPACE}(?:parameter|param|argument|arg)\s(?:[^<>\n]{{0,80}}?\s)?"
        r"(?:name|key)\s*=\s*[\"'](?P<key>[^<>\"\n]{1,80}?)[\"'][^<>\n]{0,80}>"
    ),
    re.compile(rf"</{_SPACE}(?:parameter|param|argument|arg)>"),
)
_ARG_KEY = _Family(
    re.compile(
        r"<tool_call>\s*(?P<name>(?=\S)[^<>{}\[\n]{1,120}?)\s*(?=\n|<arg_key>|</tool_call>)"
    ),
    re.compile(r"</tool_call>"),
    re.compile(r"<arg_key>\s*(?P<key>[^<>]{1,80}?)\s*</arg_key>\s*<arg_value>"),
    re.compile(r"</arg_value>|<arg_key>"),
)
_NAME_TAG = _Family(
    re.compile(rf"<{_NAME_TAGS}>\s*(?P<name>(?=\S)[^<>\n]{{1,120}}?)\s*</{_NAME_TAGS}>"),
    re.compile(r"</(?:tool_call|function_call|tool_use|invoke|call|action)>"),
    _INVOKE.parameter,
    _INVOKE.parameter_end,
)
_TOOL_TAG = _Family(
    re.compile(_ANY_TAG.replace("key", "name")),
    re.compile(r"(?!)"),
    re.compile(r"(?!)(?P<key>)"),
    re.compile(r"(?!)"),
    listed_only=True,
)

TAGS = (
    # Qwen3-Coder: <function=name><parameter=key>value</parameter></function>; Llama 3.1: an object
    _tag_format("function_tag", ("<function=", "<function ="), _FUNCTION, certain=True),
    # Claude, MiniMax M2, DeepSeek V3.2, Step 3: <invoke name="…"><parameter name="…">
    Format("minimax", (_MINIMAX,), _read_minimax),
    Format("kimi", ("<|open|>call",), _read_open_close),
    _tag_format("invoke", ('name="', "name='"), _INVOKE, certain=False),
    # GLM-4.5: <tool_call>name<arg_key>key</arg_key><arg_value>value</arg_value></tool_call>
    _tag_format("arg_key", ("<arg_key>", "<tool_call>"), _ARG_KEY, certain=False),
    # <tool>name</tool><tool_input>value</tool_input>, <name>…</name><arguments>…</arguments>
    _tag_format("name_tag", ("</tool", "</name>", "</function_name>"), _NAME_TAG, certain=False),
    # Cline: the tool's name is the tag
    _tag_format("tool_tag", ("</",), _TOOL_TAG, certain=False),
)
