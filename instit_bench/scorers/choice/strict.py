"""Reading the chosen letter from a reply as a careful human reader would.

A cascade of readings, surest first; each answer says which reading gave it, and a reply that none
of them settles is reported as such with a reason. Nothing is ever guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from instit_bench.scorers.choice.marks import ASIDE, STRONG, WEAK, letters_of, mark, put_aside, tidy
from instit_bench.scorers.choice.option_text import matching_options
from instit_bench.scorers.choice.phrases import (
    LETTERS,
    NEGATED_CLAUSE,
    NONE_OR_ALL,
    REFUSAL,
    STATEMENTS,
    TURNED_DOWN,
)
from instit_bench.scorers.reasoning import split_reasoning, strip_end_tokens


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a reply chose, or why it chose nothing.

    ``method`` names the reading that settled it: ``letter`` (the reply is a letter), ``tagged``
    (boxed, in an answer tag or in JSON), ``anchored`` (a phrase states it), ``line`` (a line is a
    letter), ``leading`` (the reply begins with it), ``lone`` (the only letter in the reply),
    ``option_text``, or ``none``. With ``none``, ``letter`` is ``None`` and ``reason`` is one of
    ``empty``, ``truncated``, ``ambiguous``, ``refusal``, ``out_of_range`` (a clear answer that is
    not among the options, "none" or "all of the above" included) and ``no_letter``.
    """

    letter: str | None
    method: str
    reason: str | None = None


_LABEL = "(?:option|choice|letter|选项|選項|opción|opção|opzione|вариант)"
_WHOLE = re.compile(rf"[\W_]*(?:{_LABEL}[\W_]*)?([A-Za-z])[\W_]*", re.IGNORECASE)
_KEYS = (
    "answer|final_answer|correct_answer|best_answer|correct_option|choice|option|selected_option"
    "|letter|prediction|answer_choice"
)
# The value is everything up to the next tag, but times such as <7> are no tags.
_TAGGED = re.compile(
    r"<(?:answer|option|choice|conclusion|final_answer|final|ans)>(?P<tag>(?:[^<]|<(?=\d))*)"
    r"|\\f?box(?:ed)?\s*\{(?P<box>[^{}]*)\}"
    r"|\[\[\s*(?P<double>[A-Za-z])\s*\]\]"
    rf"|[\"'](?:{_KEYS})[\"']\s*:\s*\[?\s*(?P<quote>[\"'])(?P<json>[^\"\n]*?)(?P=quote)"
    r"(?!\s*,\s*[\"']\w[\"']\s*[,\]])",
    re.IGNORECASE,
)
_EDGE = r"[ \t\-–—>•\"'(\[|]*"
_LINE = re.compile(rf"^{_EDGE}(?:{_LABEL}\s*)?({LETTERS})[ \t.,:;!)\]\"'|]*$", re.MULTILINE)
_HEAD = re.compile(rf"^{_EDGE}(?:{_LABEL}\s*)?({LETTERS})\s*(?:[.):\]–—-]|$)", re.MULTILINE)
_LEADING = re.compile(
    rf"{_EDGE}(?:{_LABEL}\s*)?({LETTERS})(?=\s*(?:[.,):;\]!–—-]|$|\n|(?:because|since|as)\b))"
)
_DELIMITED = re.compile(rf"([{STRONG}{WEAK}])[.):]")
_STRONG = re.compile(f"[{STRONG}]")
_ANY = re.compile(f"[{STRONG}{WEAK}{ASIDE}]")
# No phrase reaches further than this from its letter; a long stretch without letters is cut to
# its ends before phrases are looked for, which keeps very long replies cheap.
_REACH = 250
_STRETCH = re.compile(f"[^{STRONG}{WEAK}{ASIDE}]{{{2 * _REACH + 1},}}")


def extract_choice(reply: str, choices: Sequence[str] = (), *, letters: str = "ABCD") -> Extraction:
    """Read the chosen letter from a reply.

    Args:
        reply: The model's reply as it came.
        choices: The options' texts, in order; with them an option named by its text is found too.
        letters: The letters that stand for an option.

    Returns:
        The letter with the reading that gave it, or the reason why there is none.
    """
    visible = split_reasoning(reply)
    if visible.unclosed:
        return _nothing("truncated")
    return _read(tidy(strip_end_tokens(visible.text)), choices, letters)


def _nothing(reason: str) -> Extraction:
    return Extraction(None, "none", reason)


def _settle(found: str, method: str, letters: str) -> Extraction:
    if len(found) > 1:
        return _nothing("ambiguous")
    return Extraction(found, method) if found in letters else _nothing("out_of_range")


def _read(text: str, choices: Sequence[str], letters: str) -> Extraction:
    if not any(map(str.isalnum, text)):
        return _nothing("empty")
    values = [value for match in _TAGGED.finditer(text) if (value := _value(match))]
    if values:
        # What a model put in a box is its answer: the rest of the reply is only read if the box
        # says nothing at all.
        boxed = _read(values[-1], choices, letters)
        if boxed.letter:
            return Extraction(boxed.letter, "tagged")
        if boxed.reason != "no_letter":
            return boxed
    if whole := _WHOLE.fullmatch(text):
        return _settle(whole[1].upper(), "letter", letters)
    return _read_prose(text, choices, letters)


def _value(match: re.Match[str]) -> str:
    return (match["tag"] or match["box"] or match["double"] or match["json"] or "").strip()


def _read_prose(text: str, choices: Sequence[str], letters: str) -> Extraction:
    full = mark(text)
    marked = _put_lists_aside(_STRETCH.sub(_ends, full))
    for pattern in TURNED_DOWN:
        marked = pattern.sub(_turned_down, marked)
    if stated := _last_statement(marked):
        return _settle(letters_of(stated[0]), stated[1], letters)

    options = matching_options(text, choices[: len(letters)])
    if REFUSAL.search(full):
        options = [index for index in options if REFUSAL.search(choices[index].lower())]
        if not options:
            return _nothing("refusal")
    if NONE_OR_ALL.search(full) and not options:
        return _nothing("out_of_range")
    marked = NEGATED_CLAUSE.sub(_turned_down, marked)
    mentioned = [
        letter for letter in letters_of("".join(_ANY.findall(marked))) if letter in letters
    ]
    if len(mentioned) == 1 and mentioned[0] in letters_of("".join(_STRONG.findall(marked))):
        return Extraction(mentioned[0], "lone")
    if len(options) == 1:
        return Extraction(letters[options[0]], "option_text")
    return _nothing("ambiguous" if len(mentioned) > 1 or len(options) > 1 else "no_letter")


def _turned_down(match: re.Match[str]) -> str:
    return put_aside(match.group())


def _ends(stretch: re.Match[str]) -> str:
    return f"{stretch.group()[:_REACH]}\n{stretch.group()[-_REACH:]}"


def _put_lists_aside(marked: str) -> str:
    """Put aside letters that head the lines of a list of options.

    Lines headed A, B, C in ascending order go through the options rather than choose one; a head
    that breaks the order ("C. …" before a list, "B" after it) stays.
    """
    runs: list[list[re.Match[str]]] = []
    for head in _HEAD.finditer(marked):
        if runs and letters_of(runs[-1][-1][1]) < letters_of(head[1]):
            runs[-1].append(head)
        else:
            runs.append([head])
    pieces: list[str] = []
    position = 0
    for head in (head for run in runs if len(run) > 1 for head in run):
        pieces += marked[position : head.start()], put_aside(head.group())
        position = head.end()
    return "".join(pieces) + marked[position:]


def _last_statement(marked: str) -> tuple[str, str] | None:
    """Find the last place where the reply commits to an answer: its letters and the method."""
    found = [
        (match.start(1), match[1], "anchored")
        for pattern in STATEMENTS
        for match in pattern.finditer(marked)
    ]
    found += [(match.start(1), match[1], "line") for match in _LINE.finditer(marked)]
    leading = _LEADING.match(marked)
    # "A. red B. blue C. green" begins with a letter and chooses none.
    if leading and len(set(_DELIMITED.findall(marked))) < 3:
        found.append((leading.start(1), leading[1], "leading"))
    if not found:
        return None
    _, stated, method = max(found, key=lambda statement: statement[0])
    return stated, method
