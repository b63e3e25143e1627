"""Find the key packets from which decoding can really start.

Containers also mark packets from which an image is only built up gradually (H.264 with intra
refresh): a frame soon after such a packet decodes without an error, and is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

_START_CODE = re.compile(rb"\x00\x00\x01")
_SEI = 6
_RECOVERY_POINT = 6
_SKIPPED_LEADING = (8, 9)  # of HEVC: shown before their keyframe, and refer to frames before it


class Restart(Enum):
    """``CLEAN``: needs nothing before it; ``OPEN``: nor do the frames shown after it."""

    CLEAN = "clean"
    OPEN = "open"
    NONE = "none"


def restart_at(codec: str, packet: bytes) -> Restart:
    """Classify a packet that is marked as a keyframe."""
    if codec == "h264":
        units = list(_units(packet))
        if any(unit[0] & 31 == 5 for unit in units):
            return Restart.CLEAN
        return Restart.OPEN if any(map(_recovers_at_once, units)) else Restart.NONE
    if codec == "hevc":
        kinds = {unit[0] >> 1 & 63 for unit in _units(packet)}
        if kinds & {19, 20}:
            return Restart.CLEAN
        return Restart.OPEN if kinds & {16, 17, 18, 21} else Restart.NONE
    return Restart.CLEAN


class Beginning:
    """Finds the packets at the beginning of a stream that refer to frames before it.

    A recording may begin in the middle. HEVC decoders of FFmpeg 7 invent what such packets lack.
    """

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._keyframes = 0

    def lacks(self, packet: Any) -> bool:
        """Whether the next packet of the stream cannot be decoded."""
        if packet.is_keyframe:
            self._keyframes += 1
            return False
        if self._keyframes == 1 and self._codec == "hevc":
            return any(unit[0] >> 1 & 63 in _SKIPPED_LEADING for unit in _units(bytes(packet)))
        return self._keyframes == 0


def _units(packet: bytes) -> Iterator[bytes]:
    """Yield the packet's units, separated by start codes or prefixed by their length."""
    if packet[:4] == b"\x00\x00\x00\x01" or packet[:3] == b"\x00\x00\x01":
        yield from (unit for unit in _START_CODE.split(packet)[1:] if unit)
        return
    position = 0
    while position + 4 < len(packet):
        end = position + 4 + int.from_bytes(packet[position : position + 4], "big")
        yield packet[position + 4 : max(end, position + 5)]
        position = end


def _recovers_at_once(unit: bytes) -> bool:
    """Whether this message announces a complete image here: a recovery in 0 frames."""
    if unit[0] & 31 != _SEI:
        return False
    position = 1
    while position + 2 < len(unit):
        kind, size = unit[position], unit[position + 1]
        if kind == _RECOVERY_POINT:
            return bool(unit[position + 2] & 0x80)  # the number 0 in Exp-Golomb code
        if kind == 255 or size == 255:  # longer codes; none of them is relevant
            return False
        position += 2 + size
    return False
