"""``Intervention``: one way to alter what a model is asked, the same for every sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from instit_bench.tasks.task import Task
from instit_bench.types import Request

Doc = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ShownVideo:
    """The name of a video, and which of its frames are shown: places from 0, in time's order."""

    name: str
    places: Sequence[int]


class Asked(Protocol):
    """What an intervention may know of the task whose record it alters."""

    @property
    def task(self) -> Task:
        """The task as it is."""
        ...

    @property
    def renamed_marks(self) -> Mapping[str, str]:
        """The marks that the image shows under other numbers."""
        ...

    def video(self, doc: Doc) -> ShownVideo | None:
        """The video of a record; ``None`` if it cannot be read, or if there is not exactly one."""
        ...


def _same_record(doc: Doc, asked: Asked) -> Doc:  # noqa: ARG001 - one signature
    return doc


def any_records(task: Task, docs: Iterable[Doc]) -> str | None:  # noqa: ARG001 - one signature
    """Find nothing in a task's data that cannot be altered."""
    return None


def _same_request(request: Request) -> Request:
    return request


@dataclass(frozen=True, slots=True)
class Intervention:
    """A name, what it does in a few words, and two pure functions.

    ``record`` alters a record before it becomes a sample: question, options and target stay
    consistent. ``request`` alters the request made from that. ``why_not`` says why a task cannot be
    altered so, ``None`` if it can, and ``why_not_records`` the same of its data.
    ``needs_frames`` says that videos have to be sent as frames, ``needs_renamed_marks`` that the
    run has to rename marks.
    """

    name: str
    meaning: str
    why_not: Callable[[Task], str | None]
    record: Callable[[Doc, Asked], Doc] = _same_record
    request: Callable[[Request], Request] = _same_request
    why_not_records: Callable[[Task, Iterable[Doc]], str | None] = any_records
    needs_frames: bool = False
    needs_renamed_marks: bool = False


def text_fields(task: Task) -> list[str]:
    """Return the fields of a record with the question, the prompt, the options and the target."""
    config = task.config
    names = [config.metadata.question_field, *config.metadata.choice_fields]
    names += [name for name in (config.doc_to_text, config.doc_to_target) if isinstance(name, str)]
    return list(dict.fromkeys(names))


def rewritten(doc: Doc, task: Task, rewrite: Callable[[str], str]) -> Doc:
    """Return the record with other words in question, options and target."""
    return {**doc, **dict(_rewritten(doc, task, rewrite))}


def _rewritten(doc: Doc, task: Task, rewrite: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    for name in text_fields(task):
        if isinstance(value := doc.get(name), str):
            yield name, rewrite(value)
