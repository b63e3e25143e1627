"""Read the chosen letter from a reply as a careful human reader would.

Every mention of an option letter is classified by what the text does with it (``claims``). The last
one that the text commits to decides. A reply that settles on none is reported with a reason;
nothing is ever guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from instit_bench.scorers.choice.claims import in_negated_clause
from instit_bench.scorers.choice.context import Claim
from instit_bench.scorers.choice.denials import denial
from instit_bench.scorers.choice.letters import around_letters
from instit_bench.scorers.choice.option_text import matching_options
from instit_bench.scorers.choice.statements import (
    Statement,
    last_commitment,
    only_one_left,
    read_statements,
)
from instit_bench.scorers.choice.structured import chosen_entry, marked_values
from instit_bench.scorers.choice.tidy import own_words, plain, tidy
from instit_bench.scorers.choice.tokens import Tokens, tokenize
from instit_bench.scorers.reasoning import split_reasoning, strip_end_tokens


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a reply chose, or why it chose nothing.

    ``method`` names the rule that decided: ``letter`` (the reply is a letter), ``tagged``
    (boxed, in an answer tag, in JSON, or marked in a list), ``anchored`` (a phrase states it),
    ``line`` (a line is a letter), ``leading`` (the reply begins with it), ``lone`` (the only
    letter in the reply), ``option_text``, or ``none``. With ``none``, ``letter`` is ``None`` and
    ``reason`` is one of ``empty``, ``truncated``, ``ambiguous``, ``refusal``, ``out_of_range`` (a
    clear answer that is not among the options, "none" or "all of the above" included) and
    ``no_letter``.
    """

    letter: str | None
    method: str
    reason: str | None = None


_BARE_AT_MOST = 12
_BARE = re.compile(r"[\s*(\"'`]*([A-Za-z])[\s*)\"'`.:]*")
_WHOLE = re.compile(
    r"[\W_]*(?:(?:option|choice|letter|选项|選項|opción|opção|opzione|вариант)[\W_]*)?"
    r"([A-Za-z])[\W_]*",
    re.IGNORECASE,
)
# A long reply that was cut off has not reached its answer.
_LONG = 300
_SHORT = 60  # characters: few replies of this length are different
_FINISHED = re.compile(
    r"[.!?。！？][\s)\]*\"'”»」』}$]*(?:<[^<>]{1,12}>\s*)*$"
    r"|[=≈]\s*-?[\d.,√]+\s?(?:[A-Za-z]{1,8}|[°%])\s*$"
)


def extract_choice(reply: str, choices: Sequence[str] = (), *, letters: str = "ABCD") -> Extraction:
    """Read the chosen letter from a reply.

    Args:
        reply: The model's unmodified reply.
        choices: The options' texts, in order; they allow an option to be found by its text too.
        letters: The letters that stand for an option.

    Returns:
        The letter with the method that found it, or the reason why there is none.
    """
    if len(reply) < _BARE_AT_MOST and (found := _read_bare(reply, letters)):
        return found
    visible = split_reasoning(reply)
    if visible.unclosed:
        return _nothing("truncated")
    text = tidy(strip_end_tokens(visible.text))
    own = own_words(text)
    found = _read(own, choices, letters)
    return found if found.letter or len(own) == len(text) else _read(text, choices, letters)


@lru_cache(maxsize=1024)
def _read_bare(reply: str, letters: str) -> Extraction | None:
    bare = _BARE.fullmatch(reply)
    return _settle(bare[1].upper(), "letter", letters) if bare else None


def _nothing(reason: str) -> Extraction:
    return Extraction(None, "none", reason)


def _settle(found: str, method: str, letters: str) -> Extraction:
    if len(found) > 1:
        return _nothing("ambiguous")
    return Extraction(found, method) if found in letters else _nothing("out_of_range")


def _read(text: str, choices: Sequence[str], letters: str) -> Extraction:
    if not any(map(str.isalnum, text)):
        return _nothing("empty")
    for value in reversed(marked_values(text)):
        found = _read(value.value, choices, letters)
        if found.letter:
            return _taken_back(text[value.end :], letters) or Extraction(found.letter, "tagged")
        if found.reason == "out_of_range" or not (value.boxed or found.reason == "no_letter"):
            return found
    prose = plain(text)
    if whole := _WHOLE.fullmatch(prose):
        return _settle(whole[1].upper(), "letter", letters)
    return _read_prose(prose, text, choices, letters)


def _taken_back(rest: str, letters: str) -> Extraction | None:
    """Read the answer that follows a marked one: "<answer>A</answer> Wait, the answer is C"."""
    tokens = tokenize(around_letters(plain(rest)))
    found = last_commitment(tokens, read_statements(tokens, letters), letters, Claim.CORRECT)
    settled = _settle(*found, letters) if found else None
    return settled if settled and settled.letter else None


def _read_prose(prose: str, text: str, choices: Sequence[str], letters: str) -> Extraction:
    """Read a reply's ``prose``; ``text`` still has its Markdown."""
    prose = _without_cited_texts(prose, choices, letters)
    read = _read_short_claims if len(prose) < _SHORT else _read_claims
    claims = read(prose, letters)
    if claims.committed:
        return claims.committed
    if entry := chosen_entry(text):
        return _settle(entry, "tagged", letters)
    if left := only_one_left(claims.statements, letters):
        return Extraction(left, "anchored")
    return _read_uncommitted(prose, claims.tokens, claims.statements, choices, letters)


@dataclass(frozen=True, slots=True)
class _Claims:
    """What a text says about letters, and the answer that it commits to, if any."""

    tokens: Tokens
    statements: Sequence[Statement]
    committed: Extraction | None


def _read_claims(prose: str, letters: str) -> _Claims:
    tokens = tokenize(around_letters(prose))
    statements = read_statements(tokens, letters)
    found = last_commitment(tokens, statements, letters, Claim.LIKELY)
    return _Claims(tokens, statements, _settle(*found, letters) if found else None)


# Short replies are much the same: "The answer is B."
_read_short_claims = lru_cache(maxsize=1024)(_read_claims)


def _read_uncommitted(
    text: str,
    tokens: Tokens,
    statements: Sequence[Statement],
    choices: Sequence[str],
    letters: str,
) -> Extraction:
    """Read a text that states no letter: by an option's text, or by the only letter in it."""
    options = matching_options(text, choices[: len(letters)])
    if reason := denial(text):
        options = [index for index in options if denial(choices[index])]
        if not options:
            return _nothing(reason)
    mentioned = {letter for s in statements for letter in s.mention.letters if letter in letters}
    if len(text) < _LONG or _FINISHED.search(text[-_LONG:]):
        if offered := _offered(tokens, statements, mentioned):
            return offered
        if len(options) == 1:
            return Extraction(letters[options[0]], "option_text")
    return _nothing("ambiguous" if len(mentioned) > 1 or len(options) > 1 else "no_letter")


def _offered(
    tokens: Tokens, statements: Sequence[Statement], mentioned: set[str]
) -> Extraction | None:
    """Return the only letter that a text mentions, or the only one it says something is."""
    strong = [s for s in statements if s.mention.strong and s.claim >= Claim.NEUTRAL]
    known = [s for s in strong if set(s.mention.letters) <= mentioned]
    # Beside "the charge (Q)" a lone "(F)" is a symbol too.
    if len(mentioned) == 1 and len(known) == len(strong):
        for statement in known:
            if all(s.claim >= Claim.NEUTRAL for s in statements) and not in_negated_clause(
                tokens, statement.mention
            ):
                return Extraction(statement.mention.letters, "lone")
    offered = {s.mention.letters for s in known if not s.mention.listed}
    if len(offered) == 1 and any(s.claim is Claim.OFFERED for s in known):
        letter = offered.pop()
        return Extraction(letter, "anchored") if len(letter) == 1 else None
    return None


def _without_cited_texts(text: str, choices: Sequence[str], letters: str) -> str:
    """Keep only the letter where a text names an option by letter and text: "a red hat (B)"."""
    for letter, choice in zip(letters, choices, strict=False):
        if f"({letter})" in text and len(choice.strip()) > 1:
            own = re.escape(choice.strip())
            cited = rf"(?<!\w){own}[\s.,\"']*(?=\({letter}\))|(?<=\({letter}\)) *{own}(?!\w)"
            text = re.sub(cited, "", text, flags=re.IGNORECASE)
    return text
