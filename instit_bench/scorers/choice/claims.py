"""What a text does with an option letter: states it, offers it, or turns it down."""

from __future__ import annotations

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
    if right is Claim.REJECTED:
        return Claim.STATED if _is_exception(tokens, mention) else right
    if Claim.REJECTED in (left, right):
        return Claim.REJECTED
    if right is Claim.ASIDE or (left is Claim.ASIDE and right < Claim.CORRECT):
        return Claim.ASIDE
    best = max(left, right)
    return _under_condition(tokens, mention, best)


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
    sentence = []
    index = start
    while index < len(tokens.words) and index < mention.last + 40:
        if index > mention.last and tokens.roles[index] & Role.END:
            break
        sentence.append(tokens.lower[index])
        index += 1
    conditions = [place for place, word in enumerate(sentence) if _is_condition(sentence, place)]
    if (
        not conditions
        or "would" not in sentence
        and "were" not in sentence
        and "'d" not in sentence
    ):
        return found
    clause = sentence[conditions[0] : conditions[0] + 9]
    if _FORCED.intersection(clause[1:6]) or clause[2:4] == ["had", "to"]:
        return found
    letter = mention.first - start
    if conditions[0] > letter or _ABOUT_QUESTION.intersection(clause):
        return Claim.ASIDE
    return Claim.OFFERED


def _is_condition(sentence: list[str], place: int) -> bool:
    word = sentence[place]
    return word in ("if", "unless", "wenn", "si") or (word in ("had", "were") and place == 0)


def _left(tokens: Tokens, mention: Mention, before: Claim) -> Claim:
    """Read the words before a letter, from the letter backwards."""
    index = mention.first - 1
    noun = -1
    passed: list[int] = []
    for _ in range(_LEFT_REACH):
        role, word = tokens.role(index), tokens.word(index)
        if word == "\n":
            if not tokens.role(index - 1) & Role.COPULA:
                break
        elif role & Role.INSTEAD or (role & Role.NEGATION and not _is_interjection(tokens, index)):
            return Claim.REJECTED
        elif role & Role.BUT and before is Claim.REJECTED:
            return Claim.STATED
        elif role & Role.COPULA and not role & Role.SO:
            if index < mention.first - 1 and tokens.role(index + 1) & Role.COMMA and not passed[1:]:
                break
            if role & Role.NEGATION:
                return Claim.REJECTED
            found = _head(tokens, index, passed)
            return max(found, _choice(tokens, index, passed)) if role & Role.CHOSEN else found
        elif role & (Role.CHOOSE | Role.CHOSEN) and not _is_noun(tokens, index):
            return _choice(tokens, index, passed)
        elif role & Role.ANSWER:
            noun = index
            passed.append(index)
        elif role & (Role.SO | Role.REVISE) and not role & Role.FILLER:
            break
        elif role & (Role.FILLER | Role.QUOTE | Role.COMMA | Role.OPTION | Role.CORRECT):
            passed.append(index)
        else:
            break
        index -= 1
    return _unannounced(tokens, mention, index, noun, passed)


def _is_noun(tokens: Tokens, index: int) -> bool:
    """Whether a verb of choosing stands after an article or an adjective: "the answer", "my pick"."""
    if not tokens.role(index) & (Role.ANSWER | Role.OPTION):
        return False
    return not tokens.role(index - 1) & Role.SPEAKER or tokens.word(index - 1) in ("my",)


def _is_interjection(tokens: Tokens, index: int) -> bool:
    """Whether "no" answers what was said before: "No, B", "no wait, B"."""
    return bool(tokens.role(index) & Role.REVISE) and tokens.word(index + 1) in (",", "wait", ":")


def _unannounced(
    tokens: Tokens, mention: Mention, index: int, noun: int, passed: list[int]
) -> Claim:
    """Judge a letter that no verb announces: "Answer B", "so B", "wait, B"."""
    role = tokens.role(index)
    if _was_changed(tokens, index):
        return Claim.STATED
    if not ends_clause(tokens, mention):
        return Claim.NEUTRAL
    if noun >= 0:
        return _modified(tokens, noun, Claim.STATED)
    announces = Role.SO | Role.REVISE
    if tokens.word(index) == ">" and not tokens.role(index - 1) & Role.COPULA:
        return Claim.NEUTRAL
    if role & announces or any(tokens.role(place) & announces & ~Role.FILLER for place in passed):
        return Claim.LIKELY
    return Claim.NEUTRAL


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
    reach = 6 if delimiter else _HEAD_REACH
    start = sentence_start(tokens, copula)
    subject = tokens.word(copula) in _SUBJECTS
    hedged = False
    for index in range(copula - 1, max(start, copula - reach) - 1, -1):
        role, word = tokens.role(index), tokens.word(index)
        named = role & (Role.ANSWER | Role.OPTION | Role.CORRECT) and not (
            word in ("match", "matches") or tokens.word(index + 1) in _FIGURES
        )
        if named or (word == "likely" and tokens.word(index - 1) == "most"):
            return _modified(tokens, index, Claim.OFFERED if hedged else Claim.STATED)
        if len(word) == 1 and word.isalpha() and tokens.words[index].isupper():
            break
        if role & Role.NEGATION and copula - index < 4:
            return Claim.REJECTED
        if role & Role.IF_ and copula - index < 4:
            return Claim.ASIDE
        hedged = hedged or bool(role & Role.HEDGE and copula - index < 3)
        subject = subject or (copula - index < 4 and word in _SUBJECTS)
    if delimiter or not subject:
        return Claim.OFFERED
    return Claim.OFFERED if hedged else Claim.LIKELY


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
    index = _after(tokens, mention)
    if tokens.word(index) == "?":
        return _answered(tokens, index + 1)
    if tokens.word(index) in ("instead", "over") or tokens.word(index + 1) == "than":
        return Claim.LIKELY
    delimited = bool(tokens.role(index) & (Role.DELIMITER | Role.COMMA))
    copula = negated = hedged = False
    apposition = tokens.word(index) in (",", "(", ".", ")") or bool(mention.head)
    skipped = 0
    for step in range(_RIGHT_REACH):
        role, word = tokens.role(index), tokens.word(index)
        if role & Role.END and not (step == 0 and mention.head and word == "."):
            break
        if role & Role.WRONG and (copula or step == 0 or delimited):
            return Claim.NEUTRAL if negated else Claim.REJECTED
        if role & Role.NEGATION:
            if _negates_another(tokens, index, step):
                break
            if not copula and not (role & Role.COPULA) and step > 1 and skipped:
                break
            negated = True
            if not skipped:
                return Claim.REJECTED
        elif role & (Role.CORRECT | Role.ANSWER) and _is_verdict(
            tokens, index, step, copula, delimited
        ):
            if negated:
                return Claim.REJECTED
            if skipped and not _full_verdict(tokens, index):
                break
            return Claim.OFFERED if hedged else Claim.CORRECT
        elif role & Role.FITS and not skipped:
            return Claim.STATED if copula else _fitting(tokens, index)
        elif role & Role.COPULA and not role & Role.DELIMITER:
            copula = True
        elif role & Role.BECAUSE:
            break
        elif role & Role.HEDGE:
            hedged = True
        elif word in _AUXILIARIES:
            pass
        elif copula and word == "what" and _spoken(tokens, index + 1):
            return Claim.STATED
        elif role & (Role.FILLER | Role.QUOTE | Role.DELIMITER | Role.OPTION):
            pass
        elif apposition and not copula:
            skipped += 1
        elif word == "only":
            pass
        else:
            break
        index += 1
    return Claim.NEUTRAL


def _negates_another(tokens: Tokens, index: int, step: int) -> bool:
    """Whether a negation is about what follows it: "C, not D", "C, no chair is seen"."""
    if step and tokens.word(index - 1) == ",":
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


def _is_verdict(tokens: Tokens, index: int, step: int, copula: bool, delimited: bool) -> bool:
    following = tokens.word(index + 1)
    if following in _NOT_A_VERDICT:
        return following in ("for", "about", "in", "to") and bool(tokens.role(index) & Role.ANSWER)
    if tokens.role(index) & Role.FILLER and tokens.role(index + 1) & Role.FITS:
        return True
    if tokens.word(index) in ("best", "most"):
        return copula
    if tokens.role(index) & Role.ANSWER and not tokens.role(index) & Role.CORRECT:
        return copula
    if not tokens.word(index).isascii():
        return True
    return copula or (delimited and step < 3 and _ends_verdict(tokens, index + 1))


def _ends_verdict(tokens: Tokens, index: int) -> bool:
    return bool(
        tokens.role(index) & (Role.STOP | Role.BECAUSE | Role.OPTION | Role.ANSWER | Role.DELIMITER)
    )


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
