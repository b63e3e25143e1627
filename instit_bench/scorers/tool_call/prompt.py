"""What a GPT4Tools prompt says: the tools on offer, and the files that the talk has named.

The prompt is one text: rules, a list of ``> Name: description`` lines, the names again after
``should be one of``, the previous conversation, the new input and, in the middle of a chain, the
steps taken so far. Wordings other than the benchmark's are read as far as they go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOOL = re.compile(r"^> *(?P<name>[^:\n]+): *(?P<description>.*(?:\n(?! *>)[^\n]+)*)", re.M)
_NAMES = re.compile(r"should be one of \[(?P<names>[^\]\n]*)\]")
_CONVERSATION = re.compile(r"^Previous conversation[^\n]*:", re.M)
_NEW_INPUT = re.compile(r"^New input:", re.M)
_STEP = re.compile(r"^(?:Thought|Action|Observation):", re.M)

_ARITY = re.compile(r"comma[- ]separated (?:string|list) of (?P<count>\w+)", re.I)
_COUNTS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
# The arguments are listed after "representing"; other wordings at least say "input" somewhere.
_LISTED = re.compile(r"\brepresenting\b(?P<list>.*)", re.I | re.S)
_MENTIONED = re.compile(r".*\binputs?\b(?P<list>.*)", re.I | re.S)
_LIST_SEPARATOR = re.compile(r",(?: and)?| and ", re.I)
_FILE_WORD = re.compile(r"path\b|\bfile ?name\b|\bfile\b", re.I)

# Known endings only: a sentence without a space after its full stop is not a file.
_ENDINGS = (
    "png|jpe?g|gif|bmp|webp|tiff?|svg|mp4|avi|mov|mkv|webm|wav|mp3|obj|glb|gltf|ply|stl|npy|npz|"
    "pdf|txt|json|csv"
)
_FILE = re.compile(rf"(?<![\w./\\~-])[\w./\\~-]+\.(?:{_ENDINGS})\b", re.I)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool on offer.

    ``arity`` is the number of arguments in its comma-separated input; ``takes_file`` says of each
    argument whether it is a file name.
    """

    name: str
    description: str
    arity: int
    takes_file: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, read.

    ``new_input`` runs to the end or the first step, closing rules included; ``trace`` holds the
    steps taken so far, nothing at the start of a chain.
    """

    tools: tuple[Tool, ...]
    conversation: str
    new_input: str
    trace: str

    @property
    def files(self) -> tuple[str, ...]:
        """The files named outside the rules and tool list, oldest first; the last is current."""
        return file_names("\n".join((self.conversation, self.new_input, self.trace)))

    def find_tool(self, name: str) -> Tool | None:
        """The tool of that name, whatever the case and spacing."""
        wanted = _fold(name)
        return next((tool for tool in self.tools if _fold(tool.name) == wanted), None)


def read_prompt(instruction: str) -> Prompt:
    """Read a prompt; what it lacks comes out empty."""
    rules, talk = _split_before(_CONVERSATION, instruction)
    if not talk and (names := _NAMES.search(instruction)):
        rules, talk = instruction[: names.end()], instruction[names.end() :]
    conversation, rest = _split_before(_NEW_INPUT, talk)
    new_input, trace = _split_before(_STEP, rest)
    new_input = new_input.removeprefix("New input:").strip()
    return Prompt(_read_tools(rules), conversation, new_input, trace)


def file_names(text: str) -> tuple[str, ...]:
    """The path-like tokens of a text in order, each at its last mention."""
    found = _FILE.findall(text)
    return tuple(reversed(dict.fromkeys(reversed(found))))


def read_tool(name: str, description: str) -> Tool:
    """Read a tool's arguments off its description.

    ``a comma separated string of two`` says two arguments, no such words one. The list after
    ``representing`` (``the image_path, the text description``) says which are files.
    """
    found = _ARITY.search(description)
    count = found["count"].lower() if found else "one"
    arity = max(1, min(int(count), 9)) if count.isdecimal() else _COUNTS.get(count, 1)
    listed = _LISTED.search(description) or _MENTIONED.search(description)
    parts = _LIST_SEPARATOR.split(listed["list"]) if listed else []
    takes_file = tuple(bool(_FILE_WORD.search(part)) for part in parts)
    return Tool(name, description, arity, (takes_file + (False,) * arity)[:arity])


def _read_tools(rules: str) -> tuple[Tool, ...]:
    described = {found["name"].strip(): found["description"] for found in _TOOL.finditer(rules)}
    if not described and (names := _NAMES.search(rules)):
        described = {name.strip(): "" for name in names["names"].split(",")}
    return tuple(read_tool(name, text.strip()) for name, text in described.items() if name)


def _split_before(pattern: re.Pattern[str], text: str) -> tuple[str, str]:
    found = pattern.search(text)
    return (text[: found.start()], text[found.start() :]) if found else (text, "")


def _fold(name: str) -> str:
    return " ".join(name.casefold().split())
