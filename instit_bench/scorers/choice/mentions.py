"""Finding the option letters of a text, and telling them from other letters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from instit_bench.scorers.choice.tokens import Role, Tokens


@dataclass(frozen=True, slots=True)
class Mention:
    """One option letter, or several joined by "or", "and" or commas.

    ``first`` and ``last`` are the tokens that it takes up, brackets included. ``strong`` says that
    the letter is in brackets, begins the text or ends a clause, so that it is not part of other
    words; ``head`` that it heads a line or an entry of a list; ``listed`` that the list goes
    through the options.
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
# Words after which a letter is a name ("vitamin C"), a place in a figure ("angle A") or a quotation.
_NAMED = frozenset(
    "vitamin plan team group person player gate grade section block exit class type terminal zone row"
    " channel hepatitis size platform building vehicle bus line area lane door floor side reads"
    " says saying shows big large huge capital angle angles triangle triangles point points"
    " vertex vertices segment segments circle circles centre center chord chords arc arcs plane planes"
    " ray rays square squares rectangle parallelogram rhombus trapezoid quadrilateral radius diameter"
    " tangent midpoint intersection node nodes variable variables constant matrix vector set event"
    " events object objects organism organisms species organ tube beaker sample solution region"
    " regions figure panel curve curves particle charge resistor switch bulb wire city town country"
    " company firm factor gene allele stage part step case phase position wave step isotope element"
    " compound substance liquid gas atom molecule structure label labeled labelled marked named called"
    " lines sides planes edge edges face faces corner corners ∠ △ ∆ ⊙ ☉ ∡".split()
)
_PLACED = frozenset("at in on of to by through with between from".split())
_OPERATORS = frozenset("+ * × ^ ÷ √ ∠ △ ∆ ⊙ ∥ ⊥ ≈ ≠ ≅ ∼ ≡ ⋅ · ° ′ ″ ² ³ % _ \\".split())
_AFTER_A = frozenset(
    "is isn't was as because since and or nor but to through seems seem looks appears would could"
    " should can cannot can't does doesn't has best most correctly accurately both matches describes"
    " fits makes says shows states mentions ist oder und weil est et ou es o y porque è perché или и"
    " instead rather over vs versus are not also here happens probably only then".split()
)
_OPTION_NOUNS = frozenset("option choice answer one options choices".split())
_GEOMETRY = re.compile(
    r"[∠△∆⊙]|\b(?:triangle|angle|circle|parallel|perpendicular)s?\b|\b[A-Z]{2}\b.*\b[A-Z]{2}\b",
    re.DOTALL,
)
_CANDIDATE = re.compile(
    r"(?<![A-Za-z'’])(?:A(?! [a-z])|A(?= (?:is|or|and)\b)|[B-Z]|[A-F]{2,5}(?![A-Za-z])|[a-z](?=\s*(?:$|[^\sA-Za-z0-9'’])))(?![A-Za-z])"
)
_RUN = re.compile("(?=..)A?B?C?D?E?F?")
_BEFORE, _AFTER = 260, 160


def around_letters(text: str) -> str:
    """Keep what stands near a letter that may be an option; the rest says nothing about one."""
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


def find_mentions(tokens: Tokens) -> list[Mention]:
    """Find the option letters of a text, joined into groups where the text joins them."""
    geometry = _GEOMETRY.search(tokens.text) is not None
    single = [
        mention
        for index, word in enumerate(tokens.words)
        if (len(word) == 1 and word.isascii() and word.isalpha())
        or (len(word) < 6 and word.isupper() and _RUN.fullmatch(word))
        if (mention := _mention(tokens, index, geometry))
    ]
    return _mark_lists(tokens, _group(tokens, single))


def _mention(tokens: Tokens, index: int, geometry: bool) -> Mention | None:
    word, letter = tokens.words[index], tokens.words[index].upper()
    if len(word) > 1:
        return _run(tokens, index)
    before, after = tokens.word(index - 1), tokens.word(index + 1)
    place = _OPEN.find(before) if before else -1
    if place >= 0 and after and after in _CLOSE and tokens.touches(index - 1):
        if _is_call(tokens, index - 2):
            return None
        # Chemists write [H], sets {A}; "(a) The …" numbers the parts of a question.
        strong = before not in "[{<" and (word.isupper() or _ends_clause(tokens, index + 2))
        return Mention(letter, index - 1, index + 1, strong, bracketed=True, small=word.islower())
    if _inside_word(tokens, index) or before in _OPERATORS or after in _OPERATORS:
        return None
    if (
        before in _NAMED
        or _is_symbol(tokens, index)
        or (before in ("letter", "the") and _quoted(tokens, index))
    ):
        return None
    if before == "and" and tokens.word(index - 3) in _NAMED:
        return None
    if "/" in (before, after) and not _is_choice(tokens, index):
        return None
    if after == "=" and tokens.word(index + 2)[:1].isalnum():
        return None
    ends = _ends_clause(tokens, index + 1)
    if word == "A" and not ends and not _option_a(tokens, index):
        return None
    if word == "I" and not (after in ("", "\n", ".", ")", "]")):
        return None
    if word.islower() and not ends:
        return None
    cited = after == "(" and tokens.role(index - 1) & Role.COPULA
    strong = word.isupper() and (
        index == 0 or cited or (ends and not geometry and before not in _PLACED)
    )
    last = index + 1 if after == ")" and tokens.touches(index) else index
    first = index - 1 if before == "(" and index == 1 else index
    return Mention(letter, first, last, bool(strong or first < index), small=word.islower())


def _run(tokens: Tokens, index: int) -> Mention | None:
    """Read "AC" as two letters where it is all that follows "answer" or all of the text."""
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
    if after == "(" and tokens.touches(index) and len(tokens.word(index + 2)) == 1:
        return True
    return any(
        0 <= place < len(tokens.words)
        and len(tokens.words[place]) == 1
        and "A" <= tokens.words[place] <= "Z"
        and tokens.words[place] != "I"
        for place in (index - 1, index + 1)
    )


def _is_choice(tokens: Tokens, index: int) -> bool:
    """Whether a slash stands between two capitals ("A/B") and is no division ("m/s")."""
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
    """Whether a letter is glued to what stands beside it: "X-ray", "U.S.", "B2", "x_1"."""
    if tokens.touches(index - 1):
        before = tokens.words[index - 1]
        if before[-1].isdigit() or before in ("_", "'", "^", "°"):
            return True
        if before == "-" and tokens.touches(index - 2) and tokens.words[index - 2][-1].isalnum():
            return not (len(tokens.words[index - 2]) == 1 and tokens.words[index - 2].isupper())
        if before == "." and tokens.touches(index - 2) and _is_initial(tokens, index - 2):
            return True
    if not tokens.touches(index):
        return False
    after = tokens.words[index + 1]
    if after[0].isdigit() or after in ("_", "^", "°", "′"):
        return True
    follows = tokens.word(index + 2)
    if after == ".":
        return tokens.touches(index + 1) and _is_initial(tokens, index + 2)
    if after in ("-", "'"):
        return (
            tokens.touches(index + 1)
            and follows[:1].isalnum()
            and not (after == "-" and len(follows) == 1 and tokens.words[index + 2].isupper())
            and not (after == "'" and follows in ("dir", "dır"))
        )
    return False


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


def _group(tokens: Tokens, single: list[Mention]) -> list[Mention]:
    groups: list[Mention] = []
    chain: list[Mention] = []
    joined = False
    for mention in single:
        link = _link(tokens, chain[-1], mention) if chain else ""
        if not link or (joined and link == "comma"):
            groups += _close(tokens, chain, joined)
            chain, joined = [mention], False
        else:
            chain.append(mention)
            joined = joined or link == "conjunction"
    return groups + _close(tokens, chain, joined)


def _close(tokens: Tokens, chain: list[Mention], joined: bool) -> list[Mention]:
    if len(chain) < 2 or not (joined or _ends_group(tokens, chain[-1].last + 1)):
        return chain
    letters = "".join(dict.fromkeys("".join(mention.letters for mention in chain)))
    strong = any(mention.strong for mention in chain)
    return [replace(chain[0], letters=letters, last=chain[-1].last, strong=strong)]


def _ends_group(tokens: Tokens, index: int) -> bool:
    while tokens.role(index) & Role.QUOTE and tokens.word(index) != "<":
        index += 1
    return bool(tokens.role(index) & Role.END) or tokens.word(index) == "<"


def _link(tokens: Tokens, left: Mention, right: Mention) -> str:
    """How two letters are joined: "conjunction", "comma" or not at all."""
    if right.first - left.last > 5:
        return ""
    found = ""
    for index in range(left.last + 1, right.first):
        role, word = tokens.role(index), tokens.word(index)
        if word in ("to", "through", "-", "–") and _is_range(tokens, left, index):
            found = "conjunction"
        elif role & (Role.OR_ | Role.AND_ | Role.SLASH) and word != "to":
            if role & Role.AND_ and not role & Role.OR_ and _has_own_verb(tokens, right.last + 1):
                return ""
            found = "conjunction"
        elif word == ",":
            found = found or "comma"
        elif not role & (Role.OPTION | Role.QUOTE) and word != "the":
            return ""
    return found


def _is_range(tokens: Tokens, left: Mention, index: int) -> bool:
    if tokens.word(index) in ("-", "–"):
        return tokens.touches(index - 1) and tokens.touches(index)
    return not any(
        tokens.word(place) in ("from", "answer", "changed", "change", "switched")
        for place in range(max(0, left.first - 3), left.first)
    )


def _has_own_verb(tokens: Tokens, index: int) -> bool:
    return tokens.word(index) in ("is", "isn't", "was", "wasn't", "does", "doesn't", "shows", "has")


def _mark_lists(tokens: Tokens, mentions: list[Mention]) -> list[Mention]:
    """Mark the letters that head lines or entries, and those whose list goes through the options.

    Heads in ascending order go through the options rather than choose one, and so do those of
    lines that follow each other; a head that breaks the order ("C. …" before a list) stays.
    """
    marked = list(mentions)
    runs: list[list[int]] = []
    for place in _heads(tokens, mentions):
        marked[place] = replace(mentions[place], head=True)
        previous = mentions[runs[-1][-1]] if runs else None
        if previous and (
            previous.letters < mentions[place].letters
            or (len(runs[-1]) > 1 and _next_line(tokens, previous, mentions[place]))
        ):
            runs[-1].append(place)
        else:
            runs.append([place])
    for run in runs:
        if len(run) > 1:
            for place in run:
                marked[place] = replace(marked[place], listed=True)
    return marked


def _heads(tokens: Tokens, mentions: list[Mention]) -> Iterator[int]:
    inline = _inline_list(tokens, mentions)
    for place, mention in enumerate(mentions):
        if len(mention.letters) == 1 and (place in inline or _heads_line(tokens, mention)):
            yield place


def _heads_line(tokens: Tokens, mention: Mention) -> bool:
    index = mention.first - 1
    if tokens.role(index) & Role.OPTION:
        index -= 1
    while tokens.word(index) and tokens.word(index) in "-–—>•\"'[|✓✔✅✗❌":
        index -= 1
    if tokens.word(index) not in ("", "\n"):
        return False
    after = tokens.word(mention.last + 1)
    return mention.last > mention.first or after in (
        "",
        "\n",
        ".",
        ")",
        ":",
        "：",
        "]",
        "-",
        "–",
        "—",
    )


def _inline_list(tokens: Tokens, mentions: list[Mention]) -> set[int]:
    """Find "A. red B. blue C. green": three delimited letters from A on, in running text."""
    found: list[int] = []
    expected = "A"
    for place, mention in enumerate(mentions):
        after_copula = tokens.role(mention.first - 1) & Role.COPULA
        if mention.small or after_copula:
            continue
        if mention.letters == expected and (
            mention.bracketed
            or tokens.word(mention.last + 1) in (".", ":")
            or _closed(tokens, mention)
        ):
            found.append(place)
            expected = chr(ord(expected) + 1)
        elif mention.letters == "A":
            found, expected = [place], "B"
    return set(found) if len(found) > 2 else set()


def _closed(tokens: Tokens, mention: Mention) -> bool:
    return mention.last > mention.first and tokens.words[mention.last] == ")"


def _next_line(tokens: Tokens, left: Mention, right: Mention) -> bool:
    return sum(word == "\n" for word in tokens.words[left.last : right.first]) == 1
