"""Read files and settings written by people safely, and report errors in one line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import yaml

from instit_bench.errors import InputError

try:
    from yaml import CSafeLoader as SafeLoader  # ten times faster, and with a limit of nesting
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError, ValidationInfo
    from pydantic_core import ErrorDetails

_LARGEST_FILE = 2**20  # bytes; hand-written files are far smaller
_MOST_NODES = 100_000  # once every alias is written out
_LONGEST_SHOWN = 60

Hint = Callable[["ErrorDetails"], str]
"""Advice for a problem, with its separator: ``; did you mean 'task'?``, or nothing."""


class YamlLoader(SafeLoader):
    """PyYAML's safe loader, which also refuses duplicate keys and exploding aliases.

    ``name`` is the file's path.
    """

    name: str

    def get_single_node(self) -> yaml.Node | None:
        """Compose the document, within limits."""
        node = super().get_single_node()
        if node is not None and _expanded(node, {}) > _MOST_NODES:
            raise yaml.constructor.ConstructorError(
                None, None, f"more than {_MOST_NODES} values with its aliases written out"
            )
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a duplicate key: PyYAML would silently keep the last one."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(keys)) < len(keys):
            doubled = next(key for key in keys if keys.count(key) > 1)
            raise yaml.constructor.ConstructorError(
                None, None, f"duplicate key {doubled!r}", node.start_mark
            )
        return super().construct_mapping(node, deep)


class _Named(BytesIO):
    """A file's bytes, with the name that PyYAML's messages give."""

    def __init__(self, data: bytes, path: Path) -> None:
        super().__init__(data)
        self.name = str(path)


def _expanded(node: yaml.Node, known: dict[int, int]) -> int:
    """Count the nodes below this one, with aliases expanded."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = _MOST_NODES  # one that contains itself
        pairs = node.value if isinstance(node, yaml.SequenceNode) else sum(node.value, ())
        known[id(node)] = 1 + sum(_expanded(child, known) for child in pairs)
    return known[id(node)]


def read_yaml(
    path: Path, label: str | None = None, loader: type[YamlLoader] = YamlLoader
) -> dict[str, Any]:
    """Read a YAML file's mapping; an empty file is an empty mapping.

    Args:
        path: The file.
        label: The file's name in messages, by default its path.
        loader: The loader, if the format has its own tags.

    Raises:
        InputError: The file cannot be read, is too large, or is not a YAML mapping.
    """
    label = label or str(path)
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
        if len(data) > _LARGEST_FILE:
            raise InputError(f"{label}: is larger than {_LARGEST_FILE} bytes")
        reader = loader(_Named(data, path))
        reader.name = str(path)
        values = reader.get_single_data()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{label}: cannot be read: {error}") from error
    # PyYAML's constructors of tags such as !!timestamp raise whatever their values lead to.
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{label}: is not valid YAML: {reason}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise InputError(
            f"{label}: must be a mapping of keys to values, not a {type(values).__name__}"
        )
    return values


def no_flag(cls: type[BaseModel], value: Any, info: ValidationInfo) -> Any:
    """Refuse ``True`` and ``False`` for a number, which Python would count as 1 and 0.

    It is a pydantic validator for all fields of a model, before their own.
    """
    kinds = _kinds(cls.model_fields[str(info.field_name)].annotation)
    if isinstance(value, bool) and bool not in kinds and kinds & {int, float}:
        raise ValueError("must be a number")
    return value


def _kinds(annotation: Any) -> set[Any]:
    inner = get_args(annotation)
    return {annotation}.union(*map(_kinds, inner)) if inner else {annotation}


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """An invalid field: its dotted name (empty for the whole), and the problem.

    ``text`` follows the name directly: `` is missing`` or ``: Input should be a number``.
    """

    name: str
    text: str


def field_problem(error: ValidationError, hint: Hint | None = None) -> FieldProblem:
    """Choose one of pydantic's findings: a misspelt key before the missing one it causes."""
    problem = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    name = ".".join(str(part) for part in problem["loc"] if not str(part).startswith("function"))
    more = hint(problem) if hint else ""
    if problem["type"] == "missing":
        return FieldProblem(name, f" is missing{more}")
    if problem["type"] == "extra_forbidden":
        return FieldProblem(name, f" is not known{more}")
    reason = problem["msg"].removeprefix("Value error, ")
    return FieldProblem(name, f": {reason}{_found(problem['input'])}{more}")


def first_problem(error: ValidationError, hint: Hint | None = None, noun: str = "field") -> str:
    """Format it as a sentence: ``field 'n': Input should be a valid integer (found 'x')``."""
    problem = field_problem(error, hint)
    if not problem.name:
        return problem.text.removeprefix(": ").strip()
    return f"{noun} {problem.name!r}{problem.text}"


def names_in(values: str | Iterable[str] | None) -> list[str]:
    """Return the names in one comma-separated list, or in several."""
    lists = [values] if isinstance(values, str) else values or ()
    parts = (part.strip() for value in lists for part in value.split(","))
    return [part for part in parts if part]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'task'?`` if a known name is close, else nothing."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _found(value: object) -> str:
    """Format an invalid value if it is short enough to show."""
    if isinstance(value, int) and abs(value) >= 10**9:
        return ""  # of very many digits Python refuses to write out the number
    if value is None or isinstance(value, str | float | int):
        shown = repr(value)
        return f" (found {shown})" if len(shown) <= _LONGEST_SHOWN else ""
    return ""
