"""Reading the chosen letter from a reply as a careful human reader would.

Every mention of an option letter is classified by what the text does with it (``claims``), and the
last one that the text commits itself to decides; a reply that settles on none is reported as such
with a reason. Nothing is ever guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from instit_bench.scorers.choice.claims import Claim, claim, in_negated_clause, list_verdict
from instit_bench.scorers.choice.languages import LANGUAGES
from instit_bench.scorers.choice.mentions import Mention, around_letters, find_mentions
from instit_bench.scorers.choice.option_text import matching_options
from instit_bench.scorers.choice.structured import chosen_entry, marked_values
from instit_bench.scorers.choice.tidy import own_words, plain, tidy
from instit_bench.scorers.choice.tokens import Role, Tokens, tokenize
from instit_bench.scorers.reasoning import split_reasoning, strip_end_tokens


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a reply chose, or why it chose nothing.

    ``method`` names the reading that settled it: ``letter`` (the reply is a letter), ``tagged``
    (boxed, in an answer tag or in JSON), ``anchored`` (a phrase states it), ``line`` (a line is a
    letter), ``leading`` (the reply begins with it), ``lone`` (the only letter in the reply),
    ``option_text``, or ``none``. With ``none``, ``letter`` is ``None`` and ``reason`` is one of
    ``empty``, ``truncated``, ``ambiguous``, ``refusal``, ``out_of_range`` (a clear answer that is
    not among the options, "none" or "all of the above" included) and ``no_letter``.
    """

    letter: str | None
    method: str
    reason: str | None = None


_BARE = re.compile(r"[\s*(\"'`]*([A-Za-z])[\s*)\"'`.:]*")
_WHOLE = re.compile(
    r"[\W_]*(?:(?:option|choice|letter|选项|選項|opción|opção|opzione|вариант)[\W_]*)?([A-Za-z])[\W_]*",
    re.IGNORECASE,
)
_TAKES_BACK = Role.REVISE | Role.OTHER | Role.NEGATION
_TURNS = frozenset(
    "hmm however but let again check checking reconsider looking reviewing changed yet instead".split()
)
_SHORT = 150
_BULLETS = "-–—>•\"'[(|✓✔✅✗❌:"
_TRAILING = ".,:;!)]\"'|»」"
_SENTENCE_END = re.compile(r"(?<=[.!?\n])(?=\s)")
_DENIALS = tuple(
    (
        language.denials,
        tuple(map(re.compile, language.refusals)),
        tuple(map(re.compile, language.none_fits)),
    )
    for language in LANGUAGES
)


@dataclass(frozen=True, slots=True)
class _Statement:
    """A mention, what the text does with it, and by which reading."""

    mention: Mention
    claim: Claim
    method: str


def extract_choice(reply: str, choices: Sequence[str] = (), *, letters: str = "ABCD") -> Extraction:
    """Read the chosen letter from a reply.

    Args:
        reply: The model's reply as it came.
        choices: The options' texts, in order; with them an option named by its text is found too.
        letters: The letters that stand for an option.

    Returns:
        The letter with the reading that gave it, or the reason why there is none.
    """
    if len(reply) < 12 and (bare := _BARE.fullmatch(reply)):
        return _settle(bare[1].upper(), "letter", letters)
    visible = split_reasoning(reply)
    if visible.unclosed:
        return _nothing("truncated")
    text = tidy(strip_end_tokens(visible.text))
    own = own_words(text)
    found = _read(own, choices, letters)
    return found if found.letter or len(own) == len(text) else _read(text, choices, letters)


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
            later = tokenize(around_letters(plain(text[value.end :])))
            taken_back = _committed(later, _statements(later, letters), letters, Claim.CORRECT)
            if taken_back and taken_back.letter:
                return taken_back
            return Extraction(found.letter, "tagged")
        if found.reason == "out_of_range" or not (value.boxed or found.reason == "no_letter"):
            return found
    formatted, text = text, plain(text)
    if whole := _WHOLE.fullmatch(text):
        return _settle(whole[1].upper(), "letter", letters)
    return _read_prose(text, formatted, choices, letters)


def _read_prose(text: str, formatted: str, choices: Sequence[str], letters: str) -> Extraction:
    text = _without_cited_texts(text, choices, letters)
    tokens = tokenize(around_letters(text))
    statements = _statements(tokens, letters)
    if found := _committed(tokens, statements, letters, Claim.LIKELY):
        return found
    if entry := chosen_entry(formatted):
        return _settle(entry, "tagged", letters)
    if left := _only_one_left(statements, letters):
        return Extraction(left, "anchored")
    options = matching_options(text, choices[: len(letters)])
    if reason := _denial(text):
        options = [index for index in options if _denial(choices[index])]
        if not options:
            return _nothing(reason)
    return _unannounced(tokens, statements, options, letters)


def _statements(tokens: Tokens, letters: str) -> list[_Statement]:
    """Classify every mention of a letter."""
    statements: list[_Statement] = []
    before = Claim.NEUTRAL
    for mention in find_mentions(tokens):
        known = all(letter in letters for letter in mention.letters)
        if not known and tokens.words[mention.last - mention.bracketed].islower():
            continue  # a variable
        before, method = claim(tokens, mention, before), "anchored"
        if mention.listed:
            before = list_verdict(tokens, mention)
        elif before in (Claim.NEUTRAL, Claim.OFFERED) and (form := _form(tokens, mention)):
            before, method = Claim.LIKELY, form
        statements.append(_Statement(mention, before, method))
    return statements


def _form(tokens: Tokens, mention: Mention) -> str | None:
    """Tell a letter that is a line of its own, or that begins the reply."""
    first, last = mention.first - 1, mention.last + 1
    while tokens.word(first) and (
        tokens.role(first) & (Role.OPTION | Role.QUOTE) or tokens.word(first) in _BULLETS
    ):
        first -= 1
    if tokens.word(first) not in ("", "\n"):
        return None
    after = last
    while tokens.word(after) and tokens.word(after) in _TRAILING:
        after += 1
    if tokens.word(after) in ("", "\n") and tokens.word(last) != "?":
        return "line"
    delimited = (
        tokens.role(last) & (Role.STOP | Role.DELIMITER | Role.BECAUSE)
        or mention.last > mention.first
    )
    if mention.bracketed and tokens.words[mention.first + 1].islower():
        delimited = delimited and len(tokens.text) < _SHORT  # "(a) The …" numbers a part
    return "leading" if first < 0 and delimited and tokens.word(last) not in ("?", "/") else None


def _committed(
    tokens: Tokens, statements: list[_Statement], letters: str, least: Claim
) -> Extraction | None:
    """Read the last letter that the text commits itself to."""
    for place in range(len(statements) - 1, -1, -1):
        last = statements[place]
        found = last.mention.letters
        known = all(letter in letters for letter in found)
        firm = last.claim >= Claim.CORRECT or last.method == "leading"
        if last.claim < least or not (known or firm):
            continue
        if last.claim >= Claim.CORRECT and _contradicted(tokens, statements[:place], last):
            return _nothing("ambiguous")
        return _settle(found, last.method, letters)
    return None


def _contradicted(tokens: Tokens, earlier: list[_Statement], last: _Statement) -> bool:
    """Whether a text states another letter as firmly, and takes none of that back."""
    for statement in reversed(earlier):
        narrows = set(last.mention.letters) <= set(statement.mention.letters)
        if statement.claim is last.claim and not narrows:
            between = range(statement.mention.last, last.mention.first)
            return not any(
                tokens.roles[place] & _TAKES_BACK or tokens.lower[place] in _TURNS
                for place in between
            )
    return False


def _only_one_left(statements: list[_Statement], letters: str) -> str | None:
    """Read the one entry of a list of all options that the list does not turn down."""
    listed = [statement for statement in statements if statement.mention.listed]
    left = {s.mention.letters for s in listed if s.claim is not Claim.REJECTED}
    if len(listed) == len(letters) > 2 and len(left) == 1:
        return left.pop()
    return None


def _unannounced(
    tokens: Tokens, statements: list[_Statement], options: list[int], letters: str
) -> Extraction:
    mentioned = {letter for s in statements for letter in s.mention.letters if letter in letters}
    offered = [
        s
        for s in statements
        if s.claim is Claim.OFFERED and s.mention.strong and set(s.mention.letters) <= mentioned
    ]
    if len(mentioned) == 1:
        lone = [s for s in statements if s.mention.letters in mentioned]
        if all(s.claim >= Claim.NEUTRAL for s in lone) and any(
            s.mention.strong and not in_negated_clause(tokens, s.mention) for s in lone
        ):
            return Extraction(mentioned.pop(), "lone")
    if len({s.mention.letters for s in offered}) == 1 and len(offered[0].mention.letters) == 1:
        return Extraction(offered[0].mention.letters, "anchored")
    if len(options) == 1:
        return Extraction(letters[options[0]], "option_text")
    return _nothing("ambiguous" if len(mentioned) > 1 or len(options) > 1 else "no_letter")


def _without_cited_texts(text: str, choices: Sequence[str], letters: str) -> str:
    """Leave the letter alone where a text names an option by both: "a red hat (B)"."""
    for letter, choice in zip(letters, choices, strict=False):
        if f"({letter})" in text and len(choice.strip()) > 1:
            own = re.escape(choice.strip())
            cited = rf"(?<!\w){own}[\s.,\"']*(?=\({letter}\))|(?<=\({letter}\)) *{own}(?!\w)"
            text = re.sub(cited, "", text, flags=re.IGNORECASE)
    return text


def _denial(text: str) -> str | None:
    """Say whether a text refuses to answer, or finds that no option is right."""
    lower = f" {text.lower()} "
    for refuses, reason in ((True, "refusal"), (False, "out_of_range")):
        for words, refusals, none_fits in _DENIALS:
            for part in _parts_with(words, lower):
                if any(pattern.search(part) for pattern in (refusals if refuses else none_fits)):
                    return reason
    return None


def _parts_with(words: tuple[str, ...], text: str) -> Iterator[str]:
    """Yield the sentences that hold one of some words; the text as it is where there are none."""
    if not words:
        yield text
    elif any(word in text for word in words):
        for part in _SENTENCE_END.split(text):
            if any(word in part for word in words):
                yield part
