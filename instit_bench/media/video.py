"""Video files to frames: decord where it has wheels, else PyAV; both give the same pictures.

A decoded frame has no original bytes, so here, and only here, pictures are encoded: as JPEG of
quality 95 with full colour resolution.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from instit_bench.media.errors import MediaError
from instit_bench.media.frames import spread

_decoding = threading.Lock()  # one video at a time; waiting requests then find it in the cache


def decode_video(path: Path, max_frames: int) -> tuple[bytes, ...]:
    """At most ``max_frames`` frames spread evenly over the video, each as a JPEG file.

    Raises:
        MediaError: The file is missing or cannot be decoded.
    """
    try:
        stat = path.stat()
    except (OSError, ValueError) as error:
        raise MediaError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    with _decoding:
        return _decode(path, max_frames, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _decode(path: Path, max_frames: int, _mtime_ns: int, _size: int) -> tuple[bytes, ...]:
    try:
        frames = [_jpeg(frame) for frame in _frames(path, max_frames)]
    except Exception as error:  # the decoders raise many kinds
        raise MediaError(f"{path}: cannot be decoded: {error}") from error
    if not frames:
        raise MediaError(f"{path}: holds no frames")
    return tuple(frames)


def _frames(path: Path, max_frames: int) -> Iterable[Any]:
    """RGB arrays of shape (height, width, 3)."""
    try:
        import decord
    except ImportError:
        return frames_with_pyav(path, max_frames)
    decord.logging.set_level(decord.logging.QUIET)  # what is wrong comes as an exception
    reader = decord.VideoReader(str(path), num_threads=1)
    return reader.get_batch(spread(len(reader), max_frames)).asnumpy()  # type: ignore[no-any-return]


def frames_with_pyav(path: Path, max_frames: int) -> list[Any]:
    """As decord does it: the chosen frames of the first video stream as RGB arrays."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        count = stream.frames or sum(1 for _ in container.decode(stream))
        container.seek(0)
        wanted = set(spread(count, max_frames))
        return [
            frame.to_ndarray(format="rgb24")
            for index, frame in enumerate(container.decode(stream))
            if index in wanted
        ]


def _jpeg(frame: Any) -> bytes:
    buffer = BytesIO()
    Image.fromarray(frame).save(buffer, format="JPEG", quality=95, subsampling=0)
    return buffer.getvalue()
