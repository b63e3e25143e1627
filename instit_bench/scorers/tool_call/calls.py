"""What a reply comes to: tool calls with their arguments, or the reason why it cannot be read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from instit_bench.scorers.tool_call.prompt import Prompt, Tool, file_names

ReplyFormat = Literal["react", "markdown", "continuation", "json", "native"]
ErrorKind = Literal[
    "empty",
    "unclosed_reasoning",
    "no_decision",
    "missing_action",
    "missing_input",
    "malformed_json",
]

_WRAPPING = " \t\r\n`*"
_QUOTES = _WRAPPING + "\"'“”‘’"
_STRUCTURED = re.compile(r"\s*[\[{]")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call: ``raw_input`` as written, ``arguments`` split by the tool's arity.

    ``observation`` is the result that the reply itself puts under the call; its only use is that
    later calls may name the files in it.
    """

    name: str
    arguments: tuple[str, ...]
    raw_input: str
    observation: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that could be read.

    ``contradicts`` marks calls made after saying that no tool is needed; such a call counts as
    made. ``answer`` is the text for the human, where there is one.
    """

    calls: tuple[ToolCall, ...]
    answer: str | None
    format: ReplyFormat
    contradicts: bool = False


@dataclass(frozen=True, slots=True)
class ParseError:
    """Why a reply could not be read."""

    kind: ErrorKind
    message: str


def make_call(name: str, value: Any, prompt: Prompt, observation: str = "") -> ToolCall:
    """Build a call from a name as written and an input: text, or decoded JSON.

    A name that differs from a listed one by case or spacing becomes the listed one. JSON inside
    a text input is decoded too.
    """
    name = clean_name(name)
    tool = prompt.find_tool(name)
    raw = _as_text(value).strip(_WRAPPING)
    decoded = decode(raw) if isinstance(value, str) else value
    return ToolCall(tool.name if tool else name, _arguments(decoded, tool), raw, observation)


def clean_name(name: str) -> str:
    """A tool's name without the quotes, brackets or full stop that models put around it."""
    return _as_text(name).strip(_QUOTES).strip("[]<>.").strip(_QUOTES)


def split_input(text: str, arity: int) -> tuple[str, ...]:
    """Split an input at its first ``arity - 1`` commas: what follows the last is one argument.

    So ``image/x.png, a dog, brown`` gives two arguments to a tool that takes two, and a
    description with commas stays whole for a tool that takes one. An empty input has none.
    """
    if not text.strip(_QUOTES):
        return ()
    return tuple(piece.strip(_QUOTES) for piece in text.split(",", arity - 1))


def decode(text: str) -> Any:
    """Decode a text that is a JSON object or list; any other text stays as it is."""
    if not _STRUCTURED.match(text):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _arguments(value: Any, tool: Tool | None) -> tuple[str, ...]:
    """The arguments in a text or in decoded JSON, as many as the tool takes where that is known."""
    arity = tool.arity if tool else 1
    if isinstance(value, Mapping):
        values = _order_named([_as_text(item) for item in value.values()], tool)
    elif isinstance(value, list):
        values = [_as_text(item) for item in value]
    else:
        return split_input(_as_text(value), arity)
    if not any(values):
        return ()
    if tool is None or len(values) == arity:
        return tuple(item.strip(_QUOTES) for item in values)
    return split_input(", ".join(values), arity)


def _order_named(values: list[str], tool: Tool | None) -> list[str]:
    """Named arguments have no order, so what looks like a file fills the tool's file places."""
    if tool is None or len(values) != tool.arity:
        return values
    ordered = sorted(values, key=lambda item: not file_names(item))
    places = sorted(range(tool.arity), key=lambda place: not tool.takes_file[place])
    return [item for _, item in sorted(zip(places, ordered, strict=True))]


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # JSON can escape half a surrogate pair, which no file could hold.
    return text.encode("utf-8", "replace").decode()
