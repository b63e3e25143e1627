"""What a question of Inst-IT Bench is about, inferred from its text, and its options' letters.

The benchmark does not label its questions. It names objects as ``[3]`` and moments as ``<7>``
(1-based frames); the kinds follow from these.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

from instit_bench.scorers.base import ScoredRecord

_OBJECT = re.compile(r"\[(\d+)\]")
_MOMENT = re.compile(r"<(\d{1,6})>")  # longer ones are not frames


def letters_for(choices: Sequence[str]) -> str:
    """Return the option letters: A to D unless the choices say how many there are."""
    return ascii_uppercase[: len(choices) or 4]


def marks_named(record: ScoredRecord, media: str) -> str:
    """Return how many objects, and in videos moments, the question names."""
    objects = _count(_OBJECT, record.question, ("no object", "one object", "several objects"))
    if media != "video":
        return objects
    moments = _count(_MOMENT, record.question, ("whole video", "one moment", "several moments"))
    return f"{objects}, {moments}"


def first_moment(record: ScoredRecord) -> int | None:
    """Return the first frame (1-based) that the question names, or ``None``."""
    found = _MOMENT.search(record.question)
    return int(found[1]) if found else None


def _count(pattern: re.Pattern[str], text: str, names: tuple[str, str, str]) -> str:
    return names[min(len(set(pattern.findall(text))), 2)]
