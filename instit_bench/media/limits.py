"""Limits for one image or video: bytes, pixels, seconds. Beyond them its samples fail."""

from __future__ import annotations

import stat
import time
from os import stat_result
from pathlib import Path

from instit_bench.media.errors import MediaError

MOST_BYTES = 256 * 2**20  # of an image file, which is read whole
MOST_PIXELS = 100_000_000  # of an image or a frame: three times 8K
MOST_SECONDS = 300.0  # of work on one video file


def regular_file(path: Path) -> stat_result:
    """Return the file's size and time.

    Raises:
        MediaError: It is missing, or a pipe or device, which might never end.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise MediaError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if stat.S_ISDIR(found.st_mode):
        raise MediaError(f"{path}: Is a directory")
    if not stat.S_ISREG(found.st_mode):
        raise MediaError(f"{path}: is not a regular file (a pipe, socket or device)")
    return found


def check_bytes(size: int, where: object) -> None:
    """Refuse an image file that is larger than any real one.

    Raises:
        MediaError: It has more than ``MOST_BYTES``.
    """
    if size > MOST_BYTES:
        raise MediaError(f"{where}: is larger than {MOST_BYTES >> 20} MiB, the limit for an image")


def check_pixels(width: int, height: int, where: object) -> None:
    """Refuse an image or frame whose pixels would fill the memory.

    Raises:
        MediaError: It has more than ``MOST_PIXELS``.
    """
    if width * height > MOST_PIXELS:
        raise MediaError(
            f"{where}: is {width} x {height} pixels; the limit is {MOST_PIXELS:,}; scale it down"
        )


class Deadline:
    """The time that one video file may take."""

    def __init__(self) -> None:
        self._ends = time.monotonic() + MOST_SECONDS

    def check(self) -> None:
        """Raise if the time is over.

        Raises:
            MediaError: The time is over.
        """
        if time.monotonic() > self._ends:
            raise MediaError(f"takes longer than {MOST_SECONDS:.0f} s to decode")
