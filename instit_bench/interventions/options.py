"""Put the options of a multiple-choice question into other places."""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_uppercase

from instit_bench.interventions.base import Asked, Doc, Intervention
from instit_bench.tasks.task import Task
from instit_bench.types import Sample

MOST_OPTIONS = 10


def _rotated(by: int) -> Callable[[Doc, Asked], Doc]:
    def record(doc: Doc, asked: Asked) -> Doc:
        config = asked.task.config
        names = config.metadata.choice_fields
        values = [doc[name] for name in names]
        moved = dict(zip(names, values[by:] + values[:by], strict=True))
        if not isinstance(target := config.doc_to_target, str):
            return {**doc, **moved}
        return {**doc, **moved, target: _letter(doc[target], by, len(names))}

    return record


def _letter(target: object, by: int, count: int) -> object:
    """Return the letter of the right option in its new place; a target in words stays."""
    letters = ascii_uppercase[:count]
    place = letters.find(str(target).strip().upper()) if len(str(target).strip()) == 1 else -1
    return target if place < 0 else letters[(place - by) % count]


def _why_not(by: int) -> Callable[[Task], str | None]:
    def why_not(task: Task) -> str | None:
        count = len(task.config.metadata.choice_fields)
        if count < 2:
            return "it has no options"
        if not isinstance(task.config.doc_to_target, str):
            return "its target is computed by a function, which need not follow the options"
        return f"it has {count} options" if by >= count else None

    return why_not


def original_place(sample: Sample, letter: str, by: int) -> str | None:
    """Return the letter that an option had before it was moved by so many places."""
    letters = ascii_uppercase[: len(sample.choices)]
    place = letters.find(letter) if len(letter) == 1 else -1
    return None if place < 0 else letters[(place + by) % len(letters)]


def _rotation(by: int) -> Intervention:
    places = "1 place" if by == 1 else f"{by} places"
    return Intervention(
        rotation_name(by),
        f"each option moves up by {places}; the first go to the end",
        why_not=_why_not(by),
        record=_rotated(by),
    )


def rotation_name(by: int) -> str:
    """Return the name of the rotation by so many places."""
    return f"rotated-options-{by}"


ROTATIONS = tuple(_rotation(by) for by in range(1, MOST_OPTIONS))
