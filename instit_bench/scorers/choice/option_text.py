"""Find the one option that a reply names by its text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from instit_bench.scorers.choice.language import words
from instit_bench.scorers.choice.quantities import is_quantity, last_quantity_matches

# Marks ``[3]`` and times ``<7>`` are whole tokens; otherwise ``[1]`` would equal the number 1. East
# Asian scripts have no spaces, so each of their characters is a token.
# scripts write no spaces, so there each character is a token.
_TOKEN = re.compile(
    r"\[\d+\]|<\d+>|[぀-ヿ㐀-鿿가-힯]|\d+(?:[.,]\d+)+|[^\W_぀-ヿ㐀-鿿가-힯]+(?:'[a-z]+)?"
)
_ARTICLES = frozenset({"a", "an", "the"})
_NEGATIONS = words("not no never without nor neither cannot nicht kein keine pas não non не 不 没")
# An option made of these words alone only matches by equality.
_COMMON = words(
    "a an the for in on at to of and or is it by with from as no not yes both neither none"
    " all any if while this that they he she we i you be are was do does"
)
_NEGATION_REACH = 3
_SENTENCE = re.compile(r"(?<=[.!?。！？])(?=\s+\D|\s*$|[^\x00-\x7f])|\n+")
# Conditions and reasons mention options that the sentence does not choose.
# choose.
_ASIDE = re.compile(
    r"^\s*(?:if|when|since|because|as|due to|although|while|unlike|given that)\b[^,.]*(?:,|$)"
    r"|\b(?:if|when)\b[^,.]*?(?=,|$|\bwould\b|\bwill\b)"
    r"|\b(?:because|since|as they|as it|as the|due to|rather than|instead of|compared to|unlike"
    r"|which means)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_REASON = re.compile(
    r"\s*(?:this|that|it) is (?:because|due)|\s*explanation|\s*(?:because|since)\b[^,]*$", re.I
)
_CONCLUSION = re.compile(
    r"\s*(?:therefore|thus|so|hence|in conclusion|overall|consequently)\b", re.I
)
_SUFFIX = re.compile(r"(?:ies|es|s|ed|ing|ly|e|y|i)$")


def matching_options(reply: str, choices: Sequence[str]) -> list[int]:
    """Find the options that a reply names by their text.

    Equality with the whole reply is tried first, ignoring word endings. Otherwise an option that is
    a quantity must be the last quantity in the reply, and an option in words must occur in a
    sentence, outside its conditions and reasons, and without a negation just before it. An option
    that is part of another option's text ("bag" beside "a shopping bag") only matches by equality,
    because its words in a sentence cannot tell the two apart.

    Args:
        reply: The reply without reasoning.
        choices: The options' texts.

    Returns:
        Indices into ``choices``: one is an answer, several are ambiguous.
    """
    for stemmed in (False, True):
        said = _bare(_tokens(reply, stemmed))
        equal = [
            index
            for index, choice in enumerate(choices)
            if said and _bare(_tokens(choice, stemmed)) == said
        ]
        if equal:
            return equal
    claims = [_claim(sentence) for sentence in _SENTENCE.split(reply) if sentence.strip()]
    quantities = {index: choice for index, choice in enumerate(choices) if is_quantity(choice)}
    words = {index: choice for index, choice in enumerate(choices) if index not in quantities}
    return last_quantity_matches(" \n".join(claims), quantities) + _named(claims, words)


def _named(claims: Sequence[str], choices: dict[int, str]) -> list[int]:
    options = {index: _bare(_tokens(choice, stemmed=True)) for index, choice in choices.items()}
    options = {
        index: option
        for index, option in options.items()
        if not _COMMON.issuperset(option)
        and not any(_occurs(option, other) for place, other in options.items() if place != index)
    }
    if not options:
        return []
    said = [_tokens(claim, stemmed=True) for claim in claims]
    named = [
        [index for index, option in options.items() if _occurs(option, tokens, affirmed=True)]
        for tokens in said
    ]
    concluding = [
        found
        for claim, found in zip(claims, named, strict=True)
        if found and _CONCLUSION.match(claim)
    ]
    if concluding and len(concluding[-1]) == 1:
        return concluding[-1]
    return sorted({index for found in named for index in found})


def _claim(sentence: str) -> str:
    return "" if _REASON.match(sentence) else _ASIDE.sub(" ", sentence)


def _tokens(text: str, stemmed: bool) -> list[str]:
    tokens = _TOKEN.findall(text.casefold().replace("’", "'"))
    return [_stem(token) for token in tokens] if stemmed else tokens


def _stem(word: str) -> str:
    """Remove an English ending, so that "walked" matches "walks"; short words stay."""
    if len(word) < 5 or not word.isascii():
        return word
    return _SUFFIX.sub("", _SUFFIX.sub("", word)) if len(word) > 6 else _SUFFIX.sub("", word)


def _bare(tokens: list[str]) -> list[str]:
    return tokens[1:] if tokens and tokens[0] in _ARTICLES else tokens


def _occurs(part: list[str], whole: list[str], *, affirmed: bool = False) -> bool:
    return set(part) <= set(whole) and any(
        token == part[0]
        and whole[place : place + len(part)] == part
        and not (affirmed and any(map(_negates, whole[max(0, place - _NEGATION_REACH) : place])))
        for place, token in enumerate(whole)
        if part
    )


def _negates(token: str) -> bool:
    return token in _NEGATIONS or token.endswith("n't")
