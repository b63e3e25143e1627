"""Finding the one option whose text a reply repeats."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Marks ``[3]`` and times ``<7>`` are whole tokens, or ``[1]`` would equal the number 1. East Asian
# scripts write no spaces, so there each character is a token.
_TOKEN = re.compile(r"\[\d+\]|<\d+>|[぀-ヿ㐀-鿿가-힯]|[^\W_぀-ヿ㐀-鿿가-힯]+(?:'[a-z]+)?")
_ARTICLES = frozenset({"a", "an", "the"})
_NEGATIONS = frozenset(
    [
        "not",
        "no",
        "never",
        "without",
        "nor",
        "neither",
        "cannot",
        "nicht",
        "kein",
        "keine",
        "pas",
        "não",
        "non",
        "не",
        "不",
        "没",
    ]
)
_NEGATION_REACH = 3


def matching_options(reply: str, choices: Sequence[str]) -> list[int]:
    """Find the options that a reply names by their text.

    Equality with the whole reply counts first. Otherwise an option must be contained in the reply
    without a negation just before it. An option that is itself part of another option's text
    ("bag" beside "a shopping bag") is only ever matched by equality: its words in a sentence do
    not tell the two apart.

    Args:
        reply: The reply without reasoning.
        choices: The options' texts.

    Returns:
        Indexes into ``choices``: one is an answer, several are ambiguous.
    """
    said = _tokens(reply)
    options = [_tokens(choice) for choice in choices]
    equal = [
        index for index, option in enumerate(options) if option and _bare(option) == _bare(said)
    ]
    if equal:
        return equal
    return [
        index
        for index, option in enumerate(options)
        if option
        and not any(_occurs(option, other) for place, other in enumerate(options) if place != index)
        and _occurs(option, said, affirmed=True)
    ]


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text.casefold().replace("’", "'"))


def _bare(tokens: list[str]) -> list[str]:
    return tokens[1:] if tokens and tokens[0] in _ARTICLES else tokens


def _occurs(part: list[str], whole: list[str], *, affirmed: bool = False) -> bool:
    part = _bare(part)
    return any(
        token == part[0]
        and whole[place : place + len(part)] == part
        and not (affirmed and any(map(_negates, whole[max(0, place - _NEGATION_REACH) : place])))
        for place, token in enumerate(whole)
        if part
    )


def _negates(token: str) -> bool:
    return token in _NEGATIONS or token.endswith("n't")
