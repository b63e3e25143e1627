"""The result of reading a reply: tool calls with arguments, or the reason it cannot be read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from instit_bench.scorers.tool_call.literals import Word, read_literal
from instit_bench.scorers.tool_call.prompt import Prompt, Tool, file_names, fold

ErrorKind = Literal[
    "empty",
    "unclosed_reasoning",
    "no_decision",
    "missing_action",
    "missing_input",
    "malformed_call",
]

Fault = Literal["contradiction", "encoded_twice"]

_SPACE = " \t\r\n\0"
_QUOTES = _SPACE + "\"'“”‘’"
_NAME_MARKS = _QUOTES + "`*"
# Marks around an input in Markdown, longest first; in a decoded value only a fence is one.
_FENCES = ("```",)
_MARKS = ("```", "`", "***", "**", "*", "`")
_BRACKETS = "[]<>."
# A fence, or what stands before an object in brackets: QueryEngineTool({...})
_FENCED = re.compile(r"(?:```)?\s*(?:json|python)?\s*(?:(?=[{\[(])|[^\W\d][\w.]{0,80}(?=\(\s*\{))")
# image_path="x.png", text: a dog
_KEYWORD = re.compile(r"(?P<key>[^\W\d]\w{0,40})\s*(?P<mark>[=:：])\s*(?P<quote>[\"'])?")
_NEXT_KEYWORD = re.compile(r"\s*[,，;]\s*(?=[^\W\d]\w{0,40}\s*[=:：])")
_USUAL_KEYS = frozenset(
    {"image", "img", "image_path", "path", "file", "filename", "file_name", "input", "text"}
    | {"prompt", "query", "arg", "object"}
)
# Code in a fence of its own, which is part of the value
_CODE = re.compile(r"\s*```[^\W\d][\w+#-]{0,20}\n.*```\s*", re.S)
# Several quoted texts, so the first and the last quote are no pair: "a dog" "a cat"
_SEVERAL = re.compile(r"[^\"]*[^\"\s]\"[\s,]")
_ENVELOPE = {"name", "arguments"}
# Words that are values in JSON too, as opposed to text
_JSON_WORD = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false")
_NOTHING = frozenset({"", "none", "null", "{}", "[]", "n/a"})


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call: ``raw_input`` as written, ``arguments`` split by the tool's arity.

    ``observation`` is the result that the reply itself writes under the call; it is only used
    because later calls may name the files in it.
    """

    name: str
    arguments: tuple[str, ...]
    raw_input: str
    observation: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that could be read.

    ``format`` names the format it is written in. ``answer`` is the text for the user, if any.
    ``fault`` is a format error that leaves the calls readable: ``contradiction`` if calls follow
    after the reply says that no tool is needed (they count as made), ``encoded_twice`` if the
    arguments of a native call are JSON within JSON.
    """

    calls: tuple[ToolCall, ...]
    answer: str | None
    format: str
    fault: Fault | None = None

    @property
    def contradicts(self) -> bool:
        """Whether calls are made after the reply says that no tool is needed."""
        return self.fault == "contradiction"


@dataclass(frozen=True, slots=True)
class ParseError:
    """Why a reply could not be read."""

    kind: ErrorKind
    message: str


def make_call(
    name: str, value: Any, prompt: Prompt, observation: str = "", *, marked: bool = False
) -> ToolCall:
    """Build a call from a name as written and an input: text, or a decoded object or list.

    A name that differs from a listed one only by case, spacing or a namespace becomes that name.
    An object or a list inside a text input is decoded too. ``marked`` says that a text input may
    be in Markdown, so that marks around it are none of it; in ``**/*.py`` there are no such marks.
    """
    name = clean_name(name)
    tool = prompt.find_tool(name)
    raw = _strip(_as_text(value), marked=marked)
    decoded = decode(raw) if isinstance(value, str) else value
    if isinstance(decoded, Mapping) and set(decoded) == _ENVELOPE:
        # The whole call once more, in the place of its input
        decoded = decoded["arguments"]
    arguments = _arguments(decoded, tool, marked=marked)
    return ToolCall(tool.name if tool else name, arguments, raw, observation)


def clean_name(name: str) -> str:
    """Return a tool's name without the quotes, brackets or full stop that models put around it."""
    return _as_text(name).strip(_NAME_MARKS).strip(_BRACKETS).strip(_NAME_MARKS)


def split_input(text: str, arity: int, *, marked: bool = False) -> tuple[str, ...]:
    """Split an input at its first ``arity - 1`` commas; the rest is one argument.

    So ``image/x.png, a dog, brown`` gives two arguments for a tool that takes two, and a
    description with commas stays whole for a tool that takes one. An empty input has none.
    """
    if not text.strip(_QUOTES):
        return ()
    comma = "，" if arity > 1 and "," not in text else ","
    return tuple(unquote(piece, marked=marked) for piece in text.split(comma, arity - 1))


def unquote(text: str, *, marked: bool = False) -> str:
    """Return an argument without the quotes around it: ``"a dog"``, but not ``a sign "STOP"``."""
    inner = _strip(text, marked=marked)
    if inner.startswith("```"):
        return inner
    bare = inner.strip(_QUOTES)
    # An odd mark inside has its partner at an end.
    return inner if bare.count('"') % 2 or _SEVERAL.match(bare) else bare


def _strip(text: str, *, marked: bool) -> str:
    """Return a text without space, and without marks whose partner is not in it.

    They surround the whole text, or the other half stands before its key: ``**Input: x**``.
    """
    text = text.strip(_SPACE)
    if _CODE.fullmatch(text):
        return text
    for mark in _MARKS if marked else _FENCES:
        inner = text.removeprefix(mark).removesuffix(mark)
        if len(inner) < len(text) and mark not in inner and _is_marked(text, inner, mark):
            text = inner.strip(_SPACE)
    return text


def _is_marked(text: str, inner: str, mark: str) -> bool:
    """Whether marks at the ends are no pattern, as in ``**/x``, ``*.py`` and ``SELECT *``."""
    if "`" in mark or not inner.strip():
        return True
    whole = len(text) - len(inner) == 2 * len(mark)
    if text.startswith(mark) and (inner[0] in "/." or inner[0].isspace()):
        return False
    if text.endswith(mark) and (inner[-1] in "/" or inner[-1].isspace()):
        return False
    return whole or mark == "**"


def decode(text: str) -> Any:
    """Decode an object, a list or ``(…)``, fenced or not; return other texts unchanged."""
    fenced = _FENCED.match(text)
    if fenced is None:
        return text
    literal = read_literal(text, fenced.end())
    if literal is None or text[literal.end :].strip("`}]) \r\n\t"):
        return text
    return literal.value


def is_nothing(text: str) -> bool:
    """Whether an input means "no input" (``None``, ``{}``)."""
    return text.strip(_NAME_MARKS).casefold() in _NOTHING


def _arguments(value: Any, tool: Tool | None, *, marked: bool) -> tuple[str, ...]:
    """Return the arguments in a text or decoded value, as many as the tool takes if known."""
    arity = tool.arity if tool else 1
    marked = marked and isinstance(value, str)
    if isinstance(value, str):
        value = _keyword_values(value, tool)
    if isinstance(value, str):
        return split_input(value, arity, marked=marked)
    values = _values(value, tool)
    if not any(values):
        return ()
    if tool is None or len(values) == arity or _has_own_names(value, tool):
        return tuple(unquote(item, marked=marked) for item in values)
    return split_input(", ".join(values), arity)


def _has_own_names(value: Any, tool: Tool) -> bool:
    """Whether several arguments go by the names of the tool's description; others are missing."""
    if not isinstance(value, Mapping) or len(value) < 2:
        return False
    return {fold(key) for key in value} < set(tool.arguments)


def _values(value: Any, tool: Tool | None) -> list[str]:
    """Return decoded arguments' values; surplus ones that are empty or ``null`` are dropped."""
    while (inner := _only_item(value, tool)) is not None and not _is_structure(value, inner, tool):
        value = inner
    if _is_table(value) and tool is not None and tool.arity == 1:
        return [_as_text(value)]
    if not isinstance(value, Mapping):
        return (
            [_scalar(_unwrap(item)) for item in value]
            if isinstance(value, list)
            else [_as_text(value)]
        )
    items = {key: _unwrap(item) for key, item in value.items()}
    # Beside a list of several, a list of one is no argument in brackets: the tool takes lists.
    takes_lists = any(isinstance(item, list) and len(item) > 1 for item in items.values())
    values = {key: _scalar(item, takes_lists=takes_lists) for key, item in items.items()}
    if tool is not None and len(values) != tool.arity:
        values = {key: item for key, item in values.items() if item}
    return _order_named(values, tool)


def _is_structure(value: Any, inner: Any, tool: Tool | None) -> bool:
    """Whether an object or table is the value of a tool's only argument, and not its arguments."""
    if isinstance(value, Mapping) and _is_nested(inner):
        return tool is None or tool.arity == 1
    if not isinstance(value, Mapping) or not (_is_record(inner) or _is_records(inner)):
        return False
    return tool is not None and [fold(key) for key in value] == list(tool.arguments)


def _is_record(value: Any) -> bool:
    return isinstance(value, Mapping) and len(value) > 1


def _is_records(value: Any) -> bool:
    """Whether this is a list of objects, several or one with several values."""
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return False
    return len(value) > 1 or any(map(_is_record, value))


def _is_nested(value: Any) -> bool:
    """Whether a list contains lists of several: points or boxes."""
    return isinstance(value, list) and any(
        isinstance(item, list) and len(item) > 1 for item in value
    )


def _is_table(value: Any) -> bool:
    """Whether this is a list of several records."""
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(item, Mapping) and len(item) > 1 for item in value)
    )


def _unwrap(value: Any) -> Any:
    """Return an argument's value: a list decoded, ``{"type": "string", "value": "x"}`` as ``x``."""
    if _is_typed_value(value):
        value = value["value"]
    return decode(value) if isinstance(value, str) and value.startswith("[") else value


def _scalar(value: Any, *, takes_lists: bool = False) -> str:
    """An argument as text: ``["x.png"]``, a list of one, is its item, an empty list is nothing."""
    if (
        isinstance(value, list)
        and len(value) == 1
        and not (_is_nested(value) or _is_record(value[0]))
    ):
        (item,) = value
        if not takes_lists or file_names(_as_text(item)):
            value = item
    return "" if value in ({}, []) else _as_text(value)


def _only_item(value: Any, tool: Tool | None) -> Mapping[str, Any] | list[Any] | None:
    """Return the only object or list inside a value: ``{"kwargs": {...}}``, ``[{...}]``.

    Several records with values are the arguments of a tool that takes several.
    """
    several = tool is not None and tool.arity == 1 and _is_table(value)
    if _is_list_of_values(value) and not several:
        return {str(place): item["value"] for place, item in enumerate(value)}
    items = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(items, list) or len(items) != 1:
        return None
    inner = items[0]
    if isinstance(inner, str) and inner.lstrip()[:1] == "{":
        inner = decode(inner.strip())
    return inner if isinstance(inner, Mapping | list) and not _is_typed_value(inner) else None


def _is_list_of_values(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_named_value, value))


def _is_typed_value(item: Any) -> bool:
    return _is_named_value(item) and "type" in item


def _is_named_value(item: Any) -> bool:
    return isinstance(item, Mapping) and "value" in item and len(item) <= 3


def _order_named(values: Mapping[str, str], tool: Tool | None) -> list[str]:
    """Return named arguments in the tool's order.

    Those that its description names go by their names. The others have no order, so values that
    look like files fill the file positions; if none does, they keep the order they are written in.
    """
    if tool is None or len(values) != tool.arity or len(values) == 1:
        return list(values.values())
    places: dict[str, int] = {}
    for key in values:
        place = tool.arguments.index(fold(key)) if fold(key) in tool.arguments else -1
        if place >= 0 and place not in places.values():
            places[key] = place
    rest = [key for key in values if key not in places]
    free = [place for place in range(tool.arity) if place not in places.values()]
    if any(file_names(values[key]) for key in rest):
        rest.sort(key=lambda key: not file_names(values[key]))
        free.sort(key=lambda place: not tool.takes_file[place])
    places |= dict(zip(rest, free, strict=True))
    return [values[key] for key in sorted(values, key=lambda key: places[key])]


def _keyword_values(text: str, tool: Tool | None) -> Any:
    """Return ``image_path="x.png", text="a dog"`` as a mapping; other texts unchanged.

    A key must have a quoted value, be a common one or occur in the tool's description: ``E=mc2``
    and ``note: hello`` are text.
    """
    first = _KEYWORD.match(text)
    if first is None or not _is_key(first, tool):
        return text
    if first["quote"] and (literal := read_literal(f"({text})")) and literal.end == len(text) + 2:
        return literal.value
    values: dict[str, str] = {}
    for place, piece in enumerate(_NEXT_KEYWORD.split(text)):
        found = _KEYWORD.match(piece)
        value = piece[found.end("mark") :] if found else piece
        key = found["key"] if found and found["key"] not in values else str(place)
        values[key] = value.strip(" ,").strip(_QUOTES)
    return values


def join_keyword_lines(text: str, prompt: Prompt, name: str) -> str:
    """Return the first line of an input and the next lines with an argument: ``- object: dog``."""
    tool = prompt.find_tool(name)
    lines: list[str] = []
    for line in map(_bare_line, text.strip().split("\n", 12)):
        found = _KEYWORD.match(line)
        if lines and line and (found is None or not _is_key(found, tool)):
            break
        lines += [line] if line else []
        if found is None or not _is_key(found, tool):
            break
    return ", ".join(lines)


def _bare_line(line: str) -> str:
    return _strip(line.strip().removeprefix("- "), marked=True)


def _is_key(found: re.Match[str], tool: Tool | None) -> bool:
    key = found["key"].casefold()
    if key in _USUAL_KEYS or (found["quote"] and found["mark"] == "="):
        return True
    return "_" in key and tool is not None and key in tool.description.casefold()


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else _as_json(value)
    # JSON can escape half a surrogate pair, which no file could hold.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _as_json(value: Any) -> str:
    """Write a value as JSON; numbers as they were written."""
    if isinstance(value, Mapping):
        items = (
            f"{json.dumps(key, ensure_ascii=False)}: {_as_json(x)}" for key, x in value.items()
        )
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_as_json, value))}]"
    if isinstance(value, Word) and _JSON_WORD.fullmatch(value.lower()):
        return value.lower()
    return json.dumps(value, ensure_ascii=False)
