"""Small copies of images beside a report, created once and named by their content."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from instit_bench.media import MediaError, load_image, video_frames
from instit_bench.media.names import names_video
from instit_bench.report.images import Medium
from instit_bench.types import ImagePart, VideoPart

LONGEST_SIDE = 640  # pixels: drawn marks stay readable
_QUALITY = 80  # of WebP, which is half as large as JPEG here
_THREADS = min(8, os.cpu_count() or 1)  # Pillow works outside Python's lock


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """An image in the report's media folder, with its size in pixels."""

    file: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Missing:
    """The reason why there is no image."""

    reason: str


def make_thumbnails(
    media: Iterable[Medium], folder: Path, max_frames: int
) -> dict[Medium, list[Thumbnail | Missing]]:
    """Create one thumbnail per image and per video frame; existing ones are kept."""
    media = list(media)
    if media:
        folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(_THREADS) as threads:
        made = threads.map(lambda medium: _film(medium, folder, max_frames), media)
        return dict(zip(media, made, strict=True))


def _film(medium: Medium, folder: Path, max_frames: int) -> list[Thumbnail | Missing]:
    if isinstance(medium, ImagePart):
        return [_image(medium, folder)]
    return _video(medium, folder, max_frames)


def _video(video: VideoPart, folder: Path, max_frames: int) -> list[Thumbnail | Missing]:
    try:
        _require_shown(video)
        frames = video_frames(video, max_frames)
    except MediaError as error:
        return [Missing(str(error))]
    return [_image(frame, folder) for frame in frames]


def _image(part: ImagePart, folder: Path) -> Thumbnail | Missing:
    try:
        _require_shown(part)
        return _thumbnail(part, folder)
    except MediaError as error:
        return Missing(str(error))


def _require_shown(medium: Medium) -> None:
    """Refuse what a page should not show: pipes, devices and files that are too large."""
    if isinstance(medium, ImagePart) or medium.path.is_dir():  # each frame comes here
        return
    if not names_video(medium.path):  # a journal may name any file
        raise MediaError(f"{medium.path}: is not named like a video")


def _thumbnail(part: ImagePart, folder: Path) -> Thumbnail:
    encoded = load_image(part)
    name = f"{hashlib.sha256(encoded.data).hexdigest()[:32]}.webp"
    size = _size(encoded.width, encoded.height)
    if not (folder / name).is_file():
        try:
            with Image.open(BytesIO(encoded.data)) as image:
                image.draft("RGB", size)  # a JPEG is decoded at a fraction of its size
                small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        except Exception as error:  # Pillow's decoders raise many kinds
            raise MediaError(f"{part.path or 'image'}: cannot be decoded: {error}") from error
        _write(small, folder / name)
    return Thumbnail(name, *size)


def _size(width: int, height: int) -> tuple[int, int]:
    """Fitted into the longest side, never enlarged."""
    scale = min(1.0, LONGEST_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _write(image: Image.Image, path: Path) -> None:
    """Write atomically: an existing file counts as complete."""
    descriptor, staging = tempfile.mkstemp(prefix=".thumbnail-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            image.save(file, "WEBP", quality=_QUALITY, method=2)
        Path(staging).chmod(0o644)
        Path(staging).replace(path)
    except BaseException:
        Path(staging).unlink(missing_ok=True)
        raise
