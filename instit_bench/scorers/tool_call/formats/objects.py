"""Calls written as objects, in JSON or as Python literals: bare, in lists, fenced, in tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from instit_bench.scorers.tool_call.calls import ParseError
from instit_bench.scorers.tool_call.declines import declines, says_no
from instit_bench.scorers.tool_call.formats.base import Format, Found, Reading
from instit_bench.scorers.tool_call.literals import Literal, read_literal, read_literals
from instit_bench.scorers.tool_call.prompt import Prompt

# Keys are compared ignoring case and word separators: "Action Input" is "actioninput".
_NAME_KEYS = ("name", "action", "toolname", "tool", "function", "functionname", "recipientname")
# Any other key with such a word in it names a tool only if its value is a tool of the prompt.
_RARE_NAME_KEY = re.compile(
    r"name|tool|action|func|call|command|task|api|type|method|operation|plugin|skill|step|request"
)
_INPUTS = ("arguments", "input", "args", "parameters", "params", "inputs", "kwargs", "payload")
_SUBJECTS = ("", "action", "tool", "function", "api", "command", "call", "method", "task")
_INPUT_KEYS = tuple(subject + word for subject in _SUBJECTS for word in _INPUTS)
_ANSWER_KEYS = ("answer", "finalanswer", "ai", "response", "reply", "message", "content", "output")
_THOUGHT_KEYS = ("thought", "thoughts", "doineedtouseatool", "needtool", "usetool")
# Keys that describe a call but are not its arguments.
_ABOUT = frozenset((*_NAME_KEYS, *_THOUGHT_KEYS, "id", "type", "index", "callid", "toolcallid"))
_CALL_LISTS = ("toolcalls", "tooluses", "functioncalls", "calls", "actions")
_CALL_KEY = re.compile(r"[{,]\s*[\"'](?:name|action|tool|tool_name|function)[\"']\s*:", re.I)
# Words before an object on its line
_PROSE = re.compile(r"(?:^|\s)[^\W\d_]+[,:：.!]?[ \t]*\Z", re.M)
_WORD_MARKS = re.compile(r"[\W_]+")
_FINAL_ANSWERS = frozenset({"finalanswer", "final", "answer", "respond", "response"})


@dataclass(slots=True)
class _Sorted:
    """What the objects of a reply turn out to be."""

    prompt: Prompt
    listed_only: bool
    calls: list[Found] = field(default_factory=list)
    answer: str | None = None
    declines: bool = False
    wrapped: bool = False
    in_prose: bool = False
    without_input: str | None = None

    def take(self, literal: Literal, value: Any, *, whole: bool) -> None:
        """Sort one value; ``whole`` says that it is the entire reply."""
        if isinstance(value, list):
            for item in value:
                self.take(literal, item, whole=whole)
        elif isinstance(value, Mapping) and not _is_declaration(value):
            self._take_object(literal, value, whole=whole)

    def _take_object(self, literal: Literal, value: Mapping[str, Any], *, whole: bool) -> None:
        record = {_WORD_MARKS.sub("", key).casefold(): item for key, item in value.items()}
        name = _pick(record, _NAME_KEYS)
        named = next((key for key in _NAME_KEYS if key in record), None)
        if named is None:
            rare = (item for key, item in record.items() if _RARE_NAME_KEY.search(key))
            name = next((item for item in rare if self._is_listed(item)), None)
        if isinstance(name, str) and not self._is_decline(name):
            given = _input(record, value, self.prompt, name)
            if given is None and (whole or self.wrapped) and literal.closed:
                given = {} if self._is_listed(name) else None
            self._add(literal, name, given)
        elif named and (name is None or isinstance(name, str)):
            self._decline(record)
        elif calls := self._calls_by_name(value):
            for tool, arguments in calls:
                self._add(literal, tool, arguments)
        elif whole and self._is_refusal(record):
            self._decline(record)
        else:
            for item in value.values():
                self.take(literal, item, whole=False)

    def _calls_by_name(self, value: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """``{"Detect Face": {"image_path": …}}``: the tool's name is the key."""
        return [
            (key, item)
            for key, item in value.items()
            if item is not None and self.prompt.find_tool(key) is not None
        ]

    def _is_listed(self, name: Any) -> bool:
        return isinstance(name, str) and self.prompt.find_tool(name) is not None

    def _is_decline(self, name: str) -> bool:
        if self._is_listed(name):
            return False
        folded = _WORD_MARKS.sub("", name).casefold()
        return declines(name) or folded in _FINAL_ANSWERS

    def _is_refusal(self, record: Mapping[str, Any]) -> bool:
        """Whether an object without a call declines: by a thought, an answer, or an empty list."""
        if any(record.get(key) == [] for key in _CALL_LISTS):
            return True
        if any(says_no(str(record[key])) for key in _THOUGHT_KEYS if key in record):
            return True
        return isinstance(_pick(record, _ANSWER_KEYS[:4]), str)

    def _add(self, literal: Literal, name: str, value: Any) -> None:
        listed = self._is_listed(name)
        if self.in_prose and not listed and isinstance(literal.value, Mapping):
            # {"name": …, "parameters": …} amid words may be anything.
            value = None if "parameters" in literal.value else value
        if value is None and listed:
            self.without_input = self.without_input or name
        elif value is not None and (listed or not self.listed_only) and not _is_schema(value):
            self.calls.append(Found(name, value, literal.start, literal.end))

    def _decline(self, record: Mapping[str, Any]) -> None:
        self.declines = True
        answer = _pick(record, _ANSWER_KEYS) or _pick(record, _INPUT_KEYS)
        if isinstance(answer, Mapping) and len(answer) == 1:
            (answer,) = answer.values()
        if isinstance(answer, str) and not declines(answer):
            self.answer = answer


def read_objects(
    text: str, prompt: Prompt, *, listed_only: bool = False, wrapped: bool = False
) -> Reading:
    """Read the calls that a text contains as objects, in order.

    ``listed_only`` skips objects that name no tool of the prompt; ``wrapped`` says that the model's
    own tokens surround the objects, so an empty list means that nothing is called. A malformed call
    is an error only if nothing else is found.
    """
    found = _Sorted(prompt, listed_only, wrapped=wrapped)
    literals = list(read_literals(text))
    for literal in literals:
        before = text[max(0, literal.start - 80) : literal.start]
        found.in_prose = not wrapped and _PROSE.search(before) is not None
        found.take(literal, literal.value, whole=_is_whole(text, literal))
    calls = tuple(found.calls)
    if calls or found.declines:
        return Reading(calls, found.answer, found.declines and not calls)
    if wrapped and literals and all(_is_empty_list(text, literal) for literal in literals):
        return Reading(declines=True)
    if found.without_input:
        name = found.without_input
        return Reading(error=ParseError("missing_input", f"the call of {name!r} has no arguments"))
    broken = not any(isinstance(item.value, Mapping | list) and item.value for item in literals)
    if not listed_only and broken and _CALL_KEY.search(text):
        return Reading(error=ParseError("malformed_call", "the object of the call is broken"))
    return Reading()


def _is_empty_list(text: str, literal: Literal) -> bool:
    """Whether this is an empty list of calls, rather than an argument: ``pages=[]``."""
    before = text[max(0, literal.start - 20) : literal.start].rstrip()
    return literal.value == [] and before[-1:] not in ("=", ":", ",", "(")


def _is_whole(text: str, literal: Literal) -> bool:
    """Whether an object is the entire reply, apart from a code fence around it."""
    if literal.start > 20 or len(text) - literal.end > 20:
        return False
    around = text[: literal.start] + text[literal.end :]
    return not around.strip(" \n\r\t`").removeprefix("json")


def _input(record: Mapping[str, Any], written: Mapping[str, Any], prompt: Prompt, name: str) -> Any:
    """Return a call's input: under a usual key, else the other keys of a listed tool's object."""
    value = _pick(record, _INPUT_KEYS)
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        literal = read_literal(value)
        return literal.value if literal else value
    if value is None and prompt.find_tool(name) is not None:
        rest = {
            key: item
            for key, item in written.items()
            if item != name and _WORD_MARKS.sub("", key).casefold() not in _ABOUT
        }
        return rest or None
    return value


def _is_declaration(value: Mapping[str, Any]) -> bool:
    """Whether an object describes a tool: its parameters are empty, or described in turn."""
    given = value.get("parameters")
    if "description" not in value or not isinstance(given, Mapping | list):
        return False
    items = given.values() if isinstance(given, Mapping) else given
    return _is_schema(given) or all(isinstance(item, Mapping) for item in items)


def _is_schema(value: Any) -> bool:
    """Whether a tool's parameters are described rather than given."""
    described = value.get("properties") if isinstance(value, Mapping) else None
    if not isinstance(described, Mapping) or not described:
        return False
    return all(
        isinstance(x, Mapping) and "type" in x and "value" not in x for x in described.values()
    )


def _pick(record: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((record[key] for key in keys if record.get(key) is not None), None)


def _objects(name: str, *markers: str) -> Format:
    return Format(name, markers, partial(read_objects, wrapped=True))


def _wrapped() -> Iterator[Format]:
    """Yield the formats for the tokens that models write around their objects."""
    yield _objects("hermes", "<tool_call>", "<tools>", "<function_call>", "<tool_calls>")
    yield _objects("mistral", "[TOOL_CALLS]")
    yield _objects("minimax", "[TOOL_CALL]")
    yield _objects("llama", "<|python_tag|>", "<|python_start|>")
    yield _objects("internlm", "<|action_start|>")
    yield _objects("granite", "<|tool_call|>", "<|tool_list|>")
    yield _objects("cohere", "<|START_ACTION|>")
    yield _objects("apertus", "<|tools_prefix|>")
    yield _objects("nemotron", "<TOOLCALL>")
    yield _objects("phi", "functools[")
    yield _objects("gigachat", "<|function_call|>", "function call<|role_sep|>")
    yield _objects("deepseek", "<｜tool▁calls▁begin｜>")


WRAPPED_OBJECTS = tuple(_wrapped())
BARE_OBJECTS = Format("json", ("{",), read_objects, certain=False)
ANSWERED_OBJECTS = Format("json", ("{",), partial(read_objects, listed_only=True))
