"""Put the options of a multiple-choice question into other places."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from string import ascii_uppercase

from instit_bench.interventions.base import Asked, Doc, Intervention
from instit_bench.tasks.task import Task
from instit_bench.types import TextPart

MOST_OPTIONS = 10

_LETTER = r"\(?[A-J]\)?"
_NAMES_OTHERS = re.compile(
    # "All of the above", "neither of these options"
    r"(?i:\b(?:all|any|both|none|neither|either) (?:of )?(?:the |these |those )?"
    r"(?:above|below|(?:other |previous )?(?:options|answers|choices)))\b"
    # "A and B", "Both (A) and (C)", "options A, B or D"
    r"|^\W*(?i:both|either|neither|only|all of|none of|options?|answers?)?\s*"
    rf"{_LETTER}(?:\s*(?:,|(?i:and|or|nor|&))+\s*{_LETTER})+\W*$"
)


def names_others(choices: Sequence[str]) -> bool:
    """Whether an option speaks of others by letter or place, so that it means them only there."""
    return any(_NAMES_OTHERS.search(choice) for choice in choices)


def _rotated(by: int) -> Callable[[Doc, Asked], Doc]:
    return lambda doc, asked: _moved(doc, asked.task, by)


def _moved(doc: Doc, task: Task, by: int) -> Doc:
    config = task.config
    names = config.metadata.choice_fields
    values = [doc[name] for name in names]
    if names_others([str(value) for value in values]):
        return doc
    moved = dict(zip(names, values[by:] + values[:by], strict=True))
    if not isinstance(target := config.doc_to_target, str):
        return {**doc, **moved}
    return {**doc, **moved, target: _letter(doc[target], by, len(names))}


def _letter(target: object, by: int, count: int) -> object:
    """Return the letter of the right option in its new place; a target in words stays."""
    place = place_of(target, count)
    if place is None:
        return target
    letter = ascii_uppercase[(place - by) % count]
    return letter if str(target).strip().isupper() else letter.lower()


def place_of(target: object, count: int) -> int | None:
    """Return the place, from 0, that a letter stands for among ``count`` options."""
    letter = str(target).strip().upper()
    place = ascii_uppercase.find(letter) if len(letter) == 1 else -1
    return place if 0 <= place < count else None


def _why_not(by: int) -> Callable[[Task], str | None]:
    def why_not(task: Task) -> str | None:
        count = len(task.config.metadata.choice_fields)
        if count < 2:
            return "it has no options"
        if not isinstance(task.config.doc_to_target, str):
            return "its target is computed by a function, which need not follow the options"
        return f"it has {count} options" if by >= count else None

    return why_not


def _why_not_records(by: int) -> Callable[[Task, Iterable[Doc]], str | None]:
    def why_not(task: Task, docs: Iterable[Doc]) -> str | None:
        """Say that targets could not follow, or that the prompt does not show the fields."""
        seen = False
        for number, doc in enumerate(docs, start=1):
            sample = task.sample(doc, number)
            told, options = sample.target, sample.choices
            if place_of(told, len(options)) is None and told not in options:
                return (
                    f"the target of id {sample.id}, {told!r}, is neither the letter nor the text "
                    "of an option"
                )
            if not seen and not names_others(options) and len(set(options)) == len(options):
                if _words(task, doc, number) == _words(task, _moved(doc, task, by), number):
                    return "its prompt is not made from the fields with the options"
                seen = True
        return None

    return why_not


def _words(task: Task, doc: Doc, number: int) -> list[str]:
    """Return the texts of the request for a record."""
    params = task.generation_params("chat")
    request = task.request(task.sample(doc, number), params, "chat", Path())
    parts = [part for message in request.messages for part in message.parts]
    return [part.text for part in parts if isinstance(part, TextPart)]


def _rotation(by: int) -> Intervention:
    places = "1 place" if by == 1 else f"{by} places"
    return Intervention(
        rotation_name(by),
        f"each option moves up by {places}; the first go to the end",
        why_not=_why_not(by),
        why_not_records=_why_not_records(by),
        record=_rotated(by),
    )


def rotation_name(by: int) -> str:
    """Return the name of the rotation by so many places."""
    return f"rotated-options-{by}"


ROTATIONS = tuple(_rotation(by) for by in range(1, MOST_OPTIONS))
