"""``--marks``: show the media without marks, or with marks that are drawn onto them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from instit_bench.datasets.source import DataSource
from instit_bench.datasets.unmarked import Unmarked
from instit_bench.errors import InputError
from instit_bench.media import MediaError
from instit_bench.media.cache import FileCache
from instit_bench.media.drawn import drawn_medium, state_of
from instit_bench.media.marks import Drawing
from instit_bench.resources import home
from instit_bench.tasks.data import keys_of
from instit_bench.tasks.task import Task
from instit_bench.types import ImagePart, MarkStyle, Part, Request, TextPart, VideoPart

_MOST_KEPT = 2**16  # media of which is known where they were drawn
_AT_ONCE = 4

_Medium = ImagePart | VideoPart
_Drawn = FileCache[tuple[Path, object], _Medium]


def _places() -> _Drawn:
    return FileCache(lambda _: 1, _MOST_KEPT, _AT_ONCE)


@dataclass(frozen=True)
class MarkedMedia:
    """The media of a task as a run shows them, instead of those with the benchmark's marks."""

    drawing: Drawing
    unmarked: Unmarked
    _drawn: _Drawn = field(default_factory=_places, repr=False, compare=False)

    @property
    def folder(self) -> Path:
        """The folder of what is shown."""
        if self.drawing.style == "none":
            return self.unmarked.folder
        return home() / "marked" / self.drawing.style

    def raw(self, request: Request) -> Request:
        """Return the request with the medium without marks.

        Raises:
            MediaError: It shows more than the one medium of its record.
        """
        parts = [part for message in request.messages for part in message.parts]
        shown = [part for part in parts if not isinstance(part, TextPart)]
        if len(shown) > 1:
            raise MediaError(
                f"the request shows {len(shown)} images or videos; --marks draws onto one: use "
                "--marks official"
            )
        return self._with(request, self.unmarked.medium(request.sample.doc)) if shown else request

    def drawn(self, raw: Request) -> Request:
        """Return a request of ``raw`` with the marks drawn; each medium is drawn once.

        Raises:
            MediaError: The medium or its masks are missing or broken, or they do not fit.
        """
        if self.drawing.style == "none" or raw.text_only:
            return raw
        medium = self.unmarked.medium(raw.sample.doc)
        assert medium.path is not None  # noqa: S101 - raw media are files
        key = (medium.path, state_of(medium.path))
        return self._with(raw, self._drawn.get(key, partial(self._draw, medium, raw)))

    def _draw(self, medium: _Medium, raw: Request) -> _Medium:
        try:
            frames = self.unmarked.frames(raw.sample.doc)
        except InputError as error:
            raise MediaError(str(error)) from error
        return drawn_medium(medium, frames, self.drawing, self.folder)

    def _with(self, request: Request, medium: _Medium) -> Request:
        def shown(part: Part) -> Part:
            if isinstance(part, VideoPart) and isinstance(medium, VideoPart):
                return replace(part, path=medium.path)
            return part if isinstance(part, TextPart) else medium

        messages = (
            replace(message, parts=tuple(map(shown, message.parts))) for message in request.messages
        )
        return replace(request, messages=tuple(messages))


def marked_media(
    task: Task, source: DataSource, style: MarkStyle, renamed: Mapping[str, str]
) -> MarkedMedia | None:
    """Return how a task's media are marked; ``None`` for the benchmark's own, or without media.

    Raises:
        InputError: The task has no masks, or the raw media or masks are missing or broken.
    """
    if style == "official" or task.config.metadata.media == "none":
        return None
    if task.reader.unmarked is None:
        raise InputError(
            f"--marks {style}: the data of task {task.name} have no media without marks; use "
            "--marks official, or name other tasks with --tasks"
        )
    unmarked = task.reader.unmarked(keys_of(task), source, style != "none")
    return MarkedMedia(Drawing(style, renamed), unmarked)
