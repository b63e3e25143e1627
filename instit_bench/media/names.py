"""The one list of file name suffixes for images and for videos.

A name only decides whether a path is read as an image or as a video; an image file's format comes
from its content.
"""

from __future__ import annotations

from pathlib import PurePath

IMAGE_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif"),
        *(".bmp", ".dib", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
        *(".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"),
    }
)
VIDEO_SUFFIXES = frozenset(
    {
        *(".3gp", ".3g2", ".asf", ".avi", ".f4v", ".flv", ".m2ts", ".m4v", ".mkv", ".mov"),
        *(".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogg", ".ogv", ".qt", ".ts", ".vob"),
        *(".webm", ".wmv"),
    }
)


def names_image(path: PurePath) -> bool:
    """Whether the file is named like an image."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def names_video(path: PurePath) -> bool:
    """Whether the file is named like a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES
