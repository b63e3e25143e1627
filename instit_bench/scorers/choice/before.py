"""Read the words before a letter: what they say the letter is, and who says it."""

from __future__ import annotations

from instit_bench.scorers.choice.context import (
    AUXILIARIES,
    PASSED,
    Claim,
    after_letter,
    ends_clause,
    sentence_start,
)
from instit_bench.scorers.choice.language import words
from instit_bench.scorers.choice.letters import Mention
from instit_bench.scorers.choice.tokens import Role, Tokens

_SUBJECTS = words(
    "it this that which these frame frames image images video clip scene picture evidence"
    " description it's that's c'est facts observation"
)
_FIGURES = words("angle angles angled triangle triangles hand side foot leg half view")
_LEFT_REACH, _HEAD_REACH = 12, 25


def read_before(tokens: Tokens, mention: Mention, before: Claim) -> Claim:
    """Read the words before a letter, from the letter backwards."""
    index, passed = _past_fillers(tokens, mention, before)
    role = tokens.role(index)
    if _turns_down(tokens, index):
        return Claim.REJECTED
    if _was_changed(tokens, index) or (role & Role.BUT and before is Claim.REJECTED):
        return Claim.STATED
    if _is_copula(tokens, index) and not _in_enumeration(tokens, index, mention, passed):
        if role & Role.NEGATION:
            return Claim.REJECTED
        found = _head(tokens, index, passed)
        return max(found, _choice(tokens, index, passed)) if role & Role.CHOSEN else found
    if _is_verb(tokens, index) and not _is_subject(tokens, mention):
        return _choice(tokens, index, passed)
    return _unannounced(tokens, mention, index, passed, before)


def _past_fillers(tokens: Tokens, mention: Mention, before: Claim) -> tuple[int, list[int]]:
    """Skip backwards over filler words to the word that says what a letter is."""
    index, passed = mention.first - 1, list[int]()
    for _ in range(_LEFT_REACH):
        role = tokens.role(index)
        if tokens.word(index) == "\n":
            if not tokens.role(index - 1) & Role.COPULA:
                break
        elif (
            _turns_down(tokens, index)
            or (role & Role.BUT and before is Claim.REJECTED)
            or _is_copula(tokens, index)
            or _is_verb(tokens, index)
            or not role & PASSED
            or (role & (Role.SO | Role.REVISE) and not role & (Role.FILLER | Role.ANSWER))
        ):
            break
        else:
            passed.append(index)
        index -= 1
    return index, passed


def _turns_down(tokens: Tokens, index: int) -> bool:
    role = tokens.role(index)
    return bool(role & Role.INSTEAD) or (
        bool(role & Role.NEGATION) and not _is_interjection(tokens, index)
    )


def _is_copula(tokens: Tokens, index: int) -> bool:
    role = tokens.role(index)
    return bool(role & Role.COPULA) and not role & Role.SO


def _is_verb(tokens: Tokens, index: int) -> bool:
    """Whether a token is a verb of choosing, and not a noun: "the answer", "my pick"."""
    role = tokens.role(index)
    if not role & (Role.CHOOSE | Role.CHOSEN):
        return False
    noun = role & (Role.ANSWER | Role.OPTION)
    return not noun or bool(
        tokens.role(index - 1) & Role.SPEAKER and tokens.word(index - 1) != "my"
    )


def _in_enumeration(tokens: Tokens, copula: int, mention: Mention, passed: list[int]) -> bool:
    """Whether a comma right after a copula begins the next entry: "A is red, B is blue"."""
    comma = tokens.role(copula + 1) & Role.COMMA
    return bool(comma) and copula < mention.first - 1 and not passed[1:]


def _is_subject(tokens: Tokens, mention: Mention) -> bool:
    """Whether a letter is the subject of its own verb: in "I think B is …" the rest decides."""
    verb = tokens.role(after_letter(tokens, mention))
    return bool(verb & Role.COPULA) and not verb & Role.DELIMITER


def _is_interjection(tokens: Tokens, index: int) -> bool:
    """Whether "no" answers what was said before: "No, B", "no wait, B"."""
    return bool(tokens.role(index) & Role.REVISE) and tokens.word(index + 1) in (",", "wait", ":")


def _unannounced(
    tokens: Tokens, mention: Mention, index: int, passed: list[int], before: Claim
) -> Claim:
    """Judge a letter that no verb announces: "Answer B", "so B", "wait, B"."""
    if not ends_clause(tokens, mention):
        return Claim.NEUTRAL
    if nouns := [place for place in passed if tokens.role(place) & Role.ANSWER]:
        return _modified(tokens, nouns[-1], Claim.STATED)
    turned = before is Claim.REJECTED and tokens.role(index) & Role.END and not passed
    return Claim.LIKELY if turned or _is_announced(tokens, index, passed) else Claim.NEUTRAL


def _is_announced(tokens: Tokens, index: int, passed: list[int]) -> bool:
    """Whether "so", "wait" or an arrow precedes a letter; the > of a ranking does not count."""
    if tokens.word(index) == ">" and not tokens.role(index - 1) & Role.COPULA:
        return False
    roles = [tokens.role(index), *(tokens.role(place) & ~Role.FILLER for place in passed)]
    return any(role & (Role.SO | Role.REVISE) for role in roles)


def _was_changed(tokens: Tokens, index: int) -> bool:
    """Whether a letter follows "from B to", "changed my answer to"."""
    if tokens.word(index + 1) != "to":
        return False
    return any(
        tokens.word(place)[:5] in ("chang", "switc", "revis", "updat")
        for place in range(max(sentence_start(tokens, index), index - 6), index + 1)
    )


def _choice(tokens: Tokens, index: int, passed: list[int]) -> Claim:
    """Judge a letter after a verb of choosing by who chooses."""
    chosen = bool(tokens.role(index) & Role.CHOSEN)
    spoken = any(tokens.role(place) & Role.SPEAKER for place in passed)
    start = sentence_start(tokens, index)
    for place in range(index - 1, max(start, index - 9) - 1, -1):
        role = tokens.role(place)
        if role & (Role.COMMA | Role.BUT):
            break
        if role & Role.NEGATION and not _is_interjection(tokens, place):
            return Claim.REJECTED
        if role & Role.OTHER:
            return Claim.OFFERED if tokens.word(place + 1) in AUXILIARIES else Claim.ASIDE
        spoken = spoken or bool(role & Role.SPEAKER)
    if spoken or chosen:
        return Claim.STATED
    return Claim.NEUTRAL


def _head(tokens: Tokens, copula: int, passed: list[int]) -> Claim:
    """Judge a letter after "is" or a colon by the subject of that clause."""
    if any(tokens.role(place) & Role.OTHER & ~Role.FILLER for place in passed):
        return Claim.ASIDE
    delimiter = bool(tokens.role(copula) & Role.DELIMITER)
    if delimiter and tokens.role(copula - 1) & (Role.SO | Role.REVISE) & ~Role.FILLER:
        return Claim.LIKELY
    first = max(sentence_start(tokens, copula), copula - (6 if delimiter else _HEAD_REACH))
    near = _near(tokens, first, copula)
    hedged = any(tokens.role(place) & Role.HEDGE for place in near if copula - place < 3)
    for index in range(copula - 1, first - 1, -1):
        if _is_head(tokens, index):
            return _modified(tokens, index, Claim.OFFERED if hedged else Claim.STATED)
        if len(tokens.words[index]) == 1 and "A" <= tokens.words[index] <= "Z":
            break
        if index in near and tokens.role(index) & (Role.NEGATION | Role.IF_ | Role.OTHER):
            denied = tokens.role(index) & (Role.NEGATION | Role.WRONG)
            return Claim.REJECTED if denied else Claim.ASIDE
    if _denied(tokens, first, copula):
        return Claim.REJECTED
    named = any(tokens.word(place) in _SUBJECTS for place in (copula, *near))
    return Claim.LIKELY if named and not delimiter and not hedged else Claim.OFFERED


def _near(tokens: Tokens, first: int, copula: int) -> list[int]:
    """Return the words just before a copula, within its own clause."""
    near = []
    for index in range(copula - 1, max(first, copula - 3) - 1, -1):
        if tokens.role(index) & Role.COMMA or tokens.word(index) == "but":
            break
        near.append(index)
    return near


def _denied(tokens: Tokens, first: int, copula: int) -> bool:
    """Whether the clause of a copula denies it: "none of the frames supports A"."""
    for index in range(copula - 1, first - 1, -1):
        if tokens.role(index) & (Role.COMMA | Role.BUT):
            return False
        if tokens.role(index) & Role.NEGATION:
            return True
    return False


def _is_head(tokens: Tokens, index: int) -> bool:
    """Whether a word refers to the answer; the "right" of "right angle" does not."""
    word = tokens.word(index)
    if word == "likely":
        return tokens.word(index - 1) == "most"
    if word in ("match", "matches") or tokens.word(index + 1) in _FIGURES:
        return False
    return bool(tokens.role(index) & (Role.ANSWER | Role.OPTION | Role.CORRECT))


def _modified(tokens: Tokens, noun: int, found: Claim) -> Claim:
    """Take back a claim whose noun is "the wrong answer", "the next best", "my first choice"."""
    start = sentence_start(tokens, noun)
    for index in range(noun, max(start, noun - 7) - 1, -1):
        role = tokens.role(index)
        if index < noun and (role & (Role.COMMA | Role.BUT) or tokens.word(index) == "-"):
            break
        if role & Role.IF_:
            return Claim.ASIDE
        if role & Role.NEGATION and not _is_interjection(tokens, index):
            return Claim.REJECTED
        if role & Role.OTHER:
            return Claim.REJECTED if role & Role.WRONG else Claim.ASIDE
    return found
