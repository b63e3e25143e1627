"""Media that a server already has: each is named by its content, and sent only once.

vLLM keeps processed media under a name that a request can give. A later request may send the name
alone; a server that has dropped the media since refuses it, and is sent them again.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from instit_bench.media import MediaError, load_image, video_frames
from instit_bench.types import ImagePart, Part, Request, VideoPart

_FIRST_VERSION = (0, 20)
_MOST_NAMES = 2**16  # more than the largest cache holds
_ENOUGH_TRIES = 16


@dataclass(frozen=True)
class NamedImage(ImagePart):
    """An image with a name; ``known`` says that the server has it."""

    name: str = ""
    known: bool = False


@dataclass(frozen=True)
class NamedVideo(VideoPart):
    """A video with a name; ``known`` says that the server has it."""

    name: str = ""
    known: bool = False


def takes_names(version: str | None) -> bool:
    """Whether a server of this version takes the name of media in place of them."""
    numbers = re.match(r"v?(\d+)\.(\d+)", version or "")
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= _FIRST_VERSION


class KnownMedia:
    """The names of the media that one server has seen.

    A server with several front ends, or without a cache, knows few of them by name. Once that shows
    in its refusals, everything is sent.
    """

    def __init__(self, max_frames: int) -> None:
        self._max_frames = max_frames
        self._names: OrderedDict[str, None] = OrderedDict()
        self._tried = self._refused = 0

    def named(self, request: Request, *, whole: bool = False) -> Request:
        """Return the request with names for its media, each to be sent unless it is known.

        ``whole`` has all of them sent. Files are read here: not for an event loop.
        """
        whole = whole or self._useless
        messages = tuple(
            replace(message, parts=tuple(self._named(part, whole) for part in message.parts))
            for message in request.messages
        )
        return replace(request, messages=messages)

    def keep(self, request: Request) -> None:
        """Remember the media of a named request that the server has read."""
        for part in _named_parts(request):
            self._names[part.name] = None
            self._names.move_to_end(part.name)
        while len(self._names) > _MOST_NAMES:
            self._names.popitem(last=False)

    def answered(self, request: Request) -> None:
        """Remember the media of a request that was answered."""
        self._tried += leaves_out(request)
        self.keep(request)

    def refused(self, request: Request) -> None:
        """Forget the media of a request: the server may have dropped any of them."""
        self._tried += 1
        self._refused += 1
        for part in _named_parts(request):
            self._names.pop(part.name, None)

    @property
    def _useless(self) -> bool:
        return self._tried >= _ENOUGH_TRIES and 2 * self._refused > self._tried

    def _named(self, part: Part, whole: bool) -> Part:
        try:
            if isinstance(part, ImagePart):
                name = _image_name(part)
                known = not whole and name in self._names
                return NamedImage(part.path, part.data, part.origin, name, known)
            if isinstance(part, VideoPart):
                name = _video_name(part, self._max_frames)
                known = not whole and name in self._names
                return NamedVideo(part.path, part.order, part.seed, part.frames, name, known)
        except (MediaError, OSError):
            pass  # reported where the media are read to be sent
        return part


def leaves_out(request: Request) -> bool:
    """Whether any media of a named request are not sent."""
    return any(part.known for part in _named_parts(request))


def _named_parts(request: Request) -> Iterator[NamedImage | NamedVideo]:
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, NamedImage | NamedVideo):
                yield part


def _image_name(part: ImagePart) -> str:
    if part.path is None:
        return _digest(load_image(part).data)
    found = part.path.stat()
    return _file_name(part.path, found.st_mtime_ns, found.st_size)


@lru_cache(_MOST_NAMES)
def _file_name(path: Path, mtime_ns: int, size: int) -> str:  # noqa: ARG001 - belong to the key
    return _digest(load_image(ImagePart(path)).data)


def _video_name(part: VideoPart, max_frames: int) -> str:
    if part.path.is_dir():
        return _digest("".join(map(_image_name, video_frames(part, max_frames))).encode())
    found = part.path.stat()
    return _video_file_name(part.path, found.st_mtime_ns, found.st_size)


@lru_cache(_MOST_NAMES)
def _video_file_name(path: Path, mtime_ns: int, size: int) -> str:  # noqa: ARG001 - as above
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
