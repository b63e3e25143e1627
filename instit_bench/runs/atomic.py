"""Write files atomically, so that they contain the old or the new text, and read regular files."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from instit_bench.errors import StorageError


def opened(path: Path) -> BufferedReader:
    """Open a file of a run for reading; a run folder may come from anybody.

    Raises:
        OSError: It cannot be read, or is a pipe or device, which might never end.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "is a pipe, socket or device, not a file", str(path))
    return path.open("rb")


def read_whole(path: Path) -> bytes:
    """Return the content of a file of a run.

    Raises:
        OSError: As for ``opened``.
    """
    with opened(path) as file:
        return file.read()


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
        # A pipe that nobody reads is an error instead of an endless wait.
        descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
        os.set_blocking(descriptor, True)
        with os.fdopen(descriptor, "wb") as stream:
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
