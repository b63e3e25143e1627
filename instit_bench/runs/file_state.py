"""Whether a file is as it was, told without reading it."""

from __future__ import annotations

from pathlib import Path

FileState = tuple[int, int, int]
"""A file's size in bytes, and when its content and its entry last changed, in nanoseconds.

Writing to a file changes the third, which no program can set. A copy has another one too.
"""


def state_of(path: Path) -> FileState | None:
    """Return the state of a file; ``None`` if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns
