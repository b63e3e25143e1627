"""``media.jsonl``: which content the files had that a run has shown to its model.

A resumed run is refused if one of them has been replaced: its numbers would mix two sets of data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel

from instit_bench.errors import NotComparableError
from instit_bench.media.fingerprint import Fingerprint
from instit_bench.progress import Tell
from instit_bench.runs.journal import JournalWriter, read_lines

NAME = "media.jsonl"


class MediaLine(BaseModel):
    """One file, with its fingerprint when it was shown."""

    path: str
    size: int
    mtime_ns: int
    crc32: int


class ShownMedia:
    """The media files of a run, and what they contained."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._shown = {
            Path(line.path): Fingerprint(line.size, line.mtime_ns, line.crc32)
            for line in read_lines(self._path, MediaLine)
        }
        self._writer: JournalWriter | None = None

    def require_unchanged(self) -> None:
        """Check the files that still exist.

        Raises:
            NotComparableError: One has another content than when it was shown.
        """
        changed = [
            path
            for path, fingerprint in self._shown.items()
            if path.exists() and not fingerprint.still_fits(path)
        ]
        if changed:
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            raise NotComparableError(
                f"{changed[0]}{more} changed since this run showed it to the model"
            )

    @contextmanager
    def appending(self, tell: Tell) -> Iterator[None]:
        """Keep the file open for ``add``."""
        with JournalWriter(self._path, tell) as writer:
            self._writer = writer
            yield
        self._writer = None

    def add(self, shown: Mapping[Path, Fingerprint]) -> None:
        """Record the files of one request; those on record already are not written again."""
        assert self._writer is not None  # noqa: S101 - within `appending`
        for path, fingerprint in shown.items():
            if self._shown.get(path) != fingerprint:
                self._shown[path] = fingerprint
                self._writer.append(
                    MediaLine(
                        path=str(path),
                        size=fingerprint.size,
                        mtime_ns=fingerprint.mtime_ns,
                        crc32=fingerprint.crc32,
                    )
                )
