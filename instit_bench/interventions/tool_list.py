"""The list of tools in a prompt, to be written again with other names, order or entries.

It consists of ``> Name: description`` lines and of the names after ``should be one of``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

_ENTRY = re.compile(
    r"^(?P<sign>>[ \t]*)(?P<name>[^:\n]+?)(?P<text>[ \t]*:.*(?:\n(?!>|\n).*)*)", re.MULTILINE
)
_NAMES = re.compile(r"(?<=should be one of \[)[^\]\n]*(?=\])")
_CALL = re.compile(r"^(?P<before>[ \t]*Action:[ \t]*)(?P<name>\S.*?)(?P<after>[ \t]*)$", re.M)
_TALK = "\nPrevious conversation"


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool's name, the rest of its entry, from the colon on, and the sign that begins it."""

    name: str
    text: str
    sign: str = "> "


@dataclass(frozen=True, slots=True)
class ToolList:
    """The tools of a prompt; ``between`` is the text from the last entry to the list of names."""

    before: str
    tools: tuple[ListedTool, ...]
    between: str
    after: str

    def with_names(self, names: Mapping[str, str]) -> ToolList:
        """Return the same prompt with other names for its tools, wherever it names them."""
        tools = (replace(tool, name=names[tool.name]) for tool in self.tools)
        return replace(self, tools=tuple(tools), after=renamed(self.after, names))

    def with_tools(self, tools: Sequence[ListedTool]) -> ToolList:
        """Return the same prompt with other tools."""
        return replace(self, tools=tuple(tools))

    @property
    def text(self) -> str:
        """The prompt."""
        entries = "\n".join(f"{tool.sign}{tool.name}{tool.text}" for tool in self.tools)
        names = ", ".join(tool.name for tool in self.tools)
        return f"{self.before}{entries}{self.between}{names}{self.after}"


def read_tools(prompt: str) -> ToolList | None:
    """Find the tools; ``None`` if they are not listed in this form, or if two have one name."""
    talk = prompt.find(_TALK)
    rules = prompt if talk < 0 else prompt[:talk]
    entries = list(_ENTRY.finditer(rules))
    names = _NAMES.search(rules)
    if not entries or names is None or names.start() < entries[-1].end():
        return None
    tools = tuple(ListedTool(entry["name"], entry["text"], entry["sign"]) for entry in entries)
    if sorted(tool.name for tool in tools) != sorted(_listed(names[0])):
        return None
    if len({tool.name for tool in tools}) < len(tools):
        return None
    between = prompt[entries[-1].end() : names.start()]
    return ToolList(prompt[: entries[0].start()], tools, between, prompt[names.end() :])


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",")]


def renamed_calls(text: str, names: Mapping[str, str]) -> str:
    """Rename the tools in the ``Action:`` lines of a text."""

    def new(call: re.Match[str]) -> str:
        return f"{call['before']}{names.get(call['name'], call['name'])}{call['after']}"

    return _CALL.sub(new, text)


def renamed(text: str, names: Mapping[str, str]) -> str:
    """Rename tools in calls, and where a sentence names one in full: *by using Detect Face*.

    A name of one word is a common word in a sentence, and stays there.
    """
    full = sorted((name for name in names if " " in name), key=len, reverse=True)
    spoken = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, full))})(?!\w)") if full else None

    def new(line: str) -> str:
        if spoken is None or _CALL.fullmatch(line):
            return renamed_calls(line, names)
        return spoken.sub(lambda name: names[name[0]], line)

    return "\n".join(map(new, text.split("\n")))


def called(text: str) -> set[str]:
    """Return the names in the ``Action:`` lines of a text."""
    return {call["name"] for call in _CALL.finditer(text)}


Rename = Callable[[Sequence[ListedTool]], Mapping[str, str]]
