"""Detect a truncated video file by comparing its outer structure with its size.

A truncated file (a broken download, a full disk) often still opens and plays its first part.
Containers that store their length reveal it; MPEG streams do not.
"""

from __future__ import annotations

from io import BufferedReader
from pathlib import Path

from instit_bench.media.errors import MediaError

_MOST_BOXES = 10_000
_RIFF_SLACK = 9  # writers disagree about the header's own 8 bytes and a byte of padding
_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof"}


def check_whole(path: Path) -> None:
    """Refuse a file that is shorter than its own structure says.

    Raises:
        MediaError: It is; the message says how many bytes are missing.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        missing = _claimed(file, file.read(4096), size) - size
    if missing > 0:
        raise MediaError(f"the file is truncated: at least {missing:,} bytes are missing")


def _claimed(file: BufferedReader, head: bytes, size: int) -> int:
    if head[:4] in (b"RIFF", b"RIFX"):
        length = int.from_bytes(head[4:8], "little" if head[:4] == b"RIFF" else "big")
        return length + 8 - _RIFF_SLACK if length != 0xFFFFFFFF else 0
    if head[:4] == _EBML:
        return _matroska(head)
    if head[:16] == _ASF:
        at = head.find(_ASF_PROPERTIES)
        return int.from_bytes(head[at + 40 : at + 48], "little") if at > 0 else 0
    if head[4:8] in _BOXES:
        return _boxes(file, size)
    return 0


def _boxes(file: BufferedReader, size: int) -> int:
    """Return where the last of MP4's outermost boxes ends."""
    position = 0
    for _ in range(_MOST_BOXES):
        file.seek(position)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if position >= size or length < 8:  # 0: up to the end of the file
            return position
        position += length
    return position


def _matroska(head: bytes) -> int:
    """Return where the segment ends that contains everything but the first header."""
    at = head.find(_SEGMENT)
    if at < 0:
        return 0
    start = at + len(_SEGMENT)
    width = 9 - head[start].bit_length() if head[start : start + 1] else 0
    value = int.from_bytes(head[start : start + width], "big")
    mask = (1 << (7 * width)) - 1
    unknown = value & mask == mask  # a live recording
    return 0 if not 1 <= width <= 8 or unknown else start + width + (value & mask)
