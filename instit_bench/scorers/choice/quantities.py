"""Options that are quantities: find the one that equals the last quantity in a reply."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping

_FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*([^{}]*?)\s*\}\s*\{\s*([^{}]*?)\s*\}")
_ROOT = re.compile(
    r"(?:\\?sqrt|√)\s*(?:\{\s*(\d+(?:\.\d+)?)\s*\}|\(\s*(\d+(?:\.\d+)?)\s*\)|(\d+(?:\.\d+)?))"
)
_BRACED_ROOT = re.compile(r"√\{(\d+)\}")
_NUMBER = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
# A sign belongs to a number unless there is something before it to subtract from.
_QUANTITY = re.compile(
    rf"(?<![\w.√/\[<^])(?P<sign>(?<![\d)\w°%] )(?<![\d)°%])[-−])?\s?"
    rf"(?P<value>(?:{_NUMBER})?(?:√(?:{_NUMBER})|π)?(?:/(?:{_NUMBER})|/\d*√\d+)?)(?P<power>\^|[xyznkabcpqrt](?![a-z]))?(?![\d.]*\])"
)
_UNIT = re.compile(
    r"[\s$£€¥°%\\]|\b(?:around|about|approximately|roughly|circ|degrees?|rad|text)\b|[{}()≈~^]"
)


def is_quantity(text: str) -> bool:
    """Whether an option is one number, with at most a unit beside it."""
    plain = canonical(text)
    numbers = [match for match in _QUANTITY.finditer(plain) if match["value"]]
    if len(numbers) != 1:
        return False
    rest = _UNIT.sub("", plain[: numbers[0].start()] + plain[numbers[0].end() :])
    return len(rest) <= 12 and not re.search(r"[+=*×,\[\]<>-]", rest)


def last_quantity_matches(reply: str, options: Mapping[int, str]) -> list[int]:
    """Return the keys of the options that equal the last quantity in a reply.

    An intermediate number ("180° - 20° = 160°" for the option 20°) is not an answer, nor is one
    that is part of a formula, so the last quantity must be asserted: after "=", "is" and the like,
    or alone on its line.
    """
    said = _last(canonical(reply)) if options else None
    return [index for index, option in options.items() if said and _value(option) == said]


def canonical(text: str) -> str:
    """Write fractions and roots in one form, without LaTeX."""
    text = _FRACTION.sub(r"\1/\2", text)
    text = _ROOT.sub(lambda match: f"√{match[1] or match[2] or match[3]}", text)
    return (
        text.replace("\\pi", "π")
        .replace("\\cdot", "×")
        .replace("^\\circ", "°")
        .replace("^{\\circ}", "°")
        .replace(" / ", "/")
        .replace("$", "")
        .replace("\\", " ")
    )


def _value(option: str) -> str:
    match = next(match for match in _QUANTITY.finditer(canonical(option)) if match["value"])
    return _normal(match)


def _normal(match: re.Match[str]) -> str:
    value = match["value"].replace(",", "")
    with contextlib.suppress(ValueError):
        value = f"{float(value):.10g}"
    return ("-" if match["sign"] else "") + value


_ON_THE_WAY = re.compile(
    r"\(|\s*(?:°|degrees|cm|m|mm|units?|inches)?\s*\)?\s*"
    r"(?:[-+×/÷^−]|=(?!\s*\()|\bplus\b|\bminus\b|\btimes\b|\bdivided\b)"
)
_NEAR_END = 250
_SAID = re.compile(
    r"(?:\b(?:is|are|be|to|of|around|about|approximately)|[为是约])\W*$", re.IGNORECASE
)
_CUT_OFF = re.compile(r"[{=(+×^−\\-]\s*$")
_IN_FORMULA = re.compile(
    r"(?:[-+×/÷^−{]|[A-Za-z]\(|\btimes|\bby|\bstep|\bquestion)\s*$", re.IGNORECASE
)


def _last(text: str) -> str | None:
    if _CUT_OFF.search(text):
        return None
    for match in reversed([match for match in _QUANTITY.finditer(text) if match["value"]]):
        if match["power"] or _ON_THE_WAY.match(text, match.end()):
            continue
        before = max(0, match.start() - 16)
        if _IN_FORMULA.search(text, before, match.start()):
            continue
        # Far from the end only words state an answer: there, "AB = 3" is given information.
        if len(text) - match.end() > _NEAR_END and not _SAID.search(text, before, match.start()):
            return None
        return _normal(match)
    return None
