"""What a text says about each letter, and the last letter that it commits to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from instit_bench.scorers.choice.claims import claim, list_verdict
from instit_bench.scorers.choice.context import Claim
from instit_bench.scorers.choice.language import words
from instit_bench.scorers.choice.letters import Mention
from instit_bench.scorers.choice.mentions import find_mentions
from instit_bench.scorers.choice.tokens import Role, Tokens

_BULLETS, _TRAILING = "-–—>•\"'[(|✓✔✅✗❌:", ".,:;!)]\"'|»」"
# "(a) The …" at the start of a longer text numbers a part of the question.
_SHORT = 150
_TAKES_BACK = Role.REVISE | Role.OTHER | Role.NEGATION
_TURNS = words(
    "hmm however but let again check checking reconsider looking reviewing changed yet instead"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A mention, what the text does with it, and the method that found this out."""

    mention: Mention
    claim: Claim
    method: str


def read_statements(tokens: Tokens, letters: str) -> list[Statement]:
    """Classify every mention of a letter; ``letters`` are the option letters."""
    statements: list[Statement] = []
    before = Claim.NEUTRAL
    for mention in find_mentions(tokens):
        if not set(mention.letters) <= set(letters) and mention.small:
            continue  # a variable
        before, method = claim(tokens, mention, before), "anchored"
        if mention.listed:
            before = list_verdict(tokens, mention)
        elif before in (Claim.NEUTRAL, Claim.OFFERED) and (form := _form(tokens, mention)):
            before, method = Claim.LIKELY, form
        statements.append(Statement(mention, before, method))
    return statements


def last_commitment(
    tokens: Tokens, statements: Sequence[Statement], letters: str, least: Claim
) -> tuple[str, str] | None:
    """Find the last letter that a text commits to.

    Returns:
        The letter, or several if the text does not choose between them, and the method.
    """
    for place in range(len(statements) - 1, -1, -1):
        last = statements[place]
        known = set(last.mention.letters) <= set(letters)
        firm = last.claim >= Claim.CORRECT or last.method == "leading"
        if last.claim < least or not (known or firm):
            continue
        found = last.mention.letters
        if last.claim >= Claim.CORRECT:
            found += _contradiction(tokens, statements[:place], last)
        return found, last.method
    return None


def only_one_left(statements: Sequence[Statement], letters: str) -> str | None:
    """Return the only entry that a list of all options does not reject."""
    listed = [statement for statement in statements if statement.mention.listed]
    left = {s.mention.letters for s in listed if s.claim is not Claim.REJECTED}
    if len(listed) == len(letters) > 2 and len(left) == 1:
        return left.pop()
    return None


def _form(tokens: Tokens, mention: Mention) -> str | None:
    """Return the method if a letter is a line of its own, or begins the reply."""
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
    if mention.bracketed and mention.small:
        delimited = delimited and len(tokens.text) < _SHORT
    return "leading" if first < 0 and delimited and tokens.word(last) not in ("?", "/") else None


def _contradiction(tokens: Tokens, earlier: Sequence[Statement], last: Statement) -> str:
    """Find a letter that the text stated as firmly before and did not take back."""
    for statement in reversed(earlier):
        narrows = set(last.mention.letters) <= set(statement.mention.letters)
        if statement.claim >= last.claim and not narrows:
            between = range(statement.mention.last, last.mention.first)
            taken_back = any(
                tokens.roles[place] & _TAKES_BACK or tokens.lower[place] in _TURNS
                for place in between
            )
            return "" if taken_back else statement.mention.letters
    return ""
