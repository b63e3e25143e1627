"""Replies that choose no option: refusals, and statements that no option is right."""

from __future__ import annotations

import re
from collections.abc import Iterator

from instit_bench.scorers.choice.languages import LANGUAGES

_SENTENCE_END = re.compile(r"(?<=[.!?\n])(?=\s)")
_DENIALS = tuple(
    (
        language.denials,
        tuple(map(re.compile, language.refusals)),
        tuple(map(re.compile, language.none_fits)),
    )
    for language in LANGUAGES
)


def denial(text: str) -> str | None:
    """Return whether a text refuses to answer or says that no option is right.

    Returns:
        ``refusal``, ``out_of_range`` or ``None``.
    """
    lower = f" {text.lower()} "
    for refuses, reason in ((True, "refusal"), (False, "out_of_range")):
        for words, refusals, none_fits in _DENIALS:
            for part in _parts_with(words, lower):
                if any(pattern.search(part) for pattern in (refusals if refuses else none_fits)):
                    return reason
    return None


def _parts_with(words: tuple[str, ...], text: str) -> Iterator[str]:
    """Yield the sentences that contain one of the words, or the whole text if none does."""
    if not words:
        yield text
    elif any(word in text for word in words):
        for part in _SENTENCE_END.split(text):
            if any(word in part for word in words):
                yield part
