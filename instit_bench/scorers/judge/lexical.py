"""An offline score for open-ended answers: the words and references that answer and target share.

It rewards the target's wording, not its meaning; its numbers cannot be compared with any judge's.
"""

from __future__ import annotations

import re
from collections import Counter

from instit_bench.scorers.judge.references import objects_in, times_in, without_references

_WORD = re.compile(r"\w+")


def lexical_score(answer: str, target: str) -> float:
    """F1 over words (as often as they occur) and references (as sets), 0..1.

    2·shared / (size of answer + size of target), where a text's size is its words plus its distinct
    objects plus its distinct frames.
    """
    found, wanted = _tokens(answer), _tokens(target)
    total = found.total() + wanted.total()
    return 2 * (found & wanted).total() / total if total else 1.0


def _tokens(text: str) -> Counter[str]:
    tokens = Counter(_WORD.findall(without_references(text).casefold()))
    tokens.update(f"[{number}]" for number in objects_in(text))
    tokens.update(f"<{number}>" for number in times_in(text))
    return tokens
