"""An image as bytes that every endpoint reads the same way.

Files are sent in their original bytes: no decoding, no re-encoding, and their type comes from the
content, not the name. Only images that some model would not see as the same RGB image
(transparency, CMYK, an EXIF orientation, 16-bit grey, animations, rare formats) are converted to an
RGB PNG.

An image is checked once, and the result is kept for as long as the process runs; its bytes are read
again when they are needed. All functions may be called from many threads.
"""

from __future__ import annotations

import base64
import hashlib
import os
import warnings
import zlib
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from instit_bench.media.cache import FileCache
from instit_bench.media.errors import MediaError
from instit_bench.media.limits import MOST_BYTES, check_bytes, check_pixels, regular_file
from instit_bench.media.rgb import UPRIGHT, as_rgb, orientation, orientation_note
from instit_bench.types import ImagePart

_MIME = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
# Formats to try on a file's content: none that run other programs or that nobody uses.
_READ = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000")
_SEEN_AS_RGB = {"RGB", "L", "P", "1"}
_PNG_END = b"IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"
_JPEG_SCAN = 0xDA
_JPEG_FILL = 0xFF
_MOST_CHECKED = 2**18  # results of checks
_CONVERTED_BYTES = 64 * 2**20
_URL_BYTES = 128 * 2**20  # the frames of a few videos: their questions are consecutive
_AT_ONCE = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """What is known of an image that can be sent: its MIME type and its size in pixels.

    ``original`` says whether it is sent in the file's own bytes, ``crc32`` is that of these bytes.
    """

    mime: str
    width: int
    height: int
    original: bool = True
    crc32: int = 0


@dataclass(frozen=True, slots=True)
class EncodedImage(CheckedImage):
    """An image's bytes as they are sent, with what is known of it."""

    data: bytes = b""


def check_image(part: ImagePart) -> CheckedImage:
    """Check an image; repeated calls for one image decode it only once.

    Raises:
        MediaError: The file is missing, truncated, too large or not an image.
    """
    return _check(_key(part), part)


def load_image(part: ImagePart) -> EncodedImage:
    """Check an image, and return it with its bytes.

    Raises:
        MediaError: As for ``check_image``.
    """
    key = _key(part)
    checked = _check(key, part)
    if not checked.original:
        return _converted.get(key, lambda: _encode(*_read(part)))
    return EncodedImage(checked.mime, checked.width, checked.height, data=_read(part)[0])


def stored_image(part: ImagePart) -> bytes:
    """Return an image's bytes with its pixels in the stored order, which is that of masks.

    An EXIF orientation stays what it is: a note for whoever shows the image.

    Raises:
        MediaError: As for ``check_image``.
    """
    _key(part)
    return _encode(*_read(part), upright=False).data


def opened_rgb(image: Image.Image) -> Image.Image:
    """Return an image that something else has opened, as every model sees it.

    Raises:
        MediaError: It cannot be decoded, or nothing says which of its levels is white.
    """
    try:
        return as_rgb(image)
    except Exception as error:  # Pillow's decoders raise many kinds
        where = getattr(image, "filename", "") or "image in the dataset"
        raise MediaError(f"{where}: cannot be decoded: {error}") from error


def data_url(part: ImagePart) -> bytes:
    """Return an image inline, for a chat message: ASCII that needs no escaping in JSON.

    Requests about one image share one object.

    Raises:
        MediaError: As for ``check_image``.
    """
    return _urls.get(_key(part), partial(_data_url, part))


# A file repaired between runs has another time or size; bytes have no name but their digest.
_Key = tuple[Path, int, int] | bytes


def _key(part: ImagePart) -> _Key:
    if part.path is None:
        return hashlib.sha256(part.data or b"").digest()
    found = regular_file(part.path)
    check_bytes(found.st_size, part.path)
    return part.path, found.st_mtime_ns, found.st_size


_checked: FileCache[_Key, CheckedImage] = FileCache(lambda _: 1, _MOST_CHECKED, _AT_ONCE)
_converted: FileCache[_Key, EncodedImage] = FileCache(
    lambda image: len(image.data), _CONVERTED_BYTES, _AT_ONCE
)
_urls: FileCache[_Key, bytes] = FileCache(len, _URL_BYTES, _AT_ONCE)


def _check(key: _Key, part: ImagePart) -> CheckedImage:
    def check() -> CheckedImage:
        data, where = _read(part)
        image = _encode(data, where)
        if not image.original:
            _converted.keep(key, image)  # else it would be converted again
        crc = zlib.crc32(data)
        return CheckedImage(image.mime, image.width, image.height, image.original, crc)

    return _checked.get(key, check)


def _data_url(part: ImagePart) -> bytes:
    image = load_image(part)
    return b"data:%s;base64,%s" % (image.mime.encode(), base64.b64encode(image.data))


def _read(part: ImagePart) -> tuple[bytes, str]:
    """Return an image's own bytes, and what to call it in an error."""
    if part.path is None:
        return part.data or b"", part.origin or "image in the dataset"
    try:
        with part.path.open("rb") as file:
            return file.read(MOST_BYTES + 1), str(part.path)  # it may have grown meanwhile
    except OSError as error:
        raise MediaError(f"{part.path}: {error.strerror or error}") from error


def _encode(data: bytes, where: str, *, upright: bool = True) -> EncodedImage:
    check_bytes(len(data), where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=_READ) as image:  # reads the header only
                check_pixels(*image.size, where)
                _check_whole(data, image.format or "", where)
                turned = upright and orientation(image, data) != UPRIGHT
                if _is_plain(image) and not turned:
                    return EncodedImage(_MIME[image.format or ""], *image.size, data=data)
                rgb = as_rgb(image, upright=upright)
                buffer = BytesIO()
                kept = {} if upright else orientation_note(image)
                rgb.save(buffer, format="PNG", compress_level=1, **kept)
                converted = buffer.getvalue()
                return EncodedImage("image/png", *rgb.size, original=False, data=converted)
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
