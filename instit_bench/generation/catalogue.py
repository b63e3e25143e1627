"""A catalogue of tools: what each does, what it takes and returns, and which one it needs first.

Catalogues are YAML files; those of the benchmark's tools ship with the package. A tool's
description in a prompt is made of its ``description`` and its arguments, in the words from which
the scorer reads how many arguments there are and which are files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from instit_bench.errors import InputError
from instit_bench.scorers.tool_call.prompt import fold, read_tool
from instit_bench.validation import did_you_mean, first_problem, read_yaml

FILE = "file"
SHIPPED = ("gpt4tools", "novel")
_FOLDER = Path(__file__).with_name("catalogues")
_NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}
_IMAGE = "image_path"

Line = Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\s\x00-\x1f].*$")]
# A name stands in "[A, B]" and at the start of "> A: …".
Name = Annotated[
    str, Field(min_length=1, max_length=80, pattern=r"^[^\s,:;\[\]<>\"][^,:\[\]\n\"]*$")
]


class OtherWords(BaseModel):
    """What ``--rename-tools`` calls a tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    description: Line


class CatalogueTool(BaseModel):
    """A tool.

    ``arguments`` describes what it takes besides the image that it works on, which comes first if
    it ``needs_image``. ``predecessor`` is the tool whose result it works on. ``result`` is
    ``file``, or the text that stands for what the tool reports. ``aliases`` are other spellings
    that a line may have.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    description: Line
    arguments: tuple[Line, ...] = Field((), max_length=4)
    needs_image: bool = True
    predecessor: str | None = None
    result: Line = FILE
    aliases: tuple[Name, ...] = ()
    renamed: OtherWords | None = None

    @property
    def arity(self) -> int:
        """The number of its arguments, with the image."""
        return len(self.arguments) + self.needs_image

    @property
    def told(self) -> str:
        """Its description in a prompt."""
        taken = [*([f"the {_IMAGE}"] if self.needs_image else []), *self.arguments]
        if len(taken) == 1:
            return f"{self.description} The input is a string, representing {taken[0]}."
        count = _NUMBERS[len(taken)]
        listed = f"{', '.join(taken[:-1])} and {taken[-1]}"
        return (
            f"{self.description} The input is a comma-separated string of {count}, "
            f"representing {listed}."
        )


@dataclass(frozen=True)
class Catalogue:
    """Tools by name, in their order."""

    tools: Mapping[str, CatalogueTool]

    def find(self, name: str) -> CatalogueTool | None:
        """Return the tool with this name or alias, whatever its case and spacing."""
        wanted = fold(name)
        return next((tool for tool in self.tools.values() if wanted in _spellings(tool)), None)

    def chain(self, name: str) -> tuple[CatalogueTool, ...]:
        """Return the tools that a call of this one takes, the predecessors first."""
        tool = self.tools[name]
        return (*(self.chain(tool.predecessor) if tool.predecessor else ()), tool)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all tools, whatever their order."""
        tools = [self.tools[name].model_dump(mode="json") for name in sorted(self.tools)]
        return hashlib.sha256(json.dumps(tools, sort_keys=True).encode()).hexdigest()

    def renamed(self) -> tuple[Catalogue, dict[str, str]]:
        """Return the same tools with their other names and descriptions, and the new names.

        Raises:
            InputError: A tool has no other name.
        """
        without = [tool.name for tool in self.tools.values() if tool.renamed is None]
        if without:
            raise InputError(
                f"--rename-tools: tool {without[0]!r} has no other name; give it the key 'renamed' "
                "with name and description in its catalogue"
            )
        names = {tool.name: tool.renamed.name for tool in self.tools.values() if tool.renamed}
        tools = [
            tool.model_copy(
                update={
                    "name": tool.renamed.name,
                    "description": tool.renamed.description,
                    "predecessor": names.get(tool.predecessor or ""),
                    "aliases": (),
                    "renamed": None,
                }
            )
            for tool in self.tools.values()
            if tool.renamed
        ]
        return _checked(tools, "--rename-tools"), names

    def as_yaml(self) -> str:
        """Return the catalogue as a YAML file."""
        import yaml

        tools = [
            tool.model_dump(mode="json", exclude_defaults=True) for tool in self.tools.values()
        ]
        text: str = yaml.safe_dump({"tools": tools}, sort_keys=False, allow_unicode=True, width=100)
        return text


def read_catalogue(names: Iterable[str]) -> Catalogue:
    """Read catalogues, by their shipped names or as YAML files, as one.

    Raises:
        InputError: A file is missing, or a tool is not valid or occurs twice.
    """
    tools: list[CatalogueTool] = []
    places: list[str] = []
    for name in names:
        path = _FOLDER / f"{name}.yaml" if name in SHIPPED else Path(name)
        if not path.is_file():
            raise InputError(
                f"--tools {name}: no such file; name a YAML file, {' or '.join(SHIPPED)}"
                + did_you_mean(name, SHIPPED)
            )
        tools += _tools_in(path)
        places.append(name)
    return _checked(tools, f"--tools {','.join(places)}")


def catalogue_of(values: object, place: str) -> Catalogue:
    """Return the catalogue in parsed YAML or JSON: a list of tools.

    Raises:
        InputError: A tool is not valid or occurs twice.
    """
    if not isinstance(values, list) or not values:
        raise InputError(f"{place}: key 'tools' must be a list of tools")
    return _checked([_tool(value, place, n) for n, value in enumerate(values, 1)], place)


def _tools_in(path: Path) -> list[CatalogueTool]:
    values = read_yaml(path)
    if unknown := [key for key in values if key != "tools"]:
        raise InputError(f"{path}: key {unknown[0]!r} is not known; the only key is 'tools'")
    return list(catalogue_of(values.get("tools"), str(path)).tools.values())


def _tool(value: object, place: str, number: int) -> CatalogueTool:
    named = value.get("name") if isinstance(value, dict) else None
    where = f"{place}: tool {number}" + (f" ({named})" if isinstance(named, str) else "")
    try:
        tool = CatalogueTool.model_validate(value)
    except ValidationError as error:
        known = CatalogueTool.model_fields
        problem = first_problem(error, lambda found: _hint(found["type"], found["loc"], known))
        raise InputError(f"{where}: {problem}") from error
    _require_readable(tool, where)
    if tool.renamed:
        _require_readable(tool.model_copy(update=dict(tool.renamed)), f"{where}: renamed")
    return tool


def _hint(kind: str, loc: Sequence[int | str], known: Iterable[str]) -> str:
    return did_you_mean(str(loc[-1]), known) if kind == "extra_forbidden" else ""


def _require_readable(tool: CatalogueTool, where: str) -> None:
    """Refuse words from which the scorer would read other arguments."""
    if tool.arity not in (1, *_NUMBERS):
        raise InputError(f"{where}: field 'arguments': a tool without an image needs at least one")
    read = read_tool(tool.name, tool.told)
    files = (tool.needs_image, *(False for _ in range(tool.arity - 1)))
    joined = any("," in argument or " and " in argument for argument in tool.arguments)
    if joined or (read.arity, read.takes_file) != (tool.arity, files):
        raise InputError(
            f"{where}: a reader of its description would take it for a tool with other arguments, "
            f"of which {sum(read.takes_file)} are files; leave the words 'representing' "
            "and 'comma-separated' out of the description, and commas, 'and', 'path' and 'file' "
            "out of the arguments"
        )


def _checked(tools: Sequence[CatalogueTool], place: str) -> Catalogue:
    taken: dict[str, str] = {}
    for tool in tools:
        for spelling in _spellings(tool):
            if spelling in taken:
                raise InputError(
                    f"{place}: tool {tool.name!r}: its name or an alias is also that of tool "
                    f"{taken[spelling]!r}; rename one of them"
                )
            taken[spelling] = tool.name
    catalogue = Catalogue({tool.name: tool for tool in tools})
    for tool in tools:
        if tool.predecessor is not None:
            _require_predecessor(tool, catalogue, place)
    return catalogue


def _require_predecessor(tool: CatalogueTool, catalogue: Catalogue, place: str) -> None:
    where = f"{place}: tool {tool.name!r}: field 'predecessor'"
    for first in _predecessors(tool, catalogue):
        if first is None:
            hint = did_you_mean(str(tool.predecessor), catalogue.tools)
            raise InputError(f"{where}: there is no tool {tool.predecessor!r}{hint}")
        if first is tool:
            raise InputError(f"{where}: the tool would need itself first")
        if first.result != FILE or first.arguments or not first.needs_image:
            raise InputError(f"{where}: {first.name!r} must take an image alone and return a file")
    if not tool.needs_image:
        raise InputError(f"{where}: a tool without an image can use no result")


def _predecessors(tool: CatalogueTool, catalogue: Catalogue) -> Iterator[CatalogueTool | None]:
    """Yield the tools before this one, nearest first, at most one more than there are."""
    at = tool
    for _ in range(len(catalogue.tools)):
        if at.predecessor is None:
            return
        found = catalogue.tools.get(at.predecessor)
        yield found
        if found is None:
            return
        at = found


def _spellings(tool: CatalogueTool) -> set[str]:
    return {fold(name) for name in (tool.name, *tool.aliases)}
