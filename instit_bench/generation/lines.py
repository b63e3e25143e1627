"""The strict reader of an instruction writer's reply: a line is a request and a call, or dropped.

    3. Where is the red cup?, [Detect the Give Object, "example.jpg", "red cup"]

Every dropped line keeps its reason. Nothing is repaired by a guess: numbering, quotes and a
catalogue's aliases are all that is tolerated.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from instit_bench.generation.captions import Caption
from instit_bench.generation.catalogue import Catalogue, CatalogueTool
from instit_bench.generation.wording import EXAMPLE_IMAGE
from instit_bench.scorers.reasoning import split_reasoning
from instit_bench.scorers.tool_call.prompt import file_names
from instit_bench.validation import did_you_mean


class Reason(StrEnum):
    """Why a line is dropped; the value is what the log says."""

    NO_REPLY = "no reply"
    NO_CALL = "no [tool, arguments] at its end"
    BRACKETS = "unbalanced brackets"
    SEVERAL_CALLS = "several calls"
    AFTER_CALL = "text after the call"
    NO_REQUEST = "no request before the call"
    TOO_SHORT = "request of one word"
    TOO_LONG = "line too long"
    UNKNOWN_TOOL = "unknown tool"
    WRONG_IMAGE = "the first argument is not the image"
    TOO_FEW = "too few arguments"
    TOO_MANY = "too many arguments"
    EMPTY_ARGUMENT = "empty argument"
    COMMA = "comma inside an argument before the last"
    FILE_IN_TEXT = "file name outside the image's place"
    FORMAT_WORDS = "words of the prompt format, or control characters"
    MARKUP = "numbering, a label or markup in the request or an argument"
    OTHER_SCRIPT = "another script than the caption's"
    MANY_LINES = "far more lines than tools"


@dataclass(frozen=True, slots=True)
class Instruction:
    """A line as read: the request, the tool, and its arguments without the image."""

    caption: Caption
    line: int
    request: str
    tool: CatalogueTool
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A line that is not used; ``line`` counts from 1, 0 stands for the whole reply."""

    caption: int
    line: int
    reason: str
    text: str
    detail: str = ""


class _Drop(Exception):  # noqa: N818 - ends the reading of one line
    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


_LONGEST_LINE = 1000  # characters
_SHOWN = 300  # characters of a dropped line in the log
_LINES_PER_TOOL = 4
_NUMBER = re.compile(r"\(?\d{1,3}\s*[.):](?!\d)\**\s*")  # "2.5 times" is not line 2
_AROUND = " \t,;:-–—\"“”'*`"
_BESIDE = " \t,;:-–—→•*`"
_ARROW = re.compile(r"[-=]+>\s*$")
_AFTER = " \t.,;!\"“”'*`"
_FORMAT = re.compile(
    r"\b(?:Thought|Action|Action Input|Observation|AI|Human|New input|Previous conversation)\s*:"
    r"|<\|",
)
_LABEL = re.compile(r"[(（#]?\d{1,3}\s*\\?(?:[.):、）]|[-–—]\s)|#\d|>|[a-zA-Z]\)|[①-⑳]")
_WORD_LABEL = re.compile(r"(?:request|instruction|question|task|user)\s*\d*\s*:", re.IGNORECASE)
_QUOTES = {'"': '"', "“": "”", "„": "“"}
_PAIRS = (*_QUOTES.items(), ("'", "'"), ("`", "`"))
_FOREIGN_SHARE = 0.2


def read_reply(
    reply: str, caption: Caption, catalogue: Catalogue
) -> Iterator[Instruction | Dropped]:
    """Yield what each line of a reply is; reasoning before the lines is not part of it."""
    most = _LINES_PER_TOOL * max(len(catalogue.tools), 10)
    lines = split_reasoning(reply).text.splitlines()
    numbered = [(n, line) for n, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        yield Dropped(caption.number, 0, Reason.NO_REPLY, "", "the reply is empty")
    for number, line in numbered[most:]:
        yield Dropped(caption.number, number, Reason.MANY_LINES, line[:_SHOWN])
    for number, line in numbered[:most]:
        try:
            yield _read_line(line, number, caption, catalogue)
        except _Drop as drop:
            yield Dropped(caption.number, number, drop.reason, line[:_SHOWN], drop.detail)


def _read_line(line: str, number: int, caption: Caption, catalogue: Catalogue) -> Instruction:
    if len(line) > _LONGEST_LINE:
        raise _Drop(Reason.TOO_LONG, f"{len(line):,} characters")
    before, call = _split(line)
    name, _, rest = call.partition(",")
    tool = _tool(name, catalogue)
    _require_one_call(before, catalogue)
    arguments = _arguments(rest, tool, caption) if tool.arity else ()
    request = _request(before)
    _require_sound(request, arguments, caption)
    return Instruction(caption, number, request, tool, arguments)


def _request(before: str) -> str:
    """Return what is before the call, without its number, bullet and emphasis."""
    text = _ARROW.sub("", before.strip(_BESIDE)).strip(_BESIDE)
    numbering = _NUMBER.match(text)
    if numbering is None and (label := _LABEL.match(text)):
        raise _Drop(Reason.MARKUP, repr(label[0]))
    request = _unquoted(text[numbering.end() if numbering else 0 :].strip(_BESIDE))
    if label := _WORD_LABEL.match(request):
        raise _Drop(Reason.MARKUP, repr(label[0]))
    return request


def _split(line: str) -> tuple[str, str]:
    """Return what is before the last bracket that is balanced, and what is inside it."""
    end = line.rfind("]")
    if end < 0:
        raise _Drop(Reason.BRACKETS if "[" in line else Reason.NO_CALL)
    if line[end + 1 :].strip(_AFTER):
        raise _Drop(Reason.AFTER_CALL if "[" in line[:end] else Reason.NO_CALL)
    depth = 0
    for place in range(end, -1, -1):
        depth += (line[place] == "]") - (line[place] == "[")
        if depth == 0:
            return line[:place], line[place + 1 : end]
    raise _Drop(Reason.BRACKETS)


def _tool(name: str, catalogue: Catalogue) -> CatalogueTool:
    plain = name.strip(_AROUND)
    found = catalogue.find(plain) if plain else None
    if found is None:
        raise _Drop(Reason.UNKNOWN_TOOL, f"{plain[:80]!r}{did_you_mean(plain, catalogue.tools)}")
    return found


def _require_one_call(before: str, catalogue: Catalogue) -> None:
    for part in before.split("[")[1:]:
        if catalogue.find(part.partition("]")[0].partition(",")[0].strip(_AROUND)) is not None:
            raise _Drop(Reason.SEVERAL_CALLS)
    if before.count("[") != before.count("]"):
        raise _Drop(Reason.BRACKETS)


def _arguments(text: str, tool: CatalogueTool, caption: Caption) -> tuple[str, ...]:
    """Return the arguments besides the image."""
    parts = _pieces(text) if text.strip() else []
    if tool.needs_image:
        if not parts or parts[0] not in (EXAMPLE_IMAGE, caption.file_name):
            raise _Drop(Reason.WRONG_IMAGE, repr(parts[0][:80]) if parts else "there is none")
        parts = parts[1:]
    wanted = len(tool.arguments)
    if len(parts) < wanted:
        raise _Drop(Reason.TOO_FEW, f"{len(parts)} of {wanted} besides the image")
    if len(parts) > wanted:
        # With one argument its commas can only be part of it; with more it is not known whose.
        if wanted != 1:
            raise _Drop(Reason.TOO_MANY, f"{len(parts)} instead of {wanted} besides the image")
        parts = [", ".join(parts)]
    if not all(re.search(r"\w", part) for part in parts):
        raise _Drop(Reason.EMPTY_ARGUMENT)
    if any("," in part for part in parts[:-1]):
        raise _Drop(Reason.COMMA)
    return tuple(parts)


def _pieces(text: str) -> list[str]:
    """Split at the commas outside double quotes; each piece without its quotes."""
    pieces, piece, closing = [], "", ""
    for character in text:
        if character == "," and not closing:
            pieces.append(piece)
            piece = ""
            continue
        piece += character
        if closing:
            closing = "" if character == closing else closing
        else:
            closing = _QUOTES.get(character, "")
    if closing:  # a quote that is never closed is an inch mark or a slip: commas split
        pieces, piece = [*pieces, *piece.split(",")][:-1], piece.split(",")[-1]
    return [_unquoted(one) for one in (*pieces, piece)]


def _unquoted(text: str) -> str:
    """Return the text without quotes around all of it, or a single stray one at an end."""
    plain = " ".join(text.split())
    for opening, closing in _PAIRS:
        inner = plain[1:-1]
        wraps = len(plain) > 1 and plain[0] == opening and plain[-1] == closing
        if wraps and opening not in inner and closing not in inner:
            return inner.strip()
    return plain.strip('"').strip() if plain.count('"') == 1 else plain


def _require_sound(request: str, arguments: tuple[str, ...], caption: Caption) -> None:
    words = request.split()
    if not re.search(r"\w", request):
        raise _Drop(Reason.NO_REQUEST)
    if len(words) < 2 and len(request) < 8:  # a script without spaces has long words
        raise _Drop(Reason.TOO_SHORT, repr(request))
    said = "\n".join((request, *arguments))
    if has_format(request, *arguments):
        raise _Drop(Reason.FORMAT_WORDS)
    if "\\" in said or any(said.count(mark) % 2 for mark in ("**", "`")):
        raise _Drop(Reason.MARKUP)
    if named := file_names(said):
        raise _Drop(Reason.FILE_IN_TEXT, named[0][:80])
    if (script := _foreign_script(request, caption.text)) is not None:
        raise _Drop(Reason.OTHER_SCRIPT, script)


def has_format(*texts: str) -> bool:
    """Whether texts hold words of the prompt format, or control characters beside line ends."""
    return any(
        _FORMAT.search(text)
        or any(unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\r\t" for c in text)
        for text in texts
    )


def _foreign_script(text: str, caption: str) -> str | None:
    """Return a script of the text that the caption does not use, if it has much of it."""
    known = {_script(c) for c in caption if c.isalpha()} or {"LATIN"}
    scripts = [_script(c) for c in text if c.isalpha()]
    foreign = [script for script in scripts if script not in known]
    return foreign[0].lower() if len(foreign) > _FOREIGN_SHARE * len(scripts) else None


def _script(character: str) -> str:
    return unicodedata.name(character, "UNKNOWN").split()[0]
