"""Files and settings that people write: read safely, and put into one line where they are wrong."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from instit_bench.errors import InputError

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_LARGEST_FILE = 2**20  # bytes; what people write by hand is far smaller
_MOST_NODES = 100_000  # once every alias is written out
_LONGEST_SHOWN = 60

Hint = Callable[["ErrorDetails"], str]
"""What to do about a problem, with its separator: ``; did you mean 'task'?``, or nothing."""


class YamlLoader(yaml.SafeLoader):
    """PyYAML's safe loader, which also refuses a key that occurs twice and aliases that explode."""

    def get_single_node(self) -> yaml.Node | None:
        """Compose the document, within bounds."""
        node = super().get_single_node()
        if node is not None and _expanded(node, {}) > _MOST_NODES:
            raise yaml.constructor.ConstructorError(
                None, None, f"more than {_MOST_NODES} values with its aliases written out"
            )
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a doubled key, of which PyYAML would keep the last one and say nothing."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(keys)) < len(keys):
            doubled = next(key for key in keys if keys.count(key) > 1)
            raise yaml.constructor.ConstructorError(
                None, None, f"duplicate key {doubled!r}", node.start_mark
            )
        return super().construct_mapping(node, deep)


def _expanded(node: yaml.Node, known: dict[int, int]) -> int:
    """How many nodes there are below this one, each alias counted like what it stands for."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = _MOST_NODES  # one that holds itself
        pairs = node.value if isinstance(node, yaml.SequenceNode) else sum(node.value, ())
        known[id(node)] = 1 + sum(_expanded(child, known) for child in pairs)
    return known[id(node)]


def read_yaml(
    path: Path, label: str | None = None, loader: type[YamlLoader] = YamlLoader
) -> dict[str, Any]:
    """The mapping that a YAML file holds; an empty file is an empty one.

    Args:
        path: The file.
        label: What messages call the file, by default its path.
        loader: The loader, where the format has tags of its own.

    Raises:
        InputError: The file cannot be read, is too large, or is not a YAML mapping.
    """
    label = label or str(path)
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
        if len(data) > _LARGEST_FILE:
            raise InputError(f"{label}: is larger than {_LARGEST_FILE} bytes")
        reader = loader(data)
        reader.name = str(path)
        values = reader.get_single_data()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{label}: cannot be read: {error}") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{label}: is not valid YAML: {reason}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise InputError(
            f"{label}: must hold a mapping of keys to values, not a {type(values).__name__}"
        )
    return values


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field that is wrong: its dotted name (empty for the whole), and what is wrong with it.

    ``text`` follows the name directly: `` is missing`` or ``: Input should be a number``.
    """

    name: str
    text: str


def field_problem(error: ValidationError, hint: Hint | None = None) -> FieldProblem:
    """What to tell of pydantic's findings: a misspelt key before the one that it leaves missing."""
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
    """The same as a sentence: ``field 'n': Input should be a valid integer (found 'x')``."""
    problem = field_problem(error, hint)
    if not problem.name:
        return problem.text.removeprefix(": ").strip()
    return f"{noun} {problem.name!r}{problem.text}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'task'?`` where a known name is close, else nothing."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _found(value: object) -> str:
    """A wrong value in words, where it is short enough to be shown."""
    if isinstance(value, int) and abs(value) >= 10**9:
        return ""  # of very many digits Python refuses to write out the number
    if value is None or isinstance(value, str | float | int):
        shown = repr(value)
        return f" (found {shown})" if len(shown) <= _LONGEST_SHOWN else ""
    return ""
