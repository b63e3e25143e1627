"""The images of all runs' samples, numbered for the page; shared images occur once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from instit_bench.report.images import Medium, RunImages
from instit_bench.report.loaded import LoadedRun
from instit_bench.report.thumbnails import Missing, Thumbnail, make_thumbnails

_FRAMES_OF_A_FILE = 32  # for predictions from a file, which does not say how many were shown

_Shown = tuple[Medium, int]  # an image or video, and at most how many of its frames


class Films:
    """A film is the sequence of images shown for a sample: indices into ``images``.

    An image is its file in the media folder with width and height, or the reason why it is
    missing, alone.
    """

    def __init__(self, runs: Sequence[LoadedRun], folder: Path | None) -> None:
        """Create the thumbnails of all runs in ``folder``; without a folder there are no films."""
        self.films: list[list[int]] = []
        self.images: list[list[Any]] = []
        self._images_of: dict[_Shown, list[int]] = {}
        self._film_numbers: dict[tuple[int, ...], int] = {}
        self._film_of: dict[tuple[int, str, str], int] = {}
        if folder is not None:
            for index, run in enumerate(runs):
                self._add(index, run, folder)

    def of(self, run: int, task: str, sample: str) -> dict[str, int]:
        """Return the ``film`` field of an answer, if there is a film."""
        film = self._film_of.get((run, task, sample))
        return {} if film is None else {"film": film}

    def _add(self, index: int, run: LoadedRun, folder: Path) -> None:
        at_most = run.manifest.identity.max_frames or _FRAMES_OF_A_FILE
        shown = {
            (index, task, record.id): media
            for task in run.manifest.tasks
            for images in [RunImages(run, task)]
            for record, _ in run.run.tasks[task].selected()
            if (media := images.shown(record))
        }
        every = dict.fromkeys(medium for media in shown.values() for medium in media)
        new = [medium for medium in every if (medium, at_most) not in self._images_of]
        for medium, made in make_thumbnails(new, folder, at_most).items():
            self._images_of[medium, at_most] = [self._number(image) for image in made]
        for key, media in shown.items():
            numbers = [n for medium in media for n in self._images_of[medium, at_most]]
            self._film_of[key] = self._film(tuple(numbers))

    def _number(self, image: Thumbnail | Missing) -> int:
        if isinstance(image, Missing):
            self.images.append([image.reason])
        else:
            self.images.append([image.file, image.width, image.height])
        return len(self.images) - 1

    def _film(self, numbers: tuple[int, ...]) -> int:
        number = self._film_numbers.setdefault(numbers, len(self.films))
        if number == len(self.films):
            self.films.append(list(numbers))
        return number
