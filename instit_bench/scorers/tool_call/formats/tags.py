"""Calls written in XML-like tags: one row of patterns per model family."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape
from itertools import islice
from typing import Any

from instit_bench.scorers.tool_call.calls import ParseError
from instit_bench.scorers.tool_call.formats.base import MOST_CALLS, Format, Found, Reading
from instit_bench.scorers.tool_call.prompt import Prompt, file_names
from instit_bench.scorers.tool_call.texts import decode

_PARAMETER = re.compile(r"<(?:parameter|param|argument|arg)(?![\w:-]*>)")
_PAIR = re.compile(r"<(?P<key>[A-Za-z_][\w.-]{0,80})>")
_ELEMENT = re.compile(
    r"<(?P<tag>[A-Za-z_][\w.:-]{0,80})"
    r"(?P<attributes>(?:\s{1,9}[\w-]{1,80}\s?=\s?(?:\"[^\"<>]*\"|'[^'<>]*'))*)\s{0,9}(?P<end>/?)>"
)
_ATTRIBUTE = re.compile(
    r"(?P<key>[\w-]{1,80})\s?=\s?(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)')"
)
# An attribute, or the tag of an element, whose value may be a tool's name
_NAMING = r"(?:\w{1,20}_)?(?:name|tool|function|action|api|command|method)"
_IS_NAMING = re.compile(_NAMING)
# The tag of an element that holds the arguments, rather than one of them
_IS_WRAPPER = re.compile(r"(?:arguments?|args|parameters?|params|inputs?|kwargs|payload)$", re.I)
# A value and its line's end, before nothing but a fence
_ONE_LINE = re.compile(r"\s*+\S[^\n]*\n\s*(?:```\s*)?")
# XML's own escapes; in a URL &copy=1 is none.
_ESCAPE = re.compile(r"&(?:lt|gt|amp|quot|apos|#39);")
# An object with its own name and arguments: what stands before it is no name.
_CALL_OBJECT = re.compile(
    r"\s*+\{\s*+\"name\"\s*+:\s*+\"[^\"\n]{1,120}\"\s*+,\s*+\"(?:arguments|parameters)\"\s*+:"
)
_YAML_LINE = re.compile(r"[ \t]*(?:-[ \t]+)?(?P<key>[^\W\d]\w{0,80})[ \t]*:[ \t]*(?P<value>.*)")


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
            if _CALL_OBJECT.match(text, head.end()) and prompt.find_tool(_name(head)) is None:
                continue
            closed = self.end.search(text, head.end(), end)
            body = text[head.end() : closed.start() if closed else end]
            value = self.value(body, whole=closed is not None or end < len(text))
            value = _in_attributes(head[0], _name(head)) if value == {} else value
            if value is None or not (value or closed or end < len(text)):
                continue
            if value or _is_name(_name(head), prompt):
                yield Found(_name(head), value, head.start(), closed.end() if closed else end)

    def value(self, body: str, *, whole: bool) -> Any:
        """Return the arguments in a call's body, or ``None`` if one is damaged or breaks off."""
        opened = list(islice(self.parameter.finditer(body), MOST_CALLS))
        if opened:
            return self._parameters(body, opened, whole=whole)
        body = body.strip()
        value = _contents(body)
        if value == {} and _PARAMETER.match(body):
            return None
        # Words after a tag that is never closed are about the tag.
        return value if whole or body.startswith("<") or not isinstance(value, str) else None

    def _parameters(
        self, body: str, opened: list[re.Match[str]], *, whole: bool
    ) -> dict[str, str] | None:
        values = {}
        # A model that closes none of several does not break off where it leaves the last one open,
        # if it goes on after it or its line ends.
        unclosed = len(opened) > 1 and self.parameter_end.search(body) is None
        whole = whole or (unclosed and _ONE_LINE.fullmatch(body, opened[-1].end()) is not None)
        for place, tag in enumerate(opened):
            last = place + 1 == len(opened)
            stop = len(body) if last else opened[place + 1].start()
            closed = self.parameter_end.search(body, tag.end(), stop)
            value = body[tag.end() : closed.start() if closed else stop].strip()
            # Only a file's name shows that it does not break off.
            if last and closed is None and not whole and file_names(value) != (value,):
                return None
            values[tag["key"]] = _unescape(value)
        return values


def _unescape(value: str) -> str:
    """Return a value without XML's escapes, unless it also holds what they would escape."""
    if "<" in value or ">" in value:
        return value
    return _ESCAPE.sub(lambda found: unescape(found[0]), value)


def _name(head: re.Match[str]) -> str:
    """The name that a head captures; some heads have a second place for it."""
    return next(name for group, name in head.groupdict().items() if name and group != "tag")


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
            rest = body[tag.end() :].strip()
            # LangChain's agents stop at its end; an object that is whole needs none.
            if tag["key"] == "tool_input" or isinstance(decode(rest), dict):
                values[tag["key"]] = rest
            break
        values[tag["key"]] = body[tag.end() : end].strip()
        position = end
    if len(values) == 1:
        (only,) = values.values()
        if _IS_WRAPPER.search(next(iter(values))):
            return _pairs(only) if only.startswith("<") and only != body else decode(only)
        inner = _pairs(only) if only.startswith("<") else {}
        return inner if len(inner) > 1 else values
    return values


def _contents(body: str) -> Any:
    """Return the arguments between two tags: as tags, as an object, as YAML, or as text."""
    if not body:
        return {}
    if body.startswith("<"):
        return _pairs(body)
    value = decode(body)
    return _yaml(value) or value if isinstance(value, str) else value


def _yaml(body: str) -> dict[str, str] | None:
    """Return ``key: value`` lines as a mapping, if there are several and nothing else."""
    lines = [_YAML_LINE.fullmatch(line) for line in body.split("\n") if line.strip()]
    if len(lines) < 2 or not all(lines):
        return None
    return {line["key"]: line["value"].strip("\"' \t") for line in lines if line}


def _read_elements(text: str, prompt: Prompt) -> Reading:
    """Read elements that name a tool of the prompt: as their tag, or in an attribute."""
    heads = [
        (head, name)
        for head in islice(_ELEMENT.finditer(text), MOST_CALLS)
        if (name := _element_name(head, prompt))
    ]
    calls: list[Found] = []
    for place, (head, name) in enumerate(heads):
        stop = heads[place + 1][0].start() if place + 1 < len(heads) else len(text)
        closed = -1 if head["end"] else text.find(f"</{head['tag']}>", head.end(), stop)
        body = text[head.end() : closed if closed >= 0 else stop]
        if closed < 0 and (head["end"] or not body.lstrip().startswith("<")):
            body = ""
        value = _INVOKE.value(body, whole=True)
        value = value or _in_attributes(head["attributes"], name)
        if value or closed >= 0 or head["end"]:
            calls.append(Found(name, value, head.start(), max(closed, head.end())))
    return Reading(tuple(calls))


def _element_name(head: re.Match[str], prompt: Prompt) -> str | None:
    names = [head["tag"]]
    if head["attributes"]:
        found = _attributes(head["attributes"]).items()
        names += [value for key, value in found if _IS_NAMING.fullmatch(key)]
    return next((name for name in names if prompt.find_tool(name) is not None), None)


def _in_attributes(head: str, name: str) -> Any:
    """Return the arguments among the attributes of a tag that names a tool."""
    values = {
        key: value
        for key, value in _attributes(head).items()
        if value != name and key not in ("id", "type", "index")
    }
    return decode(next(iter(values.values()))) if len(values) == 1 else values


def _attributes(head: str) -> dict[str, str]:
    found = _ATTRIBUTE.finditer(head)
    return {item["key"]: item["double"] or item["single"] or "" for item in found}


def _tag_format(name: str, markers: tuple[str, ...], family: _Family, certain: bool) -> Format:
    return Format(name, markers, family.read, certain)


_FUNCTION = _Family(
    re.compile(r"<function\s*=\s*[\"']?(?P<name>(?=\S)[^<>{}\"'\n]{1,120}?)[\"']?\s*(?:>|(?=\{))"),
    re.compile(r"</function>?|</tool_call>"),
    re.compile(
        r"<(?:parameter|param|argument|arg)\s*=\s*[\"']?(?P<key>[^<>\"'\n]{1,80}?)[\"']?(?:\s*>|\n)"
    ),
    re.compile(r"</(?:parameter|param|argument|arg)>?"),
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
        r"<tool_call>\s*(?P<name>(?=[^\s`])[^<>{}\[(:=\"\\\n]{1,120}?)\s*(?:\\n)?"
        r"(?:(?=\n|<arg_key>|</tool_call>)|<tool_sep>|[ ]?:?\s{0,9}(?=\{)"
        r"|(?<=\s)(?=\w{1,40}=[^<>\n]{1,300}</tool_call>))"
        # Laguna at times takes another tag for it.
        r"|<\w{1,20}>\s*(?P<other>(?=\S)[^<>{}\[\n]{1,120}?)\s*(?=<arg_key>)"
    ),
    re.compile(r"</tool_call>"),
    re.compile(
        # Either tag between key and value may be missing.
        r"<arg_key>\s*(?P<key>[^<>]{1,80}?)\s*(?:</arg_key>\s*"
        r"(?:<arg_type>[^<>]{0,80}</arg_type>\s*)?(?:<arg_value>)?|<arg_value>)"
    ),
    re.compile(r"</arg_value>|<arg_key>"),
)
_NAME_TAG = _Family(
    re.compile(
        r"<(?P<tag>tool_name|function_name|tool|name)>\s*(?P<name>[^\s<>{][^<>{\n]{0,120}?)\s*</(?P=tag)>"
    ),
    re.compile(
        r"</(?:tool_call|function_call|tool_use|use_mcp_tool|tool_request|invoke|call|action)>"
    ),
    _INVOKE.parameter,
    _INVOKE.parameter_end,
)
_NAMING_TAG = replace(
    _NAME_TAG,
    head=re.compile(rf"<(?P<tag>{_NAMING})>\s*(?P<name>[^\s<>][^<>\n]{{0,120}}?)\s*</(?P=tag)>"),
    listed_only=True,
)
# The code world model: <tool: function>, a line with the name and the input; or <tool: name input
_TOOL_LINE = _Family(
    re.compile(
        r"<tool:[ ]?(?:\w{1,20}>\s*(?P<name>[^\s<>{}]{1,120})|(?P<other>\w{1,80})(?=[ \n]))"
    ),
    re.compile(r"</tool>"),
    re.compile(r"(?!)(?P<key>)"),
    re.compile(r"(?!)"),
)
# Qwen3-Coder's with a damaged head, GLM's where the engine dropped the token before the name
_BARE_START = r"(?:^|[>=\n])[ \t]{0,9}"
_BARE_NAME = r"(?P<name>(?=\S)[^<>{}=\n]{1,120}?)[ \t]{0,9}>?\s{0,9}(?:</\w{1,20}>\s{0,9})?"
_BARE_FUNCTION = replace(
    _FUNCTION,
    head=re.compile(rf"(?:<function[ ]?|{_BARE_START}){_BARE_NAME}(?=<parameter\s?=)"),
    listed_only=True,
)
_BARE_ARG_KEY = replace(
    _ARG_KEY, head=re.compile(rf"{_BARE_START}{_BARE_NAME}(?=<arg_key>)"), listed_only=True
)
# A name on a line of its own, then the arguments as tags
_NAME_LINE = replace(
    _NAME_TAG,
    head=re.compile(
        r"(?m)^[ \t]*(?P<name>[^\W\d][^<>{}:\n]{0,120}?)[ \t]*:?\n\s*(?=<[A-Za-z_]\w*>)"
    ),
    end=re.compile(r"\n(?!\s*<)|\Z"),
    listed_only=True,
)
# Claude, MiniMax, DeepSeek V3.2, Step 3, GigaChat 3.5: <invoke name="…"><parameter name="…">. Some
# stand within other tokens that name the tool too.
INVOKE = _tag_format("invoke", ('name="', "name='", 'tool="'), _INVOKE, certain=False)
TAGS = (
    # Qwen3-Coder: <function=name><parameter=key>value</parameter></function>; Llama 3.1: an object
    _tag_format("function_tag", ("<function=", "<function ="), _FUNCTION, certain=True),
    _tag_format("function_tag", ("<parameter=", "<parameter ="), _BARE_FUNCTION, certain=False),
    # GLM-4.5: <tool_call>name<arg_key>key</arg_key><arg_value>value</arg_value></tool_call>
    _tag_format("arg_key", ("<arg_key>", "<tool_call>"), _ARG_KEY, certain=False),
    _tag_format("arg_key", ("<arg_key>",), _BARE_ARG_KEY, certain=False),
    # <tool>name</tool><tool_input>value</tool_input>, <name>…</name><arguments>…</arguments>
    _tag_format("name_tag", ("</tool", "</name>", "</function_name>"), _NAME_TAG, certain=False),
    _tag_format("tool_line", ("<tool:",), _TOOL_LINE, certain=True),
    # The tool's name is the tag (Cline), an attribute of any tag, or in a tag for a name
    Format("tool_tag", ("</", "/>"), _read_elements, certain=False),
    _tag_format("name_tag", ("</",), _NAMING_TAG, certain=False),
    _tag_format("name_tag", ("</",), _NAME_LINE, certain=False),
)
