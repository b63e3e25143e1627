"""The content of media files: enough to notice a replaced one, cheap enough for every run."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from instit_bench.media.cache import FileCache
from instit_bench.media.errors import MediaError
from instit_bench.media.images import check_image
from instit_bench.media.limits import regular_file
from instit_bench.types import ImagePart, Request, TextPart, VideoPart

_PIECE = 2**20
_MOST_KEPT = 2**18
_AT_ONCE = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A file's size in bytes, its time, and the CRC-32 of its content.

    The time only saves reading the file again; the content decides.
    """

    size: int
    mtime_ns: int
    crc32: int

    def still_fits(self, path: Path) -> bool:
        """Whether the file still has this content; ``False`` if it cannot be read."""
        try:
            found = path.stat()
            if found.st_size != self.size:
                return False
            return found.st_mtime_ns == self.mtime_ns or crc_of(path) == self.crc32
        except (OSError, MediaError):
            return False


def fingerprints(asked: Request, resolved: Request) -> dict[Path, Fingerprint]:
    """Return the fingerprints of the files behind a request, before and after its resolution.

    Raises:
        MediaError: A file cannot be read.
    """
    found = {}
    for request in (asked, resolved):
        for message in request.messages:
            for part in message.parts:
                if not isinstance(part, TextPart) and part.path is not None and part.path.is_file():
                    found[part.path] = _fingerprint(part, part.path)
    return found


def _fingerprint(part: ImagePart | VideoPart, path: Path) -> Fingerprint:
    state = regular_file(path)
    # An image was checked already, and its content was in memory then.
    crc = check_image(part).crc32 if isinstance(part, ImagePart) else crc_of(path)
    return Fingerprint(state.st_size, state.st_mtime_ns, crc)


_crcs: FileCache[tuple[Path, int, int], int] = FileCache(lambda _: 1, _MOST_KEPT, _AT_ONCE)


def crc_of(path: Path) -> int:
    """Return the CRC-32 of a file's content; each state of a file is read once.

    Raises:
        MediaError: The file is missing, or not a regular file.
        OSError: It cannot be read.
    """
    found = regular_file(path)
    return _crcs.get((path, found.st_mtime_ns, found.st_size), partial(_read_crc, path))


def _read_crc(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            crc = zlib.crc32(piece, crc)
    return crc
