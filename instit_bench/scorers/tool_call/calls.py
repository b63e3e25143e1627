"""The result of reading a reply: tool calls with arguments, or the reason it cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from instit_bench.scorers.tool_call.arguments import read_arguments
from instit_bench.scorers.tool_call.prompt import Prompt
from instit_bench.scorers.tool_call.texts import as_text, clean_name, decode, strip_marks

ErrorKind = Literal[
    "empty",
    "unclosed_reasoning",
    "no_decision",
    "missing_action",
    "missing_input",
    "malformed_call",
]

Fault = Literal["contradiction", "encoded_twice"]


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
    raw = strip_marks(as_text(value), marked=marked)
    decoded = decode(raw) if isinstance(value, str) else value
    arguments = read_arguments(decoded, tool, marked=marked)
    return ToolCall(tool.name if tool else name, arguments, raw, observation)
