"""The references in an answer: objects ``[3]``, moments ``<7>``, time spans ``<5>-<7>``."""

from __future__ import annotations

import re
from collections.abc import Set

_OBJECTS = re.compile(r"\[([0-9]{1,4}(?:\s*,\s*[0-9]{1,4})*)\]")
_TIMES = re.compile(r"<([0-9]{1,4})>(?:\s*[-–—]\s*<([0-9]{1,4})>)?")
_LONGEST_STRETCH = 1000


def objects_in(text: str) -> frozenset[int]:
    """Return the marks that a text names; ``[1, 2]`` names two."""
    return frozenset(int(number) for group in _OBJECTS.findall(text) for number in group.split(","))


def times_in(text: str) -> frozenset[int]:
    """Return the frames that a text names; a time span names all of its frames."""
    frames: set[int] = set()
    for first, last in _TIMES.findall(text):
        start, end = int(first), int(last or first)
        frames.update(
            range(start, end + 1) if 0 <= end - start < _LONGEST_STRETCH else (start, end)
        )
    return frozenset(frames)


def without_references(text: str) -> str:
    """Return the text without its references."""
    return _TIMES.sub(" ", _OBJECTS.sub(" ", text))


def set_f1(answer: Set[int], target: Set[int]) -> float:
    """2·|both| / (|answer| + |target|); 1 if both are empty."""
    total = len(answer) + len(target)
    return 2 * len(answer & target) / total if total else 1.0
