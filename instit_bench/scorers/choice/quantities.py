"""Options that are quantities: which one equals the last quantity that a reply states."""

from __future__ import annotations

import re
from collections.abc import Sequence

_FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*([^{}]*?)\s*\}\s*\{\s*([^{}]*?)\s*\}")
_ROOT = re.compile(
    r"(?:\\?sqrt|√)\s*(?:\{\s*(\d+(?:\.\d+)?)\s*\}|\(\s*(\d+(?:\.\d+)?)\s*\)|(\d+(?:\.\d+)?))"
)
_BRACED_ROOT = re.compile(r"√\{(\d+)\}")
_NUMBER = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
# A sign belongs to a number where nothing to subtract from stands before it.
_QUANTITY = re.compile(
    rf"(?<![\w.√/\[<^])(?P<sign>(?<![\d)\w°%] )(?<![\d)°%])[-−])?\s?"
    rf"(?P<value>(?:{_NUMBER})?(?:√(?:{_NUMBER})|π)?(?:/(?:{_NUMBER})|/\d*√\d+)?)(?P<power>\^)?(?![\d.]*\])"
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


def last_quantity_matches(reply: str, options: Sequence[str]) -> list[int]:
    """Find the options that equal the last quantity of a reply.

    A number on the way ("180° - 20° = 160°" for the option 20°) is no answer, so only the last one
    that stands at the end of a statement counts: after "=" or with nothing calculated from it.
    """
    if not options:
        return []
    said = _last(canonical(reply))
    return [index for index, option in enumerate(options) if said and _value(option) == said]


def canonical(text: str) -> str:
    """Write fractions and roots in one way, without LaTeX."""
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
    try:
        value = f"{float(value):.10g}"
    except ValueError:
        pass
    return ("-" if match["sign"] else "") + value


_ON_THE_WAY = re.compile(
    r"\s*(?:°|degrees|cm|m|mm|units?|inches)?\s*\)?\s*(?:[-+*×/÷=^−]|\bplus\b|\bminus\b|\btimes\b|\bdivided\b)"
)
_GIVEN = re.compile(
    r"(?:\bif|\bgiven(?: that)?|\bsince|\bbecause|\bwhere|\bwith|\bfrom|\bby|\bstep)\b[^.,;\n=]*(?:=|\bis\b)?\s*$|\^\{?\s*$",
    re.I,
)


def _last(text: str) -> str | None:
    for match in reversed([match for match in _QUANTITY.finditer(text) if match["value"]]):
        if match["power"] or _ON_THE_WAY.match(text, match.end()):
            continue
        return _normal(match)
    return None
