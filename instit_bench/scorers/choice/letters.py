"""Tell option letters from other letters: articles, initials, names, units, variables."""

from __future__ import annotations

import re
from dataclasses import dataclass

from instit_bench.scorers.choice.language import words
from instit_bench.scorers.choice.tokens import Role, Tokens


@dataclass(frozen=True, slots=True)
class Mention:
    """One option letter, or several joined by "or", "and" or commas.

    ``first`` and ``last`` are the indices of its tokens, brackets included. ``strong`` says that
    the letter is in brackets, begins the text or ends a clause, so it is not part of other words;
    ``head`` that it heads a line or a list entry; ``listed`` that the list goes through the
    options.
    """

    letters: str
    first: int
    last: int
    strong: bool
    bracketed: bool = False
    small: bool = False
    head: bool = False
    listed: bool = False


_OPEN, _CLOSE = "([{\"'“‘「『【《<〈", ")]}\"'”’」』】》>〉"
# After these, a letter is a name ("vitamin C"), a point in a figure ("angle A") or a quotation.
_NAMED = words(
    "vitamin plan team group person player gate grade section block exit class type terminal"
    " zone row channel hepatitis size platform building vehicle bus line area lane door floor"
    " side reads says saying shows big large huge capital angle angles triangle triangles"
    " point points vertex vertices segment segments circle circles centre center chord chords"
    " arc arcs plane planes ray rays square squares rectangle parallelogram rhombus trapezoid"
    " quadrilateral radius diameter tangent midpoint intersection node nodes variable"
    " variables constant matrix vector set event events object objects organism organisms"
    " species organ tube beaker sample solution region regions figure panel curve curves"
    " particle charge resistor switch bulb wire city town country company firm factor gene"
    " allele stage part step case phase position wave step isotope element compound substance"
    " liquid gas atom molecule structure label labeled labelled marked named called lines"
    " sides planes edge edges face faces corner corners ∠ △ ∆ ⊙ ☉ ∡"
)
_KINDS = words("type grade group size team class gate exit section")
_PLACED = words("at in on of to by through with between from")
_OPERATORS = words("+ * × ^ ÷ √ ∠ △ ∆ ⊙ ∥ ⊥ ≈ ≠ ≅ ∼ ≡ ⋅ · ° ′ ″ ² ³ % _ \\")
_AFTER_A = words(
    "is isn't was as because since and or nor but to through seems seem looks appears would"
    " could should can cannot can't does doesn't has best most correctly accurately both"
    " matches describes fits makes says shows states mentions ist oder und weil est et ou es o"
    " y porque è perché или и instead rather over vs versus are not also here happens probably"
    " only then está wäre sind wird"
)
_OPTION_NOUNS = words("option choice answer one options choices")
_FIGURES = ("triangle", "angle", "circle", "parallel", "perpendicular")
_FIGURE = re.compile(rf"\b(?:{'|'.join(_FIGURES)})s?\b")
_PAIR = re.compile(r"[A-Z](?<!\w[A-Z])[A-Z]\b")  # a line, "AB"
_CANDIDATE = re.compile(
    r"(?<![A-Za-z])(?<![A-Za-z]['’])(?:A(?! [a-z])"
    rf"|A(?= (?:{'|'.join(sorted(_AFTER_A))})\b)|"
    r"[B-Z]|[A-F]{2,5}(?![A-Za-z])"
    r"|(?<=option )[b-z]|(?<=choice )[b-z]|[a-z](?=\s*(?:$|[^\sA-Za-z0-9'’])))(?![A-Za-z])"
)
_RUN = re.compile("(?=..)A?B?C?D?E?F?")
_BEFORE, _AFTER = 260, 160


def around_letters(text: str) -> str:
    """Keep the text near letters that may be options; the rest is irrelevant."""
    kept: list[str] = []
    end = 0
    for match in _CANDIDATE.finditer(text):
        start = match.start() - _BEFORE
        if start > end:
            kept.append(" …\n… ")
        else:
            start = end
        if match.end() + _AFTER > end:
            kept.append(text[max(start, 0) : match.end() + _AFTER])
            end = match.end() + _AFTER
    return "".join(kept) + ("…" if kept and end < len(text) else "")


def single_letters(tokens: Tokens) -> list[Mention]:
    """Find every option letter, each by itself."""
    geometry = _is_geometry(tokens.text)
    return [
        mention
        for index, word in enumerate(tokens.words)
        if (len(word) == 1 and word.isascii() and word.isalpha())
        or (len(word) < 6 and word.isupper() and _RUN.fullmatch(word))
        if (mention := _letter(tokens, index, geometry=geometry))
    ]


def _is_geometry(text: str) -> bool:
    return (
        any(mark in text for mark in "∠△∆⊙")
        or (any(figure in text for figure in _FIGURES) and _FIGURE.search(text) is not None)
        or len(_PAIR.findall(text)) > 1
    )


def _letter(tokens: Tokens, index: int, *, geometry: bool) -> Mention | None:
    word = tokens.words[index]
    if len(word) > 1:
        return _run(tokens, index)
    before, after = tokens.word(index - 1), tokens.word(index + 1)
    if before and before in _OPEN and after and after in _CLOSE and tokens.touches(index - 1):
        return _bracketed(tokens, index)
    ends = _ends_clause(tokens, index + 1)
    if _is_content(tokens, index) or _is_word(tokens, index, ends=ends):
        return None
    cited = after == "(" and tokens.role(index - 1) & Role.COPULA
    alone = index == 0 or cited or (ends and not geometry and before not in _PLACED)
    last = index + 1 if after == ")" and tokens.touches(index) else index
    first = index - 1 if before == "(" and index == 1 else index
    strong = first < index or (word.isupper() and bool(alone))
    return Mention(word.upper(), first, last, strong, small=word.islower())


def _bracketed(tokens: Tokens, index: int) -> Mention | None:
    if _is_call(tokens, index - 2):
        return None
    word = tokens.words[index]
    # Chemists write [H], sets {A}; "(a) The …" numbers the parts of a question.
    strong = tokens.word(index - 1) not in "[{<" and (
        word.isupper() or _ends_clause(tokens, index + 2)
    )
    return Mention(word.upper(), index - 1, index + 1, strong, bracketed=True, small=word.islower())


def _is_content(tokens: Tokens, index: int) -> bool:
    """Whether a letter is a name, a quotation, or part of a word, a unit or a formula."""
    before, after = tokens.word(index - 1), tokens.word(index + 1)
    return (
        _inside_word(tokens, index)
        or before in _OPERATORS
        or after in _OPERATORS
        or before in _NAMED
        or (before == "and" and tokens.word(index - 3) in _NAMED)
        or (before in ("is", "was") and tokens.word(index - 2) in _KINDS)
        or (before in ("letter", "the") and _quoted(tokens, index))
        or _is_symbol(tokens, index)
        or ("/" in (before, after) and not _is_choice(tokens, index))
        or (after == "=" and not tokens.role(index - 1) & Role.ANSWER)
    )


def _is_word(tokens: Tokens, index: int, *, ends: bool) -> bool:
    """Whether a letter is the article A, the pronoun I, or a small letter in running text."""
    word = tokens.words[index]
    if word == "I":
        return tokens.word(index + 1) not in ("", "\n", ".", ")", "]")
    if tokens.word(index - 1) in ("option", "choice") and word != "a":
        return False
    return not ends and (word.islower() or (word == "A" and not _option_a(tokens, index)))


def _run(tokens: Tokens, index: int) -> Mention | None:
    """Read "AC" as two letters if it is all that follows "answer", or the whole text."""
    before = index - 1
    while tokens.word(before) and tokens.role(before) & (Role.QUOTE | Role.DELIMITER):
        before -= 1
    alone = len(tokens.words) == 1
    if not (alone or tokens.role(before) & Role.ANSWER) or not _ends_clause(tokens, index + 1):
        return None
    return Mention(tokens.words[index], index, index, strong=True)


def _is_symbol(tokens: Tokens, index: int) -> bool:
    """Whether a letter is a unit ("5 V"), a function ("P(x)") or one of a sequence ("G C A U")."""
    before, after = tokens.word(index - 1), tokens.word(index + 1)
    if before[:1].isdigit() and after not in (".", ")", ":"):
        return True
    argument = tokens.word(index + 2)
    if after == "(" and tokens.touches(index) and argument.isascii() and argument.isalpha():
        return True
    return any(
        0 <= place < len(tokens.words)
        and len(tokens.words[place]) == 1
        and "A" <= tokens.words[place] <= "Z"
        and tokens.words[place] != "I"
        for place in (index - 1, index + 1)
    )


def _is_choice(tokens: Tokens, index: int) -> bool:
    """Whether a slash separates two capitals ("A/B") and is not a division ("m/s")."""
    other = index - 2 if tokens.word(index - 1) == "/" else index + 2
    return all(
        0 <= place < len(tokens.words)
        and len(tokens.words[place]) == 1
        and tokens.words[place].isupper()
        for place in (index, other)
    )


def _is_call(tokens: Tokens, index: int) -> bool:
    """Whether a bracket continues a word, as in "arrow(s)" and "f(x)"."""
    word = tokens.word(index)
    if not word or not tokens.touches(index) or not word[-1].isalnum() or not word.isascii():
        return False
    return not tokens.role(index) & (Role.ANSWER | Role.OPTION | Role.COPULA)


def _inside_word(tokens: Tokens, index: int) -> bool:
    """Whether a letter is attached to its neighbours: "X-ray", "U.S.", "B2", "x_1"."""
    return (tokens.touches(index - 1) and _glued_before(tokens, index)) or (
        tokens.touches(index) and _glued_after(tokens, index)
    )


def _glued_before(tokens: Tokens, index: int) -> bool:
    before = tokens.words[index - 1]
    if before in "-." and tokens.touches(index - 2):
        initial = _is_initial(tokens, index - 2)
        return initial if before == "." else tokens.words[index - 2][-1].isalnum() and not initial
    return before[-1].isdigit() or before in ("_", "'", "^", "°")


def _glued_after(tokens: Tokens, index: int) -> bool:
    after, follows = tokens.words[index + 1], tokens.word(index + 2)
    if after in "-.'":
        if not tokens.touches(index + 1):
            return False
        initial = _is_initial(tokens, index + 2)
        if after == ".":
            return initial
        return follows[0].isalnum() and not initial and follows not in ("dir", "dır")
    return after[0].isdigit() or after in ("_", "^", "°", "′")


def _is_initial(tokens: Tokens, index: int) -> bool:
    return len(tokens.words[index]) == 1 and tokens.words[index].isupper()


def _quoted(tokens: Tokens, index: int) -> bool:
    """Whether a letter is one that is seen ("shows the letter D") or a kind ("the B vitamins")."""
    if tokens.word(index - 1) == "letter":
        return tokens.word(index - 3) in ("show", "shows", "with", "reads")
    after = tokens.words[index + 1] if index + 1 < len(tokens.words) else ""
    return after.isalpha() and after.islower() and after not in _OPTION_NOUNS


def _ends_clause(tokens: Tokens, index: int) -> bool:
    role = tokens.role(index)
    if role & (Role.STOP | Role.BECAUSE) or (tokens.word(index) == "<" and index > 1):
        return True
    return tokens.word(index) in "-–—\"'" and not tokens.touches(index)


def _option_a(tokens: Tokens, index: int) -> bool:
    """Whether a capital A before another word is an option and not the article."""
    after = tokens.words[index + 1]
    if not after[0].isalpha():
        return not after[0].isdigit()
    if after.islower():
        return after in _AFTER_A
    return len(after) == 1 or after.lower() in ("he", "she", "it", "they") or not after.isascii()
