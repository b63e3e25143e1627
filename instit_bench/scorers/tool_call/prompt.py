"""Read a GPT4Tools prompt: the tools on offer, and the files that the conversation has named.

The prompt is one text: rules, a list of ``> Name: description`` lines, the names again after
``should be one of``, the previous conversation, the new input and, in the middle of a chain, the
steps so far. Wordings other than the benchmark's are read as far as possible.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

_NAMES = "should be one of ["
_STEPS = ("Thought:", "Action:", "Observation:")

_ARITY = re.compile(r"comma[- ]separated (?:string|list) of (?P<count>\w+)", re.I)
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_COUNTS = {word: count for count, word in enumerate(_NUMBERS, 1)}
# The arguments are listed after "representing"; other wordings at least say "input" somewhere.
_LISTED = re.compile(r"\brepresenting\b", re.I)
_MENTIONED = re.compile(r"\binputs?\b", re.I)
_LIST_SEPARATOR = re.compile(r",(?: and)?| and ", re.I)
_ARTICLE = re.compile(r"\s*(?:(?:the|an?)\s+)?", re.I)
_FILE_WORD = re.compile(r"path\b|\bfile ?name\b|\bfile\b", re.I)

# Known endings only: a sentence without a space after its full stop is not a file.
_ENDING = re.compile(
    r"\.(?:png|jpe?g|gif|bmp|webp|tiff?|svg|mp4|avi|mov|mkv|webm|wav|mp3|obj|glb|gltf|ply|stl|npy"
    r"|npz|pdf|txt|json|csv)\b",
    re.I,
)
_PATH_MARKS = frozenset("_./\\~-")

_NOT_WORD = re.compile(r"[\W_]+")
_NAMESPACE = re.compile(r"[./:]+")
_METHODS = frozenset(("call", "run", "invoke"))
_AROUND_NAME = re.compile(
    r"(?:(?:use|call|run|invoke|apply|await|return|tool|function)\s+)*(?:the\s+)?(?P<name>.+?)(?:\s+(?:tool|function))?",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool on offer.

    ``arity`` is the number of arguments in its comma-separated input; ``takes_file`` says for each
    argument whether it is a file name, ``arguments`` what the description calls it, folded.
    """

    name: str
    description: str
    arity: int
    takes_file: tuple[bool, ...]
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A parsed prompt.

    ``new_input`` runs to the end or the first step, closing rules included; ``trace`` contains the
    steps so far and is empty at the start of a chain. ``files`` are the file names outside the
    rules and the tool list, oldest first; the last is the current one.
    """

    tools: tuple[Tool, ...]
    conversation: str
    new_input: str
    trace: str
    files: tuple[str, ...]
    _by_name: Mapping[str, Tool] = field(repr=False, compare=False)

    def find_tool(self, name: str) -> Tool | None:
        """Return the tool with that name.

        Case, spacing and word separators are ignored (``detect_face``, ``DetectFace``), as are
        a namespace (``functions.detect_face:0``) and words around the name (``the Detect Face
        tool``).
        """
        found = self._by_name.get(name)
        if found is not None or len(name) > 200:
            return found
        return next((self._by_name[key] for key in _spellings(name) if key in self._by_name), None)


@lru_cache(maxsize=2048)
def read_prompt(instruction: str) -> Prompt:
    """Parse a prompt; missing parts come out empty."""
    place = _find_conversation(instruction)
    if place < 0 and (names := _find_names(instruction)) is not None:
        place = names[1]
    rules, talk = (instruction[:place], instruction[place:]) if place >= 0 else (instruction, "")
    conversation, rest = _split_before_line(talk, ("New input:",))
    new_input, trace = _split_before_line(rest, _STEPS)
    new_input = new_input.removeprefix("New input:").strip()
    tools = _read_tools(rules)
    by_name: dict[str, Tool] = {}
    for tool in tools:
        by_name.setdefault(tool.name, tool)
        by_name.setdefault(fold(tool.name), tool)
    files = file_names("\n".join((conversation, new_input, trace)))
    return Prompt(tools, conversation, new_input, trace, files, by_name)


def file_names(text: str) -> tuple[str, ...]:
    """Return the path-like tokens of a text in order, each at its last mention."""
    if "." not in text:
        return ()
    return _short_file_names(text) if len(text) < 200 else _find_file_names(text)


def _find_file_names(text: str) -> tuple[str, ...]:
    spans: list[tuple[int, int]] = []
    for ending in _ENDING.finditer(text):
        last_end = spans[-1][1] if spans else 0
        start = ending.start()
        while start > last_end and (text[start - 1].isalnum() or text[start - 1] in _PATH_MARKS):
            start -= 1
        if spans and start == last_end:
            # "a.tar.json" is one name: the longest with a known ending.
            spans[-1] = (spans[-1][0], ending.end())
        elif start < ending.start():
            spans.append((start, ending.end()))
    found = [text[start:end] for start, end in spans]
    return tuple(reversed(dict.fromkeys(reversed(found))))


_short_file_names = lru_cache(maxsize=1024)(_find_file_names)


@lru_cache(maxsize=1024)
def read_tool(name: str, description: str) -> Tool:
    """Infer a tool's arguments from its description.

    ``a comma separated string of two`` means two arguments; without such words there is one. The
    list after ``representing`` (``the image_path, the text description``) says which are files.
    """
    found = _ARITY.search(description)
    count = found["count"].lower() if found else "one"
    arity = max(1, min(int(count), len(_COUNTS))) if count.isdecimal() else _COUNTS.get(count, 1)
    parts = _LIST_SEPARATOR.split(_argument_list(description))
    takes_file = tuple(bool(_FILE_WORD.search(part)) for part in parts)
    takes_file = (takes_file + (False,) * arity)[:arity]
    names = tuple(fold(_ARTICLE.sub("", part.partition(". ")[0], count=1)) for part in parts)
    return Tool(name, description, arity, takes_file, names[:arity])


def _argument_list(description: str) -> str:
    if listed := _LISTED.search(description):
        return description[listed.end() :]
    mentioned = [found.end() for found in _MENTIONED.finditer(description)]
    return description[mentioned[-1] :] if mentioned else ""


def _read_tools(rules: str) -> tuple[Tool, ...]:
    described = dict(_described(rules))
    if not described and (names := _find_names(rules)) is not None:
        listed = rules[names[0] : names[1] - 1]
        described = {name.strip(): "" for name in listed.split(",")}
    return tuple(read_tool(name, text.strip()) for name, text in described.items() if name)


def _described(rules: str) -> Iterator[tuple[str, str]]:
    """Yield ``> Name: description`` lines; a description ends at the next one or an empty line."""
    if not rules.startswith(">") and "\n>" not in rules:
        return
    name, lines = "", list[str]()
    for line in (*rules.split("\n"), ""):
        if line and name and not line.lstrip(" ").startswith(">"):
            lines.append(line)
            continue
        if name:
            yield name, "\n".join(lines)
        name, lines = "", []
        if line.startswith(">") and ":" in line:
            head, _, rest = line[1:].partition(":")
            name, lines = head.strip(), [rest]


def _find_conversation(text: str) -> int:
    """Return where the line ``Previous conversation…:`` begins, or -1."""
    place = _find_line(text, "Previous conversation")
    while place >= 0:
        end = text.find("\n", place)
        if ":" in text[place : end if end >= 0 else len(text)]:
            return place
        place = _find_line(text, "Previous conversation", place + 1)
    return -1


def _find_names(text: str) -> tuple[int, int] | None:
    """Return the span of the names in ``should be one of […]``, including the closing bracket."""
    start = text.find(_NAMES)
    while start >= 0:
        start += len(_NAMES)
        end, line = text.find("]", start), text.find("\n", start)
        if end < 0:
            return None
        if line < 0 or end < line:
            return start, end + 1
        start = text.find(_NAMES, line)
    return None


def _find_line(text: str, beginning: str, start: int = 0) -> int:
    """Return where the first line with this beginning starts at or after a position, or -1."""
    if start == 0 and text.startswith(beginning):
        return 0
    found = text.find("\n" + beginning, max(start - 1, 0))
    return found + 1 if found >= 0 else -1


def _split_before_line(text: str, beginnings: tuple[str, ...]) -> tuple[str, str]:
    places = [place for item in beginnings if (place := _find_line(text, item)) >= 0]
    return (text[: min(places)], text[min(places) :]) if places else (text, "")


@lru_cache(maxsize=1024)
def fold(name: str) -> str:
    """Return a name without case, spacing and word separators."""
    return _NOT_WORD.sub("", unicodedata.normalize("NFKC", name).casefold())


def _spellings(name: str) -> Iterator[str]:
    """Yield a name's folded form, the last part of a dotted one, and the bare name."""
    yield fold(name)
    parts = [part for part in _NAMESPACE.split(name) if part and not part.isdecimal()]
    if len(parts) > 1 and parts[-1] in _METHODS:
        parts.pop()
    for place in range(1, len(parts)):
        yield fold("".join(parts[place:]))
    yield fold(parts[-1] if parts else "")
    if around := _AROUND_NAME.fullmatch(name.strip()):
        yield fold(around["name"])
