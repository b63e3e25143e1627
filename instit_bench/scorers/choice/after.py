"""Read the words after a letter: do they confirm or reject it?"""

from __future__ import annotations

from dataclasses import dataclass

from instit_bench.scorers.choice.context import (
    AUXILIARIES,
    NOT_A_VERDICT,
    PASSED,
    Claim,
    after_letter,
)
from instit_bench.scorers.choice.letters import Mention
from instit_bench.scorers.choice.tokens import Role, Tokens

_RIGHT_REACH = 14
_CONDITIONS, _TRUTH = ("when", "whenever", "if", "that", "where"), ("true", "false")


def read_after(tokens: Tokens, mention: Mention) -> Claim:
    """Read the words after a letter and return what they say about it."""
    start = after_letter(tokens, mention)
    if tokens.word(start) == "?":
        return _answered(tokens, start + 1)
    if tokens.word(start) in ("instead", "over") or tokens.word(start + 1) == "than":
        return Claim.LIKELY
    if tokens.role(start) & Role.CHOOSE and _spoken(tokens, mention.first - 3):
        return Claim.STATED  # "Ich würde C wählen"
    reading = _Right(
        tokens,
        start,
        delimited=bool(tokens.role(start) & (Role.DELIMITER | Role.COMMA)),
        insertion=mention.head or tokens.word(start) in (",", "(", ".", ")"),
    )
    # "The expression is true when A is false" is not about an option.
    proposition = tokens.word(mention.first - 1) in _CONDITIONS
    for index in range(start, start + _RIGHT_REACH):
        role = tokens.role(index)
        opens_entry = index == start and mention.head and tokens.word(index) == "."
        if (role & Role.END and not opens_entry) or (proposition and tokens.word(index) in _TRUTH):
            break
        if (found := reading.read(index, role)) is not None:
            return found
    return Claim.NEUTRAL


@dataclass(slots=True)
class _Right:
    """What was read so far between a letter and a verdict on it.

    ``insertion`` allows other words in between ("(D), unknown, is incorrect"); ``skipped`` says
    that there were some.
    """

    tokens: Tokens
    start: int
    delimited: bool
    insertion: bool
    copula: bool = False
    hedged: bool = False
    skipped: bool = False

    def read(self, index: int, role: int) -> Claim | None:
        """Read one token; ``None`` to go on."""
        if role & Role.WRONG and (self.copula or self.delimited or index == self.start):
            return Claim.REJECTED
        if role & Role.NEGATION:
            denied = not self.skipped and not _negates_another(self.tokens, index, self.start)
            return Claim.REJECTED if denied else Claim.NEUTRAL
        if role & (Role.CORRECT | Role.ANSWER) and self._is_verdict(index, role):
            if self.skipped and not _full_verdict(self.tokens, index):
                return Claim.NEUTRAL
            return Claim.OFFERED if self.hedged else Claim.CORRECT
        if role & Role.FITS and not self.skipped:
            return Claim.STATED if self.copula else _fitting(self.tokens, index)
        return self._pass(index, role)

    def _pass(self, index: int, role: int) -> Claim | None:
        word = self.tokens.word(index)
        if role & Role.COPULA and not role & Role.DELIMITER:
            self.copula = True
        elif role & Role.BECAUSE:
            return Claim.NEUTRAL
        elif role & Role.HEDGE:
            self.hedged = True
        elif self.copula and word == "what" and _spoken(self.tokens, index + 1):
            return Claim.STATED
        elif not (role & PASSED or word in AUXILIARIES or word == "only"):
            if self.copula or not self.insertion:
                return Claim.NEUTRAL
            self.skipped = True
        return None

    def _is_verdict(self, index: int, role: int) -> bool:
        word, following = self.tokens.word(index), self.tokens.word(index + 1)
        if following in NOT_A_VERDICT:
            return following in ("for", "about", "in", "to") and bool(role & Role.ANSWER)
        if role & Role.FILLER and self.tokens.role(index + 1) & Role.FITS:
            return True
        if word in ("best", "most") or (role & Role.ANSWER and not role & Role.CORRECT):
            return self.copula
        if self.copula or not word.isascii():
            return True
        ends = Role.STOP | Role.BECAUSE | Role.OPTION | Role.ANSWER | Role.DELIMITER
        near = index < self.start + 3
        return self.delimited and near and bool(self.tokens.role(index + 1) & ends)


def _negates_another(tokens: Tokens, index: int, start: int) -> bool:
    """Whether a negation applies to what follows it: "C, not D", "C, no chair is seen"."""
    if index > start and tokens.word(index - 1) == ",":
        return True
    return tokens.word(index).isascii() and any(
        len(tokens.word(place)) == 1 and tokens.words[place].isupper()
        for place in range(index + 1, min(index + 4, len(tokens.words)))
    )


def _spoken(tokens: Tokens, index: int) -> bool:
    return any(tokens.role(place) & Role.SPEAKER for place in range(index, index + 3))


def _answered(tokens: Tokens, index: int) -> Claim:
    """Read the reply to a question about a letter: "C? Yes."."""
    while tokens.role(index) & Role.QUOTE or tokens.word(index) == "\n":
        index += 1
    role = tokens.role(index)
    if role & Role.NO and index < len(tokens.words):
        return Claim.REJECTED
    if role & Role.YES and index < len(tokens.words):
        return Claim.CORRECT
    return Claim.ASIDE


def _full_verdict(tokens: Tokens, index: int) -> bool:
    return bool(
        tokens.role(index) & Role.ANSWER
        or tokens.role(index + 1) & (Role.ANSWER | Role.OPTION | Role.STOP)
    )


def _fitting(tokens: Tokens, index: int) -> Claim:
    """Judge "B fits", "B best describes …", "B matches what is seen most closely"."""
    if tokens.role(index - 1) & Role.CORRECT or tokens.word(index - 1).endswith("ly"):
        return Claim.STATED
    if tokens.role(index + 1) & Role.STOP:
        return Claim.LIKELY
    for place in range(index + 1, index + 12):
        if tokens.role(place) & Role.END:
            break
        if tokens.word(place) in ("best", "better", "most", "perfectly", "exactly", "closely"):
            return Claim.STATED
    return Claim.NEUTRAL
