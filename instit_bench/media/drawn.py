"""Media with drawn marks, kept on disk under the digest of their content.

A drawn file has the size and the format of the raw one: JPEG, PNG or WebP, and MP4 (H.264) for a
video file.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import PIL
from PIL import Image

from instit_bench.media.errors import MediaError
from instit_bench.media.frames import frame_files
from instit_bench.media.frames_of import marks_of_frames, marks_of_image, marks_of_numbers
from instit_bench.media.images import stored_image
from instit_bench.media.limits import regular_file
from instit_bench.media.marked_video import write_video
from instit_bench.media.marks import Drawing, draw_marks
from instit_bench.media.rgb import orientation_note
from instit_bench.types import ImagePart, Marks, VideoPart

_WRITTEN: Mapping[str, Mapping[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {"compress_level": 1},
    "WEBP": {"lossless": True},
}
_PIECE = 2**20
_PART = ".part-"
_ABANDONED = 24 * 60 * 60  # seconds

Frames = Mapping[str, Marks]


def drawn_medium(
    part: ImagePart | VideoPart, frames: Frames, drawing: Drawing, folder: Path
) -> ImagePart | VideoPart:
    """Return the medium with its marks drawn, as a file or frame folder under ``folder``.

    What was drawn before is used again: it is named by the digest of what is in it.

    Raises:
        MediaError: The medium or a mask is missing, broken or too large, or they do not fit.
    """
    assert part.path is not None  # noqa: S101 - raw media are files
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(part, ImagePart):
            marks = marks_of_image(part.path.name, frames)
            return ImagePart(path=_drawn_image(part.path, marks, drawing, folder))
        if part.path.is_dir():
            return VideoPart(_drawn_folder(part.path, frames, drawing, folder))
        return VideoPart(_drawn_video(part.path, frames, drawing, folder))
    except MediaError as error:
        place = str(part.path)
        raise (error if place in str(error) else MediaError(f"{place}: {error}")) from error
    except OSError as error:
        raise MediaError(f"{folder}: {error.strerror or error}") from error


def state_of(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Return names, sizes and times of a medium's files: equal while nothing has changed.

    Raises:
        MediaError: It is missing.
    """
    files = frame_files(path) if path.is_dir() else [path]
    found = [(file.name, regular_file(file)) for file in files]
    return tuple((name, state.st_size, state.st_mtime_ns) for name, state in found)


def _drawn_image(path: Path, marks: Marks, drawing: Drawing, folder: Path) -> Path:
    data = stored_image(ImagePart(path=path))

    def write(target: Path) -> None:
        target.write_bytes(_encoded(data, marks, drawing, str(path)))

    return _kept(folder, _digest(data, marks, drawing), path.name, write)


def _drawn_folder(path: Path, frames: Frames, drawing: Drawing, folder: Path) -> Path:
    files = frame_files(path)
    marks = marks_of_frames([file.name for file in files], frames)
    digests = [
        _digest(stored_image(ImagePart(path=file)), of, drawing)
        for file, of in zip(files, marks, strict=True)
    ]

    def write(target: Path) -> None:
        target.mkdir()
        # Frames are read again, one by one: a folder may have more than fit into memory.
        for file, of, digest in zip(files, marks, digests, strict=True):
            data = stored_image(ImagePart(path=file))
            if _digest(data, of, drawing) != digest:
                raise MediaError(f"{file}: changed while marks were drawn")
            (target / file.name).write_bytes(_encoded(data, of, drawing, str(file)))

    names = [f"{file.name} {digest}" for file, digest in zip(files, digests, strict=True)]
    return _kept(folder, "\n".join(names), path.name, write)


def _drawn_video(path: Path, frames: Frames, drawing: Drawing, folder: Path) -> Path:
    marks = marks_of_numbers(frames)
    regular_file(path)
    digest = _started(drawing, {f"{at}": of for at, of in sorted(marks.items())})
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)

    def write(target: Path) -> None:
        write_video(path, marks, drawing, target)

    return _kept(folder, digest.hexdigest(), f"{path.stem}.mp4", write)


def _kept(folder: Path, content: str, name: str, write: Callable[[Path], None]) -> Path:
    """Return the file or folder of this content, which keeps its name; write it if it is new.

    It is written beside its place and renamed when complete.
    """
    _remove_abandoned(folder)
    target = folder / hashlib.sha256(f"{name}\n{content}".encode()).hexdigest()
    if not target.is_dir():
        staging = Path(tempfile.mkdtemp(prefix=_PART, dir=folder))
        try:
            write(staging / name)
            staging.chmod(0o755)  # the engine may be another user's
            staging.replace(target)
        except OSError:
            if not target.is_dir():  # else another process was faster
                raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return target / name


@lru_cache(maxsize=16)  # once per process and folder
def _remove_abandoned(folder: Path) -> None:
    """Remove what killed processes left behind; no medium takes a day to draw."""
    for part in folder.glob(f"{_PART}*"):
        with suppress(OSError):  # another process removes it too
            if time.time() - part.stat().st_mtime > _ABANDONED:
                shutil.rmtree(part, ignore_errors=True)


def _digest(data: bytes, marks: Marks, drawing: Drawing) -> str:
    digest = _started(drawing, {"": marks})
    digest.update(data)
    return digest.hexdigest()


def _started(drawing: Drawing, frames: Frames) -> hashlib._Hash:
    """Return the digest of everything but the medium; another Pillow may draw differently."""
    named = [(frame, sorted(marks.items())) for frame, marks in frames.items()]
    return hashlib.sha256(f"{PIL.__version__} {drawing.key} {named!r}\0".encode())


def _encoded(data: bytes, marks: Marks, drawing: Drawing, where: str) -> bytes:
    buffer = BytesIO()
    try:
        with Image.open(BytesIO(data)) as image:
            kind = "JPEG" if image.format == "MPO" else image.format or "PNG"
            drawn = draw_marks(image, marks, drawing, where)
            drawn.save(buffer, format=kind, **_WRITTEN[kind], **orientation_note(image))
    except MediaError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds
        raise MediaError(f"{where}: cannot be decoded: {error}") from error
    return buffer.getvalue()
