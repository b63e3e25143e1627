"""Split a reply into tokens, each with its possible roles."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from instit_bench.scorers.choice.language import Language
from instit_bench.scorers.choice.languages import LANGUAGES


class Role:
    """What a token does around an option letter, as bits; see ``Language``.

    Plain integers: an ``IntFlag`` costs microseconds per token.
    """

    ANSWER = 1 << 0
    OPTION = 1 << 1
    COPULA = 1 << 2
    FILLER = 1 << 3
    SPEAKER = 1 << 4
    CHOOSE = 1 << 5
    CHOSEN = 1 << 6
    CORRECT = 1 << 7
    WRONG = 1 << 8
    FITS = 1 << 9
    NEGATION = 1 << 10
    INSTEAD = 1 << 11
    OTHER = 1 << 12
    HEDGE = 1 << 13
    IF_ = 1 << 14
    BECAUSE = 1 << 15
    SO = 1 << 16
    REVISE = 1 << 17
    BUT = 1 << 18
    OR_ = 1 << 19
    AND_ = 1 << 20
    YES = 1 << 21
    NO = 1 << 22
    END = 1 << 23
    STOP = 1 << 24
    DELIMITER = 1 << 25
    QUOTE = 1 << 26
    COMMA = 1 << 27
    SLASH = 1 << 28


_NO_SPACES = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = rf"(?:[^\W\d_{_NO_SPACES}]|[\u0900-\u0963\u0610-\u061a\u064b-\u065f])"
_PUNCTUATION = {
    **dict.fromkeys(".!?;\n。！？；", Role.END | Role.STOP),
    **dict.fromkeys(",，", Role.COMMA | Role.STOP),
    **dict.fromkeys("、/|&", Role.SLASH | Role.STOP),
    **dict.fromkeys(":：", Role.COPULA | Role.DELIMITER | Role.STOP),
    **dict.fromkeys("-–—", Role.COPULA | Role.DELIMITER),
    **dict.fromkeys("=→⇒>", Role.COPULA | Role.SO),
    "∴": Role.SO,
    **dict.fromkeys("([{\"'“‘「『【《<〈", Role.QUOTE),
    **dict.fromkeys(")]}”’」』】》〉", Role.QUOTE | Role.STOP),
    **dict.fromkeys("✓✔✅☑", Role.YES | Role.CORRECT),
    **dict.fromkeys("✗✘❌☒", Role.NO | Role.WRONG),
}
_PARTS = tuple(entry.name for entry in fields(Language) if hasattr(Role, entry.name.upper()))


def _roles() -> dict[str, int]:
    roles: dict[str, int] = dict(_PUNCTUATION)
    for language in LANGUAGES:
        for part in _PARTS:
            for word in getattr(language, part).split():
                roles[word] = roles.get(word, 0) | getattr(Role, part.upper())
    return roles


ROLES = _roles()
_UNSPACED = sorted(
    (word for word in ROLES if re.match(f"[{_NO_SPACES}]", word)), key=len, reverse=True
)
_SPACED = (
    rf"\n|\[\d+\]|<\d+(?:\.\d+)?>|\d+(?:[.,]\d+)*%?|[A-Z](?='d[iı]r)|{_WORD}+(?:'{_WORD}+)*|\S"
)
# The spaces are part of a match so that none is tried as the beginning of one.
_ASCII_TOKEN = re.compile(
    r"[^\S\n]*([A-Za-z]+(?:'[A-Za-z]+)*|\n|\[\d+\]|<\d+(?:\.\d+)?>|\d+(?:[.,]\d+)*%?|\S)"
)
_TOKEN = re.compile(rf"(?=[{_NO_SPACES}])(?:{'|'.join(_UNSPACED)}|.)|{_SPACED}")


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text's tokens: the original, lower case, where they begin, and their roles as bits."""

    text: str
    words: list[str]
    lower: list[str]
    starts: list[int]
    roles: list[int]

    def touches(self, index: int) -> bool:
        """Whether no space separates a token from the next one."""
        return (
            0 <= index < len(self.words) - 1
            and self.starts[index] + len(self.words[index]) == self.starts[index + 1]
        )

    def word(self, index: int) -> str:
        """A token in lower case; an empty string beyond either end."""
        return self.lower[index] if 0 <= index < len(self.lower) else ""

    def role(self, index: int) -> int:
        """A token's roles; the end of a sentence beyond either end."""
        return self.roles[index] if 0 <= index < len(self.roles) else Role.END | Role.STOP


def tokenize(text: str) -> Tokens:
    """Split a text into words, numbers, object marks, times, line ends and single characters."""
    pattern = _ASCII_TOKEN if text.isascii() else _TOKEN
    words = pattern.findall(text)
    lower = [word.lower() for word in words]
    starts, place = [], 0
    for word in words:
        place = text.index(word, place)
        starts.append(place)
        place += len(word)
    roles = [ROLES.get(word, 0) for word in lower]
    if "n't" in text.lower():
        for index, word in enumerate(lower):
            if not roles[index] and word.endswith("n't"):
                roles[index] = Role.NEGATION | Role.COPULA
    return Tokens(text, words, lower, starts, roles)
