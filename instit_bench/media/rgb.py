"""An image's pixels as every model sees them: upright RGB with 8 bits per channel."""

from __future__ import annotations

import contextlib
from functools import cache

from PIL import ExifTags, Image, ImageOps

UPRIGHT = 1  # the orientation of an image that is shown as it is stored
# What holds an orientation in a PNG; Pillow decodes a whole PNG to look for it.
_PNG_NOTES = (b"eXIf", b"Raw profile type exif", b"tiff:Orientation")


def as_rgb(image: Image.Image, *, upright: bool = True) -> Image.Image:
    """Return a copy in mode RGB: turned as its EXIF data say, without alpha or metadata.

    Grey levels of 16 bits, or of a TIFF's 12, keep their upper 8 bits, as Pillow itself reads
    16-bit colours; its own conversion would make almost all of them white. ``upright=False`` keeps
    the stored order of pixels, which is that of masks.

    Raises:
        ValueError: The levels have 32 bits, so that nothing says which of them is white.
    """
    wide = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")
    tags = getattr(image, "tag_v2", {})  # only a TIFF has them, and no copy of it
    if upright and orientation(image) != UPRIGHT:
        image = ImageOps.exif_transpose(image)
    if wide:
        (bits,) = tags.get(ExifTags.Base.BitsPerSample, (16,))
        white_is_zero = tags.get(ExifTags.Base.PhotometricInterpretation) == 0
        image = image.convert("I").point(_upper_bits(bits, white_is_zero), "L")
    elif image.mode in ("I", "F"):
        raise ValueError(
            f"its 32-bit levels (Pillow's mode {image.mode}) have no defined white; "
            "convert it to 8 bits per channel"
        )
    rgb = image.convert("RGB")
    rgb.info.clear()  # a colour profile, or a transparent colour
    return rgb


@cache
def _upper_bits(bits: int, white_is_zero: bool) -> list[int]:
    """Return the upper 8 bits of every level that Pillow may hand out."""
    upper = [min(level >> (bits - 8), 255) for level in range(2**16)]
    return [255 - level for level in upper] if white_is_zero else upper


def orientation(image: Image.Image, data: bytes | None = None) -> int:
    """Return how EXIF or XMP data say that an image is to be turned: 1 (not at all) to 8.

    Some engines obey them, some do not. ``data`` are the file's bytes, where they are at hand.
    """
    if data and image.format == "PNG" and not any(note in data for note in _PNG_NOTES):
        return UPRIGHT
    with contextlib.suppress(Exception):  # a damaged block says nothing
        found = int(image.getexif().get(ExifTags.Base.Orientation, UPRIGHT))
        return found if 1 <= found <= 8 else UPRIGHT
    return UPRIGHT


def orientation_note(image: Image.Image) -> dict[str, Image.Exif]:
    """Return what ``Image.save`` has to be given to keep an image's orientation."""
    found = orientation(image)
    if found == UPRIGHT:
        return {}
    note = Image.Exif()
    note[ExifTags.Base.Orientation] = found
    return {"exif": note}
