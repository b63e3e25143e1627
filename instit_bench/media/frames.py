"""Videos kept as a folder of frames."""

from __future__ import annotations

import re
from pathlib import Path

from instit_bench.media.errors import MediaError

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


def frame_files(folder: Path) -> list[Path]:
    """A folder's frames in order of their number (2 before 10).

    Raises:
        MediaError: The folder cannot be read or holds no frames.
    """
    try:
        files = [path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES]
    except OSError as error:
        raise MediaError(f"{folder}: {error.strerror or error}") from error
    frames = sorted((path for path in files if not path.name.startswith(".")), key=_by_number)
    if not frames:
        raise MediaError(f"{folder}: holds no frames")
    return frames


def _by_number(path: Path) -> tuple[list[int], str]:
    return [int(digits) for digits in re.findall(r"[0-9]+", path.stem)], path.name


def spread(count: int, at_most: int) -> list[int]:
    """Indices of ``at_most`` items spread evenly over ``count``, first and last included."""
    if count <= at_most:
        return list(range(count))
    if at_most == 1:
        return [0]
    return [round(i * (count - 1) / (at_most - 1)) for i in range(at_most)]
