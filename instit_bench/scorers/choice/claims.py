"""What a text does with an option letter: states it, offers it, or turns it down."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from instit_bench.scorers.choice.mentions import Mention
from instit_bench.scorers.choice.tokens import Role, Tokens


class Claim(IntEnum):
    """The part a letter plays; from ``LIKELY`` on the text commits itself to it."""

    REJECTED = -2  # "not A", "A is wrong"
    ASIDE = -1  # somebody else's, an earlier, a second or a supposed answer; a question
    NEUTRAL = 0
    OFFERED = 1  # "it might be A", "the largest lobe is (A)"
    LIKELY = 2  # "so A", "which matches A"
    CORRECT = 3  # "A is correct"
    STATED = 4  # "the answer is A"


_SUBJECTS = frozenset(
    "it this that which these frame frames image images video clip scene picture evidence description"
    " it's that's c'est facts observation".split()
)
_NOT_A_VERDICT = frozenset(
    "angle angles angled triangle triangles hand side foot leg arm half of next before after about"
    " in regarding for to image figure diagram".split()
)
_FIGURES = frozenset("angle angles angled triangle triangles hand side foot leg half view".split())
_FORCED = frozenset("forced must pressed guess guessing choose needed".split())
_ABOUT_QUESTION = frozenset(
    "question asked asking ask answer option instead different otherwise choice".split()
)
_SUBJUNCTIVE = frozenset(["would", "were"])
_PASSED = (
    Role.FILLER
    | Role.QUOTE
    | Role.COMMA
    | Role.OPTION
    | Role.CORRECT
    | Role.ANSWER
    | Role.DELIMITER
)
_AUXILIARIES = frozenset("would does do did has have can will should".split())
_SENTENCE_REACH, _LEFT_REACH, _HEAD_REACH, _RIGHT_REACH = 60, 12, 25, 14


def claim(tokens: Tokens, mention: Mention, before: Claim = Claim.NEUTRAL) -> Claim:
    """Say what a text does with a letter.

    Args:
        tokens: The text.
        mention: The letter in it.
        before: What it did with the letter before this one.
    """
    right = _right(tokens, mention)
    left = _left(tokens, mention, before)
    if left is Claim.STATED and tokens.role(_after(tokens, mention)) & Role.NEGATION:
        return left  # "The answer is (C) can't be predicted"
    if right is Claim.REJECTED and _is_exception(tokens, mention):
        return Claim.STATED
    if Claim.REJECTED in (left, right):
        return Claim.REJECTED
    if right is Claim.ASIDE or (left is Claim.ASIDE and right < Claim.CORRECT):
        return Claim.ASIDE
    return _under_condition(tokens, mention, max(left, right))


def sentence_start(tokens: Tokens, index: int) -> int:
    """Find where the sentence of a token begins."""
    first = max(0, index - _SENTENCE_REACH)
    while index > first and not tokens.roles[index - 1] & Role.END:
        index -= 1
    return index


def ends_clause(tokens: Tokens, mention: Mention) -> bool:
    """Whether a letter is all that its clause says."""
    role = tokens.role(_after(tokens, mention))
    tag = tokens.word(_after(tokens, mention)) == "<"
    return tag or bool(role & (Role.STOP | Role.BECAUSE | Role.DELIMITER))


def in_negated_clause(tokens: Tokens, mention: Mention) -> bool:
    """Whether something is denied between the last comma or full stop and a letter."""
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
            if role & (Role.YES | Role.CORRECT) and tokens.word(place + 1) not in _NOT_A_VERDICT:
                return Claim.CORRECT
        index += 1
    return Claim.NEUTRAL


def _after(tokens: Tokens, mention: Mention) -> int:
    """The first token after a letter, closing marks and the noun "option" aside."""
    index = mention.last + 1
    while tokens.word(index) and (
        tokens.role(index) & Role.QUOTE and tokens.word(index) not in "([<"
    ):
        index += 1
    return index


def _is_exception(tokens: Tokens, mention: Mention) -> bool:
    """Whether all but this letter are turned down: "everything except D is wrong"."""
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


def _left(tokens: Tokens, mention: Mention, before: Claim) -> Claim:
    """Read the words before a letter, from the letter backwards."""
    index, passed = _past_fillers(tokens, mention, before)
    role = tokens.role(index)
    if _turns_down(tokens, index):
        return Claim.REJECTED
    if role & Role.BUT and before is Claim.REJECTED:
        return Claim.STATED
    if _is_copula(tokens, index) and not _in_enumeration(tokens, index, mention, passed):
        if role & Role.NEGATION:
            return Claim.REJECTED
        found = _head(tokens, index, passed)
        return max(found, _choice(tokens, index, passed)) if role & Role.CHOSEN else found
    if _is_verb(tokens, index) and not _is_subject(tokens, mention):
        return _choice(tokens, index, passed)
    return _unannounced(tokens, mention, index, passed)


def _past_fillers(tokens: Tokens, mention: Mention, before: Claim) -> tuple[int, list[int]]:
    """Go back over the words that change nothing, to the one that says what a letter is."""
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
            or not role & _PASSED
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
    """Whether a letter has a verb of its own: of "I think B is …" what follows decides."""
    verb = tokens.role(_after(tokens, mention))
    return bool(verb & Role.COPULA) and not verb & Role.DELIMITER


def _is_interjection(tokens: Tokens, index: int) -> bool:
    """Whether "no" answers what was said before: "No, B", "no wait, B"."""
    return bool(tokens.role(index) & Role.REVISE) and tokens.word(index + 1) in (",", "wait", ":")


def _unannounced(tokens: Tokens, mention: Mention, index: int, passed: list[int]) -> Claim:
    """Judge a letter that no verb announces: "Answer B", "so B", "wait, B"."""
    if _was_changed(tokens, index):
        return Claim.STATED
    if not ends_clause(tokens, mention):
        return Claim.NEUTRAL
    if nouns := [place for place in passed if tokens.role(place) & Role.ANSWER]:
        return _modified(tokens, nouns[-1], Claim.STATED)
    if tokens.word(index) == ">" and not tokens.role(index - 1) & Role.COPULA:
        return Claim.NEUTRAL
    roles = [tokens.role(index), *(tokens.role(place) & ~Role.FILLER for place in passed)]
    announced = any(role & (Role.SO | Role.REVISE) for role in roles)
    return Claim.LIKELY if announced else Claim.NEUTRAL


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
            return Claim.OFFERED if tokens.word(place + 1) in _AUXILIARIES else Claim.ASIDE
        spoken = spoken or bool(role & Role.SPEAKER)
    if spoken or chosen:
        return Claim.STATED
    return Claim.NEUTRAL


def _head(tokens: Tokens, copula: int, passed: list[int]) -> Claim:
    """Judge a letter after "is" or a colon by what it is said of."""
    if any(tokens.role(place) & Role.OTHER & ~Role.FILLER for place in passed):
        return Claim.ASIDE
    delimiter = bool(tokens.role(copula) & Role.DELIMITER)
    if delimiter and tokens.role(copula - 1) & (Role.SO | Role.REVISE) & ~Role.FILLER:
        return Claim.LIKELY
    first = max(sentence_start(tokens, copula), copula - (6 if delimiter else _HEAD_REACH))
    near = range(copula - 1, max(first, copula - 3) - 1, -1)
    hedged = any(tokens.role(place) & Role.HEDGE for place in near if copula - place < 3)
    for index in range(copula - 1, first - 1, -1):
        if _is_head(tokens, index):
            return _modified(tokens, index, Claim.OFFERED if hedged else Claim.STATED)
        if len(tokens.words[index]) == 1 and "A" <= tokens.words[index] <= "Z":
            break
        if index in near and tokens.role(index) & Role.NEGATION:
            return Claim.REJECTED
        if index in near and tokens.role(index) & Role.IF_:
            return Claim.ASIDE
    named = any(tokens.word(place) in _SUBJECTS for place in (copula, *near))
    return Claim.LIKELY if named and not delimiter and not hedged else Claim.OFFERED


def _is_head(tokens: Tokens, index: int) -> bool:
    """Whether a word says that the answer is spoken of; the right of "right angle" does not."""
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


def _right(tokens: Tokens, mention: Mention) -> Claim:
    """Read the words after a letter for a verdict on it."""
    start = _after(tokens, mention)
    if tokens.word(start) == "?":
        return _answered(tokens, start + 1)
    if tokens.word(start) in ("instead", "over") or tokens.word(start + 1) == "than":
        return Claim.LIKELY
    reading = _Right(
        tokens,
        start,
        delimited=bool(tokens.role(start) & (Role.DELIMITER | Role.COMMA)),
        insertion=mention.head or tokens.word(start) in (",", "(", ".", ")"),
    )
    for index in range(start, start + _RIGHT_REACH):
        role = tokens.role(index)
        opens_entry = index == start and mention.head and tokens.word(index) == "."
        if role & Role.END and not opens_entry:
            break
        if (found := reading.read(index, role)) is not None:
            return found
    return Claim.NEUTRAL


@dataclass(slots=True)
class _Right:
    """What was read so far on the way from a letter to a verdict.

    ``insertion`` allows other words in between ("(D), unknown, is incorrect"), ``skipped`` says
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
        elif not (role & _PASSED or word in _AUXILIARIES or word == "only"):
            if self.copula or not self.insertion:
                return Claim.NEUTRAL
            self.skipped = True
        return None

    def _is_verdict(self, index: int, role: int) -> bool:
        word, following = self.tokens.word(index), self.tokens.word(index + 1)
        if following in _NOT_A_VERDICT:
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
    """Whether a negation is about what follows it: "C, not D", "C, no chair is seen"."""
    if index > start and tokens.word(index - 1) == ",":
        return True
    return any(
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
