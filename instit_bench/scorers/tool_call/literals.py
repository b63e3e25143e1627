"""Read the objects, lists and argument lists that models write into their replies.

One reader for JSON, for Python literals (single quotes, ``None``, tuples, ``f(a="x")``) and for
common damage: a trailing comma, a quote inside a string, a missing closing bracket. Nothing is
evaluated. Every character is read once, and nesting and the number of tokens are bounded, so no
reply takes long or exhausts the stack.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from instit_bench.scorers.tool_call.prompt import file_names

MAX_DEPTH = 64
MAX_TOKENS = 30_000

# White space, and comments as in JSON5.
_SPACE = re.compile(r"\s*+(?:(?:/\*[^*]{0,200}\*/|//[^\n]{0,200}\n)\s*+)*+")
_OPENERS = {"{": "}", "[": "]", "(": ")"}
_OPENING = re.compile(r"[{\[]")
_NESTING = re.compile(r"[{\[(\s]*")
# A quote that nothing but text follows does not end the string: "a "red" car".
_NO_END = r"(?!\s*(?:[,:=\]})<\n]|/\*|$|\"\w{1,40}\"\s*:))"
_STRING = re.compile(
    r'"""(?P<long>.*?)"""'
    rf'|"(?P<double>[^"\\]*+(?:(?:\\.|"{_NO_END})[^"\\]*+)*+)"'
    rf"|'(?P<single>[^'\\]*+(?:(?:\\.|'{_NO_END})[^'\\]*+)*+)'"
    r'|<\|"\|>(?P<gemma>.*?)<\|"\|>'
    r"|<escape>(?P<escape>.*?)<escape>"
    r"|[“”](?P<curly>[^“”]*+)[“”]",
    re.S,
)
# An object whose text was put into a string without escaping its quotes: "{"a": "x"}".
_RAW_OBJECT = re.compile(r'"(?=\{\s*"\w{1,80}"\s*:)')
_KEY_END = re.compile(r"\s*(?:=>|[:：=])")
# What follows a value where a comma is missing: "key": or key:<escape>
_NEXT_KEY = re.compile(r"\"\w{1,40}\"\s*:|\w{1,40}:(?:<escape>|<\|\"\|>)")
_NAME = re.compile(r"[^\W\d]\w*")
_BARE = re.compile(r"[^\s,:=\[\]{}()\"'<>`“”][^,\[\]{}()\"'<>`“”\n]*")
# What a string without its closing quote holds
_TO_BRACKET = re.compile(r"[^\"'\n{}<>\[\],]{1,200}(?=[}\]]|\n?\Z)")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.S)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_NOTHING = frozenset({"null", "None", "undefined"})


class Word(str):
    """A scalar written without quotes: a number, ``true``, or a word."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Literal:
    """A value and its position: ``text[start:end]``; ``closed`` unless it breaks off.

    Objects are dicts; lists and tuples are lists; ``null`` is ``None``; every other scalar is the
    text it was written with, a ``Word`` if it has no quotes. The arguments ``(a="x")`` are a dict,
    ``("x", 2)`` a list.
    """

    value: Any
    start: int
    end: int
    closed: bool = True


def read_literals(text: str) -> Iterator[Literal]:
    """Yield the outermost objects and lists in a text; inside a broken one, the intact ones."""
    scanner, position = _Scanner(text), 0
    while found := _OPENING.search(text, position):
        read, position = scanner.read(found.start())
        yield from read


def read_literal(text: str, start: int = 0) -> Literal | None:
    """Return the object, list, argument list or string that begins here, after any white space."""
    start = _match_space(text, start)
    scanner = _Scanner(text)
    if text[start : start + 1] in _OPENERS:
        read, _ = scanner.read(start)
        return read[0] if read and read[0].start == start else None
    return scanner.string(start)


@dataclass(slots=True)
class _Frame:
    """An object, list or argument list that is still open."""

    start: int
    opener: str
    named: dict[str, Any] = field(default_factory=dict)
    listed: list[Any] = field(default_factory=list)
    key: str | None = None
    filled: bool = False
    quoted: bool = False

    def add(self, value: Any) -> None:
        """Add a value; a positional one beside named ones is keyed by its index."""
        if self.key is not None:
            self.named[self.key] = value
        else:
            self.listed.append(value)
        self.key, self.filled = None, True

    @property
    def value(self) -> Any:
        if self.opener == "{" or self.named:
            return {str(place): item for place, item in enumerate(self.listed)} | self.named
        return self.listed


class _Scanner:
    """Reads one text, and remembers what need not be tried again."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = 0
        # If a string with this quote never ends, no later one with the same quote does.
        self.endless: set[str] = set()

    def read(self, start: int) -> tuple[list[Literal], int]:
        """Read the value that opens here.

        Returns:
            The value, or the intact objects inside it if it is broken; and where to continue.
        """
        frames = [_Frame(start, self.text[start])]
        whole: list[Literal] = []
        position = start + 1
        while frames:
            self.tokens += 1
            position = _match_space(self.text, position)
            frame, char = frames[-1], self.text[position : position + 1]
            if self.tokens > MAX_TOKENS:
                return whole, len(self.text)
            if frame.key is None and char and char in "]})":
                position = self._close(frames, whole, position, char)
            elif char == '"' and frame.quoted == frame.filled and self._is_raw(frame, position):
                frame.quoted = not frame.quoted
                position += 1
            elif frame.filled:
                position = self._go_on(frames, whole, position, char)
            elif char in _OPENERS and char and (frame.opener != "{" or frame.key is not None):
                if len(frames) >= MAX_DEPTH:
                    return whole, _match(_NESTING, self.text, position)
                frames.append(_Frame(position, char))
                position += 1
            else:
                position = self._take(frame, position)
            if position < 0:
                return whole, -position
        return whole, position

    def string(self, start: int) -> Literal | None:
        """Return the quoted string that begins here."""
        quote = self.text[start : start + 1]
        if quote not in ("'", '"', "<", "“", "”"):
            return None
        found = None if quote in self.endless else _STRING.match(self.text, start)
        if found is None:
            if quote != "<":
                self.endless.add(quote)
            return self._unquoted_file(start + 1)
        kind = str(found.lastgroup)
        text = found[kind]
        if kind in ("double", "single", "long") and "\\" in text:
            text = _unescape(text)
        return Literal(text, start, found.end())

    def _unquoted_file(self, start: int) -> Literal | None:
        """Return a string without its closing quote: only a file name shows where it ends."""
        found = _TO_BRACKET.match(self.text, start)
        if found is None or file_names(found[0]) != (found[0],):
            return None
        return Literal(found[0], start - 1, found.end(), closed=False)

    def _is_raw(self, frame: _Frame, position: int) -> bool:
        """Whether a quote surrounds an object: before it, or after it if one came before."""
        return frame.quoted or bool(frame.key and _RAW_OBJECT.match(self.text, position))

    def _take(self, frame: _Frame, start: int) -> int:
        """Read the key or scalar that begins here; a negative end means that there is none."""
        literal = self.string(start)
        end = literal.end if literal else _match(_NAME, self.text, start)
        if frame.key is None and frame.opener != "[" and end > start:
            mark = _KEY_END.match(self.text, end)
            if mark:
                frame.key = literal.value if literal else self.text[start:end]
                return mark.end()
        if frame.key is None and frame.opener == "{":
            return -max(end, start + 1)
        if literal is None:
            found = _BARE.match(self.text, start)
            if found is None:
                return -(start + 1)
            word = found[0].strip()
            literal = Literal(None if word in _NOTHING else Word(word), start, found.end())
        frame.add(literal.value)
        return literal.end

    def _go_on(self, frames: list[_Frame], whole: list[Literal], position: int, char: str) -> int:
        """After a value: read a comma, or stop at the end of a text that lacks closing brackets."""
        if char == ",":
            frames[-1].filled = False
            return position + 1
        if frames[-1].named and _NEXT_KEY.match(self.text, position):
            frames[-1].filled = False
            return position
        if char and char not in "<`":
            return -position
        while frames:
            _finish(frames, whole, position, closed=False)
        return position

    def _close(self, frames: list[_Frame], whole: list[Literal], position: int, char: str) -> int:
        """Close the innermost frame of this bracket, and those left open inside it."""
        if not any(_OPENERS[frame.opener] == char for frame in frames):
            return -(position + 1)
        while True:
            closed = _finish(frames, whole, position + 1)
            if _OPENERS[closed.opener] == char:
                return position + 1


def _finish(frames: list[_Frame], whole: list[Literal], end: int, *, closed: bool = True) -> _Frame:
    """Close the innermost frame; intact values inside it become part of it."""
    frame = frames.pop()
    while whole and whole[-1].start > frame.start:
        whole.pop()
    if frames:
        frames[-1].add(frame.value)
    whole.append(Literal(frame.value, frame.start, end, closed))
    return frame


def _unescape(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return _ESCAPE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code[1:], 16)) if len(code) == 5 else _ESCAPED.get(code, code)


def _match_space(text: str, position: int) -> int:
    return _match(_SPACE, text, position)


def _match(pattern: re.Pattern[str], text: str, position: int) -> int:
    """Return where a match that begins here ends, or this position if there is none."""
    found = pattern.match(text, position)
    return found.end() if found else position
