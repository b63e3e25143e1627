"""What a text may do with a letter, and helpers for the words around it."""

from __future__ import annotations

from enum import IntEnum

from instit_bench.scorers.choice.language import words
from instit_bench.scorers.choice.letters import Mention
from instit_bench.scorers.choice.tokens import Role, Tokens


class Claim(IntEnum):
    """The role a letter plays; from ``LIKELY`` on the text commits to it."""

    REJECTED = -2  # "not A", "A is wrong"
    ASIDE = -1  # someone else's, an earlier, a second or a hypothetical answer; a question
    NEUTRAL = 0
    OFFERED = 1  # "it might be A", "the largest lobe is (A)"
    LIKELY = 2  # "so A", "which matches A"
    CORRECT = 3  # "A is correct"
    STATED = 4  # "the answer is A"


AUXILIARIES = words("would does do did has have can will should")
# Before these, "right" and "best" are not verdicts: "a right angle", "best of".
NOT_A_VERDICT = words(
    "angle angles angled triangle triangles hand side foot leg arm half of next before after"
    " about in regarding for to image figure diagram"
)
PASSED = (
    Role.FILLER
    | Role.QUOTE
    | Role.COMMA
    | Role.OPTION
    | Role.CORRECT
    | Role.ANSWER
    | Role.DELIMITER
)
_SENTENCE_REACH = 60


def sentence_start(tokens: Tokens, index: int) -> int:
    """Find where the sentence of a token begins."""
    first = max(0, index - _SENTENCE_REACH)
    while index > first and not tokens.roles[index - 1] & Role.END:
        index -= 1
    return index


def ends_clause(tokens: Tokens, mention: Mention) -> bool:
    """Whether a letter is the whole of its clause."""
    role = tokens.role(after_letter(tokens, mention))
    tag = tokens.word(after_letter(tokens, mention)) == "<"
    return tag or bool(role & (Role.STOP | Role.BECAUSE | Role.DELIMITER))


def after_letter(tokens: Tokens, mention: Mention) -> int:
    """Return the first token after a letter, skipping closing marks and the noun "option"."""
    index = mention.last + 1
    while tokens.word(index) and (
        tokens.role(index) & Role.QUOTE and tokens.word(index) not in "([<"
    ):
        index += 1
    return index
