"""Write files atomically: they contain the old or the new text, never half of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from instit_bench.errors import StorageError


def write_atomically(path: Path, text: str) -> None:
    """Write a temporary file beside ``path``, flush it to disk and rename it into place.

    A link is followed; anything but a regular file (a pipe, a device) is written to, not replaced.
    """
    with replaced(path) as file:
        file.write(text.encode())


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of ``path`` once it is complete, as above.

    Raises:
        StorageError: It cannot be written; ``path`` is as it was.
    """
    try:
        with _replaced(Path(os.path.realpath(path))) as file:  # no exception for links in a circle
            yield file
    except OSError as error:
        # An error with a name may be of another file, which the caller reads meanwhile.
        if error.filename is not None and Path(error.filename).parent != path.parent:
            raise
        raise StorageError.of(path, error) from error


@contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    staging = Path(name)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        staging.chmod(0o644)
        staging.replace(path)
    except BaseException:
        staging.unlink(missing_ok=True)
        raise
