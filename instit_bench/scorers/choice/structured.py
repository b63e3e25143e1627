"""Answers marked as such: boxes, tags, JSON, and ticked, ranked or bold list entries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_TAGS = (
    "answer|option|choice|conclusion|final_answer|final|ans|response|output|result|solution"
    "|correct_answer|begin_of_solution"
)
_KEYS = (
    "final_answer",
    "answer",
    "correct_answer",
    "best_answer",
    "correct_option",
    "correct_choice",
    "selected_option",
    "selected_answer",
    "answer_choice",
    "choice",
    "option",
    "letter",
    "prediction",
    "response",
    "result",
    "output",
    "correct",
)
# A tag's value is everything up to the next tag, but times such as <7> are not tags.
_MARKED = re.compile(
    rf"<(?:{_TAGS})>(?P<tag>(?:[^<]|<(?=\d)){{0,4000}})"
    r"|\\f?box(?:ed)?\s*\{(?P<box>)"
    r"|\[\[\s*(?P<double>[A-Za-z])\s*\]\]"
    rf"|[\"'](?:{'|'.join(_KEYS)})[\"']\s*:\s*\[?\s*(?P<quote>[\"'])(?P<json>[^\"\n]{{0,400}}?)(?P=quote)"
    r"(?!\s*,\s*[\"']\w[\"']\s*[,\]])",
    re.IGNORECASE,
)
_LONGEST_BOX = 400
_CLOSED = re.compile(rf"([^<>]{{1,80}})</(?:{_TAGS})>", re.IGNORECASE)
_HINT = re.compile(rf"<(?:{_TAGS})>|</(?:{_TAGS})>|box|\[\[|[\"']\s*:", re.IGNORECASE)
_JSON = re.compile(r"\s*(?:```\w*\s*)?([{\[].*[}\]])\s*(?:```)?\s*\Z", re.DOTALL)
_ENTRY = r"(?:\(?[A-Z]\)|[A-Z][.:)])"
_TICKED = re.compile(
    r"(?m)^[ \t]*(?:[-*][ \t]*)?(?:\[[xX✓✔]\]|[✓✔✅☑])[ \t]*\**[ \t]*\(?([A-Z])\b"
    r"|^[ \t]*(?:[-*][ \t]*)?\**\(?([A-Z])[.):][^\n]{0,300}?"
    r"(?:[✓✔✅☑]|[←⟵]|<--?|\((?:correct|answer|√)\))[ \t]*\**$",
    re.IGNORECASE,
)
_BOLD = re.compile(r"(?m)^[ \t]*(?:[-*][ \t]+)?\*\*[ \t]*\(?([A-Z])[.):][^\n]*\*\*[ \t]*$")
_PLAIN_ENTRY = re.compile(r"(?m)^[ \t]*(?:[-*][ \t]+)?\(?([A-Z])[.):][ \t]*\S")
_RANKED = re.compile(r"(?<![\w>])\(?([A-Z])\)?(?:\s*>\s*\(?[A-Z]\)?(?!\w)){2,}")
_SHARE = re.compile(
    r"(?<!\w)\(?([A-Z])\)?\s{0,3}[:=(-]?\s{0,3}(\d{1,3}(?:\.\d+)?|0?\.\d+)\s*(%?)(?![\w°.])"
)


@dataclass(frozen=True, slots=True)
class Marked:
    """A value that a reply marks as its answer, and where it ends."""

    value: str
    end: int
    boxed: bool = False


def marked_values(text: str) -> list[Marked]:
    """Find the non-empty values in boxes, tags and JSON, in order."""
    if not _may_hold_marks(text) or not _HINT.search(text):
        return []
    found = []
    if (parsed := _JSON.match(text)) and (value := _from_json(parsed[1])):
        return [Marked(value, len(text))]
    for match in _MARKED.finditer(text):
        boxed = match["box"] is not None
        value = match["tag"] or match["double"] or match["json"] or ""
        if boxed:
            value = _braced(text, match.end())
        if any(map(str.isalnum, value)):
            found.append(Marked(value.strip(), match.end() + boxed * len(value), boxed))
    if not found:
        closed = [match for match in _CLOSED.finditer(text) if match[1].strip()]
        found = [Marked(match[1].strip(), match.end()) for match in closed[-1:]]
    return found


def _may_hold_marks(text: str) -> bool:
    """Whether a search for the hints is worth its time; it is slow, and most replies have none."""
    quoted = ":" in text and ('"' in text or "'" in text)
    return quoted or "<" in text or "[[" in text or "box" in text.lower()


def _braced(text: str, start: int) -> str:
    """Return the text up to the matching closing brace; empty if there is none nearby."""
    depth = 1
    for end in range(start, min(len(text), start + _LONGEST_BOX)):
        depth += (text[end] == "{") - (text[end] == "}")
        if not depth:
            return text[start:end]
    return ""


def _from_json(text: str) -> str | None:
    """Read the answer of a reply that is one JSON value."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list):
        return value[0] if len(value) == 1 and isinstance(value[0], str) else None
    if not isinstance(value, dict):
        return None
    by_name = {_name(key): item for key, item in value.items()}
    for key in _KEYS:
        item = by_name.get(key)
        if isinstance(item, dict):
            item = next(
                (item[name] for name in ("letter", "option", "choice") if name in item), None
            )
        if isinstance(item, list) and all(isinstance(entry, str) for entry in item):
            item = " or ".join(item)
        if isinstance(item, str) and item.strip():
            return item
    return _only_true(by_name)


def _name(key: str) -> str:
    return key.strip().casefold().replace(" ", "_").replace("-", "_")


def _only_true(value: dict[str, Any]) -> str | None:
    letters = [key for key, item in value.items() if len(key) == 1 and item is True]
    flags = all(isinstance(item, bool) for item in value.values())
    return letters[0].upper() if flags and len(letters) == 1 and len(value) > 1 else None


def chosen_entry(text: str) -> str | None:
    """Return the letter that a list ticks, sets in bold, ranks first or gives the largest share."""
    for read in (_ticked, _bold, _ranked, _largest):
        letters = set(read(text))
        if len(letters) == 1:
            return letters.pop().upper()
    return None


def _ticked(text: str) -> Iterator[str]:
    return (match[1] or match[2] for match in _TICKED.finditer(text))


def _bold(text: str) -> Iterator[str]:
    bold = [match[1] for match in _BOLD.finditer(text)] if "**" in text else []
    plain = {match[1] for match in _PLAIN_ENTRY.finditer(text)}
    return iter(bold if len(plain - set(bold)) > 1 else ())


def _ranked(text: str) -> Iterator[str]:
    return (match[1] for match in _RANKED.finditer(text))


def _largest(text: str) -> Iterator[str]:
    shares = [(match[1], float(match[2]), match[3]) for match in _SHARE.finditer(text)]
    if len({letter for letter, _, _ in shares}) < 3 or len(shares) != len({s[0] for s in shares}):
        return iter(())
    total = sum(share for _, share, _ in shares)
    if not (0.9 < total < 1.1 or 90 < total < 110):
        return iter(())
    best = max(share for _, share, _ in shares)
    return (letter for letter, share, _ in shares if share == best)
