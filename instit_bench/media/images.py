"""An image as bytes that every endpoint reads the same way.

Files are sent in their original bytes: no decoding, no re-encoding, and their type comes from the
content, not the name. Only images that a model would not see as plain RGB (transparency, CMYK,
animations, rare formats) are converted, losslessly, to an RGB PNG.
"""

from __future__ import annotations

import base64
import os
import warnings
from dataclasses import dataclass
from functools import cached_property, partial
from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from instit_bench.media.cache import FileCache
from instit_bench.media.errors import MediaError
from instit_bench.media.limits import MOST_BYTES, check_bytes, check_pixels, regular_file
from instit_bench.types import ImagePart

_MIME = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
# Formats to try on a file's content: none that run other programs or that nobody uses.
_READ = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000")
_SEEN_AS_RGB = {"RGB", "L", "P", "1"}
_PNG_END = b"IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"
_JPEG_SCAN = 0xDA
_JPEG_FILL = 0xFF
_CACHED_BYTES = 128 * 2**20  # the frames of a few videos: their questions are consecutive
_AT_ONCE = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class EncodedImage:
    """An image file's bytes, its MIME type and its size in pixels.

    ``original`` says whether the bytes are the file's own.
    """

    data: bytes
    mime: str
    width: int
    height: int
    original: bool = True

    @cached_property
    def data_url(self) -> str:
        """The image inline, for a chat message."""
        return f"data:{self.mime};base64,{base64.b64encode(self.data).decode('ascii')}"


def load_image(part: ImagePart) -> EncodedImage:
    """Read and check an image; repeated calls for one file read it once.

    Raises:
        MediaError: The file is missing, truncated, too large or not an image.
    """
    if part.data is not None:
        return _encode(part.data, part.origin or "image in the dataset")
    assert part.path is not None  # noqa: S101 - an ImagePart has one of the two
    found = regular_file(part.path)
    # Time and size belong to the key: a file repaired between runs is read again.
    key = (part.path, found.st_mtime_ns, found.st_size)
    return _loaded.get(key, partial(_load_file, part.path, found.st_size))


_loaded: FileCache[tuple[Path, int, int], EncodedImage] = FileCache(
    lambda image: len(image.data), _CACHED_BYTES, _AT_ONCE
)


def _load_file(path: Path, size: int) -> EncodedImage:
    check_bytes(size, path)
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)  # it may have grown meanwhile
    except OSError as error:
        raise MediaError(f"{path}: {error.strerror or error}") from error
    return _encode(data, str(path))


def _encode(data: bytes, where: str) -> EncodedImage:
    check_bytes(len(data), where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=_READ) as image:  # reads the header only
                check_pixels(*image.size, where)
                _check_whole(data, image.format or "", where)
                if _is_plain(image):
                    return EncodedImage(data, _MIME[image.format or ""], *image.size)
                buffer = BytesIO()
                image.convert("RGB").save(buffer, format="PNG", compress_level=1)
                return EncodedImage(buffer.getvalue(), "image/png", *image.size, original=False)
    except MediaError:
        raise
    except UnidentifiedImageError as error:
        raise MediaError(f"{where}: is not an image in a known format") from error
    except Exception as error:  # Pillow's decoders raise many kinds
        raise MediaError(f"{where}: cannot be decoded: {error}") from error


def _check_whole(data: bytes, image_format: str, where: str) -> None:
    """Check the end marker: a truncated file keeps its header but loses it."""
    whole = True
    if image_format == "PNG":
        whole = _PNG_END in data
    elif image_format in ("JPEG", "MPO"):
        whole = data.find(_JPEG_END, _jpeg_scan_start(data)) >= 0
    if not whole:
        raise MediaError(f"{where}: the file is truncated")


def _jpeg_scan_start(data: bytes) -> int:
    """Return where the image itself starts, past segments that may contain a whole thumbnail."""
    position = 2
    while data[position : position + 1] == b"\xff" and position + 4 <= len(data):
        if data[position + 1] == _JPEG_SCAN:
            break
        if data[position + 1] == _JPEG_FILL:
            position += 1
            continue
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return position


def _is_plain(image: Image.Image) -> bool:
    """Whether every reader sees the same RGB image in the file's own bytes."""
    if image.format not in _MIME or getattr(image, "n_frames", 1) > 1:
        return image.format == "MPO"
    if image.mode in ("RGBA", "LA"):
        lowest = image.getchannel("A").getextrema()[0]
        return lowest == 255
    return image.mode in _SEEN_AS_RGB and "transparency" not in image.info
