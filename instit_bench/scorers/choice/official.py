"""The benchmark's own way of reading a letter from a reply, flaws included."""

from __future__ import annotations

import re
from functools import lru_cache

# Upstream's list in upstream's order. Two entries are each two strings fused by a missing comma;
# splitting them would change which replies are read, so they stay fused.
_PREFIXES = (
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "The answer",
    "The best option isThe correct option is",
    "Best answer:Best option:",
    "Answer",
    "Answer:",
    "answer:",
    "answer",
    "Option:",
    "The correct answer",
    "The correct option",
)
_SHORT = 60  # characters: few replies of this length are different
_LETTER = re.compile("[ABCD]")


def extract_official(reply: str) -> str:
    """Read a letter as the Inst-IT Bench evaluator does.

    Source: the multiple-choice evaluator of the Inst-IT repository, which took this step from
    Video-MME: known lead-ins are removed wherever they occur, then the first capital A to D
    anywhere is the answer. Upstream also returns early for more than ten words without such a
    capital; the result is the same as finding none, so that test is not repeated here.

    Args:
        reply: The model's unmodified reply, reasoning included.

    Returns:
        The letter, or an empty string, which upstream leaves out of the denominator.
    """
    return _of_short(reply) if len(reply) < _SHORT else _first_letter(reply)


def _first_letter(reply: str) -> str:
    for prefix in _PREFIXES:
        reply = reply.replace(prefix, "")
    match = _LETTER.search(reply)
    return match.group() if match else ""


_of_short = lru_cache(maxsize=4096)(_first_letter)
