"""What a text does with an option letter: states it, offers it, or rejects it."""

from __future__ import annotations

from instit_bench.scorers.choice.after import read_after
from instit_bench.scorers.choice.before import read_before
from instit_bench.scorers.choice.context import NOT_A_VERDICT, Claim, after_letter, sentence_start
from instit_bench.scorers.choice.language import words
from instit_bench.scorers.choice.letters import Mention
from instit_bench.scorers.choice.tokens import Role, Tokens

_FORCED = words("forced must pressed guess guessing choose needed")
_ABOUT_QUESTION = words(
    "question asked asking ask answer option instead different otherwise choice"
)
_SUBJUNCTIVE = frozenset(["would", "were"])


def claim(tokens: Tokens, mention: Mention, before: Claim = Claim.NEUTRAL) -> Claim:
    """Return what a text does with a letter.

    Args:
        tokens: The text.
        mention: The letter in it.
        before: What it does with the previous letter.
    """
    right = read_after(tokens, mention)
    left = read_before(tokens, mention, before)
    after = after_letter(tokens, mention)
    denied = tokens.role(after) & Role.NEGATION and tokens.word(after).isascii()
    if left is Claim.STATED and denied:
        return left  # "The answer is (C) can't be predicted"
    if right is Claim.REJECTED and _is_exception(tokens, mention):
        return Claim.STATED
    if Claim.REJECTED in (left, right):
        return Claim.REJECTED
    if right is Claim.ASIDE or (left is Claim.ASIDE and right < Claim.CORRECT):
        return Claim.ASIDE
    return _under_condition(tokens, mention, max(left, right))


def in_negated_clause(tokens: Tokens, mention: Mention) -> bool:
    """Whether a negation occurs between the last comma or full stop and a letter."""
    index = mention.first - 1
    while index >= 0 and not tokens.roles[index] & (Role.END | Role.COMMA | Role.DELIMITER):
        if tokens.roles[index] & Role.NEGATION:
            return True
        index -= 1
    return False


def list_verdict(tokens: Tokens, mention: Mention) -> Claim:
    """Read the verdict in an entry of a list: "A: false", "C. a red hat - yes"."""
    index = mention.last + 1
    while index < len(tokens.words) and tokens.words[index] != "\n" and index < mention.last + 60:
        if tokens.roles[index] & Role.DELIMITER or tokens.lower[index] in "✓✔✅☑✗✘❌☒":
            place = index + 1 if tokens.roles[index] & Role.DELIMITER else index
            role = tokens.role(place)
            if role & (Role.NO | Role.WRONG | Role.NEGATION):
                return Claim.REJECTED
            if role & (Role.YES | Role.CORRECT) and tokens.word(place + 1) not in NOT_A_VERDICT:
                return Claim.CORRECT
        index += 1
    return Claim.NEUTRAL


def _is_exception(tokens: Tokens, mention: Mention) -> bool:
    """Whether everything but this letter is rejected: "everything except D is wrong"."""
    return any(
        tokens.word(index) in ("except", "besides", "but")
        for index in range(max(0, mention.first - 2), mention.first)
    )


def _under_condition(tokens: Tokens, mention: Mention, found: Claim) -> Claim:
    """Weaken a claim that a condition in its sentence makes a supposed one."""
    if found <= Claim.NEUTRAL:
        return found
    start = sentence_start(tokens, mention.first)
    sentence = _sentence(tokens, start, mention)
    conditions = [place for place in range(len(sentence)) if _is_condition(sentence, place)]
    if not conditions or not _SUBJUNCTIVE.intersection(sentence):
        return found
    clause = sentence[conditions[0] : conditions[0] + 9]
    if "," in clause:
        clause = clause[: clause.index(",")]
    if _FORCED.intersection(clause[1:6]) or clause[2:4] == ["had", "to"]:
        return found
    if conditions[0] > mention.first - start or _ABOUT_QUESTION.intersection(clause):
        return Claim.ASIDE
    return Claim.OFFERED


def _sentence(tokens: Tokens, start: int, mention: Mention) -> list[str]:
    end = mention.last + 1
    while end < min(len(tokens.words), mention.last + 40) and not tokens.roles[end] & Role.END:
        end += 1
    return tokens.lower[start:end]


def _is_condition(sentence: list[str], place: int) -> bool:
    word = sentence[place]
    return word in ("if", "unless", "wenn", "si") or (word in ("had", "were") and place == 0)
