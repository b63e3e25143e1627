"""Which marks appear and disappear between two frames: two lists, scored as sets.

A reply has a list after each of two labels, ``Appear:`` and ``Disappear:``, in any order. A list
consists of marks (``[5] [6]``, ``5, 6``, a JSON list) or says that there are none. Whatever else
stands there, the reply is ``unparsed``: from a sentence no list is guessed. So is one that takes
its lists back afterwards, or names other marks there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise, takewhile
from typing import NamedTuple

from instit_bench.scorers.base import ScoredRecord, ScorerSpec
from instit_bench.scorers.judge.references import objects_in, set_f1
from instit_bench.scorers.reasoning import split_reasoning, strip_end_tokens
from instit_bench.types import Prediction, Sample, Score, State

METRICS = ("set_f1", "exact", "appear_f1", "disappear_f1")

_LABEL = re.compile(
    r"(?P<denied>(?:\b(?:not|never|no longer)|n['’]t)\s+)?"
    r"\b(?:(?P<out>dis(?=appear)|vanish)|appear)(?:appear)?(?:s|es|ed|ing|ance)?\b"
    r"[\"'*_`\s]{0,4}[:=]",
    re.IGNORECASE,
)
# What may stand before a label on its line: a bullet, a number, "marks that".
_LEAD = re.compile(
    r"(?:[-*•#>]+|[0-9]{1,2}[.)])?[\s*_`\"'#]*"
    r"(?:(?:the|new|newly|marks?|objects?|that|which)\b[\s*_`\"']*)*",
    re.IGNORECASE,
)
_ENUMERATOR = re.compile(r"(?<!\S)[0-9]{1,2}[.)][\s*_`\"']*$")
_NONE = re.compile(
    r"(?:none|nothing|no|no marks?|no objects?|no one|n/?a|null|empty|-|–|—|)", re.IGNORECASE
)
_NUMBER = re.compile(r"\b[0-9]{1,4}\b")
_BETWEEN = re.compile(r"[\[\]\s,;&]|\band\b")
_BRACKETED = re.compile(r"\[[^\[\]]*\]")
_MORE = re.compile(r"\s*[-*•0-9\[\]{}\"'`,;.][-*•0-9\[\]{}\"'`,;.\s]*")
_REMARK = re.compile(
    r"\((?!.{0,200}?(?:\b(?:not|maybe|perhaps|possibly|probably|unsure|still|or)\b|n['’]t\b))"
    r"[^()\[\]\n]{0,200}\)",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(
    r"\b(?:wait|actually|correction|corrected|sorry|mistake|scratch|instead|rather)\b",
    re.IGNORECASE,
)
_BLANK = re.compile(r"[\s*_`.,;:•]*")
_AROUND = " \t\r\n.,;:*_`\"'{}•"


class Changes(NamedTuple):
    """The marks that appear, and those that disappear."""

    appear: frozenset[int]
    disappear: frozenset[int]

    def __str__(self) -> str:
        named = (" ".join(f"[{mark}]" for mark in sorted(marks)) or "none" for marks in self)
        return "Appear: {}\nDisappear: {}".format(*named)


class Unreadable(Exception):  # noqa: N818 - a reply, not a fault of ours
    """The reply has no two lists; the message is the reason."""


class MarkChangesScorer:
    """F1 of the sets; a frame pair in which nothing changes has two empty ones.

    ``appear_f1`` and ``disappear_f1`` are those of each list, ``set_f1`` that of both together,
    where a mark counts as right only in its own list. Two empty sets agree: 1. ``exact`` is 1 if
    both lists are right. A reply that cannot be read is wrong in all four.
    """

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Score one reply.

        Raises:
            ValueError: The target is not of the form.
        """
        try:
            target = read_changes(sample.target)
        except Unreadable as error:
            raise ValueError(f"the target is not two lists of marks: {error}") from error
        try:
            found = read_changes(_visible(prediction))
        except Unreadable as error:
            cut_off = prediction.cut_off or str(error) == "truncated"
            state = State.TRUNCATED if cut_off else State.UNPARSED
            return Score(state, dict.fromkeys(METRICS, 0.0), reason=str(error))
        return Score(State.SCORED, _values(found, target), extracted=str(found), method="lists")


def read_changes(text: str) -> Changes:
    """Read the two lists.

    Raises:
        Unreadable: There are not two, or they are not lists, or they contradict each other or what
            follows them.
    """
    labels = list(_LABEL.finditer(text))
    parts, after = _parts(text, labels)
    lists: dict[bool, frozenset[int]] = {}
    for label, listed in zip(labels, parts, strict=True):
        if label["denied"]:
            raise Unreadable("negated")
        marks = _marks(listed)
        if lists.setdefault(label["out"] is not None, marks) != marks:
            raise Unreadable("contradictory")
    if len(lists) < 2:
        raise Unreadable("one_list" if lists else "no_lists" if text.strip() else "empty")
    if lists[False] & lists[True]:
        raise Unreadable("contradictory")
    if _TAKEN_BACK.search(after) or objects_in(after) - lists[False] - lists[True]:
        raise Unreadable("taken_back")
    return Changes(lists[False], lists[True])


def _parts(text: str, labels: Sequence[re.Match[str]]) -> tuple[list[str], str]:
    """Return what stands after each label, up to the next one; and what follows the last list."""
    if not labels:
        return [], ""
    enumerated = _ENUMERATOR.search(text[: labels[0].start()])
    parts = []
    for label, following in pairwise(labels):
        listed = text[label.end() : following.start()]
        above, _, lead = listed.rpartition("\n")
        if above or listed.startswith("\n"):
            listed = above if _LEAD.fullmatch(lead.strip()) else listed
        elif enumerated:
            listed = _ENUMERATOR.sub("", listed)
        parts.append(listed)
    first, *others = text[labels[-1].end() :].strip().split("\n")
    more = list(takewhile(_MORE.fullmatch, others))
    return [*parts, "\n".join([first, *more])], "\n".join(others[len(more) :])


def _marks(text: str) -> frozenset[int]:
    """Return the marks of a list, which may say in words that there are none."""
    if _BLANK.fullmatch(text):
        raise Unreadable("not_a_list")
    text = _REMARK.sub(" ", text).strip(_AROUND)
    text = re.sub(r"(?m)^[^\S\n]*[-*•]\s+", " ", text).strip(_AROUND)
    bare = text.replace('"', " ").replace("'", " ").strip("[] \t\n")
    if _NONE.fullmatch(bare):
        return frozenset()
    numbers = _NUMBER.findall(bare)
    if not numbers or _BETWEEN.sub("", _NUMBER.sub("", bare)):
        raise Unreadable("not_a_list")
    if "[" in text and _NUMBER.search(_BRACKETED.sub("", text)):
        raise Unreadable("not_a_list")  # [3], 4: a mark, and what else?
    return frozenset(map(int, numbers))


def _visible(prediction: Prediction) -> str:
    visible = split_reasoning(prediction.text)
    if visible.unclosed:
        raise Unreadable("truncated")
    text = strip_end_tokens(visible.text)
    # The last line of a reply that was cut off may lack a mark.
    return text.rpartition("\n")[0] if prediction.cut_off else text


def _values(found: Changes, target: Changes) -> dict[str, float]:
    right = sum(len(mine & theirs) for mine, theirs in zip(found, target, strict=True))
    total = sum(len(marks) for marks in (*found, *target))
    return {
        "set_f1": 2 * right / total if total else 1.0,
        "exact": float(found == target),
        "appear_f1": set_f1(found.appear, target.appear),
        "disappear_f1": set_f1(found.disappear, target.disappear),
    }


def _what_changes(record: ScoredRecord, media: str) -> str:  # noqa: ARG001 - one signature
    target = read_changes(record.target)
    if target.appear and target.disappear:
        return "marks come and go"
    if target.appear:
        return "marks appear"
    return "marks disappear" if target.disappear else "no mark comes or goes"


MARK_CHANGES = ScorerSpec(
    name="mark_changes",
    make=lambda _: MarkChangesScorer(),
    metrics=frozenset(METRICS),
    official="set_f1",
    strict="exact",
    question_kind=_what_changes,
    outcome="extracted",
)
