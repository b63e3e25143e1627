"""How much the requests of a task ask of an engine: the longest one, the most images and videos."""

from __future__ import annotations

from dataclasses import dataclass

from instit_bench.types import ImagePart, Request, TextPart, VideoPart


@dataclass
class Weight:
    """The maximum over requests; ``images`` and ``videos`` are per request.

    ``files`` says whether any of these is a file, not in its record.
    ``heaviest`` has the most videos, then images, then characters.
    """

    images: int = 0
    videos: int = 0
    files: bool = False
    heaviest: Request | None = None
    _most: tuple[int, int, int] = (0, 0, -1)

    def add(self, request: Request) -> None:
        """Look at one request."""
        found = _weight(request)
        self.files = self.files or _names_a_file(request)
        self.videos, self.images = max(self.videos, found[0]), max(self.images, found[1])
        if found > self._most:
            self._most, self.heaviest = found, request

    def include(self, other: Weight) -> None:
        """Add what another one has seen."""
        self.videos, self.images = max(self.videos, other.videos), max(self.images, other.images)
        self.files = self.files or other.files
        if other._most > self._most:
            self._most, self.heaviest = other._most, other.heaviest


def _weight(request: Request) -> tuple[int, int, int]:
    """Return videos, images, characters: the length of a request, in this order of weight."""
    videos = images = characters = 0
    for message in request.messages:
        characters += len(message.text)
        for part in message.parts:
            videos += isinstance(part, VideoPart)
            images += isinstance(part, ImagePart)
    return videos, images, characters


def _names_a_file(request: Request) -> bool:
    parts = (part for message in request.messages for part in message.parts)
    return any(not isinstance(part, TextPart) and part.path is not None for part in parts)
