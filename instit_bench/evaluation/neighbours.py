"""Which requests stand next to each other: those that share media or the beginning of a text."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sharing:
    """What each selected sample of a task shares: a medium's name, or without media its text."""

    media: str
    shared: Sequence[str]


def neighbours(tasks: Sequence[Sharing]) -> array[int]:
    """Return the numbers of all samples in the order to request them.

    They are numbered from 0 through all tasks, in the order of both. One medium's questions are
    together task by task, texts with the same beginning whatever their task. Texts are last: they
    wait for nothing, so they can fill any place until then, and let all engines end together.
    """
    shared = [text for task in tasks for text in task.shared]
    starts = [sum(len(task.shared) for task in tasks[:number]) for number in range(len(tasks))]
    order = array("Q")
    for media in sorted({task.media for task in tasks}, key=lambda media: (media == "none", media)):
        spans = [
            range(start, start + len(task.shared))
            for start, task in zip(starts, tasks, strict=True)
            if task.media == media
        ]
        numbers = list(_in_turn(spans) if media == "none" else (n for span in spans for n in span))
        numbers.sort(key=shared.__getitem__)
        order.extend(numbers)
    return order


def _in_turn(spans: Sequence[range]) -> Iterator[int]:
    """Yield the first of each, then the second of each, and so on."""
    for index in range(max(map(len, spans))):
        yield from (span[index] for span in spans if index < len(span))
