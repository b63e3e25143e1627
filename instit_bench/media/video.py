"""Decode video files to frames, each checked against its timestamp, with either decoder.

A decoded frame has no original bytes, so only here are images encoded: as JPEG of
quality 95 with full colour resolution.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image

from instit_bench.media.cache import FileCache
from instit_bench.media.decord_reader import UnfitForDecordError, decode_with_decord
from instit_bench.media.errors import MediaError
from instit_bench.media.limits import Deadline, check_pixels, regular_file
from instit_bench.media.pyav_reader import FrameIndex, decode, read_index
from instit_bench.media.whole import check_whole
from instit_bench.types import VideoDecoder

_CACHED_BYTES = 256 * 2**20
_AT_ONCE = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class DecodedVideo:
    """The chosen frames, each as a JPEG file, their indices (from 0), and the decoder."""

    frames: tuple[bytes, ...]
    places: tuple[int, ...]
    decoder: Literal["decord", "pyav"]


def decode_video(path: Path, max_frames: int, decoder: VideoDecoder = "auto") -> DecodedVideo:
    """Return at most ``max_frames`` frames spread evenly over the video.

    ``auto`` uses PyAV, which is right for every container and faster than decord.

    Raises:
        MediaError: The file is missing, truncated or too large, or cannot be decoded.
    """
    found = regular_file(path)
    key = (path, max_frames, decoder, found.st_mtime_ns, found.st_size)
    return _decoded.get(key, partial(_decode, path, max_frames, decoder))


_Key = tuple[Path, int, VideoDecoder, int, int]
_decoded: FileCache[_Key, DecodedVideo] = FileCache(
    lambda video: sum(map(len, video.frames)), _CACHED_BYTES, _AT_ONCE
)


def _decode(path: Path, max_frames: int, decoder: VideoDecoder) -> DecodedVideo:
    deadline = Deadline()
    try:
        check_whole(path)
        index = read_index(path, deadline)
        video = _by_decoder(path, index, max_frames, decoder, deadline)
    except MediaError as error:
        raise MediaError(f"{path}: {error}") from error
    except Exception as error:  # the decoders raise many kinds
        raise MediaError(f"{path}: cannot be decoded: {error}") from error
    if not video.frames:
        raise MediaError(f"{path}: contains no frames")
    return video


def _by_decoder(
    path: Path, index: FrameIndex, max_frames: int, decoder: VideoDecoder, deadline: Deadline
) -> DecodedVideo:
    if decoder == "decord":
        try:
            frames = decode_with_decord(path, index, max_frames, encode_jpeg)
        except UnfitForDecordError as error:
            raise MediaError(f"{error}; use --video-decoder auto or pyav") from error
        return DecodedVideo(tuple(frames.values()), tuple(frames), "decord")
    frames = decode(path, index, max_frames, encode_jpeg, deadline)
    return DecodedVideo(tuple(frames.values()), tuple(frames), "pyav")


def encode_jpeg(frame: Image.Image) -> bytes:
    """Encode a frame as a JPEG file."""
    check_pixels(*frame.size, "a frame")
    buffer = BytesIO()
    frame.save(buffer, format="JPEG", quality=95, subsampling=0)
    return buffer.getvalue()
