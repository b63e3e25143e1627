"""The texts of names and inputs: without the marks that models put around them, and decoded."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from instit_bench.scorers.tool_call.literals import Word, read_literal

_SPACE = " \t\r\n\0"
QUOTES = _SPACE + "\"'“”‘’"
_NAME_MARKS = QUOTES + "`*"
# Marks around an input in Markdown, longest first; in a decoded value only a fence is one.
_FENCES = ("```",)
_MARKS = ("```", "`", "***", "**", "*", "`")
_BRACKETS = "[]<>."
# A fence, or what stands before an object in brackets: QueryEngineTool({...})
_FENCED = re.compile(r"(?:```)?\s*(?:json|python)?\s*(?:(?=[{\[(])|[^\W\d][\w.]{0,80}(?=\(\s*\{))")
# Code in a fence of its own, which is part of the value
_CODE = re.compile(r"\s*```[^\W\d][\w+#-]{0,20}\n.*```\s*", re.S)
# Several quoted texts, so the first and the last quote are no pair: "a dog" "a cat"
_SEVERAL = re.compile(r"[^\"]*[^\"\s]\"[\s,]")
# Words that are values in JSON too, as opposed to text
_JSON_WORD = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false")
_NOTHING = frozenset({"", "none", "null", "{}", "[]", "n/a"})


def clean_name(name: str) -> str:
    """Return a tool's name without the quotes, brackets or full stop that models put around it."""
    return as_text(name).strip(_NAME_MARKS).strip(_BRACKETS).strip(_NAME_MARKS)


def is_nothing(text: str) -> bool:
    """Whether an input means "no input" (``None``, ``{}``)."""
    return text.strip(_NAME_MARKS).casefold() in _NOTHING


def unquote(text: str, *, marked: bool = False) -> str:
    """Return an argument without the quotes around it: ``"a dog"``, but not ``a sign "STOP"``."""
    inner = strip_marks(text, marked=marked)
    if inner.startswith("```"):
        return inner
    bare = inner.strip(QUOTES)
    # An odd mark inside has its partner at an end.
    return inner if bare.count('"') % 2 or _SEVERAL.match(bare) else bare


def strip_marks(text: str, *, marked: bool) -> str:
    """Return a text without space, and without marks whose partner is not in it.

    They surround the whole text, or the other half stands before its key: ``**Input: x**``.
    """
    text = text.strip(_SPACE)
    if _CODE.fullmatch(text):
        return text
    for mark in _MARKS if marked else _FENCES:
        inner = text.removeprefix(mark).removesuffix(mark)
        if len(inner) < len(text) and mark not in inner and _is_marked(text, inner, mark):
            text = inner.strip(_SPACE)
    return text


def _is_marked(text: str, inner: str, mark: str) -> bool:
    """Whether marks at the ends are no pattern, as in ``**/x``, ``*.py`` and ``SELECT *``."""
    if "`" in mark or not inner.strip():
        return True
    whole = len(text) - len(inner) == 2 * len(mark)
    if text.startswith(mark) and (inner[0] in "/." or inner[0].isspace()):
        return False
    if text.endswith(mark) and (inner[-1] in "/" or inner[-1].isspace()):
        return False
    return whole or mark == "**"


def decode(text: str) -> Any:
    """Decode an object, a list or ``(…)``, fenced or not; return other texts unchanged."""
    fenced = _FENCED.match(text)
    if fenced is None:
        return text
    literal = read_literal(text, fenced.end())
    if literal is None or text[literal.end :].strip("`}]) \r\n\t"):
        return text
    return literal.value


def as_text(value: Any) -> str:
    """Return a decoded value as text: a text as it is, any other as JSON, nothing as ``""``."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else _as_json(value)
    # JSON can escape half a surrogate pair, which no file could hold.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _as_json(value: Any) -> str:
    """Write a value as JSON; numbers as they were written."""
    if isinstance(value, Mapping):
        items = (
            f"{json.dumps(key, ensure_ascii=False)}: {_as_json(x)}" for key, x in value.items()
        )
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_as_json, value))}]"
    if isinstance(value, Word) and _JSON_WORD.fullmatch(value.lower()):
        return value.lower()
    return json.dumps(value, ensure_ascii=False)
