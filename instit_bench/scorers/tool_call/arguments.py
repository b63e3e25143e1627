"""The arguments in an input: a text, or a decoded object or list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from instit_bench.scorers.tool_call.literals import Word, read_literal
from instit_bench.scorers.tool_call.prompt import Prompt, Tool, file_names, fold
from instit_bench.scorers.tool_call.texts import QUOTES, as_text, decode, strip_marks, unquote

# image_path="x.png", text: a dog
_KEYWORD = re.compile(r"(?P<key>[^\W\d]\w{0,40})\s*(?P<mark>[=:：])\s*(?P<quote>[\"'])?")
_NEXT_KEYWORD = re.compile(r"\s*[,，;]\s*(?=[^\W\d]\w{0,40}\s*[=:：])")
_USUAL_KEYS = frozenset(
    {"image", "img", "image_path", "path", "file", "filename", "file_name", "input", "text"}
    | {"prompt", "query", "arg", "object"}
)
_ENVELOPE = {"name", "arguments"}


def read_arguments(value: Any, tool: Tool | None, *, marked: bool) -> tuple[str, ...]:
    """Return the arguments in a text or decoded value, as many as the tool takes if known."""
    if isinstance(value, Mapping) and set(value) == _ENVELOPE:
        # The whole call once more, in the place of its input
        value = value["arguments"]
    arity = tool.arity if tool else 1
    marked = marked and isinstance(value, str)
    if isinstance(value, str):
        value = _keyword_values(value, tool)
    if isinstance(value, str):
        return _split_input(value, arity, marked=marked)
    values = _values(value, tool)
    if not any(values):
        return ()
    if tool is None or len(values) == arity or _has_own_names(value, tool):
        return tuple(unquote(item, marked=marked) for item in values)
    return _split_input(", ".join(values), arity)


def _split_input(text: str, arity: int, *, marked: bool = False) -> tuple[str, ...]:
    """Split an input at its first ``arity - 1`` commas; the rest is one argument.

    So ``image/x.png, a dog, brown`` gives two arguments for a tool that takes two, and a
    description with commas stays whole for a tool that takes one. An empty input has none.
    """
    if not text.strip(QUOTES):
        return ()
    comma = "，" if arity > 1 and "," not in text else ","
    return tuple(unquote(piece, marked=marked) for piece in text.split(comma, arity - 1))


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
        return [as_text(value)]
    if not isinstance(value, Mapping):
        return (
            [_scalar(_unwrap(item)) for item in value]
            if isinstance(value, list)
            else [as_text(value)]
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
    if not isinstance(value, str) or not value.startswith("["):
        return value
    decoded = decode(value)
    # "[3]" is a text, and so is "[1] a book"; ["x.png"] and [x.png] are lists.
    bare = isinstance(decoded, list) and len(decoded) == 1 and isinstance(decoded[0], Word)
    return value if bare and not file_names(value) else decoded


def _scalar(value: Any, *, takes_lists: bool = False) -> str:
    """An argument as text: ``["x.png"]``, a list of one, is its item, an empty list is nothing."""
    if (
        isinstance(value, list)
        and len(value) == 1
        and not (_is_nested(value) or isinstance(value[0], Mapping))
    ):
        (item,) = value
        if not takes_lists or file_names(as_text(item)):
            value = item
    return "" if value in ({}, []) else as_text(value)


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
    look like files fill the file positions; if none does, they keep the order they are written in,
    as do all where some are missing and not every one is named.
    """
    if tool is None or len(values) == 1:
        return list(values.values())
    places: dict[str, int] = {}
    for key in values:
        place = tool.arguments.index(fold(key)) if fold(key) in tool.arguments else -1
        if place >= 0 and place not in places.values():
            places[key] = place
    rest = [key for key in values if key not in places]
    if rest and len(values) != tool.arity:
        return list(values.values())
    free = [place for place in range(tool.arity) if place not in places.values()]
    if any(file_names(values[key]) for key in rest):
        rest.sort(key=lambda key: not file_names(values[key]))
        free.sort(key=lambda place: not tool.takes_file[place])
    places |= dict(zip(rest, free, strict=False))
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
        values[key] = value.strip(" ,").strip(QUOTES)
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
    return strip_marks(line.strip().removeprefix("- "), marked=True)


def _is_key(found: re.Match[str], tool: Tool | None) -> bool:
    key = found["key"].casefold()
    if key in _USUAL_KEYS or (found["quote"] and found["mark"] == "="):
        return True
    if tool is None:
        return False
    return fold(key) in tool.arguments or ("_" in key and key in tool.description.casefold())
